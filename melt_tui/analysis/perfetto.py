"""A recording as a Perfetto trace: a group of tracks for each device, counters, slices of turns and phases, events.

It opens in the viewer at ui.perfetto.dev. Times are those of the wall clock of the computer that recorded it, so that
several recordings lie beside one another as they were.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count as naturals
from itertools import pairwise
from math import isfinite
from typing import BinaryIO

import numpy as np

from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    Event,
    LimitEngaged,
    LogLine,
    OutputText,
    PrefillProgress,
    Preparing,
)
from drivers.model import Channel
from melt_tui import format as fmt
from melt_tui.analysis import tracepacket as packets
from melt_tui.analysis.bulk import parts
from melt_tui.analysis.export_request import ExportRequest
from melt_tui.analysis.figured import Figured
from melt_tui.analysis.tracepacket import Kind, Note
from melt_tui.events import SELF, Mark
from melt_tui.measures.integral import Times, Values
from melt_tui.store.eventcodec import detail_of
from melt_tui.timeline.model import Interval, IntervalKind

MOST = 200_000
"""Points of one counter: of more samples the least and greatest of as many columns are told."""
_AT_ONCE = 1_000_000
"""Samples that are looked at at a time."""
_TEXT = 300
"""Characters of an event's name."""

_ROOMS = {
    IntervalKind.RUN: "runs",
    IntervalKind.TURN: "turns",
    IntervalKind.LOAD: "phases",
    IntervalKind.PREFILL: "phases",
    IntervalKind.DECODE: "phases",
    IntervalKind.THROTTLED: "throttled",
    IntervalKind.LIMIT: "limits",
    IntervalKind.OUTAGE: "link lost",
}
"""The track that each kind of slice lies on."""
_PASSED_OVER = (ChannelsOpened, ClockMeasured, OutputText, PrefillProgress, Preparing)
"""Events that a trace does without: they are drawn otherwise, or many."""
_FIGURES = (
    "prompt_tokens",
    "cached_tokens",
    "output_tokens",
    "context_tokens",
    "ttft_ms",
    "prefill_tps",
    "decode_tps_observed",
)
"""That stand beside a turn."""
_UNKNOWN_WALL = 1 << 60
"""Where a recording does not tell the time, or one that cannot be."""


def write_trace(_request: ExportRequest, known: Sequence[Figured], out: BinaryIO) -> None:
    """All of these recordings. Raises OSError when ``out`` takes no more."""
    starts = [_wall_ns(one) for one in known]
    walled = all(start is not None for start in starts)
    out.write(packets.first_packet(min((start or _UNKNOWN_WALL) for start in starts), wall=walled))
    numbers = naturals(1)
    for one, start in zip(known, starts, strict=True):
        trace = _Trace(one, numbers, f"{one.name}: " if len(known) > 1 else "", start or _UNKNOWN_WALL)
        out.writelines(trace.parts())


def _wall_ns(one: Figured) -> int | None:
    """When it began."""
    wall_ns = one.wall_ns(one.recording.span()[0])
    known = wall_ns is not None and 2 * packets.EARLIEST < wall_ns < packets.LATEST // 2
    return wall_ns if known else None


