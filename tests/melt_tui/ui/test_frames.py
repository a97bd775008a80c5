from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.frames import ChartPace, FrameMeter

MS = 1_000_000


def test_even_ticks_are_on_time() -> None:
    meter = FrameMeter(100 * MS)
    for i in range(20):
        meter.tick(i * 100 * MS)
    assert (meter.frames, meter.dropped, meter.lag_p99_s) == (20, 0, 0.0)


def test_a_frozen_terminal_is_counted_in_missed_frames() -> None:
    meter = FrameMeter(100 * MS)
    for t_ms in (0, 100, 4130, 4200, 4300):
        meter.tick(t_ms * MS)
    assert meter.dropped == 39
    assert meter.lag_p99_s == 3.93
    assert meter.frames == 5


def test_a_little_late_is_no_missed_frame_and_does_not_shift_the_grid() -> None:
    meter = FrameMeter(100 * MS, kept=4)
    for t_ms in (0, 130, 210, 300):
        meter.tick(t_ms * MS)
    assert (meter.dropped, meter.lag_p99_s) == (0, 0.03)


def test_a_pause_on_purpose_is_no_lateness() -> None:
    meter = FrameMeter(100 * MS)
    meter.tick(0)
    meter.restart()
    meter.tick(9000 * MS)
    assert (meter.dropped, meter.lag_p99_s) == (0, 0.0)


SPANS = st.integers(1, 10_000_000 * MS)


@given(
    SPANS, st.lists(st.integers(0, 400), max_size=6), st.lists(st.integers(50, 150), min_size=2, max_size=80)
)
def test_charts_are_drawn_for_every_dot_and_no_later_than_after_half_a_second(
    span_ns: int, columns: list[int], steps_ms: list[int]
) -> None:
    pace, now_ns, drawn = ChartPace(), 3_600_000 * MS, list[int]()
    dot_ns = -(-span_ns // max((1, *columns)))
    for step_ms in steps_ms:
        before, now_ns = now_ns, now_ns + step_ms * MS
        due = pace.due(now_ns, (now_ns - span_ns, now_ns), columns)
        assert due or not drawn or before // dot_ns == now_ns // dot_ns
        drawn += [now_ns] * due
        assert not drawn or now_ns - drawn[-1] <= 400 * MS
    assert len(drawn) <= 1 + (sum(steps_ms) * MS // dot_ns + 1) * -(-dot_ns // (400 * MS))
