"""Delays between attempts."""

from melt_tui.session.backoff import backoff


def test_backoff_stays_at_two_seconds() -> None:
    delays = backoff()
    assert [next(delays) for _ in range(6)] == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
