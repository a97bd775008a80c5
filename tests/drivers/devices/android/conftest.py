"""Phones in a box."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from drivers.clock import SECOND
from drivers.devices.android import device, opening
from tests.rigs.phones.bench import BoxBench
from tests.rigs.phones.phone import Phone, needed


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Callable[[Callable[[Path], Phone]], BoxBench]]:
    """Plants a phone and puts it on the bench; at the end nothing may run on it."""
    assert needed() == [], "apt install bubblewrap mksh toybox"
    planted: list[BoxBench] = []

    def plant(make: Callable[[Path], Phone]) -> BoxBench:
        (tmp_path / "root").mkdir()
        planted.append(BoxBench(make(tmp_path / "root").plant(), tmp_path / "bin"))
        return planted[-1]

    yield plant
    for one in planted:
        await one.shell.pipes.ended()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that hang are given up early, and asked again soon."""
    monkeypatch.setattr(opening, "FIRST_S", 0.4)
    monkeypatch.setattr(device, "SERVICE_S", 0.4)
    monkeypatch.setattr(device, "HUNG_NS", SECOND // 4)
