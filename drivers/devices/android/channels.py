"""What a phone can give, as a table: one row per sort of channel."""

from dataclasses import dataclass

from drivers.model import IDENTITY, Channel, Decoding, DType, Kind, Quantity, Unit, linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sort of channel: everything about it but whose it is."""

    name: str
    quantity: Quantity
    unit: Unit
    rate_hz: float | None
    kind: Kind = Kind.INSTANT
    dtype: DType = DType.F64
    decoding: Decoding = IDENTITY
    point: str = ""
    provenance: str = ""
    detail: str = ""

    def of(
        self,
        device: str,
        name: str = "",
        *,
        rate_hz: float | None = None,
        point: str = "",
        limit: float | None = None,
        detail: str = "",
        provenance: str = "",
    ) -> Channel:
        """This row as a channel of ``device``, with what is said of this one alone in place of what the row says."""
        return Channel(
            device=device,
            name=name or self.name,
            quantity=self.quantity,
            unit=self.unit,
            kind=self.kind,
            rate_hz=rate_hz or self.rate_hz,
            dtype=self.dtype,
            decoding=self.decoding,
            point=point or self.point,
            limit=limit,
            provenance=provenance or self.provenance,
            detail=detail or self.detail,
        )


FAST_HZ = 10
STEADY_HZ = 2
SLOW_HZ = 1
SCREEN_HZ = 0.2

_LEAVING = "positive = leaving the battery"
_SLOW_GAUGE = "a slow gauge: its figures stand for seconds, see battery refresh; never for a single token"


def _bytes(name: str, quantity: Quantity, rate_hz: float | None, detail: str) -> Row:
    return Row(name=name, quantity=quantity, unit=Unit.BYTES, rate_hz=rate_hz, dtype=DType.I64, detail=detail)


def _hertz(name: str, quantity: Quantity, rate_hz: float) -> Row:
    return Row(name=name, quantity=quantity, unit=Unit.HERTZ, rate_hz=rate_hz)


def _percent(name: str, rate_hz: float, detail: str) -> Row:
    return Row(
        name=name,
        quantity=Quantity.CPU_USE,
        unit=Unit.PERCENT,
        rate_hz=rate_hz,
        kind=Kind.INTERVAL_MEAN,
        detail=detail,
    )


def _celsius(quantity: Quantity, rate_hz: float) -> Row:
    return Row(name="", quantity=quantity, unit=Unit.CELSIUS, rate_hz=rate_hz)


FREQUENCY = _hertz("frequency", Quantity.FREQUENCY, FAST_HZ)
FREQUENCY_CAP = _hertz("cap", Quantity.FREQUENCY_CAP, FAST_HZ)
CPU_USE = _percent("use", STEADY_HZ, "")
PROCESS_CPU = _percent("process_cpu", FAST_HZ, "of all cores together, the runtime's processes")
GPU_BUSY = Row(
    name="gpu busy",
    quantity=Quantity.OTHER,
    unit=Unit.PERCENT,
    rate_hz=STEADY_HZ,
    detail="as the GPU's driver tells it, over a time of its own",
)
MEMORY_AVAILABLE = _bytes(
    "memory_available", Quantity.MEMORY_AVAILABLE, STEADY_HZ, "what new work could have"
)

RSS = _bytes(
    "rss", Quantity.RSS, FAST_HZ, "resident pages of /proc/PID/statm, summed over the runtime's processes"
)
RSS_ANON = _bytes("rss_anon", Quantity.RSS_ANON, FAST_HZ, "resident less shared pages, summed likewise")
RSS_FILE = _bytes(
    "rss_file",
    Quantity.RSS_FILE,
    FAST_HZ,
    "shared pages: those of files and of named memory, summed likewise",
)
RSS_PEAK = _bytes("rss_peak", Quantity.RSS_PEAK, SLOW_HZ, "the kernel's VmHWM, and the greatest sum seen")
PSS = _bytes("pss", Quantity.OTHER, None, "counted page by page; a page shared by n processes is 1/n")

ZONES = {
    Quantity.TEMPERATURE: _celsius(Quantity.TEMPERATURE, FAST_HZ),
    Quantity.SKIN_TEMPERATURE: _celsius(Quantity.SKIN_TEMPERATURE, STEADY_HZ),
    Quantity.BATTERY_TEMPERATURE: _celsius(Quantity.BATTERY_TEMPERATURE, STEADY_HZ),
    Quantity.AMBIENT_TEMPERATURE: _celsius(Quantity.AMBIENT_TEMPERATURE, STEADY_HZ),
    Quantity.OTHER_TEMPERATURE: _celsius(Quantity.OTHER_TEMPERATURE, STEADY_HZ),
}
"""Thermal zones of the kernel."""
SENSORS = {quantity: _celsius(quantity, SLOW_HZ) for quantity in ZONES}
"""Sensors of the thermal service."""
THERMAL_STATUS = Row(
    name="thermal status",
    quantity=Quantity.LIMIT_LEVEL,
    unit=Unit.NONE,
    rate_hz=SLOW_HZ,
    dtype=DType.U8,
    detail="0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown",
)
COOLING = Row(
    name="cooling",
    quantity=Quantity.LIMIT_LEVEL,
    unit=Unit.NONE,
    rate_hz=SLOW_HZ,
    dtype=DType.U32,
    detail="state of a cooling device; 0 is at rest",
)
FAN = Row(name="fan", quantity=Quantity.FAN, unit=Unit.RPM, rate_hz=SLOW_HZ, dtype=DType.U32)


def _gauge(name: str, quantity: Quantity, unit: Unit, detail: str) -> Row:
    return Row(name=name, quantity=quantity, unit=unit, rate_hz=SLOW_HZ, point="battery-gauge", detail=detail)


BATTERY = {
    "power": Row(
        name="battery power",
        quantity=Quantity.POWER,
        unit=Unit.WATT,
        rate_hz=SLOW_HZ,
        point="battery-gauge",
        provenance="voltage × current of the same reading",
        detail=f"{_LEAVING}; {_SLOW_GAUGE}",
    ),
    "current": _gauge("battery current", Quantity.CURRENT, Unit.AMPERE, f"{_LEAVING}; {_SLOW_GAUGE}"),
    "voltage": _gauge("battery voltage", Quantity.VOLTAGE, Unit.VOLT, _SLOW_GAUGE),
    "level": Row(name="battery level", quantity=Quantity.BATTERY_LEVEL, unit=Unit.PERCENT, rate_hz=SLOW_HZ),
    "temperature": Row(
        name="battery temperature", quantity=Quantity.BATTERY_TEMPERATURE, unit=Unit.CELSIUS, rate_hz=SLOW_HZ
    ),
    "charging": Row(
        name="charging",
        quantity=Quantity.OTHER,
        unit=Unit.NONE,
        rate_hz=SLOW_HZ,
        dtype=DType.U8,
        detail="1 while the battery says that it charges, 0 otherwise",
    ),
    "refresh": Row(
        name="battery refresh",
        quantity=Quantity.OTHER,
        unit=Unit.SECOND,
        rate_hz=None,
        detail="how long the gauge's figures had stood when they changed, to within the polling",
    ),
}
RAIL_ENERGY = Row(
    name="energy",
    quantity=Quantity.ENERGY,
    unit=Unit.JOULE,
    rate_hz=STEADY_HZ,
    kind=Kind.COUNTER,
    dtype=DType.I64,
    decoding=linear(1e-6),
    detail="ODPM's counter since the phone started, at the time at which the phone says it counted",
)
SCREEN = Row(
    name="screen",
    quantity=Quantity.OTHER,
    unit=Unit.NONE,
    rate_hz=SCREEN_HZ,
    dtype=DType.U8,
    detail="0 off, 1 on, 2 dozing",
)
BRIGHTNESS = Row(
    name="brightness",
    quantity=Quantity.OTHER,
    unit=Unit.NONE,
    rate_hz=SCREEN_HZ,
    dtype=DType.U16,
    detail="the setting screen_brightness; its range is the vendor's, 0…255 on most",
)

NAMES = frozenset(
    row.name
    for row in (*BATTERY.values(), SCREEN, BRIGHTNESS, RSS, RSS_ANON, RSS_FILE, RSS_PEAK, PSS, PROCESS_CPU)
)
"""Of channels that bear the same name on every phone."""
