"""What this computer can give, as a table: one row per sort of channel."""

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
        self, device: str, name: str = "", *, point: str = "", limit: float | None = None, detail: str = ""
    ) -> Channel:
        """This row as a channel of ``device``, under another name where there are several."""
        return Channel(
            device=device,
            name=name or self.name,
            quantity=self.quantity,
            unit=self.unit,
            kind=self.kind,
            rate_hz=self.rate_hz,
            dtype=self.dtype,
            decoding=self.decoding,
            point=point or self.point,
            limit=limit,
            provenance=self.provenance,
            detail=detail or self.detail,
        )


def _bytes(name: str, quantity: Quantity, rate_hz: float | None, detail: str) -> Row:
    return Row(name=name, quantity=quantity, unit=Unit.BYTES, rate_hz=rate_hz, dtype=DType.I64, detail=detail)


def _celsius(quantity: Quantity, rate_hz: float) -> Row:
    return Row(name="", quantity=quantity, unit=Unit.CELSIUS, rate_hz=rate_hz)


def _battery(name: str, quantity: Quantity, unit: Unit, detail: str = "") -> Row:
    return Row(name=name, quantity=quantity, unit=unit, rate_hz=1, point="battery-gauge", detail=detail)


FAST_HZ = 10
SENSOR_HZ = 5
SLOW_HZ = 1

CPU = Row(
    name="cpu",
    quantity=Quantity.CPU_USE,
    unit=Unit.PERCENT,
    rate_hz=FAST_HZ,
    kind=Kind.INTERVAL_MEAN,
    detail="of all cores together, everything that runs",
)
PROCESS_CPU = Row(
    name="process_cpu",
    quantity=Quantity.CPU_USE,
    unit=Unit.PERCENT,
    rate_hz=FAST_HZ,
    kind=Kind.INTERVAL_MEAN,
    detail="of all cores together, the runtime's processes",
)
MEMORY_AVAILABLE = _bytes(
    "memory_available", Quantity.MEMORY_AVAILABLE, SENSOR_HZ, "what new work could have"
)
MEMORY_PRESSURE = Row(
    name="memory_pressure",
    quantity=Quantity.MEMORY_PRESSURE,
    unit=Unit.PERCENT,
    rate_hz=SLOW_HZ,
    detail="share of time in which some task waited for memory: the kernel's average over 10 s",
)
RSS = _bytes("rss", Quantity.RSS, FAST_HZ, "VmRSS, summed over the runtime's processes")
RSS_ANON = _bytes("rss_anon", Quantity.RSS_ANON, FAST_HZ, "RssAnon, summed over the runtime's processes")
RSS_FILE = _bytes("rss_file", Quantity.RSS_FILE, FAST_HZ, "RssFile, summed over the runtime's processes")
RSS_PEAK = _bytes("rss_peak", Quantity.RSS_PEAK, FAST_HZ, "the kernel's VmHWM, and the greatest sum seen")
PSS = _bytes(
    "pss", Quantity.OTHER, None, "smaps_rollup, counted page by page; a page shared by n processes is 1/n"
)
FREQUENCY = Row(
    name="frequency",
    quantity=Quantity.FREQUENCY,
    unit=Unit.HERTZ,
    rate_hz=SENSOR_HZ,
    detail="mean over the cores",
)
FREQUENCY_CAP = Row(
    name="cap", quantity=Quantity.FREQUENCY_CAP, unit=Unit.HERTZ, rate_hz=SENSOR_HZ, detail="scaling_max_freq"
)
TEMPERATURES = {
    Quantity.TEMPERATURE: _celsius(Quantity.TEMPERATURE, SENSOR_HZ),
    Quantity.SKIN_TEMPERATURE: _celsius(Quantity.SKIN_TEMPERATURE, SENSOR_HZ),
    Quantity.BATTERY_TEMPERATURE: _celsius(Quantity.BATTERY_TEMPERATURE, SLOW_HZ),
    Quantity.AMBIENT_TEMPERATURE: _celsius(Quantity.AMBIENT_TEMPERATURE, SLOW_HZ),
    Quantity.OTHER_TEMPERATURE: _celsius(Quantity.OTHER_TEMPERATURE, SLOW_HZ),
}
FAN = Row(name="fan", quantity=Quantity.FAN, unit=Unit.RPM, rate_hz=SLOW_HZ)
RAIL_POWER = Row(name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=SENSOR_HZ)
RAPL_ENERGY = Row(
    name="energy",
    quantity=Quantity.ENERGY,
    unit=Unit.JOULE,
    rate_hz=FAST_HZ,
    kind=Kind.COUNTER,
    dtype=DType.I64,
    decoding=linear(1e-6),
    detail="RAPL counter, wraps undone",
)
RAPL_POWER = Row(
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=FAST_HZ,
    kind=Kind.INTERVAL_MEAN,
    provenance="step of the RAPL counter / time since the reading before",
)
BATTERY = {
    "power": _battery("power", Quantity.POWER, Unit.WATT, "positive = leaving the battery"),
    "current": _battery("current", Quantity.CURRENT, Unit.AMPERE, "positive = leaving the battery"),
    "voltage": _battery("voltage", Quantity.VOLTAGE, Unit.VOLT),
    "level": Row(name="level", quantity=Quantity.BATTERY_LEVEL, unit=Unit.PERCENT, rate_hz=SLOW_HZ),
    "temperature": TEMPERATURES[Quantity.BATTERY_TEMPERATURE],
    "refresh": Row(
        name="refresh",
        quantity=Quantity.OTHER,
        unit=Unit.SECOND,
        rate_hz=None,
        detail="how long the gauge's figures had stood when they changed, to within the polling of 1 s",
    ),
}
THROTTLE_COUNT = Row(
    name="throttle_count",
    quantity=Quantity.THROTTLE_COUNT,
    unit=Unit.NONE,
    rate_hz=SENSOR_HZ,
    kind=Kind.COUNTER,
    dtype=DType.I64,
    detail="summed over the logical processors",
)
