"""What a meter sent and nobody got, or what came damaged: counted in a channel at once, told at most once a second."""

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import SamplesLost
from drivers.model import Channel, DType, Kind, Quantity, Samples, Unit, reading

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
    """The losses of one opening of one meter. ``name`` is the channel's, and the reason that is told."""

    def __init__(self, device: str, name: str) -> None:
        self.channel = loss_channel(device, name)
        self._total = 0
        self._untold = 0
        self._told_ns: int | None = None

    def add(self, n: int) -> None:
        """So many more."""
        self._total += n
        self._untold += n

    def reading(self, t_ns: int) -> Samples:
        """The count so far."""
        return reading(self.channel, t_ns, self._total)

    def told(self, t_ns: int, *, all_of_them: bool = False) -> list[Item]:
        """What is to be told now, if anything is; with ``all_of_them`` whatever was not told yet."""
        if not self._untold:
            return []
        if self._told_ns is not None and t_ns < self._told_ns + TELL_NS and not all_of_them:
            return []
        lost = SamplesLost(
            t_ns=t_ns,
            device=self.channel.device,
            channel=self.channel.name,
            count=self._untold,
            reason=self.channel.name,
        )
        self._untold, self._told_ns = 0, t_ns
        return [lost, self.reading(t_ns)]
