"""The time before a run that is taken for idle, on recordings."""

from dataclasses import replace
from math import hypot, sqrt

import pytest

from drivers.events import ChannelsOpened
from drivers.model import (
    Channel,
    DType,
    Quantity,
    Unit,
)
from melt_tui.analysis.session import summarise
from melt_tui.events import RunEnded, RunStarted
from tests.melt_tui.analysis.test_energy import METER, TURN, measured, parts, power, summary, wired
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import at, closing, opening, run, spec


def test_without_a_recorded_minute_there_is_no_net() -> None:
    items = [*wired(METER), measured(METER, t0_s=40)]
    found = summary(*items)
    assert {one.net_j for one in found.energy} == {None}
    assert any("only 50 % of the 60 s before the run were measured" in note for note in found.notes)
    short = replace(spec(), baseline_s=20.0)
    changed = [
        replace(item, spec=short) if isinstance(item, RunStarted) else item for item in run(TURN, 70, 90)
    ]
    (found,) = summarise(MemoryRecording([*opening(), *items, *changed, *closing(100)])).runs
    assert parts(found)["decode", 1].net_j == pytest.approx(20, abs=1e-3)
    assert found.power[0].baseline_s == 20


def test_a_device_that_was_not_still_before_the_run_has_a_less_certain_net() -> None:
    def restless(t_s: float) -> float:
        return power(t_s) + (0.3 if t_s < 70 and t_s // 10 % 2 else -0.3 if t_s < 70 else 0.0)

    found, still = (
        parts(summary(*wired(METER), measured(METER, watts)))["run", None] for watts in (restless, power)
    )
    # six means of 10 s, 0.3 W off theirs: 0.134 W is what their mean is uncertain by, times 2.62 (Student, 5), of 20 s
    by = 2.62 * 0.3 * sqrt(6 / 5) / sqrt(6) * 20
    assert found.net_j == pytest.approx(still.net_j, abs=0.1)
    assert found.uncertainty_j == pytest.approx(still.uncertainty_j, rel=0.05)
    assert found.net_uncertainty_j == pytest.approx(
        hypot(still.net_uncertainty_j, 2 / sqrt(3) * by), rel=0.02
    )


def test_idle_is_what_nothing_else_ran_in() -> None:
    before = [replace(item, run="r0") for item in run([], 20, 30) if isinstance(item, RunStarted | RunEnded)]
    found = summarise(
        MemoryRecording(
            [*opening(), *wired(METER), measured(METER), *before, *run(TURN, 70, 90), *closing(100)]
        )
    ).runs[1]
    assert {one.net_j for one in found.energy} == {None}
    assert any("only 40 s were idle: another run had just ended" in note for note in found.notes)


def test_idle_is_in_the_same_state_of_the_screen() -> None:
    screen = Channel(
        device="desk", name="screen", quantity=Quantity.OTHER, unit=Unit.NONE, dtype=DType.U8, rate_hz=0.2
    )
    opened = ChannelsOpened(t_ns=at(1), device="desk", channels=(screen,))
    same = summary(*wired(METER), measured(METER), opened, measured(screen, lambda t: int(t < 8)))
    assert parts(same)["decode", 1].net_j is not None
    other = summary(*wired(METER), measured(METER), opened, measured(screen, lambda t: int(t < 75)))
    assert parts(other)["decode", 1].net_j is None
    assert any("the screen was not the same before the run and in it" in note for note in other.notes)
