"""Our own engine's process, alone."""

import json
import os
import select
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.llama_runs import TINY

BASE = ["--context", "256", "--batch", "64", "--threads", "1"]
ROOT = Path(__file__).parents[4]


Child = subprocess.Popen[str]
Start = Callable[..., Child]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the child with these flags and environment; ended with the test."""
    with ExitStack() as stack:

        def started(*args: str, **env: str) -> Child:
            child = subprocess.Popen(
                [sys.executable, "-m", "drivers.runtimes.llama_server.child", *BASE, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            return child

        yield started


def told(child: Child) -> dict[str, Any]:
    assert child.stdout is not None
    ready, _, _ = select.select([child.stdout], [], [], 60)
    assert ready, "it said nothing"
    line: dict[str, Any] = json.loads(child.stdout.readline())
    return line


def ended(child: Child) -> int:
    child.communicate(timeout=60)
    return child.returncode


def fake_package(folder: Path, code: str) -> str:
    """A package path on which xllamacpp is something else."""
    (folder / "xllamacpp.py").write_text(textwrap.dedent(code))
    return os.pathsep.join([str(folder), str(ROOT)])


def test_it_says_where_it_listens_and_goes_with_its_input(start: Start) -> None:
    child = start("--model", str(TINY))
    line = told(child)
    assert (line["melt"], line["backend"], line["ignored"]) == ("ready", "cpu", "")
    assert line["build"].startswith("xllamacpp 20")
    assert 0 < line["load_s"] < 15
    with urllib.request.urlopen(f"http://127.0.0.1:{line['port']}/slots") as answer:
        slots = json.load(answer)
    assert [(slot["n_ctx"], slot["is_processing"]) for slot in slots] == [(256, False)]
    assert ended(child) == 0


def test_it_goes_at_once_in_the_middle_of_an_answer(start: Start) -> None:
    child = start("--model", str(TINY), "--context", "4096")
    request = urllib.request.Request(
        f"http://127.0.0.1:{told(child)['port']}/completion",
        json.dumps({"prompt": [1], "n_predict": 4000, "stream": True, "ignore_eos": True}).encode(),
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.readline().startswith(b"data: ")
        assert ended(child) == 0


@pytest.mark.parametrize("size", [3_000, 2_000_000], ids=["junk", "cut in half"])
def test_a_model_that_is_none_says_so(start: Start, tmp_path: Path, size: int) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(TINY.read_bytes()[:size])
    child = start("--model", str(path))
    line = told(child)
    assert (line["melt"], line["kind"]) == ("failed", "RunFailed")
    assert child.stderr is not None
    assert "error loading model" in child.stderr.read()
    assert child.wait(60) == 1


@pytest.mark.parametrize(
    ("code", "kind", "sentence", "remedy"),
    [
        ("raise ModuleNotFoundError", "MissingExtra", "is not installed", "pip install 'melt-tui[local]'"),
        (
            "raise ImportError('libgomp.so.1: cannot open shared object file: No such file or directory')",
            "MissingExtra",
            "needs the system library libgomp",
            "apt-get install -y libgomp1",
        ),
        ("raise ImportError('wrong ELF class')", "NotSupported", "cannot be loaded: wrong ELF class", ""),
    ],
    ids=["no package", "no libgomp", "other"],
)
def test_an_engine_that_cannot_be_loaded(
    start: Start, tmp_path: Path, code: str, kind: str, sentence: str, remedy: str
) -> None:
    child = start("--model", "m", PYTHONPATH=fake_package(tmp_path, code))
    line = told(child)
    assert (line["melt"], line["kind"]) == ("failed", kind)
    assert sentence in line["sentence"]
    assert line["remedy"].startswith(remedy)
    assert child.wait(60) == 1


OLDER = """
    import sys, types
    class CommonParams:
        __slots__ = ("model", "port", "n_ctx", "n_batch", "n_parallel", "cpuparams", "use_mmap", "verbosity")
        def __init__(self):
            self.model, self.cpuparams = types.SimpleNamespace(), types.SimpleNamespace(n_threads=0)
            self.port = self.n_ctx = self.n_batch = self.n_parallel = self.verbosity = 0
            self.use_mmap = True
            self.__class__.cpuparams_batch = types.SimpleNamespace()
    class Server:
        def __init__(self, params):
            sys.stderr.write(f"{params.model.path} {params.n_ctx} {params.cpuparams.n_threads} {params.use_mmap}")
            self.listening_address = "http://127.0.0.1:4711"
"""


def test_a_build_that_lacks_what_can_be_left_out(start: Start, tmp_path: Path) -> None:
    child = start("--model", "m.gguf", PYTHONPATH=fake_package(tmp_path, OLDER))
    line = told(child)
    assert (line["port"], line["backend"]) == (4711, "")
    assert (
        line["ignored"] == "endpoint_slots, cache_ram_mib, threads_batch, n_ubatch, endpoint_metrics, warmup"
    )
    _, err = child.communicate(timeout=60)
    assert err == "m.gguf 256 1 False"


def test_a_build_that_lacks_what_is_needed(start: Start, tmp_path: Path) -> None:
    code = OLDER.replace('"n_batch", ', "").replace("self.n_batch = ", "")
    line = told(start("--model", "m.gguf", PYTHONPATH=fake_package(tmp_path, code)))
    assert (line["kind"], line["sentence"]) == (
        "NotSupported",
        "the installed xllamacpp has no parameter n_batch",
    )


def test_flags_that_are_none(start: Start) -> None:
    child = start("--model", "m", "--threads", "many")
    assert told(child)["sentence"].endswith("argument --threads: invalid int value: 'many'")
    assert child.wait(60) == 1


def test_its_own_memory_is_small_before_the_engine_comes() -> None:
    """What the process imports beside the engine is counted as the engine's memory: keep it little."""
    code = "import sys, drivers.runtimes.llama_server.child; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert {"asyncio", "httpx", "psutil", "numpy", "textual"} & set(loaded) == set()