class _Trace:
    """One recording."""

    def __init__(self, one: Figured, numbers: Iterator[int], before: str, wall_ns: int) -> None:
        self._one = one
        self._numbers = numbers
        self._before = before
        first_ns, self._end_ns = one.recording.span()
        self._shift = wall_ns - first_ns

    def parts(self) -> Iterator[bytes]:
        """Packets, some at a time."""
        slices, happened = self._slices(), self._happened()
        channels: dict[str, list[Channel]] = {}
        for channel in self._one.channels.latest.values():
            channels.setdefault(channel.device, []).append(channel)
        devices = dict.fromkeys(
            [*(one.device for one in self._one.summary.devices), *channels, *slices, *happened]
        )
        for rank, device in enumerate(sorted(devices, key=lambda name: name == SELF)):
            group, ranks = next(self._numbers), naturals()
            yield packets.track(group, 0, self._title(device), rank)
            yield from self._lanes(group, ranks, slices.get(device, {}))
            yield from self._events(group, ranks, happened.get(device, {}))
            for channel in channels.get(device, ()):
                yield from self._counter(group, next(ranks), channel)

    def _title(self, device: str) -> str:
        known = next((one for one in self._one.summary.devices if one.device == device), None)
        model = f" · {known.model}" if known and known.model else ""
        mark = " (simulated)" if known and known.simulated else ""
        return fmt.plain(f"{self._before}{device}{model}{mark}", 200)

    def _slices(self) -> dict[str, dict[str, list[Interval]]]:
        """By device and track."""
        found: dict[str, dict[str, list[Interval]]] = {}
        for one in self._one.recording.intervals(*self._one.recording.span()):
            found.setdefault(one.device, {}).setdefault(_ROOMS[one.kind], []).append(one)
        return found

    def _happened(self) -> dict[str, dict[str, list[Event]]]:
        found: dict[str, dict[str, list[Event]]] = {}
        for one in self._one.recording.told():
            if not isinstance(one, _PASSED_OVER):
                where = "log" if isinstance(one, LogLine) else "events"
                found.setdefault(one.device, {}).setdefault(where, []).append(one)
        return found

    def _lanes(
        self, group: int, ranks: Iterator[int], rooms: Mapping[str, Sequence[Interval]]
    ) -> Iterator[bytes]:
        """Slices that overlap lie on tracks of their own: an end closes what was begun last."""
        for name in dict.fromkeys(_ROOMS.values()):
            for lane in _apart(rooms.get(name, ()), self._end_ns):
                uuid = next(self._numbers)
                yield packets.track(uuid, group, name, next(ranks))
                yield from (self._slice(uuid, one) for one in lane)

    def _slice(self, uuid: int, one: Interval) -> bytes:
        end_ns = self._end_ns if one.t1_ns is None else one.t1_ns
        begin = packets.event(Kind.BEGIN, self._at(one.t0_ns), uuid, _name(one), self._notes(one))
        return begin + packets.event(Kind.END, self._at(max(end_ns, one.t0_ns)), uuid)

    def _notes(self, one: Interval) -> Mapping[str, Note]:
        """The figures of a turn; of a run its model."""
        run = (
            next((each for each in self._one.runs if each.summary.run == one.run), None) if one.run else None
        )
        if run is None or one.kind not in {IntervalKind.RUN, IntervalKind.TURN}:
            return {}
        if one.kind is IntervalKind.RUN:
            about = {
                "model": run.summary.model,
                "runtime": run.summary.runtime,
                "workload": run.summary.workload,
            }
            return {name: value for name, value in about.items() if value}
        turn = next((each for each in run.summary.turns if str(each.turn) == one.label), None)
        figures = {name: getattr(turn, name) for name in _FIGURES} if turn else {}
        return {name: value for name, value in figures.items() if value is not None}

    def _events(
        self, group: int, ranks: Iterator[int], rooms: Mapping[str, Sequence[Event]]
    ) -> Iterator[bytes]:
        for name, found in rooms.items():
            uuid = next(self._numbers)
            yield packets.track(uuid, group, name, next(ranks))
            for one in found:
                yield packets.event(Kind.INSTANT, self._at(one.t_ns), uuid, _said(one), _detail(one))

    def _counter(self, group: int, rank: int, channel: Channel) -> Iterator[bytes]:
        span = self._one.recording.span()
        held = sum(self._one.recording.window(channel.key, *span, 1).counts)
        if not held:
            return
        uuid = next(self._numbers)
        about = f"{channel.quantity}, {channel.kind}{f', at {channel.point}' if channel.point else ''}"
        if held > MOST:
            about += f"; least and greatest of each of {MOST // 2} columns of {held} samples"
        yield packets.counter_track(uuid, group, fmt.plain(channel.name, 100), rank, channel.unit, about)
        for times, values in self._columns(channel, held) if held > MOST else self._samples(channel):
            moved = times + self._shift
            kept = np.isfinite(values) & (moved >= packets.EARLIEST) & (moved < packets.LATEST)
            yield packets.numbers(uuid, moved[kept], values[kept])

    def _samples(self, channel: Channel) -> Iterator[tuple[Times, Values]]:
        for part in parts(self._one.recording, channel.key):
            yield part.times, part.values

    def _columns(self, channel: Channel, held: int) -> Iterator[tuple[Times, Values]]:
        """The least value at each column's start, the greatest in its middle, a stretch of time after the other."""
        first_ns, last_ns = self._one.recording.span()
        stretches = -(-held // _AT_ONCE)
        edges = [first_ns + (last_ns + 1 - first_ns) * i // stretches for i in range(stretches + 1)]
        for a_ns, b_ns in pairwise(edges):
            columns = max(1, MOST // 2 // stretches)
            window = self._one.recording.window(channel.key, a_ns, b_ns, columns)
            starts = np.array(window.starts_ns, np.int64)
            mine = (starts >= a_ns) & (starts < b_ns) if a_ns > first_ns else starts < b_ns
            times = np.stack([starts, starts + window.width_ns // 2], axis=1)[mine].ravel()
            extremes = [np.array(window.minima, np.float64), np.array(window.maxima, np.float64)]
            yield times, np.stack(extremes, axis=1)[mine].ravel()

    def _at(self, t_ns: int) -> int:
        return min(max(t_ns + self._shift, packets.EARLIEST), packets.LATEST - 1)


def _apart(slices: Sequence[Interval], end_ns: int) -> list[list[Interval]]:
    """Slices such that those of one list do not overlap."""
    lanes: list[list[Interval]] = []
    ends: list[int] = []
    for one in sorted(slices, key=lambda each: each.t0_ns):
        place = next((i for i, free_ns in enumerate(ends) if free_ns <= one.t0_ns), len(lanes))
        if place == len(lanes):
            lanes.append([])
            ends.append(0)
        lanes[place].append(one)
        ends[place] = max(one.t0_ns, end_ns if one.t1_ns is None else one.t1_ns)
    return lanes


def _name(one: Interval) -> str:
    """Of a slice."""
    if one.kind is IntervalKind.TURN:
        return fmt.plain(f"turn {one.label}", _TEXT)
    plain = one.kind in {IntervalKind.LOAD, IntervalKind.PREFILL, IntervalKind.DECODE}
    return str(one.kind) if plain or not one.label else fmt.plain(one.label, _TEXT)


def _said(one: Event) -> str:
    """Of an event: in words, or the words of its class."""
    match one:
        case LogLine():
            return fmt.plain(one.text, _TEXT) or "empty line"
        case Mark():
            return fmt.plain(f"mark {one.name}", _TEXT)
        case LimitEngaged():
            return fmt.plain(f"{one.limit}: {one.reason} {one.detail}".rstrip(), _TEXT)
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(one).__name__).lower()
    return words.capitalize()


def _detail(one: Event) -> Mapping[str, Note]:
    """What an event tells; what is nested as JSON."""
    known = json.loads(detail_of(one))
    return {key: _plain(value) for key, value in known.items() if value not in ("", None)}


def _plain(value: object) -> Note:
    if isinstance(value, str):
        return fmt.plain(value, 2000)
    if isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    return json.dumps(value, ensure_ascii=False)[:2000]
