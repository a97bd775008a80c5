"""Lines that a device moves with its turns: the offset that was put in comes out, or it is said why none is told."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from drivers.clock import MILLISECOND, SECOND
from melt_tui.measures import logic_lines
from melt_tui.measures.alignment import Alignment, Values
from melt_tui.measures.logic_lines import Edges, Moment, Times, align_line, edges_of

Turns = Mapping[Moment, Sequence[int]]
MICROSECOND = 1000
ZERO = 1_700_000_000 * SECOND


def turns_of(seed: int, n: int = 6) -> Turns:
    """Uneven ones, from 5 s on."""
    rng, at, found = np.random.default_rng(seed), ZERO + 5 * SECOND, []
    for _ in range(n):
        first = at + round(rng.uniform(0.2, 0.9) * SECOND)
        last = first + round(rng.uniform(1.0, 3.0) * SECOND)
        found.append((at, first, last))
        at = last + round(rng.uniform(0.3, 2.0) * SECOND)
    return dict(zip(Moment, zip(*found, strict=True), strict=True))


def even_turns(n: int = 5) -> Turns:
    starts = [ZERO + 5 * SECOND + i * 3 * SECOND for i in range(n)]
    lasts = [start + 2 * SECOND for start in starts]
    return {
        Moment.PROMPT: starts,
        Moment.FIRST: [start + 400 * MILLISECOND for start in starts],
        Moment.LAST: lasts,
    }


def moved(away: Sequence[int], back: Sequence[int], offset_ns: int, jitter_ms: float = 0.0) -> Times:
    """When the line changes by the meter's clock: away from rest and back, in turns."""
    times = np.array(sorted([*away, *back]), np.int64) - offset_ns
    jitter = np.random.default_rng(9).normal(0, jitter_ms, len(times)) * MILLISECOND
    return np.asarray(times + np.rint(jitter).astype(np.int64))


def sampled(changes: Times, every_ns: int, rest: int = 0) -> tuple[Times, Values]:
    """The line as it is read that often."""
    times = np.arange(int(changes[0]) - 3 * SECOND, int(changes[-1]) + 3 * SECOND, every_ns) + 1234
    levels = (np.searchsorted(changes, times, "right") + rest) % 2
    return times, levels.astype(np.float64)


def told(changes: Times) -> Edges:
    """By a meter of 100 kS/s that tells changes alone, and how the line is now and then."""
    times, levels = sampled(changes, 10 * MICROSECOND)
    kept = np.flatnonzero(np.diff(levels, prepend=2.0))
    return edges_of(times[kept], levels[kept], 10_000.0)


def pulses(moments: Sequence[int], ms: float = 10) -> Sequence[int]:
    return [moment + round(ms * MILLISECOND) for moment in moments]


def error_ms(found: Alignment, offset_ns: int) -> float:
    assert found.offset_ns is not None, found.reason
    assert found.uncertainty_ns is not None
    assert abs(found.offset_ns - offset_ns) <= found.uncertainty_ns
    assert found.sure
    return abs(found.offset_ns - offset_ns) / MILLISECOND


SHAPES = {
    "from prompt to last-token": (Moment.PROMPT, Moment.LAST),
    "from prompt to first-token": (Moment.PROMPT, Moment.FIRST),
    "from first-token to last-token": (Moment.FIRST, Moment.LAST),
    "at prompt": (Moment.PROMPT, None),
    "at first-token": (Moment.FIRST, None),
    "at last-token": (Moment.LAST, None),
}


