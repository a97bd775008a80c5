"""What was before a moment, as far as what comes after it cannot be read without."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from drivers.events import (
    Absent,
    ChannelsOpened,
    ClockMeasured,
    Event,
    LimitEngaged,
    LimitReleased,
    LogLine,
    OutputText,
    RunEvent,
    SupplySet,
    TurnEnded,
    TurnStarted,
)
from drivers.model import Channel, ChannelKey
from melt_tui.events import Imported, RunEnded, RunStarted, SessionEnded
from melt_tui.timeline.fold import DEVICE_EVENTS, LIMIT_BREAKS

_Numbered = tuple[int, Event]
_Run = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Before:
    """``events`` in order of publication, none dated before ``begin_ns`` but measurements of clocks."""

    events: Sequence[Event]
    begin_ns: int
    """The start of the first run that was in progress; else the moment itself."""
    notes: tuple[str, ...]


def before(events: Iterable[Event], t_ns: int) -> Before:
    """Of all events but Ticks, in order of publication."""
    numbered = list(enumerate(events))
    earlier = [each for each in numbered if each[1].t_ns < t_ns]
    runs = _Runs(earlier, [event for _, event in numbered])
    begin_ns = min([t_ns, *(started.t_ns for started in runs.standing.values())])
    kept = sorted([*_state(earlier), *_limits(earlier), *runs.kept(earlier)], key=lambda each: each[0])
    told = [_dated(event, begin_ns) for _, event in kept]
    notes = tuple(
        f"the run on {started.device} began {(t_ns - started.t_ns) / 1e9:.1f} s before"
        for started in runs.standing.values()
    )
    return Before([*told, *_channels(earlier, begin_ns)], begin_ns, notes)


def _dated(event: Event, begin_ns: int) -> Event:
    if isinstance(event, ClockMeasured):
        return event
    return event if event.t_ns >= begin_ns else replace(event, t_ns=begin_ns)


def _state(earlier: Sequence[_Numbered]) -> Iterator[_Numbered]:
    """How devices stood: of each kind the last; all that was measured of clocks and set of supplies."""
    last: dict[object, _Numbered] = {}
    for number, event in earlier:
        if isinstance(event, DEVICE_EVENTS):
            last[type(event), event.device] = (number, event)
        elif isinstance(event, Absent):
            last[Absent, event.device, event.what] = (number, event)
        elif isinstance(event, ClockMeasured | SupplySet | Imported):
            yield number, event
    yield from last.values()


def _limits(earlier: Sequence[_Numbered]) -> Iterator[_Numbered]:
    """Those in force, by time as a view tells them."""
    standing: dict[tuple[str, str], _Numbered] = {}
    for number, event in sorted(earlier, key=lambda each: (each[1].t_ns, each[0])):
        if isinstance(event, LimitEngaged):
            standing[event.device, event.limit] = (number, event)
        elif isinstance(event, LimitReleased):
            standing.pop((event.device, event.limit), None)
        elif isinstance(event, SessionEnded):
            standing = {}
        elif isinstance(event, LIMIT_BREAKS):
            standing = {key: each for key, each in standing.items() if key[0] != event.device}
    yield from standing.values()


def _channels(earlier: Sequence[_Numbered], begin_ns: int) -> Iterator[Event]:
    """Each channel as it was announced last; devices in the order of their first."""
    latest: dict[ChannelKey, Channel] = {}
    for _, event in earlier:
        for channel in event.channels if isinstance(event, ChannelsOpened) else ():
            latest[channel.key] = channel
    for device in dict.fromkeys(key[0] for key in latest):
        channels = tuple(channel for key, channel in latest.items() if key[0] == device)
        yield ChannelsOpened(t_ns=begin_ns, device=device, channels=channels)


class _Runs:
    """Runs that were not over: in progress, or waiting to begin."""

    def __init__(self, earlier: Sequence[_Numbered], events: Sequence[Event]) -> None:
        self.standing: dict[_Run, RunStarted] = {}
        self._over: set[_Run] = set()
        for _, event in earlier:
            if isinstance(event, RunStarted):
                self._supersede(event)
                self.standing[event.device, event.run] = event
            elif isinstance(event, RunEnded):
                self._over.add((event.device, event.run))
                self.standing.pop((event.device, event.run), None)
        self._known = {(e.device, e.run) for e in events if isinstance(e, RunStarted)} - self._over

    def kept(self, earlier: Sequence[_Numbered]) -> Iterator[_Numbered]:
        """All that was said of them, but their output and their turns that were over."""
        current = self._turns(earlier)
        for number, event in earlier:
            if not isinstance(event, RunEvent) or isinstance(event, OutputText | LogLine):
                continue
            run = (event.device, event.run)
            turn = getattr(event, "turn", None)
            if run in self._known and (turn is None or turn == current.get(run)):
                yield number, event

    def _supersede(self, started: RunStarted) -> None:
        """A device has one run at a time: one that never ended is over when another begins."""
        for run in [run for run in self.standing if run[0] == started.device]:
            self._over.add(run)
            del self.standing[run]

    def _turns(self, earlier: Sequence[_Numbered]) -> dict[_Run, int]:
        turns: dict[_Run, int] = {}
        for _, event in earlier:
            if isinstance(event, TurnStarted):
                turns[event.device, event.run] = event.turn
            elif isinstance(event, TurnEnded):
                turns.pop((event.device, event.run), None)
        return turns
