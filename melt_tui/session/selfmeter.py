"""What melt itself costs: a device of every session, so that a reader can see what the measuring disturbed."""

import psutil

from drivers.clock import SECOND, Clock
from drivers.events import ChannelsOpened
from drivers.model import Channel, DeviceInfo, DeviceKind, DType, Kind, Quantity, Unit, reading
from drivers.ticks import ticks
from melt_tui.events import SELF, DeviceUp
from melt_tui.session.bus import Bus

CPU = Channel(
    device=SELF,
    name="cpu",
    quantity=Quantity.CPU_USE,
    unit=Unit.PERCENT,
    kind=Kind.INTERVAL_MEAN,
    rate_hz=1.0,
    detail="this process, all threads; 100 % is one core",
)
RSS = Channel(device=SELF, name="rss", quantity=Quantity.RSS, unit=Unit.BYTES, rate_hz=1.0, dtype=DType.I64)
LOOP_LAG = Channel(
    device=SELF,
    name="loop_lag",
    quantity=Quantity.LOOP_LAG,
    unit=Unit.SECOND,
    rate_hz=10.0,
    detail="how late the measuring loop woke up",
)
SCREEN_LAG = Channel(
    device=SELF,
    name="screen_lag",
    quantity=Quantity.LOOP_LAG,
    unit=Unit.SECOND,
    detail="99th percentile of how late the screen's frame timer fired, over the last second",
)
FRAMES = Channel(
    device=SELF,
    name="frames",
    quantity=Quantity.OTHER,
    unit=Unit.NONE,
    kind=Kind.COUNTER,
    dtype=DType.I64,
    detail="frames drawn",
)
DROPPED_FRAMES = Channel(
    device=SELF,
    name="dropped_frames",
    quantity=Quantity.LOSS_COUNT,
    unit=Unit.NONE,
    kind=Kind.COUNTER,
    dtype=DType.I64,
    detail="frames that the screen could not draw in time",
)
CHANNELS = (CPU, RSS, LOOP_LAG, SCREEN_LAG, FRAMES, DROPPED_FRAMES)

LAG_NS = SECOND // 10


class SelfMeter:
    """Source of melt's own CPU share, memory and loop lag."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process = psutil.Process()

    async def run(self, bus: Bus) -> None:
        """Publish lag ten times, the rest once a second."""
        now = self._clock.now()
        info = DeviceInfo(device=SELF, address=SELF, kind=DeviceKind.SELF, model="melt")
        bus.publish(DeviceUp(t_ns=now, device=SELF, info=info))
        bus.publish(ChannelsOpened(t_ns=now, device=SELF, channels=CHANNELS))
        self._process.cpu_percent()
        due_ns, beats = None, 0
        async for t_ns in ticks(self._clock, LAG_NS):
            due_ns = t_ns if due_ns is None else due_ns
            bus.publish(reading(LOOP_LAG, t_ns, max(0, t_ns - due_ns) / SECOND))
            beats += 1
            if beats % 10 == 0:
                bus.publish(reading(CPU, t_ns, self._process.cpu_percent()))
                bus.publish(reading(RSS, t_ns, self._process.memory_info().rss))
            due_ns = t_ns - (t_ns - due_ns) % LAG_NS + LAG_NS
