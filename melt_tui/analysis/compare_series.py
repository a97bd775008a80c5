"""Compared runs laid over one another: the same channels on one shared grid, along time, tokens or joules.

Column ``i`` of an overlay holds what was between ``start + i · step`` and one step further, of every run: its least, mean and
greatest value. A run is cut by its own clock: for each step along the axis the span of time in which it was there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

import numpy as np

from drivers.clock import SECOND
from drivers.model import Channel, Kind, Quantity
from melt_tui.analysis.compare_request import MOST_DRAWN, Alignment, Axis
from melt_tui.analysis.compare_runs import Group, Known
from melt_tui.analysis.meter import about
from melt_tui.analysis.power import Source, sources
from melt_tui.analysis.recorded import EVERY, Channels
from melt_tui.analysis.traces import Measured, measured
from melt_tui.analysis.turns import read_counts
from melt_tui.events import Mark
from melt_tui.measures.integral import Times, Values
from melt_tui.measures.overlay import Binned, Samples, binned, difference, mean_of, when
from melt_tui.timeline.filled import hole_ns

COLUMNS = 512
FINE = 2048
"""Columns that a run's channel is read in, before it is put on the shared grid."""
_ENERGIES = 128
_PERIODS = 12
"""Energy is summed up over spans of at least so many periods of its source."""

_TOPICS = (
    ("token rate", (Quantity.TOKEN_RATE,)),
    ("SoC temperature", (Quantity.TEMPERATURE,)),
    ("power", (Quantity.POWER,)),
    ("RSS", (Quantity.RSS,)),
    ("CPU clock", (Quantity.FREQUENCY,)),
)

