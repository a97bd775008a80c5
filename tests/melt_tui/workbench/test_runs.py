"""Runs of a session: what is loaded for them keeps nothing waiting."""

import threading
from pathlib import Path

import pytest

from drivers.base import Runtime
from drivers.registry import Registry
from melt_tui.workbench import Place, RunRequest, SessionSetup, Workbench

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
