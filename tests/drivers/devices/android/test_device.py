"""When an open phone is asked what."""

from collections.abc import Sequence

from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.android import device
from drivers.links.asking import Answer
from drivers.model import Channel


def test_services_that_are_due_are_asked_in_one_go_but_for_those_that_hung() -> None:
    names = {"thermal": (5, 0), "battery": (4, 0), "hung": (5, 9), "later": (6, 0), "healed": (3, 5)}
    early = device._EARLY_NS
    waiting = [
        device._Due(_Named(name), due_ns + early, alone_ns) for name, (due_ns, alone_ns) in names.items()
    ]
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
