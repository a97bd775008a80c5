"""How exactly the times of a meter's samples are known, as channels: told once a second beside them."""

from drivers.arrival import Fit
from drivers.clock import SECOND
from drivers.model import Channel, Quantity, Samples, Unit, reading

TELL_NS = SECOND


class Timing:
    """The rate that was measured by this computer's clock, and how far the times of samples may be off."""

    def __init__(self, device: str) -> None:
        self._rate = Channel(device=device, name="sample rate", quantity=Quantity.OTHER, unit=Unit.HERTZ)
        self._off = Channel(device=device, name="time uncertainty", quantity=Quantity.OTHER, unit=Unit.SECOND)
        self._told_ns: int | None = None

    @property
    def channels(self) -> tuple[Channel, Channel]:
        """Both."""
        return self._rate, self._off

    def told(self, t_ns: int, fit: Fit) -> list[Samples]:
        """What is known now, if it is time to tell."""
        if self._told_ns is not None and t_ns < self._told_ns + TELL_NS:
            return []
        self._told_ns = t_ns
        rate = [reading(self._rate, t_ns, fit.rate_hz)] if fit.measured else []
        return [*rate, reading(self._off, t_ns, fit.uncertainty_ns / 1e9)]
