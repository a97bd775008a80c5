"""Windows made by hand: what a Timeline would answer for samples that a test knows."""

from array import array
from collections.abc import Callable, Iterable, Sequence

from hypothesis import strategies as st

from melt_tui.timeline import Window, grid

SECOND = 1_000_000_000
KEY = ("phone", "rate")


def window(columns: Sequence[tuple[int, float, float, float]], width_ns: int = SECOND) -> Window:
    """From ``(start_ns, least, greatest, mean)`` of each column."""
    return Window(
        key=KEY,
        width_ns=width_ns,
        starts_ns=array("q", (c[0] for c in columns)),
        counts=array("q", (1 for _ in columns)),
        minima=array("d", (c[1] for c in columns)),
        maxima=array("d", (c[2] for c in columns)),
        means=array("d", (c[3] for c in columns)),
    )


def of_values(values: Iterable[float | None], width_ns: int = SECOND, t0_ns: int = 0) -> Window:
    """One value a column, from ``t0_ns`` on; None is a column without samples."""
    known = [(t0_ns + i * width_ns, v) for i, v in enumerate(values) if v is not None]
    return window([(t_ns, v, v, v) for t_ns, v in known], width_ns)


def sampled(
    value: Callable[[float], float],
    t0_ns: int,
    t1_ns: int,
    columns: int,
    *,
    period_ns: int = SECOND // 10,
    away_s: tuple[float, float] = (0.0, 0.0),
) -> Window:
    """Samples of a function of seconds, every ``period_ns``, none while away, cut as a Timeline cuts them."""
    width_ns, _ = grid.choose(t1_ns - t0_ns, columns)
    rows: dict[int, list[float]] = {}
    for t_ns in range(-(-t0_ns // period_ns) * period_ns, t1_ns, period_ns):
        if not away_s[0] <= t_ns / SECOND < away_s[1]:
            rows.setdefault(grid.floor_to(t_ns, width_ns), []).append(value(t_ns / SECOND))
    return window([(t, min(v), max(v), sum(v) / len(v)) for t, v in rows.items()], width_ns)


@st.composite
def any_window(draw: st.DrawFn, values: st.SearchStrategy[float] | None = None) -> Window:
    """Any window that a Timeline may answer with, whatever its values."""
    number = st.floats() if values is None else values
    width_ns = draw(st.sampled_from([1, 1000, SECOND // 10, SECOND, 60 * SECOND]))
    places = sorted(draw(st.sets(st.integers(0, 400), max_size=40)))
    rows = [(place * width_ns, sorted(draw(st.tuples(number, number, number)))) for place in places]
    return window([(t_ns, low, high, mean) for t_ns, (low, mean, high) in rows], width_ns)
