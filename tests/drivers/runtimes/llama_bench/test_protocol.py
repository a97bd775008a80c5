"""What llama-bench writes, read."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbled
from drivers.model import Prompt
from drivers.runtimes.llama_bench import protocol
from drivers.runtimes.llama_bench.protocol import Row, Shape, Step

CAPTURED = (
    '{"build_commit": "f6f0d9f", "build_number": 10605, "cpu_info": "Intel(R) Xeon(R) Processor", "gpu_info": "", '
    '"backends": "CPU", "model_filename": "m.gguf", "model_type": "llama ?B Q4_0", "model_size": 123456, "n_batch": 2048, '
    '"n_ubatch": 512, "n_threads": 1, "load_mode": "mmap", "n_prompt": 0, "n_gen": 64, "n_depth": 0, '
    '"test_time": "2026-10-12T10:11:12Z", "avg_ns": 1290000000, "stddev_ns": 7, "avg_ts": 49.6, "stddev_ts": 0.1, '
    '"samples_ns": [ 1280000000, 1300000000 ],"samples_ts": [ 50.0, 49.2 ]}'
)


def test_a_row() -> None:
    assert protocol.read_row(CAPTURED) == Row(
        shape=Shape(0, 64),
        samples_ns=(1_280_000_000, 1_300_000_000),
        depth=0,
        build="b10605 (f6f0d9f)",
        backend="CPU",
        model="llama ?B Q4_0",
        threads=1,
        batch=2048,
    )


def test_a_row_of_an_older_build() -> None:
    row = protocol.read_row('{"n_prompt":512,"n_gen":0,"avg_ns":1000.4,"build_commit":"abc"}')
    assert row is not None
    assert (row.shape, row.samples_ns, row.build, row.backend, row.threads) == (
        Shape(512, 0),
        (1000,),
        "abc",
        "",
        None,
    )


@pytest.mark.parametrize(
    "row",
    [
        '{"n_prompt":512}',
        '{"n_prompt":512,"n_gen":0}',
        '{"n_prompt":512,"n_gen":0,"avg_ns":-1}',
        '{"n_prompt":512,"n_gen":0,"avg_ns":1e99}',
        '{"n_prompt":-1,"n_gen":0,"avg_ns":5}',
        "{",
    ],
)
def test_rows_that_are_none(row: str) -> None:
    with pytest.raises(Garbled):
        protocol.read_row(row)


def test_other_lines_are_no_rows() -> None:
    assert protocol.read_row("| model | size | params | backend | threads | test | t/s |") is None
    assert protocol.read_row("") is None


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("llama-bench: benchmark 2/2: generation run 1/3", Step(2, "generation", measured=True)),
        ("llama-bench: benchmark 1/6: prompt run 1/1", Step(1, "prompt", measured=True)),
        ("llama-bench: benchmark 1/6: warmup prompt run", Step(1, "warmup prompt", measured=False)),
        ("llama-bench: benchmark 1/6: depth run 1/5", Step(1, "depth", measured=False)),
        ("llama-bench: benchmark 1/6: starting", None),
        ("ggml_cuda_init: found 1 CUDA devices", None),
    ],
)
def test_progress(line: str, step: Step | None) -> None:
    assert protocol.read_step(line) == step


@given(st.text() | st.dictionaries(st.sampled_from(["n_prompt", "n_gen", "avg_ns", "samples_ns", "build_number"]),
       st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers() | st.floats() | st.booleans())).map(json.dumps))  # fmt: skip
def test_no_line_breaks_it(line: str) -> None:
    protocol.read_step(line)
    with suppress(Garbled):
        row = protocol.read_row(line)
        assert row is None or all(0 < sample <= protocol.LONGEST_NS for sample in row.samples_ns)


def tokens(count: int) -> Prompt:
    return Prompt(tokens=tuple(range(count)))


@pytest.mark.parametrize(
    ("prompt", "generated", "shape", "flags"),
    [
        (512, 1, Shape(512, 0), ["-p", "1,512,512", "-n", "0"]),
        (1, 128, Shape(0, 128), ["-p", "1", "-n", "128,128"]),
        (512, 128, Shape(512, 128), ["-p", "1", "-n", "0", "-pg", "512,128", "-pg", "512,128"]),
        (1, 1, Shape(1, 0), ["-p", "1,1,1", "-n", "0"]),
    ],
)
def test_turns_as_tests(prompt: int, generated: int, shape: Shape, flags: list[str]) -> None:
    assert protocol.shape_of(tokens(prompt), generated) == shape
    assert protocol.tests_flags(shape, 2) == flags


def test_titles() -> None:
    assert [Shape(5, 0).title, Shape(0, 6).title, Shape(5, 6).title] == ["pp5", "tg6", "pp5+tg6"]


def test_words_of_a_help_text() -> None:
    told = "  -o, --output <csv|jsonl>\n  --progress  print\n --no-warmups"
    assert protocol.unknown_words(told, ["jsonl", "--progress", "--no-warmup"]) == ["--no-warmup"]
