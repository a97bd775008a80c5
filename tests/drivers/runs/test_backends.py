"""What an engine computes on, by what it prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.runs.backends import BACKENDS_LIMIT, LINE_LIMIT, Backends

ORIN = (
    "system_info: n_threads = 6 (n_threads_batch = 6) / 6 | CUDA : ARCHS = 870 | USE_GRAPHS = 1 | "
    "PEER_MAX_BATCH_SIZE = 128 | CPU : NEON = 1 | ARM_FMA = 1 | LLAMAFILE = 1 | REPACK = 1 |"
)
PLAIN = "0.00.012.345 I system_info: n_threads = 4 / 8 | CPU : SSE3 = 1 | AVX2 = 1 | OPENMP = 1 | "
OLD = "system_info: n_threads = 4 / 8 | AVX = 0 | NEON = 1 | ARM_FMA = 1 | BLAS = 0 | "


def told(*lines: str) -> str:
    backends = Backends()
    for line in lines:
        backends.note(line)
    return backends.told


@pytest.mark.parametrize(
    ("lines", "backend"),
    [
        (["load_backend: loaded CUDA backend from /x/a.so", "load_backend: loaded CPU backend from /x/b.so"], "CUDA, CPU"),
        (["ggml_cuda_init: found 1 CUDA devices:"], "CUDA"),
        (["ggml_cuda_init: found 1 CUDA devices (Total VRAM: 7620 MiB):", ORIN], "CUDA, CPU"),
        (["ggml_cuda_init: found 2 ROCm devices:"], "ROCm"),
        (["ggml_vulkan: Found 1 Vulkan devices:", PLAIN], "Vulkan, CPU"),
        (["ggml_opencl: selected platform: 'QUALCOMM Snapdragon(TM)'", "ggml_opencl: device: 'QUALCOMM Adreno(TM) 750'", PLAIN], "OpenCL, CPU"),
        (["ggml_metal_init: allocating", "ggml_metal_init: found device: Apple M1", "load_backend: loaded MTL backend from /x"], "Metal"),
        ([ORIN], "CUDA, CPU"),
        ([PLAIN], "CPU"),
        ([OLD], "CPU"),
        (["load_backend: loaded CPU backend from /x", "ggml_vulkan: Found 1 Vulkan devices:"], "Vulkan, CPU"),
        (["ggml_vulkan: Found 0 Vulkan devices:", "load_backend: loaded Vulkan backend from /x", PLAIN], "CPU"),
        (["ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected", ORIN], "CPU"),
        (["ggml_opencl: platform IDs not available.", "ggml_vulkan: 0 = Adreno", "system_info: n_threads = 4"], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_what_builds_print(lines: list[str], backend: str) -> None:
    assert told(*lines) == backend


_WORDS = st.sampled_from(
    ["system_info: ", "| ", "CPU : ", "NEON = 1 ", "ggml_cuda_init: found ", "1 CUDA devices", "0 ", "load_backend: loaded ", "X backend"]
)  # fmt: skip


@given(
    st.lists(
        st.one_of(st.text(max_size=60), st.lists(_WORDS | st.text(max_size=5), max_size=12).map("".join))
    )
)
def test_whatever_is_printed_the_names_stay_few_short_and_each_once(lines: list[str]) -> None:
    names = [name for name in told(*lines).split(", ") if name]
    assert len(names) == len(set(names)) <= BACKENDS_LIMIT
    assert all(len(name) <= 20 and name.isprintable() for name in names)
    assert told(*lines, *lines) == told(*lines)


def test_a_line_is_read_only_so_far() -> None:
    assert told(" " * LINE_LIMIT + "ggml_cuda_init: found 1 CUDA devices") == ""
    many = " | ".join(f"B{number} : A = 1" for number in range(50))
    assert len(told(f"system_info: {many}").split(", ")) == BACKENDS_LIMIT
