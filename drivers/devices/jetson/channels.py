"""What a board can give, as a table: one row per sort of channel."""

from dataclasses import dataclass

from drivers.model import IDENTITY, Channel, Decoding, DType, Kind, Quantity, Unit, linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sort of channel: everything about it but whose it is."""

    name: str = ""
    quantity: Quantity
    unit: Unit
    rate_hz: float | None
    kind: Kind = Kind.INSTANT
    dtype: DType = DType.F64
    decoding: Decoding = IDENTITY
    detail: str = ""
    provenance: str = ""

    def of(
        self,
        device: str,
        name: str = "",
        *,
        point: str = "",
        limit: float | None = None,
        detail: str = "",
        provenance: str = "",
        rate_hz: float | None = None,
        own_clock: bool = False,
    ) -> Channel:
        """This row as a channel of ``device``, under another name where there are several."""
        return Channel(
            device=device,
            name=name or self.name,
            quantity=self.quantity,
            unit=self.unit,
            kind=self.kind,
            rate_hz=rate_hz or self.rate_hz,
            dtype=self.dtype,
            decoding=self.decoding,
            point=point,
            limit=limit,
            provenance=provenance or self.provenance,
            detail=detail or self.detail,
            own_clock=own_clock,
        )


FAST_HZ = 10
SENSOR_HZ = 5
SLOW_HZ = 1
RAIL_HZ = 100
"""By the poller on the board."""
ASKED_RAIL_HZ = 20
"""By request and answer, where the board has no Python."""


def _percent(quantity: Quantity, detail: str, name: str = "", rate_hz: float = FAST_HZ) -> Row:
    return Row(
        name=name,
        quantity=quantity,
        unit=Unit.PERCENT,
        rate_hz=rate_hz,
        kind=Kind.INTERVAL_MEAN,
        detail=detail,
    )


def _bytes(name: str, quantity: Quantity, rate_hz: float, detail: str) -> Row:
    return Row(name=name, quantity=quantity, unit=Unit.BYTES, rate_hz=rate_hz, dtype=DType.I64, detail=detail)


def _count(rate_hz: float, detail: str) -> Row:
    return Row(
        quantity=Quantity.THROTTLE_COUNT,
        unit=Unit.NONE,
        rate_hz=rate_hz,
        kind=Kind.COUNTER,
        dtype=DType.I64,
        detail=detail,
    )


CPU = _percent(Quantity.CPU_USE, "of all cores together, everything that runs", "cpu", SENSOR_HZ)
PROCESS_CPU = _percent(Quantity.CPU_USE, "of all cores together, the runtime's processes", "process_cpu")
CORE = _percent(Quantity.CPU_USE, "of one core, as tegrastats tells it")
ENGINE_USE = _percent(Quantity.OTHER, "as tegrastats tells it")
GPU_LOAD = _percent(Quantity.OTHER, "of the GPU, as its driver tells it", "gpu load")
FREQUENCY = Row(quantity=Quantity.FREQUENCY, unit=Unit.HERTZ, rate_hz=SENSOR_HZ)
ENGINE_CLOCK = Row(
    quantity=Quantity.FREQUENCY, unit=Unit.HERTZ, rate_hz=FAST_HZ, detail="as tegrastats tells it"
)
CAP = Row(quantity=Quantity.FREQUENCY_CAP, unit=Unit.HERTZ, rate_hz=SENSOR_HZ)
MEMORY_AVAILABLE = _bytes(
    "memory_available",
    Quantity.MEMORY_AVAILABLE,
    SENSOR_HZ,
    "what new work could have, by the kernel's estimate",
)
MEMORY_PRESSURE = Row(
    name="memory_pressure",
    quantity=Quantity.MEMORY_PRESSURE,
    unit=Unit.PERCENT,
    rate_hz=SLOW_HZ,
    detail="share of time in which some task waited for memory: the kernel's average over 10 s",
)
POOL = _bytes("", Quantity.OTHER, FAST_HZ, "in use, as tegrastats tells it, in whole MB")
RSS = _bytes("rss", Quantity.RSS, FAST_HZ, "VmRSS, summed over the runtime's processes")
RSS_ANON = _bytes("rss_anon", Quantity.RSS_ANON, FAST_HZ, "RssAnon, summed over the runtime's processes")
RSS_FILE = _bytes("rss_file", Quantity.RSS_FILE, FAST_HZ, "RssFile, summed over the runtime's processes")
RSS_PEAK = _bytes("rss_peak", Quantity.RSS_PEAK, FAST_HZ, "the kernel's VmHWM, and the greatest sum seen")
TEMPERATURES = {
    quantity: Row(quantity=quantity, unit=Unit.CELSIUS, rate_hz=SENSOR_HZ)
    for quantity in (
        Quantity.TEMPERATURE,
        Quantity.SKIN_TEMPERATURE,
        Quantity.BATTERY_TEMPERATURE,
        Quantity.AMBIENT_TEMPERATURE,
        Quantity.OTHER_TEMPERATURE,
    )
}
FAN_RPM = Row(name="fan", quantity=Quantity.FAN, unit=Unit.RPM, rate_hz=SLOW_HZ)
FAN_PWM = Row(
    name="fan pwm", quantity=Quantity.FAN, unit=Unit.PERCENT, rate_hz=SLOW_HZ, detail="what it is driven with"
)
CHIP_POWER = Row(quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=SENSOR_HZ)
RAIL = Row(
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=RAIL_HZ,
    dtype=DType.I32,
    decoding=linear(1e-6),
    detail="voltage × current of one moment",
)
TOLD_RAIL = Row(
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=FAST_HZ,
    dtype=DType.I32,
    decoding=linear(1e-3),
    detail="as tegrastats tells it: the value of that moment, not its average",
)
BOARD_INPUT = "board input"
"""Name of the channel that adds rails up, where no rail is the board's input by itself."""
RAPL_ENERGY = Row(
    quantity=Quantity.ENERGY,
    unit=Unit.JOULE,
    rate_hz=FAST_HZ,
    kind=Kind.COUNTER,
    dtype=DType.I64,
    decoding=linear(1e-6),
    detail="RAPL counter, wraps undone",
)
RAPL_POWER = Row(
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=FAST_HZ,
    kind=Kind.INTERVAL_MEAN,
    provenance="step of the RAPL counter / time since the reading before",
)
COOLING = Row(
    quantity=Quantity.LIMIT_LEVEL,
    unit=Unit.NONE,
    rate_hz=SENSOR_HZ,
    dtype=DType.I32,
    detail="state of a cooling device that takes speed away; 0: not in force",
)
OVERCURRENT_COUNT = _count(SENSOR_HZ, "soctherm_oc, since the board was started")
THROTTLE_COUNT = _count(SENSOR_HZ, "summed over the logical processors")


def rail_name(rail: str) -> str:
    """What a rail's channel is called: AGX Xavier has rails named as its processors are, ``CPU`` and ``GPU``."""
    return rail if "_" in rail or rail.startswith("V") else f"{rail} rail"
