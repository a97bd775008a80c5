"""What the UM meters measure."""

from drivers.accuracy import Accuracy, of_power
from drivers.meters.um.protocol import Model
from drivers.model import Channel, DType, Quantity, Unit, linear

LOW_V, HIGH_V = 4.0, 24.0
DIGIT_W = 1e-3
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
    accuracy = {
        "voltage": model.of_volts,
        "current": model.of_amperes,
        "power": _of_watts(model),
        "temperature": Accuracy(0.0, 3.0),
    }
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
            accuracy=accuracy.get(name),
        )
        for name, quantity, unit, dtype, scale in table
    )


def _of_watts(model: Model) -> Accuracy | None:
    """The meter multiplies, and rounds to its last digit."""
    product = of_power(model.of_volts, model.of_amperes, LOW_V, HIGH_V)
    return product and Accuracy(product.gain_fraction, product.offset + DIGIT_W / 2)
