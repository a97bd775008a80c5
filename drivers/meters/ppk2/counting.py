"""What was lost and what came damaged: counted at once, told at most once a second."""

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import SamplesLost
from drivers.model import Channel, reading

TELL_NS = SECOND


class Count:
    """One channel that counts. With ``reason`` the events of its losses are told too."""

    def __init__(self, channel: Channel, of: Channel | None = None, reason: str = "") -> None:
        self.channel = channel
        self.total = 0
        self._of = of
        self._reason = reason
        self._untold = 0
        self._told_ns: int | None = None

    def add(self, more: int) -> None:
        """So many more."""
        self.total += more
        self._untold += more

    def told(self, t_ns: int, *, at_once: bool = False) -> list[Item]:
        """What is to be told now: the count at the beginning and after it has changed."""
        if self._told_ns is None:
            due = True
        else:
            due = bool(self._untold) and (at_once or t_ns >= self._told_ns + TELL_NS)
        if not due:
            return []
        items: list[Item] = [reading(self.channel, t_ns, self.total)]
        if self._untold and self._of is not None:
            items.insert(0, self._event(self._of, t_ns))
        self._untold, self._told_ns = 0, t_ns
        return items

    def _event(self, of: Channel, t_ns: int) -> SamplesLost:
        return SamplesLost(
            t_ns=t_ns, device=of.device, channel=of.name, count=self._untold, reason=self._reason
        )
