"""The engine's times on our clock."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.runs.enginetime import TOLERANCE_NS, EngineTimes

MS = 1_000_000


def test_gaps_are_the_engines() -> None:
    times = EngineTimes()
    assert times.place([(1_000 * MS, 0.0)]) == [1_000 * MS]
    assert times.place([(1_024 * MS, 21.5)]) == [1_021_500_000]
    assert times.place([(1_044 * MS, 43.25)]) == [1_043_250_000]


def test_a_late_first_arrival_is_seen_by_those_that_came_with_it() -> None:
    """Two seconds of tokens arrive at once, because nobody read: they lie where the engine made them."""
    together = [(5_000 * MS, 20.0 * at) for at in range(100)]
    assert EngineTimes().place(together) == [5_000 * MS - (99 - at) * 20 * MS for at in range(100)]


def test_a_slightly_late_first_arrival_keeps_the_gaps() -> None:
    times = EngineTimes()
    times.place([(1_000 * MS, 0.0)])
    assert times.place([(1_010 * MS, 20.0)]) == [1_020 * MS]


def test_a_very_late_first_arrival_is_corrected() -> None:
    times = EngineTimes()
    times.place([(1_000 * MS, 0.0)])
    assert times.place([(1_010 * MS, 100.0)]) == [1_010 * MS]
    assert times.place([(1_030 * MS, 120.0)]) == [1_030 * MS]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 10**12), st.floats(0, 1e10)), min_size=1, max_size=3), max_size=10
    )
)
def test_times_never_fall_whatever_is_told(batches: list[list[tuple[int, float]]]) -> None:
    times, placed = EngineTimes(), list[int]()
    arrival = 0
    for batch in batches:
        told = []
        for gap, ms in batch:
            arrival += gap
            told.append((arrival, ms))
        placed += times.place(told)
    assert placed == sorted(placed)
    assert all(t_ns <= arrival + TOLERANCE_NS for t_ns in placed)
    assert times.last_ns == (placed[-1] if placed else 0)


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 40)), min_size=2, max_size=50))
def test_span_is_the_engines_when_arrivals_are_a_little_late(steps: list[tuple[float, float]]) -> None:
    """Every arrival comes up to 40 ms after its token was made: the span stays exact."""
    times, made, placed = EngineTimes(), 0.0, list[int]()
    told = []
    for gap, late in steps:
        made += gap
        told.append(made - steps[0][0])
        placed += times.place([(10**9 + round((made + late) * MS), told[-1])])
    assert abs((placed[-1] - placed[0]) - round((told[-1] - told[0]) * MS)) <= 1
