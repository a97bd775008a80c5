"""Figures net of idle as they are told live: those of a recording of the same session, or none where it has none."""

from dataclasses import replace
from math import isnan
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, ChannelKey, DType, Quantity, RunSpec, Unit, reading
from melt_tui.detectors.idle import Quiet
from melt_tui.detectors.marks import Source
from melt_tui.events import SELF, RunEnded, RunOutcome, RunStarted, Tick, Wired
from melt_tui.measures.energy import PerToken, Scope
from melt_tui.timeline.clockmap import ClockMap
from tests.melt_tui.detectors.test_marks import (
    CASES,
    POINT,
    RUN,
    SLOW,
    TURN,
    each_token,
    played,
    readings,
    scoped,
)
from tests.rigs.sessions import at, run

NAMES = {
    PerToken.DECODE: "J/token", PerToken.WHOLE: "J/token whole", PerToken.MELT: "J/token melt",
    PerToken.PREFILL: "J/token prefill",
}  # fmt: skip
SCREEN = Channel(device="desk", name="screen", quantity=Quantity.OTHER, unit=Unit.NONE, dtype=DType.U8)


def net_told(live: dict[ChannelKey, float]) -> dict[str, float]:
    return {name: value for (_, name), value in live.items() if " net" in name and not isnan(value)}


@pytest.mark.parametrize("case", CASES)
def test_net_of_idle_is_told_as_the_recording_has_it(case: str, tmp_path: Path) -> None:
    channel, made, more = CASES[case]
    live, found = played(tmp_path / "x.melt", channel, made(channel), more)
    for scope, name in ((Scope.RUN, "energy"), (Scope.TURN, "energy turn")):
        one = scoped(found, scope)
        assert one.net_j is not None
        assert one.net_uncertainty_j is not None
        assert live["desk", f"{name} net {POINT}"] == pytest.approx(one.net_j, abs=one.net_uncertainty_j / 10)
        assert live["desk", f"{name} net ± {POINT}"] == pytest.approx(one.net_uncertainty_j, rel=0.05)
        assert live["desk", f"{name} net {POINT}"] < (one.gross_j or 0.0) - 15
    for definition, name in NAMES.items():
        each = each_token(found, definition)
        assert each.net_j is not None
        assert each.net_uncertainty_j is not None
        assert live["desk", f"{name} net {POINT}"] == pytest.approx(
            each.net_j, abs=each.net_uncertainty_j / 5
        )
        assert live["desk", f"{name} net ± {POINT}"] == pytest.approx(each.net_uncertainty_j, rel=0.08)


def screens(*changes: tuple[float, int]) -> list[Item]:
    opened = ChannelsOpened(t_ns=at(1), device="desk", channels=(SCREEN,))
    states = [reading(SCREEN, at(t), [v for since, v in changes if since <= t][-1]) for t in range(2, 98, 2)]
    return [opened, *states]


REWIRED: list[Item] = [
    Wired(t_ns=at(1), device="meter", feeds="other", point=POINT),
    Wired(t_ns=at(30), device="meter", feeds="desk", point=POINT),
]


@pytest.mark.parametrize(
    ("channel", "more", "the_run", "known"),
    [
        (SLOW, screens((0, 1)), RUN, True),
        (SLOW, screens((0, 0), (6, 1)), RUN, True),
        (SLOW, screens((0, 0), (40, 1)), RUN, False),
        (SLOW, screens((0, 0), (80, 1)), RUN, False),
        (SLOW, screens((0, 0), (95, 1)), RUN, True),
        (SLOW, [], run(TURN, 55.0, 90.04), False),
        (SLOW, REWIRED, RUN, False),
        (SLOW, [], run(TURN, 66.5, 90.04), False),
    ],
)
def test_none_is_told_where_the_recording_has_none(
    channel: Channel, more: list[Item], the_run: list[Item], *, known: bool, tmp_path: Path
) -> None:
    live, found = played(tmp_path / "x.melt", channel, readings(channel), more, the_run)
    assert (scoped(found, Scope.RUN).net_j is not None) is known
    assert bool(net_told(live)) is known


SPEC = RunSpec(run="r", device="desk", runtime="x", model=None, workload=None)


def began(t_s: float, name: str = "r", baseline_s: float = 0.0) -> RunStarted:
    spec = replace(SPEC, run=name, baseline_s=baseline_s)
    return RunStarted(t_ns=at(t_s), device="desk", run=name, spec=spec)


def ended(t_s: float, name: str) -> RunEnded:
    return RunEnded(t_ns=at(t_s), device="desk", run=name, outcome=RunOutcome.DONE)


def test_a_baseline_is_recorded_and_nothing_else_ran_in_it() -> None:
    quiet = Quiet()
    quiet.notice(Tick(t_ns=at(10), device=SELF))
    assert quiet.begin(began(69.8)) is None
    assert quiet.begin(began(69.95)) == at(9.95)
    assert quiet.begin(began(75, baseline_s=20.0)) == at(55)
    assert quiet.begin(began(76, "other")) is None
    quiet.notice(ended(80, "r"))
    assert quiet.begin(began(145, "other")) == at(85)
    quiet.notice(ended(150, "other"))
    assert quiet.begin(began(209, "third")) is None
    quiet.notice(ended(209.5, "third"))
    assert quiet.begin(began(269.5, "fourth")) == at(209.5)


def test_the_past_is_known_once_it_was_noted_up_to_the_run() -> None:
    made = Source(SLOW, ClockMap())
    for k in range(21):
        made.integral.take(reading(SLOW, at(k / 10), 3.0))
        made.note()
    assert made.past(at(2) + 1) == ()
    (history,) = made.past(at(2))
    assert history.at(at(0.5)).joules == pytest.approx(1.5)
