"""Runs that go on while the link is away: what was read beside them, at the rates at which it was read."""

from types import SimpleNamespace
from typing import Any

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.links.asking import Offset
from drivers.model import Samples
from drivers.runs import sheet
from drivers.runs.kept import Kept, _Away
from tests.rigs.llama_runs import run_spec


async def test_readings_that_came_half_as_often_are_of_such_a_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sheet, "pace_s", lambda line: 1 if line < 3 else 2)
    kept, told = Kept(run_spec()), list[Item]()
    kept._line.add(Offset(t_ns=100 * SECOND, offset_ns=100 * SECOND, uncertainty_ns=1))
    lines = "".join(f"S {t_s}.00 7 -\n" for t_s in (1, 2, 3, 5, 7))

    async def beside() -> str:
        return lines

    stage: Any = SimpleNamespace(emit=told.append, log=lambda *_: None)
    process: Any = SimpleNamespace(beside=beside, merged=lambda: None)
    await kept._merge(stage, process, _Away(102 * SECOND, 109 * SECOND, 1))
    heard = [
        (item.t_ns, item.channels[0].rate_hz)
        if isinstance(item, ChannelsOpened)
        else [item.time_at(i) for i in range(item.n)]
        for item in told
        if isinstance(item, ChannelsOpened | Samples)
    ]
    assert heard == [
        (102 * SECOND, 1), [2 * SECOND, 3 * SECOND], (105 * SECOND, 0.5), [5 * SECOND, 7 * SECOND],
    ]  # fmt: skip
    lines = "S 9.00 7 -\n"
    await kept._merge(stage, process, _Away(108 * SECOND, 110 * SECOND, 1))
    assert len(told) == 5, "at the same rate it stays open"
