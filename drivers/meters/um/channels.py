"""What the UM meters measure."""

from drivers.meters.um.protocol import Model
from drivers.model import Channel, DType, Quantity, Unit, linear

_LOCATED = frozenset({Quantity.VOLTAGE, Quantity.CURRENT, Quantity.POWER})


def channels(device: str, model: Model, rate_hz: float, point: str) -> tuple[Channel, ...]:
    """In the order of ``protocol.read``."""
    table = (
        ("voltage", Quantity.VOLTAGE, Unit.VOLT, DType.U16, model.volt),
        ("current", Quantity.CURRENT, Unit.AMPERE, DType.U16, model.ampere),
        ("power", Quantity.POWER, Unit.WATT, DType.U32, 1e-3),
        ("temperature", Quantity.OTHER_TEMPERATURE, Unit.CELSIUS, DType.U16, 1.0),
        ("D+", Quantity.OTHER, Unit.VOLT, DType.U16, 1e-2),
        ("D-", Quantity.OTHER, Unit.VOLT, DType.U16, 1e-2),
    )
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
        for name, quantity, unit, dtype, scale in table
    )
