"""When an open phone is asked what."""

from collections import Counter
from collections.abc import Sequence

from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.android import device
from drivers.links.asking import Answer
from drivers.model import Channel


def test_many_phones_are_asked_at_different_times() -> None:
    now_ns, period_ns = 7 * SECOND + 1, 2 * SECOND
    due = [device.in_turn(f"phone-{k}", period_ns, now_ns) for k in range(32)]
    assert all(now_ns - period_ns < ns <= now_ns for ns in due)
    in_each = Counter(ns * 10 // period_ns for ns in due)
    assert len(in_each) >= 8
    assert max(in_each.values()) <= 8
    assert device.in_turn("phone-1", period_ns, now_ns + 5 * period_ns) == due[1] + 5 * period_ns


def test_what_one_phone_is_asked_falls_together() -> None:
    now_ns = 123 * SECOND + 456
    often, seldom = (device.in_turn("phone", n * SECOND, now_ns) for n in (1, 5))
    assert (often - seldom) % SECOND == 0


def test_services_that_are_due_are_asked_in_one_go_but_for_those_that_hung() -> None:
    names = {"thermal": (5, 0), "battery": (4, 0), "hung": (5, 9), "later": (6, 0), "healed": (3, 5)}
    waiting = [device._Due(_Named(name), due_ns, alone_ns) for name, (due_ns, alone_ns) in names.items()]
    groups = device._due_together(waiting, 5)
    assert [[one.service.what for one in some] for some in groups] == [
        ["thermal", "battery", "healed"],
        ["hung"],
    ]
    assert device._due_together(waiting, 2) == []


class _Named:
    """A service of which only the name is asked."""

    period_ns = SECOND
    channels: Sequence[Channel] = ()

    def __init__(self, what: str) -> None:
        self.what = what

    def script(self) -> str:
        raise NotImplementedError

    def take(self, answer: Answer) -> list[Item]:
        raise NotImplementedError
