"""Opens simulated phones and boards: polled on even ticks like real ones, marked as simulated wherever they are named."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from drivers.address import parse
from drivers.base import Device, Item
from drivers.clock import SECOND, Clock
from drivers.devices.simulated import channels as table
from drivers.devices.simulated.bodies import PHONE
from drivers.devices.simulated.body import Body
from drivers.devices.simulated.channels import Sensor
from drivers.devices.simulated.limits import Limits
from drivers.devices.simulated.shell import SimulatedShell, check_cable
from drivers.devices.simulated.world import World
from drivers.errors import NotSupported
from drivers.events import Absent, ChannelsOpened
from drivers.links.base import ShellLink
from drivers.linux import FULL_BATTERY
from drivers.model import Channel, DeviceInfo, DeviceKind, Found, reading
from drivers.ticks import ticks

OPTIONS = ("name", "channels", "rate", "seed", "tps", "idle")


@dataclass(frozen=True, slots=True)
class Model:
    """What is said about one kind of simulated machine."""

    kind: DeviceKind
    title: str
    os: str
    facts: tuple[tuple[str, str], ...]
    absent: tuple[tuple[str, str, str], ...]


FULL = (FULL_BATTERY, f"{PHONE.battery_wh} Wh")

MODELS = {
    "phone": Model(
        DeviceKind.PHONE,
        "Simulated phone (8 cores, 8 GB)",
        "simulated",
        (("cores", "8"), ("memory", "7.9 GB"), ("governor", "simulated"), ("charging", "off"), FULL),
        (("GPU memory", "this simulated phone runs models on its CPU alone", ""),),
    ),
    "jetson": Model(
        DeviceKind.BOARD,
        "Simulated board (Orin Nano class, 8 GB)",
        "simulated",
        (("cores", "6"), ("memory", "8.0 GB"), ("power mode", "simulated 15 W")),
        (("battery", "this simulated board has no battery", ""),),
    ),
}


class SimulatedDriver:
    """Driver of ``sim:phone`` and ``sim:jetson``; all machines live in the world that it is given."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def scan(self) -> Sequence[Found]:
        """One of each kind, always there."""
        return [
            Found(address=f"sim:{kind}", kind=model.kind, title=model.title) for kind, model in MODELS.items()
        ]

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        """Open ``sim:phone`` or ``sim:jetson``, with ``?name=…&channels=…&rate=…&seed=…&tps=…&idle=…`` one of its own.

        ``channels`` asks for exactly that many, each read at every tick; ``rate`` is ticks a second, ``tps`` the
        decode rate when cool; with ``idle=1`` it offers no engine. Raises LinkLost while its cable is pulled,
        NotSupported for a wrong address.
        """
        return self._open(address, name, clock)

    @asynccontextmanager
    async def _open(self, text: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        address = parse(text).only(OPTIONS)
        kind = address.base.removeprefix("sim:")
        if kind not in MODELS:
            raise NotSupported(
                f"{address.base[:40]!r} is no simulated device", remedy="there are sim:phone, sim:jetson"
            )
        rate_hz = address.number("rate", table.FAST_HZ, 0.1, 100.0)
        wanted = address.whole("channels", 0, 0, 256)
        sensors = _sensors(kind, name, rate_hz, wanted)
        body = self._world.body(
            kind,
            address.text("name"),
            seed=address.whole("seed", 0, 0, 2**31) if "seed" in address.options else None,
            decode_tps=address.number("tps", 1.0, 0.1, 500.0) if "tps" in address.options else None,
        )
        body.advance(clock.now())
        check_cable(body, name)
        gauge = None if wanted or body.spec.battery_wh is None else table.gauge(name)
        info = _info(kind, text, name, idle=bool(address.whole("idle", 0, 0, 1)))
        yield SimulatedDevice(info, body, sensors, rate_hz, clock, gauge)


class SimulatedDevice:
    """An open simulated machine."""

    def __init__(
        self,
        info: DeviceInfo,
        body: Body,
        sensors: Sequence[Sensor],
        rate_hz: float,
        clock: Clock,
        gauge: Channel | None,
    ) -> None:
        self._info = info
        self._body = body
        self._sensors = sensors
        self._rate_hz = rate_hz
        self._clock = clock
        self._shell = SimulatedShell(body, info.device, clock)
        self._due_ns = [0] * len(sensors)
        self._gauge = gauge
        self._gauge_ns = -1
        self._limits = Limits(body, info.device)
        self._watched: set[int] = set()
        self._process = table.process_channels(info.device)
        self._announced = False

    @property
    def info(self) -> DeviceInfo:
        """Who it is: a simulated one."""
        return self._info

    @property
    def channels(self) -> Sequence[Channel]:
        """Of the machine; those of a watched process are announced in the stream."""
        slow = (self._gauge,) if self._gauge else ()
        return (*(sensor.channel for sensor in self._sensors), *slow)

    @property
    def shell(self) -> ShellLink | None:
        """It has one program: the simulated engine."""
        return self._shell

    async def stream(self) -> AsyncGenerator[Item, None]:
        """Readings of every tick, in the order of the channels, limits before them."""
        for what, reason, remedy in MODELS[parse(self._info.address).target].absent:
            yield Absent(
                t_ns=self._clock.now(), device=self._info.device, what=what, reason=reason, remedy=remedy
            )
        async for t_ns in ticks(self._clock, round(SECOND / self._rate_hz)):
            self._body.advance(t_ns)
            check_cable(self._body, self._info.device)
            for item in self._tick(t_ns):
                yield item

    def watch(self, pid: int) -> None:
        """Follow the memory of this process."""
        self._watched.add(pid)

    def unwatch(self, pid: int) -> None:
        """Follow it no longer."""
        self._watched.discard(pid)

    def _tick(self, t_ns: int) -> list[Item]:
        items: list[Item] = list(self._limits.changes(t_ns))
        since_ns = t_ns - self._body.start_ns
        for i, sensor in enumerate(self._sensors):
            if since_ns >= self._due_ns[i]:
                self._due_ns[i] = since_ns + sensor.every_ns
                items.append(reading(sensor.channel, t_ns, sensor.code(self._body, since_ns)))
        if self._gauge and self._gauge_ns != self._body.gauge_ns:
            self._gauge_ns = self._body.gauge_ns
            items.append(reading(self._gauge, t_ns, round(1000 * self._body.gauge_w)))
        return items + self._memory(t_ns)

    def _memory(self, t_ns: int) -> list[Item]:
        engines = [engine for pid, engine in self._body.engines.items() if pid in self._watched]
        if not engines:
            return []
        items: list[Item] = []
        if not self._announced:
            self._announced = True
            items.append(ChannelsOpened(t_ns=t_ns, device=self._info.device, channels=self._process))
        anon = sum(engine.rss_anon for engine in engines)
        file = sum(engine.rss_file for engine in engines)
        peak = max(anon + file, sum(engine.rss_peak for engine in engines))
        values = (anon + file, anon, file, peak)
        return items + [
            reading(channel, t_ns, round(value / 1024))
            for channel, value in zip(self._process, values, strict=True)
        ]


def _sensors(kind: str, device: str, rate_hz: float, wanted: int) -> list[Sensor]:
    made = {"phone": table.phone, "jetson": table.jetson}[kind](device, rate_hz)
    if not wanted:
        return made
    steady = [sensor for sensor in made if not sensor.every_ns][:wanted]
    more = wanted - len(steady)
    return steady + [table.thermometer(device, number, rate_hz) for number in range(more)]


def _info(kind: str, address: str, name: str, *, idle: bool) -> DeviceInfo:
    model = MODELS[kind]
    return DeviceInfo(
        device=name,
        address=address,
        kind=model.kind,
        model=model.title,
        os=model.os,
        simulated=True,
        runtimes=() if idle else ("simulated",),
        facts=model.facts,
    )
