"""A meter that also supplies what it measures: its voltage, and its switch.

Nothing here is done by opening or closing such a meter: what it supplies stays as it was until somebody orders it.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from drivers.errors import NotSupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """What a meter can supply, and what it supplies now."""

    low_mv: int
    high_mv: int
    """Of its family: nothing above is ever set."""
    set_mv: int | None = None
    """The voltage that it is set to; None where it does not tell and nobody has set one."""
    on: bool | None = None
    """Whether current reaches the device; None where it does not tell."""
    settable: bool = True
    """False: another supply gives the voltage, and only the switch is its own."""


@runtime_checkable
class Supply(Protocol):
    """A ``Device`` that supplies. Every order is told in its stream by ``SupplySet``, in its place among the samples."""

    @property
    def supplied(self) -> Supplied:
        """What it can, and what it does now."""
        ...

    async def set_voltage(self, millivolts: int) -> None:
        """Supply this voltage from now on: it reaches what is connected, so a person must have agreed.

        Raises NotSupported for one that it cannot supply, Refused where it cannot be trusted to, LinkError.
        """
        ...

    async def switch(self, *, on: bool) -> None:
        """Let current through to the device, or cut it. Raises NotSupported where no voltage is set, LinkError."""
        ...


def require_range(device: str, supplied: Supplied, millivolts: int) -> None:
    """Raise NotSupported for a voltage that the meter cannot supply."""
    if not supplied.settable:
        raise NotSupported(
            f"{device} measures what another supply gives", remedy="open it with mode=source in its address"
        )
    if not supplied.low_mv <= millivolts <= supplied.high_mv:
        raise NotSupported(
            f"{device} cannot supply {millivolts / 1000:g} V",
            remedy=f"it supplies {supplied.low_mv / 1000:g} to {supplied.high_mv / 1000:g} V",
        )
