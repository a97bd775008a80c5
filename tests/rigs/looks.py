"""Looks at a timeline, drawn by hypothesis round the moments at which something happened, and what must be equal."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import Event, LogLine, PrefillProgress, TurnStarted
from drivers.model import Samples
from melt_tui.events import Mark, RunStarted, Tick
from melt_tui.timeline import Timeline, Window
from tests.rigs.random_sessions import DEVICES, NAMES

KINDS: tuple[tuple[type[Event], ...], ...] = (
    (),
    (Mark,),
    (TurnStarted, RunStarted, Mark),
    (LogLine,),
    (PrefillProgress, Tick),
)

KEYS = tuple((device, name) for device in DEVICES for name in NAMES)


@dataclass(frozen=True)
class Look:
    """From near one item to near another, in so many columns."""

    first: int
    shift_ns: int
    second: int
    columns: int
    kinds: tuple[type[Event], ...]
    limit: int

    def span(self, items: Sequence[Item]) -> tuple[int, int]:
        """The two moments, in order."""
        times = [item.t0_ns if isinstance(item, Samples) else item.t_ns for item in items]
        a, b = times[self.first % len(times)] + self.shift_ns, times[self.second % len(times)]
        return min(a, b), max(a, b)


def looks(most: int = 8) -> st.SearchStrategy[list[Look]]:
    """Some looks."""
    one = st.builds(
        Look,
        st.integers(0, 400),
        st.sampled_from((0, 1, -1, MILLISECOND, -MILLISECOND, 77 * MILLISECOND, -SECOND, 20 * SECOND)),
        st.integers(0, 400),
        st.sampled_from((1, 2, 7, 60, 200, 5000)),
        st.sampled_from(KINDS),
        st.sampled_from((0, 1, 3, 1000)),
    )
    return st.lists(one, min_size=1, max_size=most)


def assert_same_window(got: Window, expected: Window) -> None:
    """Same columns: all exact but the mean."""
    assert got.key == expected.key
    assert got.width_ns == expected.width_ns
    assert got.starts_ns.tolist() == expected.starts_ns.tolist()
    assert got.counts.tolist() == expected.counts.tolist()
    assert got.minima.tolist() == expected.minima.tolist()
    assert got.maxima.tolist() == expected.maxima.tolist()
    assert got.means.tolist() == pytest.approx(expected.means.tolist(), rel=1e-9, abs=1e-9)
    assert (got.starts_ns.typecode, got.counts.typecode, got.means.typecode) == ("q", "q", "d")


def assert_same(got: Timeline, expected: Timeline, items: Sequence[Item], taken: Sequence[Look]) -> None:
    """Both timelines answer every look alike."""
    for look in taken:
        t0_ns, t1_ns = look.span(items)
        for t_ns in (t0_ns, t1_ns):
            view, wanted = got.view(t_ns), expected.view(t_ns)
            assert view == wanted
            assert list(view.devices) == list(wanted.devices)
            assert list(view.channels) == list(wanted.channels)
        for key in KEYS:
            assert_same_window(
                got.window(key, t0_ns, t1_ns, look.columns), expected.window(key, t0_ns, t1_ns, look.columns)
            )
        assert tuple(got.intervals(t0_ns, t1_ns)) == tuple(expected.intervals(t0_ns, t1_ns))
        assert_same_events(got, expected, look, t0_ns, t1_ns)


def assert_same_events(got: Timeline, expected: Timeline, look: Look, t0_ns: int, t1_ns: int) -> None:
    """Both tell the same events."""
    told = tuple(got.events(t0_ns, t1_ns, kinds=look.kinds, limit=look.limit))
    assert told == tuple(expected.events(t0_ns, t1_ns, kinds=look.kinds, limit=look.limit))
    kinds = look.kinds or (Tick, Mark)
    assert got.event_after(t0_ns, kinds) == expected.event_after(t0_ns, kinds)
    assert got.event_before(t1_ns, kinds) == expected.event_before(t1_ns, kinds)
