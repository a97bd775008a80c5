"""Events and what follows from them, fetched by SQL: few rows for any question."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from drivers.events import (
    Event,
    FirstToken,
    LimitEngaged,
    PrefillProgress,
    RunEvent,
    TurnEnded,
    TurnStarted,
)
from melt_tui.events import RunStarted, SessionStarted, ThrottleOnset, Tick
from melt_tui.store.eventcodec import UnknownEvent, event_of, plain
from melt_tui.store.ticks import Ticks
from melt_tui.timeline.fold import DEVICE_EVENTS, RUN_EVENTS, device_view, run_view
from melt_tui.timeline.model import DeviceView, Interval, IntervalKind, RunView

_KEPT = 512
_EVER = 1 << 62

Row = tuple[int, int, str, str, str]
"""``(row, t_ns, kind, device, detail)``."""


class Happenings:
    """Reads events, within the read transactions of its owner. Events of kinds that we do not know are passed over."""

    def __init__(self, connection: sqlite3.Connection, ticks: Ticks) -> None:
        self._connection = connection
        self._ticks = ticks
        self._kept: OrderedDict[int, Event | None] = OrderedDict()
        self.unknown: dict[str, str] = {}
        """Kinds of events that were passed over, with the reason."""

    def events(self, t0_ns: int, t1_ns: int, kinds: Sequence[type[Event]], limit: int) -> Sequence[Event]:
        """As ``Timeline.events``."""
        found = self._found(kinds, (t0_ns, t1_ns), newest=True, limit=limit)
        return found[max(0, len(found) - limit) :] if limit > 0 else []

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_after``."""
        return next(iter(self._found(kinds, (t_ns + 1, _EVER), newest=False, limit=1)), None)

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_before``."""
        found = self._found(kinds, (-_EVER, t_ns - 1), newest=True, limit=1)
        return found[-1] if found else None

    def session(self, t_ns: int) -> SessionStarted | None:
        """The session that had begun by ``t_ns``."""
        found = self._found((SessionStarted,), (-_EVER, t_ns), newest=True, limit=1)
        return next((event for event in found if isinstance(event, SessionStarted)), None)

    def devices(self, t_ns: int) -> dict[str, DeviceView]:
        """Devices that were known at ``t_ns``, in the order in which they appeared."""
        found = (self._device(name, t_ns) for (name,) in self._connection.execute(_DEVICES, (t_ns,)))
        return {device.device: device for device in found if device is not None}

    def runs(self, t_ns: int) -> dict[str, RunView]:
        """By device, its last run."""
        devices = self._connection.execute("SELECT DISTINCT device FROM runs").fetchall()
        rows = [row for (device,) in devices for row in self._last("device = ?", device, RunStarted, t_ns)]
        runs = {started.device: self._run(started, t_ns) for started in self._known(rows)}
        return {device: run for device, run in runs.items() if run is not None}

    def limits(self, t_ns: int) -> dict[str, tuple[LimitEngaged, ...]]:
        """By device, the limits in force."""
        found: dict[str, tuple[LimitEngaged, ...]] = {}
        rows = self._connection.execute(_STANDING, ("limit", t_ns, t_ns)).fetchall()
        for event in (event for event in self._known(rows) if isinstance(event, LimitEngaged)):
            found[event.device] = (*found.get(event.device, ()), event)
        return found

    def throttled(self, t_ns: int) -> dict[str, ThrottleOnset]:
        """By device, the onset of what throttles it."""
        rows = self._connection.execute(_STANDING, ("throttled", t_ns, t_ns)).fetchall()
        return {event.device: event for event in self._known(rows) if isinstance(event, ThrottleOnset)}

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        """As ``Timeline.intervals``."""
        return [
            Interval(kind=IntervalKind(kind), device=device, t0_ns=a_ns, t1_ns=b_ns, label=label, run=run)
            for kind, device, a_ns, b_ns, label, run in self._connection.execute(_INTERVALS, (t1_ns, t0_ns))
        ]

    def _device(self, name: str, t_ns: int) -> DeviceView | None:
        rows = [row for kind in DEVICE_EVENTS for row in self._last("device = ?", name, kind, t_ns)]
        return device_view(self._known(sorted(rows, key=_moment)))

    def _run(self, started: Event, t_ns: int) -> RunView | None:
        run = plain(started.run) if isinstance(started, RunEvent) else ""
        rows = [row for kind in RUN_EVENTS for row in self._last("run = ?", run, kind, t_ns)]
        turns = self._last("run = ?", run, TurnStarted, t_ns)
        for turn in self._known(turns):
            rows += [*turns, *self._of_turn(run, turn, turns[0], t_ns)]
        (ended,) = self._connection.execute(_TURNS_ENDED, (run, t_ns)).fetchone()
        return run_view(self._known(sorted(rows, key=_moment)), ended)

    def _of_turn(self, run: str, turn: Event, started: Row, t_ns: int) -> list[Row]:
        """The last event of each kind that came of a turn since it started."""
        number = turn.turn if isinstance(turn, TurnStarted) else 0
        found: list[Row] = []
        for kind in (PrefillProgress, FirstToken, TurnEnded):
            span = (run, kind.__name__, turn.t_ns, t_ns, number)
            rows = self._connection.execute(_OF_TURN, span).fetchall()
            found += [row for row in rows[:1] if _moment(row) > _moment(started)]
        return found

    def _last(self, of: str, name: str, kind: type[Event], t_ns: int) -> list[Row]:
        """The last event of a kind by ``t_ns``, as no rows or one."""
        sql = f"{_SELECT} WHERE {of} AND kind = ? AND t_ns <= ? {_NEWEST} LIMIT 1"
        return self._connection.execute(sql, (name, kind.__name__, t_ns)).fetchall()

    def _found(
        self, kinds: Sequence[type[Event]], span: tuple[int, int], *, newest: bool, limit: int
    ) -> Sequence[Event]:
        """Events of a span in order: the newest or the oldest, as many as ``limit`` or more."""
        rows = sorted(self._rows(kinds, span, newest=newest, limit=limit), key=_moment)
        if kinds and Tick not in kinds:
            return self._known(rows)
        found = [(row[1], row[0], 0, event) for row in rows if (event := self._event(row)) is not None]
        ticks = self._ticks.between(*span, limit, newest=newest)
        return [each[3] for each in sorted([*found, *ticks], key=lambda each: each[:3])]

    def _rows(
        self, kinds: Sequence[type[Event]], span: tuple[int, int], *, newest: bool, limit: int
    ) -> list[Row]:
        """Rows of a span, in any order: of each kind the newest or the oldest."""
        order = f"t_ns BETWEEN ? AND ? {_NEWEST if newest else _OLDEST} LIMIT ?"
        if not kinds:
            return self._connection.execute(f"{_SELECT} WHERE {order}", (*span, max(0, limit))).fetchall()
        rows: list[Row] = []
        for kind in set(kinds):
            sql = f"{_SELECT} WHERE kind = ? AND {order}"
            rows += self._connection.execute(sql, (kind.__name__, *span, max(0, limit)))
        return rows

    def _known(self, rows: Iterable[Row]) -> Sequence[Event]:
        events = (self._event(row) for row in rows)
        return [event for event in events if event is not None]

    def _event(self, row: Row) -> Event | None:
        number, t_ns, kind, device, detail = row
        if number not in self._kept:
            try:
                self._kept[number] = event_of(kind, t_ns, device, detail)
            except UnknownEvent as error:
                self.unknown.setdefault(kind, str(error))
                self._kept[number] = None
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept.get(number)


def _moment(row: Row) -> tuple[int, int]:
    return row[1], row[0]


_SELECT = "SELECT id, t_ns, kind, device, detail FROM events"
_NEWEST = "ORDER BY t_ns DESC, id DESC"
_OLDEST = "ORDER BY t_ns, id"
_DEVICES = "SELECT device FROM devices WHERE first_ns <= ? ORDER BY first_ns, first_event"
_TURNS_ENDED = (
    "SELECT count(DISTINCT turn) FROM turns WHERE run = ? AND purpose = 'measured' AND ended_ns <= ?"
)
_OF_TURN = f"""
    {_SELECT} WHERE run = ? AND kind = ? AND t_ns BETWEEN ? AND ? AND turn = ? {_NEWEST} LIMIT 1"""
_STANDING = """
    SELECT events.id, t_ns, events.kind, events.device, detail FROM intervals JOIN events ON events.id = event
    WHERE intervals.kind = ? AND t0_ns <= ? AND (t1_ns IS NULL OR t1_ns > ?) ORDER BY t_ns, events.id"""
_INTERVALS = """
    SELECT kind, device, t0_ns, t1_ns, label, run FROM intervals
    WHERE t0_ns <= ? AND (t1_ns IS NULL OR t1_ns >= ?) ORDER BY t0_ns, number"""