@pytest.mark.parametrize("offset_ms", [0.0, -37.25, 640.0, -1900.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_offset_is_found_within_1_ms_at_1_ks(shape: str, offset_ms: float) -> None:
    offset_ns = round(offset_ms * MILLISECOND)
    for seed in range(8):
        turns = turns_of(seed)
        leaving, back = SHAPES[shape]
        away = turns[leaving]
        changes = moved(away, turns[back] if back else pulses(away), offset_ns)
        found = align_line(edges_of(*sampled(changes, MILLISECOND, seed % 2), None), turns, "D0")
        assert error_ms(found, offset_ns) < 1
        assert found.evidence == f"line D0 {shape}"
        assert found.edges == len(away) * (2 if back else 1)


def test_changes_alone_tell_as_finely_as_the_line_was_looked_at() -> None:
    turns = turns_of(3)
    found = align_line(told(moved(turns[Moment.PROMPT], turns[Moment.LAST], -123_456)), turns, "D0")
    assert error_ms(found, -123_456) < 0.01
    assert (found.uncertainty_ns or 0) < 20 * MICROSECOND


def test_what_it_is_off_lies_within_what_is_told_in_95_of_100_cases() -> None:
    """Programs move a line some milliseconds early or late; of few turns less is known."""
    rng, outside, trials = np.random.default_rng(2), 0, 400
    for seed in range(trials):
        turns = turns_of(seed, n=3 + seed % 3)
        early = rng.normal(50, 4, len(turns[Moment.PROMPT])) * MILLISECOND
        away = [round(moment + by) for moment, by in zip(turns[Moment.PROMPT], early, strict=True)]
        changes = np.array(sorted([*away, *pulses(away)]))
        found = align_line(edges_of(*sampled(changes, MILLISECOND), None), turns, "D0")
        assert found.offset_ns is not None
        outside += abs(found.offset_ns + 50 * MILLISECOND) > (found.uncertainty_ns or 0)
    assert outside <= 0.05 * trials


def test_one_turn_is_too_little_and_two_are_not() -> None:
    for n in (1, 2):
        turns = turns_of(1, n=n)
        level = moved(turns[Moment.PROMPT], turns[Moment.LAST], 7 * MILLISECOND)
        found = align_line(edges_of(*sampled(level, MILLISECOND), None), turns, "D0")
        if n == 1:
            assert found.offset_ns is None
            assert found.reason.startswith("D0 changes too seldom")
        else:
            assert error_ms(found, 7 * MILLISECOND) < 1
    away = turns[Moment.PROMPT][:1]
    pulse = edges_of(*sampled(moved(away, pulses(away), 0), MILLISECOND), None)
    assert (
        align_line(pulse, turns, "D0").reason
        == "D0 changes 2 times beside the run, and not in step with the 2 turns"
    )


def test_a_line_that_has_nothing_to_do_with_the_turns_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = turns_of(4)
    still = edges_of(*sampled(np.array([ZERO, ZERO + SECOND]), MILLISECOND), None).between(0, 1)
    assert align_line(still, turns, "D0").reason == "D0 does not change beside the run"
    for seed in range(40):
        rng = np.random.default_rng(seed)
        changes = np.sort(rng.integers(ZERO + 3 * SECOND, ZERO + 25 * SECOND, 12))
        found = align_line(edges_of(*sampled(changes, MILLISECOND), None), turns, "D0")
        assert found.offset_ns is None
        assert found.reason == "D0 changes 12 times beside the run, and not in step with the 6 turns"
    monkeypatch.setattr(logic_lines, "_Look", None)  # so many are not laid beside the moments at all
    beats = ZERO + 3 * SECOND + np.arange(400, dtype=np.int64) * 50 * MILLISECOND
    found = align_line(edges_of(*sampled(beats, MILLISECOND), None), turns, "D0")
    assert "changes 400 times" in found.reason


def test_some_edges_too_many_or_too_few_are_borne() -> None:
    turns = turns_of(6, n=8)
    away, back = list(turns[Moment.PROMPT]), list(turns[Moment.LAST])
    away[0], back[0] = ZERO + 3 * SECOND, ZERO + 3 * SECOND + 80 * MILLISECOND
    found = align_line(edges_of(*sampled(moved(away, back, MILLISECOND), MILLISECOND), None), turns, "D0")
    assert error_ms(found, MILLISECOND) < 1
    assert found.edges == 14


def test_turns_that_are_alike_leave_open_which_moment_a_pulse_marks_until_it_is_told() -> None:
    turns = even_turns()
    away = turns[Moment.FIRST]
    pulse = edges_of(*sampled(moved(away, pulses(away), 2 * MILLISECOND), MILLISECOND), None)
    found = align_line(pulse, turns, "D0")
    assert found.offset_ns is None
    assert "may mark prompt or first-token or last-token: tell which, as --line D0=" in found.reason
    marked = align_line(pulse, turns, "D0", Moment.FIRST)
    assert error_ms(marked, 2 * MILLISECOND) < 1
    level = edges_of(*sampled(moved(turns[Moment.PROMPT], turns[Moment.LAST], 0), MILLISECOND), None)
    assert align_line(level, turns, "D0").evidence == "line D0 from prompt to last-token"


def test_turns_that_follow_one_another_evenly_are_not_mistaken_for_one_another() -> None:
    """A shift by one whole turn leaves one moment and one edge over."""
    starts = [ZERO + 5 * SECOND + i * 1500 * MILLISECOND for i in range(6)]
    turns = {Moment.PROMPT: starts, Moment.LAST: [start + SECOND for start in starts]}
    level = edges_of(*sampled(moved(starts, turns[Moment.LAST], -MILLISECOND), MILLISECOND), None)
    assert error_ms(align_line(level, turns, "D0"), -MILLISECOND) < 1


def test_edges_lie_between_readings() -> None:
    """Lines that came in one piece bear one time; what is no number was not read."""
    times = np.array([0, 10, 10, 20, 30, 40]) * MILLISECOND
    edges = edges_of(times, np.array([0.0, 0.0, 1.0, np.nan, 0.0, 0.0]), None)
    assert (edges.times_ns / MILLISECOND).tolist() == [10, 30]
    assert edges.rising.tolist() == [True, False]
    assert (edges.widths_ns / MILLISECOND).tolist() == [10, 20]
