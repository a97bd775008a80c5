from melt_tui.ui.frames import FrameMeter

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
