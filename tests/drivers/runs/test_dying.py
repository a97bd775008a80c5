"""Why an engine ended."""

import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DriverError, NeedsSetup, NotSupported, Refused, RunFailed
from drivers.runs import dying


def test_the_most_telling_line() -> None:
    lines = [
        "0.00.000.376 I srv          init: initializing ...",
        "0.00.005.625 E llama_model_load: error loading model: tensor 'blk.1.ffn_up.weight' data is not within the file bounds, model is corrupted or incomplete",
        "0.00.005.655 E llama_model_load_from_file_impl: failed to load model",
        "0.00.005.664 I srv    operator(): operator(): cleaning up before exit...",
    ]
    assert dying.telling(lines).startswith("llama_model_load: error loading model: tensor 'blk.1")
    assert (
        dying.telling([lines[0], lines[2], lines[3]])
        == "llama_model_load_from_file_impl: failed to load model"
    )
    abort = (
        "/llama.cpp/common/common.cpp:2245: get_sub_batch: failed to add token 2 at index 1 (error -1, n = 2)"
    )
    assert dying.telling([lines[0], lines[2], abort, "", lines[3]]).startswith("get_sub_batch: failed to")
    assert dying.telling(["terminate called after throwing \x1b[0m"]).endswith("throwing \\x1b[0m")
    assert dying.telling([lines[0], lines[3], "[Inferior 1 (process 4594) detached]"]) == ""
    assert dying.telling([]) == ""


def test_the_last_line() -> None:
    assert dying.last_line(["a", "b\x1b[0m", " "]) == "b\\x1b[0m"
    assert dying.last_line([" ", ""]) == ""


@pytest.mark.parametrize(
    ("returncode", "lines", "kind", "sentence"),
    [
        (1, ["mksh: /x/llama-server: not executable: 64-bit ELF file"], NotSupported, "was built for another kind of processor"),
        (1, ["/x/other: not executable: 64-bit ELF file"], RunFailed, "exit code 1"),
        (126, ["sh: /x/llama-server: not executable: magic 7F45"], NotSupported, "was built for another kind of processor"),
        (126, ["bash: /x/llama-server: cannot execute binary file: Exec format error"], NotSupported, "was built for another kind"),
        (126, ["sh: can't execute 'llama-server': Permission denied"], Refused, "refuses to execute"),
        (127, ["sh: /x/llama-server: inaccessible or not found"], NotSupported, "there is no program /x/llama-server"),
        (127, ["/x/llama-server: error while loading shared libraries: libllama.so: cannot open shared object file"], NotSupported, "lacks the library libllama.so"),
        (1, ['CANNOT LINK EXECUTABLE "/x/llama-server": library "libggml.so" not found'], NotSupported, "lacks the library libggml.so"),
        (-9, [], RunFailed, "ended with SIGKILL: somebody killed it, or the system did when memory ran out"),
        (137, [], RunFailed, "ended with SIGKILL: somebody killed it, or the system did when memory ran out"),
        (132, ["x"], RunFailed, "ended with SIGILL; the last line that it printed: x"),
        (1, ["error: invalid argument: --foo"], RunFailed, "exit code 1: error: invalid argument: --foo"),
        (-99, [], RunFailed, "ended with signal 99"),
    ],
)  # fmt: skip
def test_every_way_to_die(returncode: int, lines: list[str], kind: type[DriverError], sentence: str) -> None:
    error = dying.death("/x/llama-server", returncode, lines)
    assert isinstance(error, kind)
    assert sentence in str(error)


@pytest.mark.skipif(shutil.which("mksh") is None, reason="there is no mksh")
def test_what_mksh_makes_of_a_program_for_another_processor(tmp_path: Path) -> None:
    machine = 0x3E if platform.machine() == "aarch64" else 0xB7
    program = tmp_path / "llama-server"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, machine, 1) + bytes(200))
    program.chmod(0o755)
    done = subprocess.run(["mksh", "-c", f"exec {program}"], capture_output=True, text=True, check=False)
    error = dying.death(str(program), done.returncode, done.stderr.splitlines())
    assert isinstance(error, NeedsSetup)
    assert "was built for another kind of processor" in str(error)
    assert "melt setup" in error.remedy


@given(st.integers(-200, 300), st.lists(st.text(max_size=80), max_size=5))
def test_no_death_is_without_a_sentence(returncode: int, lines: list[str]) -> None:
    assert str(dying.death("/x", returncode, lines)).isprintable()
