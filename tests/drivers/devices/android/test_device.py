"""When an open phone is asked what."""

from collections import Counter

from drivers.clock import SECOND
from drivers.devices.android import device


def test_many_phones_are_asked_at_different_times() -> None:
    now_ns, period_ns = 7 * SECOND + 1, 2 * SECOND
    due = [device.in_turn(f"phone-{k} battery", period_ns, now_ns) for k in range(32)]
    assert all(now_ns - period_ns < ns <= now_ns for ns in due)
    in_each = Counter(ns * 10 // period_ns for ns in due)
    assert len(in_each) >= 8
    assert max(in_each.values()) <= 8
    assert device.in_turn("phone-1 battery", period_ns, now_ns + 5 * period_ns) == due[1] + 5 * period_ns
