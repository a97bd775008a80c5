"""The words in which a meter that supplies is asked: what it is to do, and what a person is to agree to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyRequest:
    """What a meter that supplies a device is to do; None leaves it as it is."""

    meter: str
    """Its name in the session."""
    millivolts: int | None = None
    on: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyCheck:
    """What a person is to be asked before a meter supplies something else."""

    question: str
    """It names the device and the voltage."""
    warnings: tuple[str, ...] = ()
    cuts: bool = False
    """The device loses its power."""
    supplied: str = ""
    """What the meter supplies now, and what it can, in a sentence."""
