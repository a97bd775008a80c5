"""What a run needs, looked at before anything is started."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import MissingExtra, NotSupported, Refused
from drivers.model import OnLinkLoss
from drivers.modelfile import ModelFile
from drivers.runs.memory import OVERHEAD_BYTES, memory_needed
from drivers.runtimes.llama_server import needs, processor
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.llama_runs import TINY, run_spec, workload

FLAGS = "processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma f16c bmi1 bmi2\n"


def test_nothing_speaks_against_a_good_run() -> None:
    assert needs.refusal(run_spec(workload())) == ""


def test_a_server_that_runs_needs_nothing() -> None:
    assert needs.refusal(run_spec(None, None, url="http://127.0.0.1:1")) == ""


def test_no_model_and_no_such_model(tmp_path: Path) -> None:
    assert "no model was named" in needs.refusal(run_spec(workload(), None))
    objection = needs.find_objection(run_spec(workload(), tmp_path / "no\x1b.gguf"))
    assert isinstance(objection, Refused)
    assert "no\\x1b.gguf: check the path" in str(objection)


def test_too_little_memory_says_how_much() -> None:
    spec = run_spec(workload(), context=2048)
    assert spec.model is not None
    spec = replace(spec, model=replace(spec.model, kv_bytes_per_token=500_000))
    needed = TINY.stat().st_size + 2048 * 500_000 + OVERHEAD_BYTES
    assert needs.model_objection(spec, needed) is None
    objection = needs.model_objection(spec, needed - 1)
    assert isinstance(objection, NotSupported)
    assert "needs about 1.1 GB of memory with a context of 2048 tokens, and 1.1 GB are available" in str(
        objection
    )


def test_memory_without_a_known_cache() -> None:
    model = ModelFile(name="m", path="/m", size_bytes=10)
    assert memory_needed(model, 1000, 4096) == 1000 + OVERHEAD_BYTES


def test_unknown_flags() -> None:
    assert "does not take '--mirostat'" in needs.refusal(run_spec(workload(), args=("--mirostat", "2")))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"context": 255, "batch": 64}, "a context of 255 tokens is less than the engine can make"),
        ({"context": 512, "batch": 513}, "a prompt batch of 513 tokens cannot be had with a context of 512"),
        ({"batch": 1}, "take a batch of 2 to 256"),
        ({"threads": 513}, "513 threads are more than the engine can take: take at most 512"),
        ({"args": ("-ub", "65")}, "a compute batch of 65 tokens is more than the prompt batch of 64"),
        ({"args": ("--verbosity=9",)}, "does not take '--verbosity' with that value"),
    ],
)
def test_what_the_engine_would_change_is_refused_before_it_starts(
    changed: dict[str, Any], sentence: str
) -> None:
    spec = replace(run_spec(workload()), **changed)
    assert sentence in needs.refusal(spec)
    assert sentence in str(needs.foreseen_objection(spec))
    assert sentence in str(LlamaServer().objection(spec))


@pytest.mark.parametrize(
    "changed", [{"batch": 2}, {"batch": 256}, {"threads": 512}, {"args": ("-ub", "64", "--verbosity=5")}]
)
def test_the_utmost_is_taken(changed: dict[str, Any]) -> None:
    assert needs.refusal(replace(run_spec(workload()), **changed)) == ""


def test_a_program_may_make_a_smaller_context() -> None:
    spec = replace(run_spec(workload(), args=("binary=/bin/true",)), context=64)
    assert needs.refusal(spec) == ""
    assert "cannot be had with a context of 64" in needs.refusal(replace(spec, batch=65))


def test_what_is_foreseen_needs_no_file() -> None:
    spec = run_spec(workload())
    assert spec.model is not None
    absent = replace(spec, model=replace(spec.model, path="/not/yet/there.gguf", size_bytes=1000))
    assert needs.foreseen_objection(absent) is None
    assert isinstance(needs.find_objection(absent), Refused)
    huge = replace(absent, model=replace(spec.model, path="/not/yet/there.gguf", size_bytes=10**15))
    assert "needs about 1000000.1 GB of memory" in str(needs.foreseen_objection(huge))
    assert isinstance(LlamaServer().objection(huge), NotSupported)


def test_nothing_is_foreseen_of_somebody_else_s_server() -> None:
    spec = replace(run_spec(None, None, url="http://127.0.0.1:1"), context=1, batch=0, threads=9999)
    assert needs.foreseen_objection(spec) is None
    assert LlamaServer().objection(spec) is None


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    objection = needs.find_objection(run_spec(workload()))
    assert isinstance(objection, MissingExtra)
    assert isinstance(LlamaServer().objection(run_spec(workload())), MissingExtra)
    assert str(objection).endswith("pip install 'melt-tui[local]'")
    assert needs.refusal(run_spec(workload(), args=("binary=/bin/true",))) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the library belongs to Linux builds")
def test_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("ctypes.CDLL", absent)
    assert "apt-get install -y libgomp1" in needs.refusal(run_spec(workload()))


def test_a_missing_processor_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_cpuinfo", lambda: FLAGS.replace(" avx2", "").replace(" bmi2", ""))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert "processor lacks AVX2, BMI2" in needs.refusal(run_spec(workload()))


def test_one_core_is_left_to_the_rest() -> None:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    assert needs.default_threads() == max(1, cores - 1)
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(allowed := os.sched_getaffinity(0))})
        try:
            assert needs.default_threads() == 1
        finally:
            os.sched_setaffinity(0, allowed)


def test_a_server_that_is_not_ours_is_not_kept() -> None:
    spec = run_spec(None, url="http://127.0.0.1:1", home="/data", on_link_loss=OnLinkLoss.KEEP)
    assert "--on-link-loss stop" in str(LlamaServer().objection(spec))
    assert LlamaServer().objection(replace(spec, on_link_loss=OnLinkLoss.STOP)) is None


@pytest.mark.parametrize("flag", ["-m=other.gguf", "--model other.gguf", "-hf"])
@pytest.mark.parametrize(
    "where", [{"home": "/h"}, {"args": ("binary=/x/llama-server",)}], ids=["away", "here"]
)
def test_another_model_than_the_one_that_is_recorded_is_refused(where: dict[str, Any], flag: str) -> None:
    spec = run_spec(workload(), **where)
    assert needs.foreseen_objection(spec) is None
    told = needs.foreseen_objection(replace(spec, args=(*spec.args, flag)))
    assert "is not for --runtime-arg: --model says it" in str(told)
    assert needs.foreseen_objection(replace(spec, args=(*spec.args, "--mirostat=2"))) is None
