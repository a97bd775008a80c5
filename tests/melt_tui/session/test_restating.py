"""What a device is like when a run begins on it."""

import asyncio

import pytest

from drivers.errors import LinkLost
from melt_tui.events import RunEnded, RunOutcome, RunStarted
from melt_tui.session import restating
from melt_tui.session.bus import Bus
from melt_tui.session.restating import restated
from melt_tui.session.run import RunSource
from tests.rigs.session_parts import (
    SPEC,
    Collected,
    NoShell,
    ScriptedDevice,
    ScriptedRuntime,
    SteppedClock,
)

Facts = tuple[tuple[str, str], ...]


class Modal(ScriptedDevice):
    """A board on which somebody sets another power mode now and then."""

    answers: tuple[Facts | Exception, ...] = ()

    async def restated(self) -> Facts:
        answer, *self.answers = self.answers  # type: ignore[assignment]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_every_run_tells_what_its_device_was_like() -> None:
    device, collected = Modal(), Collected()
    device.answers = ((("power mode", "MAXN (0)"),), LinkLost("gone"), (("power mode", "15W (2)"),))
    for _ in range(3):
        await RunSource(SPEC, ScriptedRuntime(), device, NoShell(), SteppedClock()).run(Bus((collected,)))
    told = [started.facts for started in collected.of(RunStarted)]
    assert told == [(("power mode", "MAXN (0)"),), (), (("power mode", "15W (2)"),)]
    ended = [ended.outcome for ended in collected.of(RunEnded)]
    assert ended == [RunOutcome.DONE] * 3, "what a device does not tell ends no run"


async def test_a_device_that_does_not_tell_keeps_no_run_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(ScriptedDevice):
        async def restated(self) -> Facts:
            await asyncio.Event().wait()
            return ()

    monkeypatch.setattr(restating, "LIMIT_S", 0.01)
    async with asyncio.timeout(20):
        assert await restated(Hanging()) == ()
    assert await restated(ScriptedDevice()) == ()
    assert await restated(None) == ()
