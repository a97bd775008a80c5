"""How warm a device was when a run began, and what was done so that runs can be compared."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.events import LimitEngaged, RunEvent
from drivers.fair import Fair
from melt_tui.analysis.compare import compare_runs
from melt_tui.analysis.compare_request import CompareRequest
from melt_tui.analysis.recorded import Channels
from melt_tui.analysis.runevents import run_events
from melt_tui.analysis.start import Start, fair_of, start_lines, start_of
from melt_tui.events import RunStarted, RunSteady, RunWaited, SafetyStop, Wait
from melt_tui.measures.heat import ThermalStart
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import TEMPERATURE, at, closing, opening, run, slow, turn
from tests.rigs.written import write

BEGAN_S = 90.0


def started(*more: Item, celsius: Callable[[float], float] | None, since_s: int = 0) -> Start:
    """A run that began after a minute and a half, at such temperatures."""
    heat = [(float(t), celsius(t)) for t in range(since_s, 95)] if celsius else []
    items = [*opening(), *slow(TEMPERATURE, heat), *more, *run((), BEGAN_S, 94.0), *closing(95)]
    recording = MemoryRecording(
        sorted(items, key=lambda item: getattr(item, "t_ns", 0) or getattr(item, "t0_ns", 0))
    )
    (events,) = run_events(recording)
    return start_of(recording, Channels(recording), events)


def thermal(engaged_s: float, reason: str = "thermal") -> LimitEngaged:
    return LimitEngaged(
        t_ns=at(engaged_s), device="desk", limit="thermal status", reason=reason, detail="SEVERE"
    )


@pytest.mark.parametrize(
    ("celsius", "more", "state", "why"),
    [
        (lambda t: 40.0, (), ThermalStart.COLD, "it changed by 0.0 K/min, no limit in force"),
        (lambda t: 40.0 + t / 60, (), ThermalStart.COLD, "it changed by 1.0 K/min, no limit in force"),
        (lambda t: 40 + 30 * exp(-t / 40), (), ThermalStart.WARM, "it fell by 10.8"),
        (lambda t: 40.0 if t < 20 else 44.0, (), ThermalStart.WARM, "4.0 K above where it had been before"),
        (lambda t: 40.0, (thermal(60),), ThermalStart.THROTTLED, "SEVERE was in force"),
        (lambda t: 40.0, (thermal(60, "power limit"),), ThermalStart.COLD, "it changed by 0.0"),
        (lambda t: 40.0, (thermal(91),), ThermalStart.COLD, "it changed by 0.0"),
        (None, (), ThermalStart.UNKNOWN, "no sensor of the device had told a temperature"),
    ],
)  # fmt: skip
def test_a_run_begins_cold_warm_or_throttled(
    celsius: Callable[[float], float] | None, more: Sequence[Item], state: ThermalStart, why: str
) -> None:
    found = started(*more, celsius=celsius)
    assert found.thermal is state
    assert found.why.startswith(why)


def test_of_a_run_that_began_at_once_it_is_not_known() -> None:
    found = started(celsius=lambda t: 41.5, since_s=85)
    assert (found.thermal, found.why) == (ThermalStart.UNKNOWN, "only 5 s before it were recorded")
    assert (found.celsius, found.sensor, found.change_k_per_min) == (41.5, TEMPERATURE.name, None)


def of_run(i: int, event: RunEvent) -> RunEvent:
    return replace(event, run=f"r{i}")


def series(*variants: str) -> list[Item]:
    """Runs of these variants one after another."""
    items: list[Item] = [
        *opening(),
        *slow(TEMPERATURE, [(float(t), 40.0) for t in range(30 * len(variants) + 60)]),
    ]
    for i, variant in enumerate(variants):
        began_s = 30.0 * (i + 1)
        fair = Fair(
            gate="soc<=45",
            cooldown="9",
            variant=variant,
            settings="threads=2",
            place=i + 1,
            planned=4,
            order="abba",
        )
        waited = RunWaited(
            t_ns=at(began_s) - 1, device="desk", run="", why=Wait.GATE, wanted="", waited_s=8.5, met=True
        )
        items.append(of_run(i, waited))
        turns = turn(1, began_s + 2, [began_s + 3 + k / 10 for k in range(11)], before=11 * i)
        for item in run(turns, began_s, began_s + 10):
            told = of_run(i, item) if isinstance(item, RunEvent) else item
            if isinstance(told, RunStarted):
                told = replace(told, spec=replace(told.spec, run=f"r{i}", fair=fair))
            items.append(told)
    return [*items, *closing(30.0 * len(variants) + 60)]


def test_what_was_waited_for_and_how_it_ended_is_told() -> None:
    items = [
        *series("old"),
        of_run(0, SafetyStop(t_ns=at(39), device="desk", ceiling="soc<=85", reason="safety stop: hot", lost=False)),
        of_run(0, RunSteady(t_ns=at(39), device="desk", rate_tps=9.0)),
    ]  # fmt: skip
    recording = MemoryRecording(items)
    (events,) = run_events(recording)
    fair = fair_of(events)
    assert (fair.gate, fair.gate_met, fair.gate_waited_s, fair.cooled_s) == ("soc<=45", True, 8.5, None)
    assert (fair.variant, fair.place, fair.planned, fair.order) == ("old", 1, 4, "abba")
    assert (fair.safety_stop, fair.until, fair.steady) == ("safety stop: hot", None, None)
    lines = list(start_lines(start_of(recording, Channels(recording), events), fair))
    assert lines == [
        f"began cold at 40.0 °C ({TEMPERATURE.name}): it changed by 0.0 K/min, no limit in force",
        "variant old (threads=2), run 1 of 4, in order abba; gate soc<=45 met after 8.5 s",
    ]


def test_variants_that_were_run_in_turn_are_compared_and_their_order_is_judged(tmp_path: Path) -> None:
    write(tmp_path / "fair.melt", series("old", "new", "new", "old"), size=1000)
    write(tmp_path / "lean.melt", series("old", "old", "new", "new"), size=1000)
    fair = compare_runs(CompareRequest(sources=(str(tmp_path / "fair.melt"),)))
    lean = compare_runs(CompareRequest(sources=(str(tmp_path / "lean.melt"),), group="variant"))
    assert [(group.title, len(group.runs)) for group in fair.groups] == [
        ("variant old", 2),
        ("variant new", 2),
    ]
    assert [(run.label, run.place, run.start, run.variant) for run in fair.runs] == [
        ("A1", 1, "cold", "old"),
        ("A2", 4, "cold", "old"),
        ("B1", 2, "cold", "new"),
        ("B2", 3, "cold", "new"),
    ]
    assert not [said for said in fair.warnings if "order bias" in said]
    assert [said for said in lean.warnings if said.startswith("order bias: B ran after A")]
