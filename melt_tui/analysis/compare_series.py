"""Compared runs laid over one another: the same channels on one shared grid, along time, tokens or joules.

Column ``i`` of an overlay holds what was between ``start + i · step`` and one step further, of every run: its least, mean and
greatest value. A run is cut by its own clock: for each step along the axis the span of time in which it was there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drivers.model import Channel, Quantity
from melt_tui.analysis.compare_request import MOST_DRAWN, Alignment, Axis
from melt_tui.analysis.compare_tracks import Quantities, Track
from melt_tui.measures.integral import Times, Values
from melt_tui.measures.overlay import Binned, Samples, binned, difference, mean_of, when

if TYPE_CHECKING:
    from melt_tui.analysis.compare_runs import Group, Known

COLUMNS = 512

TOPICS: tuple[tuple[str, Quantities], ...] = (
    ("token rate", (Quantity.TOKEN_RATE,)),
    ("SoC temperature", (Quantity.TEMPERATURE,)),
    ("power", (Quantity.POWER,)),
    ("RSS", (Quantity.RSS,)),
    ("physFootprint", (Quantity.FOOTPRINT,)),
    ("CPU clock", (Quantity.FREQUENCY,)),
)
"""What is laid over one another: titles, and the quantities of which one is taken."""

UNITS = {Axis.TIME: "s", Axis.TOKENS: "tokens", Axis.JOULES: "J"}

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


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """One quantity of several runs on one grid; not a number where a run has none."""

    title: str
    unit: str
    point: str
    lines: Mapping[int, tuple[Channel, Binned]]
    """By run."""
    means: Mapping[str, Values]
    """Of each group that has any, where all of its runs have a value."""
    differences: Mapping[str, Values]
    """Each of them less the first group."""
    exact: bool
    """Nothing finer could be read for these columns."""


def overlays(
    known: "Sequence[Known]", groups: "Sequence[Group]", alignment: Alignment
) -> tuple[Overlay, ...]:
    """Along each axis that any two runs have. Of more than ``MOST_DRAWN`` runs the first of each group in turn."""
    point = _shared_point(known)
    drawn = {i: _track(known[i]) for i in _drawn(groups)}
    found = (_overlay(axis, drawn, (known, groups), alignment, point) for axis in Axis)
    return tuple(one for one in found if one is not None)


def lay(
    topic: tuple[str, Quantities],
    tracks: Mapping[int, Track],
    cuts: Mapping[int, tuple[Times, Values]],
    groups: Mapping[str, Sequence[int]],
    point: str,
    *,
    closely: bool = True,
) -> Laid | None:
    """One quantity on a grid; ``cuts``: when each run was where, as ``when`` tells. None where no run has it.

    ``groups``: the first is what the others are measured against. ``closely``: read finer where columns are narrower than
    what was read so far; else what is at hand is taken.
    """
    lines: dict[int, tuple[Channel, Binned]] = {}
    exact = True
    for i, cut in cuts.items():
        found = tracks[i].samples(topic[1], point)
        if found is not None:
            samples = _samples(tracks[i], found, cut, closely=closely)
            exact = exact and samples is not None
            lines[i] = (found[0], binned(samples or found[1], *cut))
    if not lines:
        return None
    means = {
        name: mean
        for name, runs in groups.items()
        if (mean := mean_of([lines[i][1].mean for i in runs if i in lines])) is not None
    }
    base = next(iter(groups))
    return Laid(
        title=topic[0],
        unit=str(next(iter(lines.values()))[0].unit),
        point=point if Quantity.POWER in topic[1] else "",
        lines=lines,
        means=means,
        differences={
            name: difference(means[base], mean)
            for name, mean in means.items()
            if base in means and name != base
        },
        exact=exact,
    )


def _samples(
    track: Track, found: tuple[Channel, Samples], cut: tuple[Times, Values], *, closely: bool
) -> Samples | None:
    """What is fine enough for these columns; None where it was not read and is not to be."""
    moments, there = cut
    inside = np.flatnonzero(there > 0)
    if not len(inside):
        return found[1]
    a_ns, b_ns = int(moments[inside[0]]), int(moments[inside[-1] + 1])
    if not _narrow(found[1], moments, inside):
        return found[1]
    # A column more at both ends: what lies between two samples is drawn up to the edge.
    beyond = max(1, (b_ns - a_ns) // len(inside))
    span = (a_ns - beyond - found[1].hole_ns // 2, b_ns + beyond + found[1].hole_ns // 2)
    columns = 2 * len(inside) * (span[1] - span[0]) // max(1, b_ns - a_ns)
    if closely:
        return track.part(found[0], span, columns)
    return track.known_part(found[0], span, columns)


def _narrow(whole: Samples, moments: Times, inside: NDArray[np.intp]) -> bool:
    """Whether columns are narrower than the samples that were read of the whole run, which stand for several each."""
    if len(whole.times_ns) < 2 or float(np.max(whole.counts)) <= 1:
        return False
    width = int(np.min(np.diff(whole.times_ns)))
    return int(moments[inside[-1] + 1] - moments[inside[0]]) < width * len(inside)


def _drawn(groups: "Sequence[Group]") -> list[int]:
    """Which runs are drawn: the first of each group, then the second of each, while there is room."""
    deepest = max(len(group.runs) for group in groups)
    turns = (group.runs[nth] for nth in range(deepest) for group in groups if nth < len(group.runs))
    return sorted(list(turns)[:MOST_DRAWN])


def _shared_point(known: "Sequence[Known]") -> str:
    """The point that sees most, of those at which all runs were measured; empty without one."""
    points = [[one.point for one in run.summary.power] for run in known]
    return next((point for point in points[0] if all(point in each for each in points)), "")


def _track(known: "Known") -> Track:
    track = Track(known.recording, known.events)
    track.onset_s = known.told.onset_s
    return track


def _overlay(
    axis: Axis,
    drawn: Mapping[int, Track],
    told: "tuple[Sequence[Known], Sequence[Group]]",
    alignment: Alignment,
    point: str,
) -> Overlay | None:
    anchors = {i: one.anchor(alignment, i) for i, one in drawn.items()}
    stood = {
        i: drawn[i].along(axis, anchor_ns, point) for i, anchor_ns in anchors.items() if anchor_ns is not None
    }
    known = [each for each in stood.values() if each is not None]
    if not known:
        return None
    start, stop = min(float(x[0]) for _, x in known), max(float(x[-1]) for _, x in known)
    if stop <= start:
        return None
    columns = COLUMNS if axis is not Axis.TOKENS else min(COLUMNS, max(1, round(stop - start)))
    edges = np.linspace(start, stop, columns + 1)
    cuts = {i: when(edges, *each) for i, each in stood.items() if each is not None}
    groups = {group.name: group.runs for group in told[1]}
    panels = (lay(topic, drawn, cuts, groups, point, closely=False) for topic in TOPICS)
    return Overlay(
        axis=axis,
        unit=UNITS[axis],
        start=start,
        step=(stop - start) / columns,
        columns=columns,
        panels=tuple(_panel(panel, groups) for panel in panels if panel is not None),
        missing=tuple(_missing({i: told[0][i].told.label for i in drawn}, anchors, stood, axis)),
    )


def _missing(
    labels: Mapping[int, str], anchors: Mapping[int, int | None], stood: Mapping[int, object], axis: Axis
) -> Iterator[str]:
    for i, label in labels.items():
        if stood.get(i) is None:
            yield f"{label}: {lacking(axis, anchored=anchors[i] is not None)}"


def lacking(axis: Axis, *, anchored: bool) -> str:
    """Why a run is not drawn."""
    if not anchored:
        return "it has no such moment to be aligned by"
    return (
        "no token came" if axis is Axis.TOKENS else "its power was not measured where that of the others was"
    )


def _panel(laid: Laid, groups: Iterable[str]) -> Panel:
    return Panel(
        title=laid.title,
        unit=laid.unit,
        point=laid.point,
        lines=tuple(
            Line(
                run=i,
                channel=channel.name,
                low=_numbers(line.low),
                mean=_numbers(line.mean),
                high=_numbers(line.high),
            )
            for i, (channel, line) in laid.lines.items()
        ),
        groups=tuple((name, _numbers(laid.means[name])) for name in groups if name in laid.means),
        differences=tuple((name, _numbers(values)) for name, values in laid.differences.items()),
    )


def _numbers(values: Values) -> Numbers:
    return tuple(None if isnan(value) else value for value in values.tolist())
