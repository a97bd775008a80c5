"""What was reached long ago: by the second at first, more coarsely then, and never made up."""

import pytest

from melt_tui.detectors.history import MOST, History
from melt_tui.detectors.reached import Reached

S = 1_000_000_000


def test_a_history_knows_the_last_minutes_by_the_second_and_all_before_more_coarsely() -> None:
    history = History()
    for k in range(4 * 3600):
        history.note(0, k * S // 4 + S // 8, Reached(k / 4 + 0.125, k * S / 4 + S / 8, 0.0))
    newest_ns = history.newest_ns or 0
    trace = history.trace(0.0, 0.0)
    assert len(trace.times_ns) < MOST
    recent = trace.times_ns[trace.times_ns > newest_ns - 2 * 60 * S]
    assert len(recent) == 120
    for t_ns in (0, 1, S // 2, 100 * S + 1, 1800 * S, newest_ns):
        assert history.at(t_ns).joules == pytest.approx(t_ns / S)
    assert history.at(newest_ns + 5).joules == newest_ns / S
    assert trace.values == pytest.approx(1.0)


def test_what_is_kept_of_a_history_stays_as_it_is() -> None:
    history = History()
    for k in range(10):
        history.note(0, k * S, Reached(2.0 * k, 0.0))
    kept = history.kept()
    history.note(0, 10 * S, Reached(50.0, 0.0))
    assert (kept.newest_ns, history.newest_ns) == (9 * S, 10 * S)
    assert kept.at(10 * S).joules == 18.0
