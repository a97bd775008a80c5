"""Which columns a text meter can have, what they measure, and the channels that follow."""

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.accuracy import Accuracy
from drivers.address import Address
from drivers.errors import NotSupported
from drivers.meters.csv.protocol import Column
from drivers.model import IDENTITY, Channel, Kind, Quantity, Unit, linear
from drivers.points import KNOWN

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "pipe": "|"}
COLUMNS_LIMIT = 16


_LOCATED = frozenset({Quantity.POWER, Quantity.ENERGY, Quantity.VOLTAGE, Quantity.CURRENT})
"""What is measured somewhere between a supply and a device."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a heading stands for: its numbers times ``scale`` are in ``unit``."""

    quantity: Quantity
    unit: Unit
    scale: float = 1.0
    low: float = -1e6
    high: float = 1e6
    kind: Kind = Kind.INSTANT
    name: str = ""
    """Of its channel; the quantity's where that is enough."""

    @property
    def located(self) -> bool:
        """Whether it is measured somewhere between a supply and a device."""
        return self.quantity in _LOCATED


HEADINGS = {
    "V": Meaning(Quantity.VOLTAGE, Unit.VOLT, 1.0, -1e3, 1e3),
    "mV": Meaning(Quantity.VOLTAGE, Unit.VOLT, 1e-3, -1e6, 1e6),
    "A": Meaning(Quantity.CURRENT, Unit.AMPERE, 1.0, -100, 100),
    "mA": Meaning(Quantity.CURRENT, Unit.AMPERE, 1e-3, -1e5, 1e5),
    "uA": Meaning(Quantity.CURRENT, Unit.AMPERE, 1e-6, -1e8, 1e8),
    "uW": Meaning(Quantity.POWER, Unit.WATT, 1e-6, -1e10, 1e10),
    "W": Meaning(Quantity.POWER, Unit.WATT, 1.0, -1e4, 1e4),
    "mW": Meaning(Quantity.POWER, Unit.WATT, 1e-3, -1e7, 1e7),
    "J": Meaning(Quantity.ENERGY, Unit.JOULE, 1.0, -1e9, 1e9, Kind.COUNTER),
    "mWh": Meaning(Quantity.ENERGY, Unit.JOULE, 3.6, -1e9, 1e9, Kind.COUNTER),
    "Wh": Meaning(Quantity.ENERGY, Unit.JOULE, 3600.0, -1e6, 1e6, Kind.COUNTER),
    "C": Meaning(Quantity.AMBIENT_TEMPERATURE, Unit.CELSIUS, 1.0, -60, 200),
    "skinC": Meaning(Quantity.SKIN_TEMPERATURE, Unit.CELSIUS, 1.0, -60, 200),
    "lux": Meaning(Quantity.OTHER, Unit.NONE, 1.0, 0, 1e6, name="illuminance"),
    "trigger": Meaning(Quantity.LOGIC, Unit.NONE, 1.0, 0, 1, name="trigger"),
}
SKIPPED = "-"


@dataclass(frozen=True, slots=True)
class Format:
    """How a meter writes: its columns in order, what is between them, how often a line comes (0: unknown)."""

    headings: tuple[str, ...]
    separator: str
    rate_hz: float
    point: str
    comma: bool = False
    """Whether decimals stand behind a comma."""
    accuracy: Accuracy | None = None
    """Of its power in watts, as its owner states it."""

    @property
    def kept(self) -> tuple[str, ...]:
        """The headings of columns that are not skipped."""
        return tuple(heading for heading in self.headings if heading != SKIPPED)

    @property
    def columns(self) -> tuple[Column, ...]:
        """For the line reader."""
        return tuple(
            Column("")
            if heading == SKIPPED
            else Column(heading, HEADINGS[heading].low, HEADINGS[heading].high)
            for heading in self.headings
        )

    @property
    def product(self) -> tuple[int, int, float] | None:
        """Which kept columns multiply to watts, and by what; None where power is written, or cannot be known."""
        quantities = [HEADINGS[heading].quantity for heading in self.kept]
        if Quantity.POWER in quantities or not {Quantity.VOLTAGE, Quantity.CURRENT} <= set(quantities):
            return None
        volts, amperes = quantities.index(Quantity.VOLTAGE), quantities.index(Quantity.CURRENT)
        scale = HEADINGS[self.kept[volts]].scale * HEADINGS[self.kept[amperes]].scale
        return volts, amperes, scale


