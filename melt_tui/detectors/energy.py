"""Live energy on the bus: joules of a run and for each token, at every reference point that sees its device."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    Event,
    ModelLoaded,
    ProcessStarted,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import Channel, ChannelKey, DeviceKind, Quantity, Samples, Unit, code_struct, reading
from melt_tui.detectors.accounts import Account, Figures, Run, Turn, figures
from melt_tui.detectors.idle import Quiet
from melt_tui.detectors.marks import Metering, Off, Source
from melt_tui.detectors.net_device import NetDevice
from melt_tui.detectors.parts import Told
from melt_tui.events import DeviceUp, RunEnded, RunStarted, Tick, Wired
from melt_tui.measures import points
from melt_tui.timeline.clockmap import ClockMap

_POWER = {Quantity.POWER: Unit.WATT, Quantity.ENERGY: Unit.JOULE}
_TOKENS = (Quantity.TOKENS, Quantity.TOKEN_ARRIVALS)
"""Arrivals are on the clock of the meters: they count where a device has both."""
_TURNS = 4
"""Turns whose figures are still waited for."""
_BATTERIES = frozenset({Quantity.BATTERY_LEVEL, Quantity.BATTERY_TEMPERATURE})


class LiveEnergy:
    """Transform: for a run in progress, channels of energy, its coverage and J/token at each point of its device, and the
    energies of its load and of the parts of its last turn.

    A point is that of the device's own channels, or of a meter that is wired to it; of a power and a counter of the same
    thing the counter is taken. Points are never added, nor two meters at one point. Told once a second as far as each
    source has come, and at the end of turns and of the run; coverage only while a part is missing; per token only where
    ``measures.points`` allows it, and of single rails only where nothing sees the device as a whole.
    """

    quantities = frozenset((*_POWER, *_TOKENS, Quantity.OTHER))
    """Of others what meters tell of their own times."""

    def __init__(self) -> None:
        self._clock = ClockMap()
        self._metering = Metering(self._clock)
        self._quiet = Quiet()
        self._sources: dict[ChannelKey, Source] = {}
        self._counters: dict[str, Channel] = {}
        """By device: the channel by which its tokens are counted."""
        self._wires: dict[str, Wired] = {}
        self._batteries: set[str] = set()
        self._runs: dict[str, Run] = {}
        self._accounts: dict[tuple[str, ChannelKey], Account] = {}
        self._chosen: dict[str, list[tuple[Source, str]]] = {}
        """By device: its sources with their points; empty when that has to be found anew."""
        self._figures: dict[tuple[str, ChannelKey], Figures] = {}
        self._told_ns: dict[ChannelKey, int] = {}
        self._heard: dict[ChannelKey, Callable[[Samples], None]] = {}
        """Who takes the blocks of a channel."""

    def feed(self, item: Item) -> Iterable[Item]:
        """The figures that can be told at a tick, or when a run ends; of everything else note is taken."""
        if isinstance(item, Samples):
            # of dozens of phones thousands of blocks a second tell nothing of energy
            hear = self._heard.get(item.key)
            if hear is not None:
                hear(item)
            return ()
        self._quiet.notice(item)
        if isinstance(item, Tick):
            for source in self._sources.values():
                source.note()
            return list(self._tick(item.t_ns)) if self._runs else ()
        if isinstance(item, RunEnded) and item.device in self._runs:
            _progress(self._runs[item.device], item)
            return list(self._tick(item.t_ns))
        if isinstance(item, ChannelsOpened):
            self._open(item)
        else:
            self._notice(item)
        return ()

    def _open(self, event: ChannelsOpened) -> None:
        self._metering.open(event)
        for channel in event.channels:
            self._clock.open(channel)
            if channel.quantity in _TOKENS:
                self._open_counter(channel)
            elif _POWER.get(channel.quantity) is channel.unit and channel.key not in self._told_ns:
                self._open_source(channel)
            if channel.quantity in _BATTERIES or channel.point == points.GAUGE:
                self._batteries.add(channel.device)
            self._listen(channel)
        self._chosen.clear()

    def _listen(self, channel: Channel) -> None:
        source = self._sources.get(channel.key)
        if source is not None:
            self._heard[channel.key] = source.integral.take
        elif channel.quantity in _TOKENS:
            self._heard[channel.key] = self._count
        elif self._metering.hears(channel):
            self._heard[channel.key] = self._metering.take
        elif self._quiet.hears(channel):
            self._heard[channel.key] = self._quiet.take

    def _open_counter(self, channel: Channel) -> None:
        known = self._counters.get(channel.device)
        if known is None or known.quantity is not Quantity.TOKEN_ARRIVALS:
            self._counters[channel.device] = channel

    def _open_source(self, channel: Channel) -> None:
        known = self._sources.get(channel.key)
        if known is None or known.channel.kind is not channel.kind:
            self._sources[channel.key] = Source(channel, self._clock)
        else:
            known.channel = channel
            known.integral.open(channel)

    def _notice(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._begin(event)
        elif isinstance(event, ProcessStarted | ModelLoaded | TurnStarted | TurnEnded):
            run = self._runs.get(event.device)
            if run is not None:
                _progress(run, event)
        elif isinstance(event, Wired):
            self._wires[event.device] = event
            self._chosen.clear()
        elif isinstance(event, DeviceUp):
            if event.info.kind is DeviceKind.PHONE:
                self._batteries.add(event.device)
        elif isinstance(event, ClockMeasured):
            self._clock.learn(event)

    def _begin(self, event: RunStarted) -> None:
        self._runs[event.device] = Run(event.t_ns, idle_ns=self._quiet.begin(event))
        for key in [key for key in self._accounts if key[0] == event.device]:
            del self._accounts[key]

    def _count(self, samples: Samples) -> None:
        """Tokens of the turn in progress."""
        run, counter = self._runs.get(samples.device), self._counters.get(samples.device)
        if run is None or counter is None or counter.key != samples.key:
            return
        turn = run.turns[-1] if run.turns and run.turns[-1].ended is None else None
        if turn is not None and turn.first_ns is None:
            self._first(samples, run, turn)
        run.tokens = samples.last_code
        if turn is not None and turn.first_ns is not None:
            turn.last_ns = self._clock.to_host(samples.key, samples.t1_ns)
            turn.last_count = samples.last_code

    def _first(self, samples: Samples, run: Run, turn: Turn) -> None:
        codes: Iterable[tuple[Any, ...]] = code_struct(samples.dtype).iter_unpack(samples.codes)
        for i, (count,) in enumerate(codes):
            if count > run.tokens:
                turn.first_ns = self._clock.to_host(samples.key, samples.time_at(i))
                turn.first_count = count
                return

    def _tick(self, now_ns: int) -> Iterator[Item]:
        for device, run in list(self._runs.items()):
            accounts, sources = [], self._sources_of(device)
            if run.idle_ns is not None and (run.ended_ns or now_ns) >= now_ns:
                run.idle_ns = run.idle_ns if self._quiet.as_shown(device, run.idle_ns) else None
            whole = any(points.sees_whole(point) for _, point in sources)
            for source, point in sources:
                key = (device, source.channel.key)
                account = self._accounts.get(key)
                if account is None:
                    account = self._accounts[key] = Account(source, self._named(device, source, point))
                tokens = points.tells_tokens(point, battery=device in self._batteries)
                tokens &= points.sees_whole(point) or not whole
                off = self._off(source, run, now_ns)
                idle_ns = self._idle_since(run, source)
                told = account.tell(run, now_ns, tokens=tokens, off=off, idle_ns=idle_ns)
                yield from self._emit(told, now_ns)
                accounts.append(account)
            self._close(device, run, accounts)

    def _off(self, source: Source, run: Run, now_ns: int) -> Off:
        if isinstance(source, NetDevice):
            return Off(parts=tuple(self._off(part, run, now_ns) for part in source.parts))
        meter = source.channel.device in self._wires
        return self._metering.off(source, run.t0_ns, now_ns, meter=meter)

    def _idle_since(self, run: Run, source: Source) -> int | None:
        """Since when it saw the device idle before the run."""
        seen = source.parts[0] if isinstance(source, NetDevice) else source
        since_ns = run.idle_ns
        known = since_ns is not None and self._quiet.as_wired(seen.channel.device, since_ns)
        return since_ns if known else None

    def _close(self, device: str, run: Run, accounts: list[Account]) -> None:
        """Forget a run whose end every source has told."""
        if run.ended_ns is not None and all(account.over for account in accounts):
            del self._runs[device]

    def _emit(self, told: Iterable[Told], now_ns: int) -> Iterator[Item]:
        for channel, t_ns, value in told:
            before_ns = self._told_ns.get(channel.key)
            if before_ns is None:
                self._told_ns[channel.key] = t_ns
                yield ChannelsOpened(t_ns=now_ns, device=channel.device, channels=(channel,))
            if before_ns is None or t_ns > before_ns:
                self._told_ns[channel.key] = t_ns
                yield reading(channel, t_ns, value)

    def _sources_of(self, device: str) -> list[tuple[Source, str]]:
        if device not in self._chosen:
            found: dict[tuple[str, str], Source] = {}
            for source in self._sources.values():
                fed, point = self._wiring(source.channel)
                place = (source.channel.device, point)
                if fed == device and point and (place not in found or _better(source, found[place])):
                    found[place] = source
            self._chosen[device] = [
                (self._whole(source, found), point) for (_, point), source in found.items()
            ]
        return self._chosen[device]

    def _whole(self, source: Source, found: Mapping[tuple[str, str], Source]) -> Source:
        """Net device power is known by what it is made of, where that is known."""
        usb, battery = (
            [one for (_, at), one in found.items() if at == point] for point in (points.USB, points.GAUGE)
        )
        if source.channel.point != points.NET or len(usb) != 1 or len(battery) != 1:
            return source
        return NetDevice(source.channel, self._clock, usb[0], battery[0])

    def _wiring(self, channel: Channel) -> tuple[str, str]:
        """The device whose power it is, and the reference point."""
        wired = self._wires.get(channel.device)
        return (wired.feeds, channel.point or wired.point) if wired else (channel.device, channel.point)

    def _named(self, device: str, source: Source, point: str) -> Figures:
        key = (device, source.channel.key)
        if key not in self._figures:
            taken = {found.energy.name for (name, _), found in self._figures.items() if name == device}
            first = figures(device, point, source.channel)
            apart = f" ({source.channel.device} {source.channel.name})" if first.energy.name in taken else ""
            self._figures[key] = figures(device, point, source.channel, apart)
        return self._figures[key]


def _better(one: Source, other: Source) -> bool:
    """A counter knows more than samples of power."""
    return one.channel.quantity is Quantity.ENERGY and other.channel.quantity is not Quantity.ENERGY


def _progress(run: Run, event: ProcessStarted | ModelLoaded | TurnStarted | TurnEnded | RunEnded) -> None:
    if isinstance(event, RunEnded):
        run.ended_ns = event.t_ns
    elif isinstance(event, ProcessStarted):
        run.process_ns = event.t_ns
    elif isinstance(event, ModelLoaded):
        run.loaded = (event.t_ns - round(event.load_s * SECOND), event.t_ns) if event.load_s else None
    elif isinstance(event, TurnStarted):
        measured = event.purpose is TurnPurpose.MEASURED
        run.turns = [*run.turns[1 - _TURNS :], Turn(event.turn, event.t_ns if event.sent else None, measured)]
    else:
        for turn in run.turns:
            if turn.number == event.turn:
                turn.ended = event
