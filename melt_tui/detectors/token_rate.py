"""The live token rate, derived from the engine's cumulative token counts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured, Event, TurnEnded, TurnStarted
from drivers.model import Channel, ChannelKey, Kind, Quantity, Samples, Unit, code_struct, uneven_block
from melt_tui.events import DeviceFailed, DeviceLost, RunEnded, RunStarted, Tick
from melt_tui.measures.rates import live_rate, live_start
from melt_tui.timeline.clockmap import ClockMap

NAME = "token_rate"

PROVENANCE = "tokens over time in the last 2 s or 8 tokens, whichever is longer, from `tokens`"


@dataclass(slots=True)
class _Decode:
    """Arrivals of the turn in progress on one device, as far back as the rate looks."""

    running: bool = False
    before: float = 0
    """Tokens of the run before the next arrival."""
    times_ns: list[int] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)
    told_ns: int | None = None
    """Time of the last rate that was told: they rise."""

    def begin(self, *, running: bool) -> None:
        """A turn begins, or is over."""
        self.running = running
        self.forget()

    def forget(self) -> None:
        """What came so far says nothing about what comes."""
        self.times_ns.clear()
        self.counts.clear()

    def arrive(self, t_ns: int, count: float) -> bool:
        """Take a count; whether it brought a token of this turn."""
        fresh, self.before = count > self.before, count
        if not fresh or not self.running or (self.times_ns and t_ns < self.times_ns[-1]):
            return False
        self.times_ns.append(t_ns)
        self.counts.append(count)
        return True

    def rate(self, now_ns: int) -> float | None:
        """The rate at ``now_ns``; None when there is none, or none that was not told already."""
        if not self.times_ns or (self.told_ns is not None and now_ns <= self.told_ns):
            return None
        start = live_start(self.times_ns, self.counts, now_ns)
        del self.times_ns[:start], self.counts[:start]
        value = live_rate(self.times_ns, self.counts, now_ns)
        if value is not None:
            self.told_ns = now_ns
        return value


class TokenRate:
    """Transform: a channel ``token_rate`` for every device that has ``tokens``.

    Told with every block of tokens, and on every ``Tick`` while the turn goes on, so that it falls when nothing comes.
    There is none before the second token of a turn, after its end, and from the loss of the device until tokens come
    again.
    """

    quantities = frozenset({Quantity.TOKENS})

    def __init__(self) -> None:
        self._clock = ClockMap()
        self._sources: dict[ChannelKey, Channel] = {}
        self._rates: dict[str, Channel] = {}
        self._decodes: dict[str, _Decode] = {}

    def feed(self, item: Item) -> Iterable[Item]:
        """The rates that follow from ``item``, and the opening of their channel before the first."""
        if isinstance(item, Samples):
            return self._count(item)
        if isinstance(item, ChannelsOpened):
            return self._open(item)
        if isinstance(item, Tick):
            return list(self._tick(item))
        self._notice(item)
        return ()

    def _open(self, event: ChannelsOpened) -> Iterable[Item]:
        sources = [channel for channel in event.channels if channel.quantity is Quantity.TOKENS]
        if not sources:
            return ()
        for channel in sources:
            self._sources[channel.key] = channel
            self._clock.open(channel)
        rate = self._rates[event.device] = Channel(
            device=event.device,
            name=NAME,
            quantity=Quantity.TOKEN_RATE,
            unit=Unit.TOKENS_PER_SECOND,
            kind=Kind.INTERVAL_MEAN,
            provenance=PROVENANCE,
            derived=True,
            own_clock=sources[-1].own_clock,
        )
        self._clock.open(rate)
        return (ChannelsOpened(t_ns=event.t_ns, device=event.device, channels=(rate,)),)

    def _count(self, samples: Samples) -> Iterable[Item]:
        source = self._sources.get(samples.key)
        if source is None:
            return ()
        decode, told = self._decode(samples.device), []
        for t_ns, count in _readings(samples, source):
            if decode.arrive(t_ns, count) and (value := decode.rate(t_ns)) is not None:
                told.append((t_ns, value))
        return self._tell(samples.device, told)

    def _tick(self, tick: Tick) -> Iterator[Item]:
        for device, decode in self._decodes.items():
            t_ns = self._clock.to_device((device, NAME), tick.t_ns)
            if decode.running and (value := decode.rate(t_ns)) is not None:
                yield from self._tell(device, [(t_ns, value)])

    def _tell(self, device: str, told: list[tuple[int, float]]) -> Iterable[Item]:
        if not told:
            return ()
        times, values = zip(*told, strict=True)
        return (uneven_block(self._rates[device], times, values),)

    def _notice(self, event: Event) -> None:
        if isinstance(event, ClockMeasured):
            self._clock.learn(event)
        elif isinstance(event, TurnStarted):
            self._decode(event.device).begin(running=True)
        elif isinstance(event, RunStarted):
            self._decodes[event.device] = _Decode(told_ns=self._decode(event.device).told_ns)
        elif isinstance(event, TurnEnded | RunEnded):
            self._decode(event.device).begin(running=False)
        elif isinstance(event, DeviceLost | DeviceFailed):
            self._decode(event.device).forget()

    def _decode(self, device: str) -> _Decode:
        return self._decodes.setdefault(device, _Decode())


def _readings(samples: Samples, channel: Channel) -> Iterator[tuple[int, float]]:
    codes: Iterable[tuple[Any, ...]] = code_struct(samples.dtype).iter_unpack(samples.codes)
    for i, (code,) in enumerate(codes):
        yield samples.time_at(i), channel.decoding.value(code)
