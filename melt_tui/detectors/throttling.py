"""Throttling, by two witnesses: a rate below what is expected, and a platform that says why.

**Reference.** The first cool window of a run, ≥ 5 s and ≥ 32 tokens of decoding without a thermal limit or a lowered
cap, gives r0; from it and what follows cool, seconds per token are fitted over the tokens in context. A run that starts
warm has no r0 and no onset, and that is said.

**Symptom.** Tokens over decode time in the last 5 s or 8 tokens, whichever is longer, below 90 % of what is expected at
these contexts: ``ThrottleSuspected``, at once. At contexts that were not learnt from, what their growth may explain, with
two sigmas of the fitted slope, is none. The stay below goes on until the last 10 s on the whole are at 90 % again. It is
held after 10 s or two whole turns, when on the whole since its crossing it is below by more than what is not known of the
expected rate, and of its own mean, may explain; a crossing since which it was not below on the whole is given up for the
next one. Prompts are compared with cool ones of equal length by the same rule.

**Mechanism.** A limit of the device, or of a meter that feeds it, that is in force at the crossing, or engages within
30 s before or after it. Both: ``ThrottleOnset``, dated back to the crossing. One alone: ``ThrottleRuledOut``, which says
what was found. Back for 30 s of decoding, or over with its run: ``ThrottleEnded``, dated back to when the rate came above.

It knows the items' own times alone, in the host's clock, and so finds on replay what it found live.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from drivers.base import Item
from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    Event,
    LimitEngaged,
    LimitReleased,
    PrefillProgress,
    TurnEnded,
    TurnStarted,
)
from drivers.model import Channel, ChannelKey, Kind, Quantity, Samples, Unit, code_struct, reading
from melt_tui.detectors.cause import Surroundings
from melt_tui.detectors.mechanism import SORTS, Mechanisms
from melt_tui.detectors.parameters import Parameters
from melt_tui.detectors.thermometer import Thermometer
from melt_tui.detectors.watched import WatchedRun
from melt_tui.events import (
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    RunEnded,
    RunStarted,
    ThrottleWatched,
    Tick,
    Wired,
)
from melt_tui.timeline.clockmap import ClockMap

NAME = "two-witnesses"
RATIO = "rate/r0"
PROVENANCE = (
    "decode rate of the last 5 s or 8 tokens over what is expected, cool, at the same tokens in context"
)

_COUNTS = (Quantity.TOKENS, Quantity.TOKEN_ARRIVALS)
"""Best first: the engine's own times, then ours."""


class Throttling:
    """Transform: events of throttling for every run, and a channel ``rate/r0`` once there is a reference."""

    quantities = frozenset({*_COUNTS, *SORTS, Quantity.TEMPERATURE})

    def __init__(self, parameters: Parameters | None = None) -> None:
        self._p = parameters or Parameters()
        self._clock = ClockMap()
        self._devices: dict[str, _Device] = {}
        self._takers: dict[ChannelKey, Callable[[Samples], Iterable[Item]]] = {}

    def feed(self, item: Item) -> Iterable[Item]:
        """What follows from ``item``, in order."""
        if isinstance(item, Samples):
            taker = self._takers.get((item.device, item.channel))
            return taker(item) if taker is not None else ()
        handler = self._HANDLERS.get(type(item))
        return handler(self, item) if handler is not None else ()

    def _open(self, event: ChannelsOpened) -> Iterable[Item]:
        device = self._device(event.device)
        for channel in event.channels:
            self._clock.open(channel)
            if channel.quantity in _COUNTS:
                device.counts[channel.quantity] = channel
                self._takers[channel.key] = device.count
            elif channel.quantity in SORTS:
                device.mechanisms.open(channel)
                self._takers[channel.key] = device.limit
            elif channel.quantity is Quantity.TEMPERATURE:
                device.thermometer.open(channel)
                self._takers[channel.key] = device.warm
        return ()

    def _tick(self, event: Tick) -> Iterable[Item]:
        told: list[Item] = []
        for device in self._devices.values():
            if device.watched is not None:
                told += device.tick(event.t_ns)
        return told

    def _run_started(self, event: RunStarted) -> Iterable[Item]:
        device = self._device(event.device)
        told = device.end(event.t_ns)
        device.begin(event)
        watched = ThrottleWatched(
            t_ns=event.t_ns, device=event.device, run=event.run, detector=NAME, parameters=self._p.told()
        )
        return (*told, watched)

    def _of_run(self, event: Any) -> Iterable[Item]:
        device = self._device(event.device)
        if device.watched is None or event.run != device.run:
            return ()
        return list(device.follow(event))

    def _of_limit(self, event: LimitEngaged | LimitReleased) -> Iterable[Item]:
        mechanisms = self._device(event.device).mechanisms
        if isinstance(event, LimitEngaged):
            mechanisms.engaged(event)
        else:
            mechanisms.released(event)
        return ()

    def _device_changed(self, event: DeviceUp | DeviceLost | DeviceFailed) -> Iterable[Item]:
        device = self._device(event.device)
        device.mechanisms.forget(event.t_ns)
        if device.watched is not None and not isinstance(event, DeviceUp):
            device.watched.interrupt()
        return ()

    def _wired(self, event: Wired) -> Iterable[Item]:
        for device in self._devices.values():
            device.meters.pop(event.device, None)
        self._device(event.feeds).meters[event.device] = self._device(event.device).mechanisms
        return ()

    def _clock_measured(self, event: ClockMeasured) -> Iterable[Item]:
        """Times before and after it are not of one clock."""
        self._clock.learn(event)
        device = self._device(event.device)
        if device.watched is not None and any(one.own_clock for one in device.counts.values()):
            device.watched.interrupt()
        return ()

    def _device(self, name: str) -> "_Device":
        if name not in self._devices:
            self._devices[name] = _Device(name, self._p, self._clock)
        return self._devices[name]

    _HANDLERS: ClassVar[Mapping[type[Event], Callable[["Throttling", Any], Iterable[Item]]]] = {
        Tick: _tick,
        ChannelsOpened: _open,
        ClockMeasured: _clock_measured,
        RunStarted: _run_started,
        TurnStarted: _of_run,
        PrefillProgress: _of_run,
        TurnEnded: _of_run,
        RunEnded: _of_run,
        LimitEngaged: _of_limit,
        LimitReleased: _of_limit,
        DeviceUp: _device_changed,
        DeviceLost: _device_changed,
        DeviceFailed: _device_changed,
        Wired: _wired,
    }


