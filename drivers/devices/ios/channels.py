"""What an iPhone can give, as a table: one row per channel."""

from dataclasses import dataclass

from drivers.model import Channel, DType, Kind, Quantity, Unit

TAP_HZ = 10
BATTERY_HZ = 2
GAUGE = "battery-gauge"

_SLOW_GAUGE = "the gauge's figures stand for seconds, see battery refresh; never for a single token"
_LEAVING = "positive = leaving the battery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A channel: everything about it but whose it is."""

    name: str
    quantity: Quantity
    unit: Unit
    rate_hz: float | None = None
    kind: Kind = Kind.INSTANT
    dtype: DType = DType.F64
    point: str = ""
    provenance: str = ""
    detail: str = ""

    def of(self, device: str) -> Channel:
        """This row as a channel of ``device``."""
        return Channel(
            device=device,
            name=self.name,
            quantity=self.quantity,
            unit=self.unit,
            kind=self.kind,
            rate_hz=self.rate_hz,
            dtype=self.dtype,
            point=self.point,
            provenance=self.provenance,
            detail=self.detail,
        )


BATTERY = {
    "power": Row(
        name="battery power",
        quantity=Quantity.POWER,
        unit=Unit.WATT,
        rate_hz=BATTERY_HZ,
        point=GAUGE,
        provenance="voltage × current of the same reading",
        detail=f"{_LEAVING}; {_SLOW_GAUGE}",
    ),
    "current": Row(
        name="battery current",
        quantity=Quantity.CURRENT,
        unit=Unit.AMPERE,
        rate_hz=BATTERY_HZ,
        point=GAUGE,
        detail=f"InstantAmperage of IOPMPowerSource (Amperage where it has none); {_LEAVING}; {_SLOW_GAUGE}",
    ),
    "voltage": Row(
        name="battery voltage",
        quantity=Quantity.VOLTAGE,
        unit=Unit.VOLT,
        rate_hz=BATTERY_HZ,
        point=GAUGE,
        detail=f"Voltage of IOPMPowerSource; {_SLOW_GAUGE}",
    ),
    "temperature": Row(
        name="battery temperature",
        quantity=Quantity.BATTERY_TEMPERATURE,
        unit=Unit.CELSIUS,
        rate_hz=BATTERY_HZ,
        detail="of the battery, not of the chip: iOS tells a computer no other",
    ),
    "level": Row(
        name="battery level", quantity=Quantity.BATTERY_LEVEL, unit=Unit.PERCENT, rate_hz=BATTERY_HZ
    ),
    "charging": Row(
        name="charging",
        quantity=Quantity.OTHER,
        unit=Unit.NONE,
        rate_hz=BATTERY_HZ,
        dtype=DType.U8,
        detail="1 while the battery says that it charges, 0 otherwise",
    ),
    "refresh": Row(
        name="battery refresh",
        quantity=Quantity.OTHER,
        unit=Unit.SECOND,
        detail="how long the gauge's figures had stood when they changed, to within the polling",
    ),
}
CPU = Row(
    name="cpu",
    quantity=Quantity.CPU_USE,
    unit=Unit.PERCENT,
    rate_hz=TAP_HZ,
    kind=Kind.INTERVAL_MEAN,
    detail="of all cores together: CPU_TotalLoad of sysmontap / CPUCount",
)
MEMORY_AVAILABLE = Row(
    name="memory_available",
    quantity=Quantity.MEMORY_AVAILABLE,
    unit=Unit.BYTES,
    rate_hz=TAP_HZ,
    dtype=DType.I64,
    provenance="(vmFreeCount + vmExtPageCount) × 16 KiB",
    detail="free and file-backed pages",
)
MEMORY_COMPRESSED = Row(
    name="memory compressed",
    quantity=Quantity.OTHER,
    unit=Unit.BYTES,
    rate_hz=TAP_HZ,
    dtype=DType.I64,
    provenance="vmCompressorPageCount × 16 KiB",
    detail="what the compressor holds of memory",
)
PROCESS_CPU = Row(
    name="process_cpu",
    quantity=Quantity.CPU_USE,
    unit=Unit.PERCENT,
    rate_hz=TAP_HZ,
    kind=Kind.INTERVAL_MEAN,
    detail="of all cores together: cpuUsage of sysmontap / CPUCount, summed over the processes that are followed",
)
FOOTPRINT = Row(
    name="physFootprint",
    quantity=Quantity.FOOTPRINT,
    unit=Unit.BYTES,
    rate_hz=TAP_HZ,
    dtype=DType.I64,
    detail="what iOS holds against the app's limit: dirty and compressed memory and that of the GPU, no clean file pages",
)
RESIDENT = Row(
    name="resident",
    quantity=Quantity.RSS,
    unit=Unit.BYTES,
    rate_hz=TAP_HZ,
    dtype=DType.I64,
    detail="memResidentSize: pages in memory, those of a mapped model file included; not what iOS limits",
)
GPU_BUSY = Row(
    name="gpu busy",
    quantity=Quantity.OTHER,
    unit=Unit.PERCENT,
    detail="Device Utilization % as the GPU's driver tells it, over a time of its own",
)
GPU_MEMORY = Row(
    name="gpu memory",
    quantity=Quantity.GPU_MEMORY,
    unit=Unit.BYTES,
    dtype=DType.I64,
    detail="In use system memory: of all apps; it is part of the same memory",
)
PRESSURE = Row(
    name="thermal pressure",
    quantity=Quantity.LIMIT_LEVEL,
    unit=Unit.NONE,
    rate_hz=1,
    dtype=DType.U8,
    detail="0 nominal, 10 light, 20 moderate, 30 heavy, 40 trapping, 50 sleeping: the phone's own notification",
)
TAP = (CPU, MEMORY_AVAILABLE, MEMORY_COMPRESSED)
PROCESS = (PROCESS_CPU, FOOTPRINT, RESIDENT)
