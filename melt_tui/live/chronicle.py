"""Every event that still counts, in memory, and what was true by them at any moment."""

from array import array
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence

from drivers.events import (
    Event,
    FirstToken,
    LimitEngaged,
    LogLine,
    OutputText,
    PrefillProgress,
    RunEvent,
    SamplesLost,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from melt_tui.events import RunStarted, SessionEnded, SessionStarted, ThrottleOnset, Tick
from melt_tui.live.shelf import Shelf, Shelves, Told, moment
from melt_tui.timeline.fold import (
    DEVICE_EVENTS,
    DEVICE_STATES,
    LIMIT_BREAKS,
    LIMIT_EVENTS,
    RUN_EVENTS,
    THROTTLE_EVENTS,
    TURN_EVENTS,
    device_view,
    limits_in_force,
    run_view,
    throttled_by,
)
from melt_tui.timeline.model import EVER, DeviceView, RunView

PLENTIFUL: Mapping[type[Event], int] = {
    Tick: 240,
    LogLine: 2000,
    OutputText: 4000,
    PrefillProgress: 4000,
    SamplesLost: 4000,
}
"""Of these kinds only the newest so many are kept; all others come seldom and are kept for good."""
_OF_DEVICE = frozenset((*DEVICE_EVENTS, *LIMIT_EVENTS, *THROTTLE_EVENTS, RunStarted))
_OF_RUN = frozenset((*RUN_EVENTS, *TURN_EVENTS))

_Answer = tuple[DeviceView | None, RunView | None, tuple[LimitEngaged, ...], ThrottleOnset | None]


Standings = tuple[
    dict[str, DeviceView], dict[str, RunView], dict[str, tuple[LimitEngaged, ...]], dict[str, ThrottleOnset]
]


class Chronicle:
    """All events, by kind for looking them up, by device and by run for what was true."""

    def __init__(self) -> None:
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._published = 0
        self._kinds: dict[type[Event], Shelf] = {}
        self._devices: dict[str, _Standing] = {}
        self._runs: dict[str, _Run] = {}
        self._order: list[tuple[int, int, str]] = []

    def take(self, event: Event) -> None:
        """Take the next event off the bus."""
        self._published += 1
        self.first_ns = event.t_ns if self.first_ns is None else min(self.first_ns, event.t_ns)
        self.last_ns = event.t_ns if self.last_ns is None else max(self.last_ns, event.t_ns)
        kind = type(event)
        shelf = self._kinds.get(kind)
        if shelf is None:
            shelf = self._kinds[kind] = Shelf(PLENTIFUL.get(kind))
        for told in shelf.put(self._published, event):
            if isinstance(told[2], PrefillProgress):
                self._runs.setdefault(told[2].run, _Run()).outlive(told, told[2].turn)
        if kind in _OF_DEVICE:
            self._take_of_device(event)
        if isinstance(event, RunEvent) and kind in _OF_RUN:
            self._take_of_run(event)
        if kind is SessionEnded:
            for standing in self._devices.values():
                standing.stir(event.t_ns)

    def session(self, t_ns: int) -> SessionStarted | None:
        """The session that had begun by ``t_ns``."""
        told = self._last(SessionStarted, t_ns)
        return told[2] if told and isinstance(told[2], SessionStarted) else None

    def standings(self, t_ns: int) -> Standings:
        """Devices, their runs, their limits and what throttles at ``t_ns``, as a View tells them."""
        told = {name: self._told(name, standing, t_ns) for name, standing in self._devices.items()}
        ordered = [(name, told[name][0]) for t0_ns, _, name in self._order if t0_ns <= t_ns]
        return (
            {name: device for name, device in ordered if device is not None},
            {name: run for name, (_, run, _, _) in told.items() if run is not None},
            {name: limits for name, (_, _, limits, _) in told.items() if limits},
            {name: onset for name, (_, _, _, onset) in told.items() if onset is not None},
        )

    def view_from(self) -> int:
        """Earliest moment for which ``standings`` knows everything."""
        return self.held_from((PrefillProgress,))

    def held_from(self, kinds: Sequence[type[Event]]) -> int:
        """Earliest moment from which every event of these kinds, or of any, is held."""
        return max((shelf.held_ns for shelf in self._shelves(kinds)), default=EVER)

    def events(self, t0_ns: int, t1_ns: int, kinds: Sequence[type[Event]], limit: int) -> list[Event]:
        """As ``Timeline.events``."""
        found: list[Told] = []
        for shelf in self._shelves(kinds):
            high = shelf.upto(t1_ns)
            found.extend(shelf.told(max(shelf.before(t0_ns), high - max(0, limit)), high))
        found.sort(key=moment)
        return [event for _, _, event in found[max(0, len(found) - limit) :]]

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_after``."""
        found = [told for shelf in self._shelves(kinds) if (told := shelf.at(shelf.upto(t_ns)))]
        return min(found, key=moment)[2] if found else None

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_before``."""
        found = [told for shelf in self._shelves(kinds) if (told := shelf.at(shelf.before(t_ns) - 1))]
        return max(found, key=moment)[2] if found else None

    def _shelves(self, kinds: Sequence[type[Event]]) -> list[Shelf]:
        return [shelf for kind in kinds or self._kinds if (shelf := self._kinds.get(kind))]

    def _last(self, kind: type[Event], t_ns: int) -> Told | None:
        shelf = self._kinds.get(kind)
        return shelf.last(t_ns) if shelf else None

    def _take_of_device(self, event: Event) -> None:
        standing = self._standing(event.device)
        if isinstance(event, DEVICE_STATES):
            first = (event.t_ns, self._published, event.device)
            known = next((entry for entry in self._order if entry[2] == event.device), None)
            if known is None or first < known:
                self._order = sorted([entry for entry in self._order if entry is not known] + [first])
        standing.shelves.put(self._published, event)
        standing.stir(event.t_ns)

    def _take_of_run(self, event: RunEvent) -> None:
        run = self._runs.setdefault(event.run, _Run())
        if isinstance(event, RunStarted):
            run.devices.add(event.device)
        run.take(self._published, event)
        for device in run.devices:
            self._standing(device).stir(run.newest_ns)

    def _standing(self, device: str) -> "_Standing":
        return self._devices.setdefault(device, _Standing())

    def _told(self, device: str, standing: "_Standing", t_ns: int) -> _Answer:
        if t_ns < standing.newest_ns:
            return self._fold(standing, t_ns)
        if standing.answer is None:
            standing.answer = self._fold(standing, t_ns)
        return standing.answer

    def _fold(self, standing: "_Standing", t_ns: int) -> _Answer:
        device = device_view(standing.shelves.latest(DEVICE_EVENTS, t_ns))
        started = standing.shelves.last(RunStarted, t_ns)
        run = self._run_view(started[2], t_ns) if started else None
        return device, run, self._limits(standing, t_ns), self._throttled(standing, t_ns)

    def _run_view(self, started: Event, t_ns: int) -> RunView | None:
        run = self._runs[started.run] if isinstance(started, RunStarted) else _Run()
        events = run.shelves.latest(RUN_EVENTS, t_ns)
        turn = run.shelves.last(TurnStarted, t_ns)
        if turn is not None:
            events += run.turn_events(turn, self._kinds.get(PrefillProgress), t_ns)
        return run_view(events, bisect_right(run.ends, t_ns))

    def _limits(self, standing: "_Standing", t_ns: int) -> tuple[LimitEngaged, ...]:
        breaks = [told for kind in LIMIT_BREAKS if (told := standing.shelves.last(kind, t_ns))]
        ended = self._last(SessionEnded, t_ns)
        last = max([told[:2] for told in [*breaks, *([ended] if ended else [])]], default=(EVER, 0))
        since = standing.shelves.since(LIMIT_EVENTS, last, t_ns)
        return limits_in_force(since)

    def _throttled(self, standing: "_Standing", t_ns: int) -> ThrottleOnset | None:
        told = [told for kind in THROTTLE_EVENTS if (told := standing.shelves.last(kind, t_ns))]
        ended = self._last(SessionEnded, t_ns) if told else None
        ordered = sorted([*told, *([ended] if ended else [])], key=moment)
        return throttled_by(event for _, _, event in ordered)


class _Standing:
    """Events of one device, and what it was last found to be."""

    __slots__ = ("answer", "newest_ns", "shelves")

    def __init__(self) -> None:
        self.shelves = Shelves()
        self.newest_ns = EVER
        self.answer: _Answer | None = None
        """True from ``newest_ns`` on; None when it has to be found again."""

    def stir(self, t_ns: int) -> None:
        """Something at ``t_ns`` changed it."""
        self.newest_ns = max(self.newest_ns, t_ns)
        self.answer = None


class _Run:
    """Events of one run, but for its plentiful ones."""

    __slots__ = ("_ended", "_measured", "_outlived", "devices", "ends", "newest_ns", "shelves")

    def __init__(self) -> None:
        self.shelves = Shelves()
        self.devices: set[str] = set()
        self.newest_ns = EVER
        self.ends = array("q")
        """When its measured turns ended, rising."""
        self._measured: set[int] = set()
        self._ended: set[int] = set()
        self._outlived: dict[int, Told] = {}
        """How far the prompt of each turn was, by the last that the shelf of all runs has dropped."""

    def take(self, number: int, event: RunEvent) -> None:
        self.newest_ns = max(self.newest_ns, event.t_ns)
        if not isinstance(event, PrefillProgress):
            self.shelves.put(number, event)
        if isinstance(event, TurnStarted) and event.purpose is TurnPurpose.MEASURED:
            self._measured.add(event.turn)
        elif isinstance(event, TurnEnded) and event.turn in self._measured and event.turn not in self._ended:
            self._ended.add(event.turn)
            insort(self.ends, event.t_ns)

    def outlive(self, told: Told, turn: int) -> None:
        """The shelf of all runs has dropped this: the last one of a turn still counts."""
        self._outlived[turn] = max(told, self._outlived.get(turn, told), key=moment)

    def turn_events(self, started: Told, prefill: Shelf | None, t_ns: int) -> list[Event]:
        """``started`` and what has come of that turn by ``t_ns``: the last of each kind, in order."""
        turn = started[2]
        assert isinstance(turn, TurnStarted)
        shelves = [self.shelves.shelf(FirstToken), self.shelves.shelf(TurnEnded), prefill]
        found = [told for shelf in shelves if shelf and (told := _of_turn(shelf, started, turn, t_ns))]
        outlived = self._outlived.get(turn.turn)
        if outlived and started[:2] < outlived[:2] and outlived[0] <= t_ns:
            found.append(outlived)
        return [event for _, _, event in sorted([started, *found], key=moment)]


def _of_turn(shelf: Shelf, started: Told, turn: TurnStarted, t_ns: int) -> Told | None:
    at = shelf.upto(t_ns) - 1
    while (told := shelf.at(at)) and moment(told) > moment(started):
        event = told[2]
        assert isinstance(event, FirstToken | TurnEnded | PrefillProgress)
        if event.turn == turn.turn and event.run == turn.run:
            return told
        at -= 1
    return None
