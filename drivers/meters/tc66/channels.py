"""What a TC66 measures, and how truly: ± (0.05 % + 2 digits) of its volts, ± (0.1 % + 4 digits) of its amperes, ± 3 °C,
as RDTech's instructions for the TC66 and TC66C state it; of its watts what follows from both."""

from drivers.accuracy import Accuracy, of_power
from drivers.model import Channel, DType, Quantity, Unit, linear

TABLE = (
    ("voltage", Quantity.VOLTAGE, Unit.VOLT, DType.U32, 1e-4),
    ("current", Quantity.CURRENT, Unit.AMPERE, DType.U32, 1e-5),
    ("power", Quantity.POWER, Unit.WATT, DType.U32, 1e-4),
    ("temperature", Quantity.OTHER_TEMPERATURE, Unit.CELSIUS, DType.I16, 1.0),
    ("D+", Quantity.OTHER, Unit.VOLT, DType.U16, 1e-2),
    ("D-", Quantity.OTHER, Unit.VOLT, DType.U16, 1e-2),
)
"""Name, quantity, unit, type of the code, unit of its last digit."""

LOW_V, HIGH_V = 0.5, 30.0
VOLTS, AMPERES = Accuracy(5e-4, 2e-4), Accuracy(1e-3, 4e-5)
ACCURACY = {
    "voltage": VOLTS,
    "current": AMPERES,
    "power": of_power(VOLTS, AMPERES, LOW_V, HIGH_V),
    "temperature": Accuracy(0.0, 3.0),
}
_LOCATED = frozenset({Quantity.VOLTAGE, Quantity.CURRENT, Quantity.POWER})


def channels(device: str, rate_hz: float, point: str) -> tuple[Channel, ...]:
    """One for each row of the table."""
    return tuple(
        Channel(
            device=device,
            name=name,
            quantity=quantity,
            unit=unit,
            rate_hz=rate_hz,
            dtype=dtype,
            decoding=linear(scale),
            point=point if quantity in _LOCATED else "",
            accuracy=ACCURACY.get(name),
        )
        for name, quantity, unit, dtype, scale in TABLE
    )