class _Device:
    """One device: what its platform says, and its run in progress."""

    def __init__(self, name: str, parameters: Parameters, clock: ClockMap) -> None:
        self.mechanisms = Mechanisms(parameters.pressure_percent)
        self.thermometer = Thermometer()
        self.meters: dict[str, Mechanisms] = {}
        self.counts: dict[Quantity, Channel] = {}
        self.watched: WatchedRun | None = None
        self.run = ""
        self._name = name
        self._p = parameters
        self._clock = clock
        self._told_ns = 0
        self._ratio = Channel(
            device=name,
            name=RATIO,
            quantity=Quantity.RATE_SHARE,
            unit=Unit.PERCENT,
            kind=Kind.INTERVAL_MEAN,
            provenance=PROVENANCE,
            derived=True,
        )
        self._opened = False
        self._shown: float | None = None

    def begin(self, event: RunStarted) -> None:
        """A run starts: what the platform's caps are now is their start value."""
        self.mechanisms.begin_run()
        self.run = event.run
        self.watched = WatchedRun(
            event, self._p, Surroundings(self.mechanisms, self.thermometer, self.meters)
        )
        self._shown = None

    def end(self, t_ns: int) -> list[Item]:
        """The run is over, if there is one."""
        watched, self.watched = self.watched, None
        return list(watched.end(t_ns)) if watched is not None else []

    def follow(self, event: Event) -> Iterator[Item]:
        """An event of the run in progress."""
        watched = self.watched
        assert watched is not None
        if isinstance(event, TurnStarted):
            watched.decoding.begin(event)
        elif isinstance(event, PrefillProgress):
            watched.decoding.prompt(event.total)
        elif isinstance(event, TurnEnded):
            yield from watched.turn_ended(event, watched.decoding.end(event))
        else:
            yield from self.end(event.t_ns)

    def count(self, samples: Samples) -> Iterable[Item]:
        """Counts of tokens: those of the engine's times where there are any that can be placed."""
        watched = self.watched
        channel = self._source()
        if watched is None or channel.name != samples.channel:
            return ()
        moved = self._clock.moves(channel.key)
        value, count = channel.decoding.value, watched.decoding.count
        told: list[Item] = []
        for i, (code,) in enumerate(code_struct(samples.dtype).iter_unpack(samples.codes)):
            t_ns = samples.time_at(i)
            one = count(self._clock.to_host(channel.key, t_ns) if moved else t_ns, value(code))
            if one is not None:
                told += watched.take(one)
        return told

    def limit(self, samples: Samples) -> Iterable[Item]:
        """A channel that tells of a limit."""
        if self.mechanisms.tells_nothing(samples):
            return ()
        key = samples.key
        shift_ns = self._clock.to_host(key, samples.t0_ns) - samples.t0_ns if self._clock.moves(key) else 0
        self.mechanisms.take(samples, shift_ns)
        return ()

    def warm(self, samples: Samples) -> Iterable[Item]:
        """A temperature."""
        self.thermometer.take(samples)
        return ()

    def tick(self, t_ns: int) -> Iterator[Item]:
        """Time goes by: what has come of waiting, and the newest ratio where it is a new one."""
        watched = self.watched
        assert watched is not None
        yield from watched.tick(t_ns)
        ratio = watched.ratio
        if ratio is None or ratio == self._shown or t_ns <= self._told_ns:
            return
        self._shown, self._told_ns = ratio, t_ns
        if not self._opened:
            self._opened = True
            yield ChannelsOpened(t_ns=t_ns, device=self._name, channels=(self._ratio,))
        yield reading(self._ratio, t_ns, 100 * ratio)

    def _source(self) -> Channel:
        for quantity in _COUNTS:
            channel = self.counts.get(quantity)
            if channel is not None and (not channel.own_clock or self._clock.moves(channel.key)):
                return channel
        return next(iter(self.counts.values()))