Numbers = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One run in one panel; None: a gap, or beyond its ends."""

    run: int
    """Index of the compared run."""
    channel: str
    low: Numbers
    mean: Numbers
    high: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One quantity of all drawn runs, for one shared y axis."""

    title: str
    unit: str
    point: str
    """Of power: where."""
    lines: tuple[Line, ...]
    groups: tuple[tuple[str, Numbers], ...]
    """The mean of each group, where all of its drawn runs have a value."""
    differences: tuple[tuple[str, Numbers], ...]
    """Each group less the first one: the trace under the overlay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """All panels along one axis. 0 is the moment that runs are aligned by."""

    axis: Axis
    unit: str
    start: float
    step: float
    columns: int
    panels: tuple[Panel, ...]
    missing: tuple[str, ...]
    """Which runs are not drawn, and why."""


def overlays(known: Sequence[Known], groups: Sequence[Group], alignment: Alignment) -> tuple[Overlay, ...]:
    """Along each axis that any two runs have. Of more than ``MOST_DRAWN`` runs the first of each group in turn."""
    point = _shared_point(known)
    drawn = [_Drawn(i, known[i], alignment, point) for i in _drawn(groups)]
    found = (_overlay(axis, drawn, groups) for axis in Axis)
    return tuple(one for one in found if one is not None)


def _drawn(groups: Sequence[Group]) -> list[int]:
    """Which runs are drawn: the first of each group, then the second of each, while there is room."""
    deepest = max(len(group.runs) for group in groups)
    turns = (group.runs[nth] for nth in range(deepest) for group in groups if nth < len(group.runs))
    return sorted(list(turns)[:MOST_DRAWN])


def _shared_point(known: Sequence[Known]) -> str:
    """The point that sees most, of those at which all runs were measured; empty without one."""
    points = [[one.point for one in run.summary.power] for run in known]
    return next((point for point in points[0] if all(point in each for each in points)), "")


class _Drawn:
    """One run that is laid over others."""

    def __init__(self, index: int, known: Known, alignment: Alignment, point: str) -> None:
        self.index = index
        self.label = known.told.label
        self.group = known.told.group
        self._known = known
        self._recording = known.recording
        self._device = known.told.device
        self.t0_ns, self.t1_ns = known.events.started.t_ns, max(known.t1_ns, known.events.started.t_ns + 1)
        self.anchor_ns = self._anchor(alignment)
        self.point = point
        self._fine: dict[tuple[Quantity, ...], tuple[Channel, Samples] | None] = {}

    @cached_property
    def channels(self) -> Channels:
        return Channels(self._recording)

    @cached_property
    def source(self) -> Source | None:
        """What measured at the shared point."""
        found = sources(self._recording, self.channels, self._device, self.t1_ns) if self.point else []
        return next((one for one in found if one.point == self.point), None)

    def along(self, axis: Axis) -> tuple[Times, Values] | None:
        """Where the run stood when: moments and the axis' value at each, both rising; 0 at the anchor. None without it."""
        if self.anchor_ns is None:
            return None
        if axis is Axis.TIME:
            ends = np.array([self.t0_ns, self.t1_ns], np.int64)
            return ends, (ends - self.anchor_ns) / SECOND
        stood = self._tokens if axis is Axis.TOKENS else self._joules
        if stood is None:
            return None
        times, values = stood
        return times, values - np.interp(self.anchor_ns - times[0], times - times[0], values)

    def samples(self, quantities: tuple[Quantity, ...]) -> tuple[Channel, Samples] | None:
        """The channel that stands for a quantity, in fine columns."""
        if quantities not in self._fine:
            self._fine[quantities] = self._read(quantities)
        return self._fine[quantities]

    def _anchor(self, alignment: Alignment) -> int | None:
        if alignment.word == "first-token":
            return min((event.t_ns for event in self._known.events.first.values()), default=None)
        if alignment.word == "onset":
            onset_s = self._known.told.onset_s
            return None if onset_s is None else self.t0_ns + round(onset_s * SECOND)
        if alignment.word == "mark":
            marks = self._recording.events(self.t0_ns, self.t1_ns, kinds=(Mark,), limit=EVERY)
            named = (one.t_ns for one in marks if isinstance(one, Mark) and one.name == alignment.mark)
            return next(named, None)
        return self.t0_ns - round(alignment.moved(self.index) * SECOND)

    @cached_property
    def _tokens(self) -> tuple[Times, Values] | None:
        """Output tokens of the run so far."""
        mine = self.channels.of(self._device)
        wanted = (Quantity.TOKENS, Quantity.TOKEN_ARRIVALS)
        channel = next((one for q in wanted for one in mine if one.quantity is q), None)
        if channel is None:
            return None
        counts = read_counts(self._recording, channel, self.t0_ns, self.t1_ns)
        if not len(counts.counts):
            return None
        came = np.maximum.accumulate(np.array(counts.counts, np.float64))
        times = np.array([self.t0_ns, *counts.times_ns, self.t1_ns], np.int64)
        return times, np.concatenate([[0.0], came, came[-1:]])

    @cached_property
    def _joules(self) -> tuple[Times, Values] | None:
        """Energy of the run so far, up to where nothing was measured."""
        trace = self._measured
        if trace is None:
            return None
        spans = int((self.t1_ns - self.t0_ns) / max(1.0, _PERIODS * trace.least_ns))
        edges = np.linspace(self.t0_ns, self.t1_ns, min(max(spans, 1), _ENERGIES) + 1).astype(np.int64)
        sums = [0.0]
        for a_ns, b_ns in zip(edges.tolist(), edges[1:].tolist(), strict=False):
            energy = trace.energy(a_ns, b_ns)
            if energy is None or not energy.enough:
                break
            sums.append(sums[-1] + energy.joules.value)
        return (edges[: len(sums)], np.maximum.accumulate(np.array(sums))) if len(sums) > 1 else None

    @property
    def _measured(self) -> Measured | None:
        if self.source is None:
            return None
        trace = about(self._recording, self.channels, self.source, self.t0_ns, self.t1_ns)
        beyond = 60 * SECOND
        span = (self.t0_ns - beyond, self.t1_ns + beyond)
        return measured(self._recording, self.channels, self.source.channel, trace, *span)

    def _read(self, quantities: tuple[Quantity, ...]) -> tuple[Channel, Samples] | None:
        for channel in self._candidates(quantities):
            window = self._recording.window(channel.key, self.t0_ns, self.t1_ns, FINE)
            if len(window.starts_ns):
                times = np.array(window.starts_ns, np.int64) + window.width_ns // 2
                low, mean, high = (
                    np.array(part, np.float64) for part in (window.minima, window.means, window.maxima)
                )
                hole = max(hole_ns(channel) or 5 * SECOND, 2 * window.width_ns)
                return channel, Samples(times, low, mean, high, np.array(window.counts, np.float64), hole)
        return None

    def _candidates(self, quantities: tuple[Quantity, ...]) -> Iterator[Channel]:
        if Quantity.POWER in quantities:
            if self.source is not None and self.source.channel.kind is not Kind.COUNTER:
                yield self.source.channel
            return
        yield from (one for one in self.channels.of(self._device) if one.quantity in quantities)


