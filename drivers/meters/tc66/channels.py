"""What a TC66 measures."""

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
        )
        for name, quantity, unit, dtype, scale in TABLE
    )