OPTIONS = ("columns", "sep", "decimal", "rate", "point", "accuracy", "offset")


def parse_format(address: Address) -> Format:
    """The format that an address states: ``columns=V,A&sep=comma&decimal=point&rate=100&point=usb-input``; with
    ``accuracy=0.7&offset=0.002`` its power is right within ± (0.7 % of it + 0.002 W).

    Raises NotSupported, naming what is known.
    """
    headings = _headings(address)
    separator, decimal = _signs(address)
    return Format(
        headings,
        SEPARATORS[separator],
        address.number("rate", 0, 0, 1e5),
        _point(address, headings),
        comma=decimal == "comma",
        accuracy=_accuracy(address),
    )


def _headings(address: Address) -> tuple[str, ...]:
    headings = tuple(address.options.get("columns", "V,A").split(","))
    for heading in headings:
        if heading not in HEADINGS and heading != SKIPPED:
            raise NotSupported(
                f"{address.base} has no column {heading[:20]!r}",
                remedy=f"columns are {', '.join(HEADINGS)} and {SKIPPED} for one to skip",
            )
    kept = [heading for heading in headings if heading != SKIPPED]
    quantities = {HEADINGS[heading].quantity for heading in kept}
    if not kept or len(quantities) != len(kept) or len(headings) > COLUMNS_LIMIT:
        raise NotSupported(
            f"{address.base} cannot have the columns {','.join(headings)[:40]!r}",
            remedy=f"state 1 to {COLUMNS_LIMIT}, each quantity once",
        )
    return headings


def _signs(address: Address) -> tuple[str, str]:
    separator = address.text("sep", "comma")
    if separator not in SEPARATORS:
        raise NotSupported(
            f"{address.base}: sep={separator} is unknown", remedy=f"it is {', '.join(SEPARATORS)}"
        )
    decimal = address.text("decimal", "point")
    if decimal not in {"point", "comma"} or decimal == separator:
        raise NotSupported(
            f"{address.base}: decimal={decimal} with sep={separator} is not possible",
            remedy="decimal is point, or comma where another sign separates the columns",
        )
    return separator, decimal


def _point(address: Address, headings: Sequence[str]) -> str:
    """Where it measures; what measures no power needs no such place."""
    point = address.point()
    if not point and any(HEADINGS[one].located for one in headings if one != SKIPPED):
        raise NotSupported(
            f"{address.base} does not say where its power is measured", remedy=f"add point=, one of {KNOWN}"
        )
    return point


def _accuracy(address: Address) -> Accuracy | None:
    if not {"accuracy", "offset"} & set(address.options):
        return None
    return Accuracy(address.number("accuracy", 0, 0, 100) / 100, address.number("offset", 0, 0, 100))


def measured(device: str, form: Format) -> tuple[Channel, ...]:
    """One channel for each kept column, in its unit by its scale."""
    return tuple(_column(device, heading, form) for heading in form.kept)


def power(device: str, form: Format) -> Channel | None:
    """The product of voltage and current, where power is not written."""
    if form.product is None:
        return None
    return Channel(
        device=device,
        name="power",
        quantity=Quantity.POWER,
        unit=Unit.WATT,
        rate_hz=form.rate_hz or None,
        point=form.point,
        provenance="voltage × current of the same line",
        accuracy=form.accuracy,
    )


def _column(device: str, heading: str, form: Format) -> Channel:
    meaning = HEADINGS[heading]
    return Channel(
        device=device,
        name=meaning.name or meaning.quantity.value,
        quantity=meaning.quantity,
        unit=meaning.unit,
        kind=meaning.kind,
        rate_hz=form.rate_hz or None,
        decoding=IDENTITY if meaning.scale == 1.0 else linear(meaning.scale),
        point=form.point if meaning.located else "",
        detail=f"column {heading}",
        accuracy=_of_column(meaning.quantity, form.accuracy),
    )


def _of_column(quantity: Quantity, stated: Accuracy | None) -> Accuracy | None:
    """A counter of energy is as true as the power that it adds up, but for what it adds at none."""
    if stated is None or quantity not in {Quantity.POWER, Quantity.ENERGY}:
        return None
    return stated if quantity is Quantity.POWER else Accuracy(stated.gain_fraction, 0.0)