def _overlay(axis: Axis, drawn: Sequence[_Drawn], groups: Sequence[Group]) -> Overlay | None:
    stood = {one.index: one.along(axis) for one in drawn}
    known = [each for each in stood.values() if each is not None]
    if not known:
        return None
    start, stop = min(float(x[0]) for _, x in known), max(float(x[-1]) for _, x in known)
    if stop <= start:
        return None
    columns = COLUMNS if axis is not Axis.TOKENS else min(COLUMNS, max(1, round(stop - start)))
    edges = np.linspace(start, stop, columns + 1)
    cuts = {i: when(edges, *each) for i, each in stood.items() if each is not None}
    panels = (_panel(title, wanted, drawn, cuts, groups) for title, wanted in _TOPICS)
    return Overlay(
        axis=axis,
        unit={Axis.TIME: "s", Axis.TOKENS: "tokens", Axis.JOULES: "J"}[axis],
        start=start,
        step=(stop - start) / columns,
        columns=columns,
        panels=tuple(panel for panel in panels if panel is not None),
        missing=tuple(f"{one.label}: {_lacking(one, axis)}" for one in drawn if stood[one.index] is None),
    )


def _lacking(one: _Drawn, axis: Axis) -> str:
    if one.anchor_ns is None:
        return "it has no such moment to be aligned by"
    return (
        "no token came" if axis is Axis.TOKENS else "its power was not measured where that of the others was"
    )


def _panel(
    title: str,
    quantities: tuple[Quantity, ...],
    drawn: Iterable[_Drawn],
    cuts: "dict[int, tuple[Times, Values]]",
    groups: Sequence[Group],
) -> Panel | None:
    lines: dict[int, tuple[Channel, Binned]] = {}
    point = ""
    for one in drawn:
        found = one.samples(quantities) if one.index in cuts else None
        if found is not None:
            lines[one.index] = (found[0], binned(found[1], *cuts[one.index]))
            point = one.point if Quantity.POWER in quantities else ""
    if not lines:
        return None
    means = {group.name: mean_of([lines[i][1].mean for i in group.runs if i in lines]) for group in groups}
    base = means[groups[0].name]
    others = [(group.name, means[group.name]) for group in groups[1:]]
    return Panel(
        title=title,
        unit=str(next(iter(lines.values()))[0].unit),
        point=point,
        lines=tuple(
            Line(
                run=i,
                channel=channel.name,
                low=_numbers(line.low),
                mean=_numbers(line.mean),
                high=_numbers(line.high),
            )
            for i, (channel, line) in lines.items()
        ),
        groups=tuple((name, _numbers(mean)) for name, mean in means.items() if mean is not None),
        differences=tuple(
            (name, _numbers(difference(base, mean)))
            for name, mean in others
            if mean is not None and base is not None
        ),
    )


def _numbers(values: Values) -> Numbers:
    return tuple(None if isnan(value) else value for value in values.tolist())
