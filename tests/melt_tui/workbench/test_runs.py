"""Runs of a session: what is loaded for them keeps nothing waiting."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Runtime
from drivers.registry import Registry
from melt_tui.workbench import Place, RunRequest, SessionSetup, Workbench
from tests.rigs import ollama
from tests.rigs.http_shapes import running
from tests.rigs.melt import melt
from tests.rigs.mlc import MODEL
from tests.rigs.programs import install

LIMIT_S = 60.0
REQUEST = RunRequest(
    devices=("sim-phone",), model="synthetic:smollm-135m", turns=1, max_tokens=2, ignore_eos=True
)


def test_devices_are_sampled_while_a_runtime_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its modules are many: who loads them on the session's loop lets every device wait."""
    threads: list[str] = []
    load = Registry.runtime

    def noted(registry: Registry, name: str) -> Runtime:
        threads.append(threading.current_thread().name)
        return load(registry, name)

    monkeypatch.setattr(Registry, "runtime", noted)
    places = (Place(address="sim:phone"),)
    setup = SessionSetup(
        name="test", places=places, folder=tmp_path / "recordings", cache=tmp_path / "models"
    )
    with Workbench(setup) as bench:
        bench.start_when_up(REQUEST).result(LIMIT_S)
        bench.wait_runs().result(LIMIT_S)
    assert threads[0].startswith("asyncio"), threads


def test_the_model_of_a_server_is_not_taken_for_the_file_of_ours(tmp_path: Path) -> None:
    """Neither its name nor its sum, nor a context that nobody told it."""
    program = install(tmp_path / "bin", "mlc.py", "mlc_llm")
    argv = ["--runtime=mlc", f"--runtime-arg=binary={program}", f"--runtime-arg=serve={MODEL}", "--turns=1"]
    run = only_run(tmp_path, *argv)
    assert run["model"] == MODEL
    assert {name: run["setup"][name] for name in ("model_file", "sha256", "quantisation", "context")} == {
        "model_file": None,
        "sha256": None,
        "quantisation": None,
        "context": None,
    }
    assert run["setup"]["backend"] == "cuda:0"
    asked = {name: run["setup"][name] for name in ("temperature", "top_k", "top_p", "seed")}
    assert asked == {"temperature": 0.0, "top_k": None, "top_p": 0.95, "seed": 42}
    assert "top_k: not asked for, mlc cannot be told it" in run["notes"]
    assert not list(tmp_path.rglob("*.gguf")), "no model is written that nobody runs"


def test_a_model_of_ollama_has_nothing_of_a_file_of_ours(tmp_path: Path) -> None:
    with running(Path(ollama.__file__)) as port:
        argv = ["--runtime=ollama", f"--url=http://127.0.0.1:{port}", "--turns=1", "--context=512"]
        unnamed = melt(tmp_path, "run", "--headless", "--device=host", *argv)
        args = ["model=llama3.2:1b", "num_gpu=20"]
        run = only_run(tmp_path, *argv, *(f"--runtime-arg={arg}" for arg in args))
    assert "no model was named: name one of its models with --runtime-arg model=NAME" in unnamed.stderr
    assert (run["model"], run["setup"]["model_file"]) == ("llama3.2:1b", None)
    assert run["setup"]["runtime_args"] == args
    assert run["setup"]["context"] == 512


def test_no_model_is_fetched_for_a_server_that_has_its_own(tmp_path: Path) -> None:
    """Nobody answers at that address: who asks there fails."""
    model = "--model=http://127.0.0.1:1/x.gguf"
    argv = ("run", "--headless", "--device=host", "--turns=1", model)
    refused = melt(tmp_path, *argv, "--runtime=ollama")
    assert (
        "takes one by its name, not by an address: name one of its models with --runtime-arg"
        in refused.stderr
    )
    program = install(tmp_path / "bin", "mlc.py", "mlc_llm")
    mlc = [f"--runtime-arg=binary={program}", f"--runtime-arg=serve={MODEL}"]
    assert only_run(tmp_path, "--runtime=mlc", *mlc, "--turns=1", model)["model"] == MODEL


@pytest.mark.parametrize("device", ["host", "sim:phone"])
def test_who_watches_names_a_server(tmp_path: Path, device: str) -> None:
    done = melt(tmp_path, "run", "--headless", f"--device={device}", "--workload=none")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == (
        "melt: with the workload none a server that runs already is watched, and none is named: give its address with "
        "--url, or choose another workload"
    )


def only_run(home: Path, *argv: str) -> dict[str, Any]:
    """What ``melt run`` tells of its one run on this computer."""
    done = melt(home, "run", "--headless", "--json", "--device=host", *argv)
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert isinstance(run, dict)
    return run
