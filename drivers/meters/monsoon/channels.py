"""Channels of a Monsoon: for each rail that is asked for its current, its voltage where it is measured, and power."""

from collections.abc import Sequence

from drivers.accuracy import Accuracy
from drivers.address import Address
from drivers.errors import NotSupported
from drivers.meters.monsoon.protocol import RATE_HZ
from drivers.model import Channel, DType, Quantity, Unit, linear

ACCURACY = Accuracy(0.01, 1e-3)
"""Of a current: ± 1 % or ± 1 mA, whichever is more (Monsoon's manuals; ± 50 µA of the fine gain). Of its voltage Monsoon
states none, nor is one made up: that of power is its current's."""

POINTS = {"main": "battery-terminals", "usb": "usb-input", "aux": "rail:aux"}
"""Where each rail is wired to, unless the address says otherwise of the main one."""


def rails_of(address: Address, known: Sequence[str]) -> tuple[str, ...]:
    """The rails that ``rails=main,usb`` names; the main one if it names none. Raises NotSupported."""
    rails = tuple(address.options.get("rails", "main").split(","))
    for rail in rails:
        if rail not in known or rails.count(rail) > 1:
            raise NotSupported(
                f"{address.base} has no rails {','.join(rails)[:40]!r}",
                remedy=f"rails are {', '.join(known)}",
            )
    return rails


def current(device: str, rail: str, point: str, limit: float | None) -> Channel:
    """Amperes, calibrated by the readings of zero and reference that the meter takes by itself."""
    return Channel(
        device=device,
        name=f"{rail} current",
        quantity=Quantity.CURRENT,
        unit=Unit.AMPERE,
        rate_hz=RATE_HZ,
        dtype=DType.F32,
        point=point,
        limit=limit,
        detail="calibrated by the meter's own zero and reference",
        accuracy=ACCURACY,
    )


def voltage(device: str, rail: str, point: str, volts_per_step: float) -> Channel:
    """Volts, as read."""
    return Channel(
        device=device,
        name=f"{rail} voltage",
        quantity=Quantity.VOLTAGE,
        unit=Unit.VOLT,
        rate_hz=RATE_HZ,
        dtype=DType.U16,
        decoding=linear(volts_per_step),
        point=point,
    )


def power(device: str, rail: str, point: str, highest_v: float) -> Channel:
    """Watts of every sample, at up to ``highest_v``."""
    return Channel(
        device=device,
        name="power" if rail == "main" else f"{rail} power",
        quantity=Quantity.POWER,
        unit=Unit.WATT,
        rate_hz=RATE_HZ,
        dtype=DType.F32,
        point=point,
        provenance=f"{rail} voltage × {rail} current of the same sample",
        detail="accuracy: of its current; none is stated of its voltage",
        accuracy=ACCURACY.times(highest_v),
    )


def output(device: str) -> Channel:
    """The voltage that it is set to; 0 where its output is off."""
    return Channel(
        device=device, name="output", quantity=Quantity.OTHER, unit=Unit.VOLT, detail="set, not measured"
    )
