"""An open iPhone: what it streams."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, MutableSet, Sequence

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.devices.ios import channels as rows
from drivers.devices.ios import protocol
from drivers.devices.ios.apps import IosApps
from drivers.devices.ios.channels import Row
from drivers.devices.ios.protocol import Battery
from drivers.errors import DriverError, LinkLost
from drivers.events import Absent, ChannelsOpened, LimitEngaged, LimitReleased, LogLine, bounded
from drivers.foreign import Fields, count, printable, text
from drivers.inbox import Ended, Inbox
from drivers.links.base import ShellLink
from drivers.links.usbmux import Worker, raised
from drivers.links.usbmuxwire import Do, Tell, Told
from drivers.model import Channel, DeviceInfo, Samples, reading

NO_SOC = (
    "SoC temperature",
    "iOS tells a computer no temperature of its chip",
    "see its battery temperature and thermal state",
)
NO_STATE = (
    "thermal state",
    "iOS tells its thermal state to apps alone",
    "run an app that prints it: README, iPhones",
)


class IosDevice:
    """An iPhone, open. ``inbox`` hears what its worker tells, and that it has ended."""

    def __init__(
        self, info: DeviceInfo, worker: Worker, inbox: Inbox, clock: Clock, left: MutableSet[str]
    ) -> None:
        """``left``: apps that were left running when the link went, to be ended now."""
        self.info = info
        self._worker = worker
        self._inbox = inbox
        self._clock = clock
        self._left = left
        self._pids: set[int] = set()
        self._names: set[str] = set()
        """Processes whose lines of the log are told."""
        self._apps = IosApps(worker, info.device, left, self._names, self._tell_watched)
        self.shell: ShellLink | None = self._apps
        self._battery = {name: row.of(info.device) for name, row in rows.BATTERY.items()}
        self.channels: Sequence[Channel] = tuple(self._battery.values())
        self._opened: dict[str, Channel] = {}
        self._figures = Standing()
        self._charge: tuple[bool | None, bool | None] | None = None
        self._pressure = 0
        self._said: set[str] = set()
        self._hears: Mapping[Tell, Callable[[Told], Iterator[Item]]] = {
            Tell.BATTERY: self._take_battery,
            Tell.TAP: self._take_tap,
            Tell.GRAPHICS: self._take_graphics,
            Tell.THERMAL: self._take_pressure,
            Tell.LOG: self._take_log,
            Tell.DEVELOPER: self._take_developer,
            Tell.MISSING: self._take_missing,
            Tell.ENDED: self._take_end,
        }

    def watch(self, pid: int) -> None:
        """From now on follow the memory and CPU time of this process."""
        self._pids.add(pid)
        self._tell_watched()

    def unwatch(self, pid: int) -> None:
        """Follow it no longer."""
        self._pids.discard(pid)
        self._tell_watched()

    async def stream(self) -> AsyncGenerator[Item, None]:
        """What is missing, once; then what the phone tells, as it comes."""
        yield self._absent(*NO_SOC)
        while True:
            for item in self._items(await self._inbox.take()):
                yield item

    def _items(self, taken: object) -> Iterator[Item]:
        if isinstance(taken, Ended) and taken.listener == "worker":
            raise taken.error or LinkLost(f"the worker process of {self.info.device} has ended")
        if isinstance(taken, LogLine):
            yield taken
        elif isinstance(taken, Told) and taken.tell in self._hears:
            yield from self._hears[taken.tell](taken)

    def _take_battery(self, told: Told) -> Iterator[Item]:
        power = told.told.get("power")
        battery = protocol.battery(power if isinstance(power, dict) else {})
        yield from self._charging(told.t_ns, battery)
        values = {
            "power": None
            if battery.amperes is None or battery.volts is None
            else battery.amperes * battery.volts,
            "current": battery.amperes,
            "voltage": battery.volts,
            "temperature": battery.celsius,
            "level": battery.level,
            "charging": battery.charging,
            "refresh": self._figures.stood_s(told.t_ns, (battery.amperes, battery.volts, battery.updated)),
        }
        for name, value in values.items():
            if value is not None:
                yield reading(self._battery[name], told.t_ns, value)

    def _charging(self, t_ns: int, battery: Battery) -> Iterator[Item]:
        was, self._charge = self._charge, (battery.plugged, battery.charging)
        if was is not None and was != self._charge:
            yield self._log(t_ns, "battery", describe(battery))

    def _take_tap(self, told: Told) -> Iterator[Item]:
        tap = protocol.tap(told.told)
        values: list[tuple[Row, float | None]] = [
            (rows.CPU, tap.cpu),
            (rows.MEMORY_AVAILABLE, tap.available),
            (rows.MEMORY_COMPRESSED, tap.compressed),
        ]
        if tap.processes:
            busy = [process.cpu for process in tap.processes if process.cpu is not None]
            held = [process.footprint for process in tap.processes if process.footprint is not None]
            resident = [process.resident for process in tap.processes if process.resident is not None]
            values += [
                (rows.PROCESS_CPU, sum(busy) / tap.cores if busy and tap.cores else None),
                (rows.FOOTPRINT, sum(held) if held else None),
                (rows.RESIDENT, sum(resident) if resident else None),
            ]
        yield from self._samples(told.t_ns, values)

    def _take_graphics(self, told: Told) -> Iterator[Item]:
        gpu = protocol.gpu(told.told)
        yield from self._samples(told.t_ns, [(rows.GPU_BUSY, gpu.busy), (rows.GPU_MEMORY, gpu.used)])

    def _take_pressure(self, told: Told) -> Iterator[Item]:
        level = protocol.pressure(told.told)
        if level is None:
            return
        yield from self._samples(told.t_ns, [(rows.PRESSURE, level)])
        if level == self._pressure:
            return
        self._pressure = level
        limit, device, detail = "thermal pressure", self.info.device, protocol.PRESSURES[level]
        if level:
            yield LimitEngaged(t_ns=told.t_ns, device=device, limit=limit, reason="thermal", detail=detail)
        else:
            yield LimitReleased(t_ns=told.t_ns, device=device, limit=limit, detail=detail)

    def _take_log(self, told: Told) -> Iterator[Item]:
        left_out = count(told.told, "left_out")
        if left_out:
            yield self._log(told.t_ns, "iOS", f"… {left_out} lines left out")
        yield self._log(told.t_ns, "iOS", text(told.told, "text"))

    def _take_developer(self, told: Told) -> Iterator[Item]:
        if told.told.get("pressure") is not True and NO_STATE[0] not in self._said:
            self._said.add(NO_STATE[0])
            yield self._absent(*NO_STATE)
        if told.told.get("ready") is not True:
            yield from self._missing(
                "processes, memory, GPU and starting apps", raised(told, self.info.device)
            )
            return
        self._said &= {NO_STATE[0]}
        self._tell_watched()
        if self._left:
            self._inbox.listen("left", self._end_left())

    def _take_missing(self, told: Told) -> Iterator[Item]:
        yield from self._missing(
            printable(text(told.told, "what"), 60) or "something", raised(told, self.info.device)
        )

    def _take_end(self, told: Told) -> Iterator[Item]:
        raise raised(told, self.info.device)

    # --- what is said of all

    def _samples(self, t_ns: int, values: Sequence[tuple[Row, float | None]]) -> Iterator[Item]:
        told = [(self._channel(row), value) for row, value in values if value is not None]
        late = tuple(channel for channel, _ in told if channel.name not in self._opened)
        if late:
            self._opened |= {channel.name: channel for channel in late}
            yield ChannelsOpened(t_ns=t_ns, device=self.info.device, channels=late)
        for channel, value in told:
            yield _read(channel, t_ns, value)

    def _channel(self, row: Row) -> Channel:
        return self._opened.get(row.name) or row.of(self.info.device)

    def _missing(self, what: str, error: Exception) -> Iterator[Item]:
        if isinstance(error, DriverError) and f"{what} {error}" not in self._said:
            self._said.add(f"{what} {error}")
            yield self._absent(what, error.sentence, error.remedy)

    def _absent(self, what: str, reason: str, remedy: str) -> Absent:
        return Absent(
            t_ns=self._clock.now(), device=self.info.device, what=what, reason=reason, remedy=remedy
        )

    def _log(self, t_ns: int, source: str, line: str) -> LogLine:
        return LogLine(t_ns=t_ns, device=self.info.device, source=source, text=bounded(line))

    # --- what is asked of the worker beside

    def _tell_watched(self) -> None:
        self._inbox.listen("watch", self._watched(sorted(self._pids), sorted(self._names)))

    async def _watched(self, pids: Sequence[int], names: Sequence[str]) -> None:
        await self._worker.ask(Do.WATCH, pids=pids, names=names)

    async def _end_left(self) -> None:
        for bundle in await self._apps.end_left():
            self._inbox.put(
                self._log(self._clock.now(), "melt", f"ended {bundle}, which ran on while the link was away")
            )


class Standing:
    """How long figures stand before they change: the true refresh period of a gauge."""

    def __init__(self) -> None:
        self._shown: tuple[object, ...] | None = None
        self._since_ns: int | None = None

    def stood_s(self, t_ns: int, figures: tuple[object, ...]) -> float | None:
        """How long those before these had stood; None while they stand, and for the first that were met."""
        if figures == self._shown:
            return None
        first, since = self._shown is None, self._since_ns
        self._shown, self._since_ns = figures, None if first else t_ns
        return None if since is None else (t_ns - since) / SECOND


def describe(battery: Battery) -> str:
    """``charging``, for people."""
    if battery.charging:
        return "charging"
    return {True: "plugged in, not charging", False: "unplugged", None: "not told"}[battery.plugged]


def facts_of(facts: Fields, over: str) -> tuple[tuple[str, str], ...]:
    """Set-up as the phone tells it."""
    told = [
        ("product", text(facts, "ProductType")),
        ("hardware", text(facts, "HardwareModel")),
        ("abi", text(facts, "CPUArchitecture")),
        ("build", text(facts, "BuildVersion")),
        ("called", text(facts, "DeviceName")),
        ("link", f"usbmux over {over}"),
    ]
    return tuple((what, printable(value, 80)) for what, value in told if value)


def _read(channel: Channel, t_ns: int, value: float) -> Samples:
    return reading(channel, t_ns, value if channel.dtype == "d" else int(value))
