"""The parts of a run as they are told live: the same joules as a recording of the same session has, each within its ±."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.events import ModelLoaded, ProcessStarted
from drivers.model import Channel, Quantity, Unit, reading
from melt_tui.detectors.marks import Off, Source
from melt_tui.detectors.parts import Load, Pair, Told, energies, used
from melt_tui.measures import points
from melt_tui.measures.energy import PerToken, Scope
from melt_tui.timeline.clockmap import ClockMap
from tests.melt_tui.detectors.test_marks import (
    CASES,
    FAST,
    POINT,
    TURN,
    blocks,
    each_token,
    played,
    scoped,
)
from tests.rigs.sessions import at, run

S = 1_000_000_000
PAIR = Pair(
    Channel(device="d", name="energy load p", quantity=Quantity.OTHER, unit=Unit.JOULE, point="board-input"),
    Channel(
        device="d", name="energy load ± p", quantity=Quantity.OTHER, unit=Unit.JOULE, point="board-input"
    ),
)


def source(until_s: int, hole: range = range(0)) -> Source:
    """3 W, ten times a second."""
    channel = Channel(
        device="d", name="p", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0, point="board-input"
    )
    made = Source(channel, ClockMap())
    for k in range(until_s * 10 + 1):
        if k // 10 not in hole:
            made.integral.take(reading(channel, k * S // 10, 3.0))
    return made


def load_told(made: Source, load: Load, window_s: tuple[int, int], *, late: bool = False) -> list[Told]:
    return list(load.tell(made, PAIR, (window_s[0] * S, window_s[1] * S), Off(), late=late))


def test_a_load_is_told_once_and_how_far_it_may_be_off_again_when_all_has_come() -> None:
    load, made = Load(), source(5)
    assert load_told(made, load, (2, 6)) == []
    first = load_told(made, load, (2, 5))
    assert [(one.channel.name, one.t_ns) for one in first] == [
        ("energy load p", 5 * S), ("energy load ± p", 5 * S),
    ]  # fmt: skip
    assert [one.value for one in first] == pytest.approx([9.0, 9 * 2**-13])
    assert load_told(made, load, (2, 5)) == []
    for k in range(1, 20):
        made.integral.take(reading(made.channel, 5 * S + k * S // 10, 3.0))
    assert [one.channel.name for one in load_told(made, load, (2, 5))] == ["energy load ± p"]
    assert load_told(made, load, (2, 5)) == []
    again = load_told(made, load, (2, 6))
    assert again[0].t_ns == 6 * S
    assert again[0].value == pytest.approx(12.0)


def test_a_load_of_which_too_little_was_seen_or_too_late_is_not_told() -> None:
    assert load_told(source(9, range(4, 6)), Load(), (2, 8)) == []
    assert load_told(source(9), Load(), (2, 8), late=True) == []
    assert load_told(source(9), Load(), (2, 8)) != []


def test_a_span_that_is_too_short_for_its_source_has_no_energy() -> None:
    made = source(9)
    marks = {t: made.mark(2 * S + t * S // 10, Off()) for t in (0, 3, 4)}
    assert used(made, "board-input", marks[0], marks[3], 3 * S // 10) is None
    found = used(made, "board-input", marks[0], marks[4], 4 * S // 10)
    assert found is not None
    assert (found.joules, found.coverage) == pytest.approx((1.2, 1.0))
    assert found.each(4).value == pytest.approx(0.3)
    assert used(made, points.GAUGE, marks[0], marks[4], 4 * S // 10) is None
    assert used(made, "board-input", None, marks[4], 4 * S // 10) is None


def test_how_far_figures_may_be_off_is_known_by_the_names_of_their_channels() -> None:
    def channel(name: str, quantity: Quantity, unit: Unit, provenance: str, kind: object) -> Channel:
        return Channel(device="d", name=name, quantity=quantity, unit=unit, provenance=f"{provenance} {kind}")

    pairs = energies(channel)
    assert [pair.figure.name for pair in pairs.values()] == [f"energy {scope}" for scope in pairs]
    assert set(pairs) == set(Scope) - {Scope.RUN}
    for pair in pairs.values():
        assert (points.tells_off(pair.figure.name), points.tells_off(pair.off.name)) == (False, True)
    for name in ("J/token melt", "J/token prefill"):
        assert (points.tells_off(name), points.tells_off(points.off(name))) == (False, True)


@pytest.mark.parametrize("case", CASES)
def test_the_parts_of_a_run_are_told_as_the_recording_has_them(case: str, tmp_path: Path) -> None:
    channel, made, more = CASES[case]
    live, found = played(tmp_path / "x.melt", channel, made(channel), more)
    near = 0.03 if made is blocks else 0.02
    for scope in (Scope.LOAD, Scope.TURN, Scope.PREFILL, Scope.DECODE):
        one = scoped(found, scope)
        few = scope is Scope.LOAD
        assert live["desk", f"energy {scope} {POINT}"] == pytest.approx(one.gross_j, rel=1e-4)
        assert live["desk", f"energy {scope} ± {POINT}"] == pytest.approx(
            one.uncertainty_j, rel=0.03 if few else near
        )
    for definition in (PerToken.MELT, PerToken.PREFILL):
        each = each_token(found, definition)
        assert live["desk", f"J/token {definition} {POINT}"] == pytest.approx(each.gross_j, rel=1e-3)
        assert live["desk", f"J/token {definition} ± {POINT}"] == pytest.approx(
            each.uncertainty_j, rel=2 * near
        )


def loading(process_s: float, start_s: float, ready_s: float) -> Iterator[Item]:
    """A run of which the load took longer than what has been measured is held."""
    for item in run(TURN, 17.03, 90.04):
        if isinstance(item, ProcessStarted):
            yield replace(item, t_ns=at(process_s))
        elif isinstance(item, ModelLoaded):
            yield replace(item, t_ns=at(ready_s), load_s=ready_s - start_s)
        else:
            yield item


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("process_s", "start_s"), [(20.53, 20.21), (20.53, 20.71)])
def test_a_load_that_took_long_is_told_all_the_same(
    case: str, process_s: float, start_s: float, tmp_path: Path
) -> None:
    channel, made, more = CASES[case]
    the_run = loading(process_s, start_s, 74.07)
    live, found = played(tmp_path / "x.melt", channel, made(channel), more, the_run)
    one, near = scoped(found, Scope.LOAD), 0.03 if made is blocks else 0.01
    assert live["desk", f"energy load {POINT}"] == pytest.approx(one.gross_j, rel=1e-4)
    assert live["desk", f"energy load ± {POINT}"] == pytest.approx(one.uncertainty_j, rel=near)


def test_a_long_load_of_which_nobody_saw_the_beginning_is_not_told(tmp_path: Path) -> None:
    for process_s in (23.0, 18.0):
        the_run = loading(process_s, 20.21, 74.07)
        path = tmp_path / f"{process_s}.melt"
        live, found = played(path, FAST, blocks(FAST), [], the_run)
        assert scoped(found, Scope.LOAD).gross_j
        assert ("desk", f"energy load {POINT}") not in live
