"""What a meter sent and nobody got, what came damaged, what is not to be trusted: counted in a channel at once, told at
most once a second."""

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import SamplesLost
from drivers.model import Channel, DType, Kind, Quantity, Unit, reading

TELL_NS = SECOND


def loss_channel(device: str, name: str) -> Channel:
    """The count so far of what is named ``damaged frames``, ``lost samples`` …"""
    return Channel(
        device=device,
        name=name,
        quantity=Quantity.LOSS_COUNT,
        unit=Unit.NONE,
        kind=Kind.COUNTER,
        dtype=DType.I64,
    )


class Losses:
    """One count of one opening of one meter. ``of`` names the channel whose samples are lost, for the event that tells
    it; empty where nothing but the count is told."""

    def __init__(self, channel: Channel, *, of: str = "", reason: str = "") -> None:
        self.channel = channel
        self._of = of
        self._reason = reason or channel.name
        self._total = 0
        self._untold = 0
        self._begun = False
        self._told_ns: int | None = None

    def add(self, n: int) -> None:
        """So many more."""
        self._total += n
        self._untold += n

    def told(self, t_ns: int, *, all_of_them: bool = False) -> list[Item]:
        """What is to be told now: the count at the beginning, then what was lost since; with ``all_of_them`` at once."""
        if not self._due(t_ns) and not (all_of_them and self._untold):
            return []
        items: list[Item] = [reading(self.channel, t_ns, self._total)]
        if self._untold:
            items = [*self._event(t_ns), *items]
            self._told_ns = t_ns
        self._begun, self._untold = True, 0
        return items

    def _due(self, t_ns: int) -> bool:
        if not self._begun:
            return True
        return bool(self._untold) and (self._told_ns is None or t_ns >= self._told_ns + TELL_NS)

    def _event(self, t_ns: int) -> list[Item]:
        if not self._of:
            return []
        lost = SamplesLost(
            t_ns=t_ns, device=self.channel.device, channel=self._of, count=self._untold, reason=self._reason
        )
        return [lost]


def counted_losses(device: str, name: str) -> Losses:
    """A count whose events tell of it by its own name."""
    return Losses(loss_channel(device, name), of=name)
