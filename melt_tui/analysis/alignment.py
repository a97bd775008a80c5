"""Whether a meter's clock and that of the device it feeds agree, by the power edges of the runs of a recording, or by a
logic line of the meter's that the device moves.

What is found can be applied: times of the meter are then moved on reading, and that can be taken back. What was measured
stays as it was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from drivers.clock import MILLISECOND, SECOND
from drivers.model import Channel, Kind, Quantity
from melt_tui import format as fmt
from melt_tui.analysis.logic_lines import Clocked, Line, by_line
from melt_tui.analysis.power import sources
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.runevents import RunEvents, run_events
from melt_tui.analysis.samples import read
from melt_tui.errors import UsageError
from melt_tui.measures.alignment import AROUND_NS, REACH_NS, Alignment, Power, Values, align, joined
from melt_tui.store.recording import Recording
from melt_tui.timeline import Window
from melt_tui.timeline.clockmap import ClockRow
from melt_tui.timeline.grid import choose, floor_to

MOST_NS = 20 * SECOND
"""Of a run no more than its beginning is looked at: clocks drift."""

_OFFER = ": `melt align FILE --apply"

_NONE = "no meter was wired to a device that ran a model"
_FINEST_NS = MILLISECOND
_AT_ONCE = 4000
"""Steps that are read at a time: of a fast meter each holds a hundred samples and more."""

_BRIDGED = 2
"""Steps without a reading that are bridged: one that came a little late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAlignment:
    """What one run says."""

    run: str
    offset_ms: float | None
    """``device = meter + offset``, by the times as they were measured."""
    uncertainty_ms: float | None
    """± 95 %, as far as power can tell."""
    confidence: float
    edges: int
    reason: str
    evidence: str
    """By what it was found: ``power edge``, or ``line D0`` and the moments of a turn that it marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterAlignment:
    """One meter against the device that it feeds."""

    meter: str
    channel: str
    feeds: str
    point: str
    offset_ms: float | None
    """``device = meter + offset``: negative where the meter is late. None: it cannot be said, for ``reason``."""
    uncertainty_ms: float | None
    confidence: float
    edges: int
    reason: str
    evidence: str
    """By what it was found; it is told by what a correction is justified too."""
    applied_ms: float | None
    """By what the meter's times are moved on reading; None where nobody had them corrected."""
    offered: bool
    """It may be believed, and would change what this recording tells."""
    runs: tuple[RunAlignment, ...]


def alignments(recording: Recorded, line: Line | None = None) -> tuple[MeterAlignment, ...]:
    """Every meter that was wired to a device with a run; with ``line`` by that one, and meters that have it alone.

    Raises UsageError where there is no such line.
    """
    return tuple(told for told, _ in found(recording, line))


def of_file(path: Path, meter: str = "", line: Line | None = None) -> Sequence[Mapping[str, Any]]:
    """As ``melt align --json`` prints it, of one meter or of all. Raises UsageError, and what opening a recording raises."""
    return [asdict(one) for one in _of(path, meter, line)]


def text_of_file(path: Path, meter: str = "", line: Line | None = None) -> Sequence[str]:
    """As ``melt align`` prints it. Raises as ``of_file``."""
    return [line_of(one, line) for one in _of(path, meter, line)] or [_NONE]


def _of(path: Path, meter: str, line: Line | None) -> Sequence[MeterAlignment]:
    with closing(Recording(path)) as recording:
        require(recording, meter)
        return [one for one in alignments(recording, line) if meter in {"", one.meter}]


def require(recording: Recorded, meter: str) -> None:
    """Raises UsageError for a name that no device of the recording bears."""
    names = sorted({device for device, _ in recording.view(recording.span()[1]).channels})
    if meter and meter not in names:
        raise UsageError(
            f"there is no {fmt.plain(meter)} in this recording", f"it has {fmt.plain(', '.join(names), 300)}"
        )


def line_of(one: MeterAlignment, line: Line | None = None) -> str:
    """What was found, with the correction that is offered."""
    offer = f"{_OFFER}{f' --line {line.text}' if line else ''}` corrects it"
    return fmt.whole(_sentence(one)) + (offer if one.offered else "")


def _sentence(one: MeterAlignment) -> str:
    """What was found, for a person."""
    what = f"{one.meter} against {one.feeds}: "
    if one.offset_ms is None or one.uncertainty_ms is None:
        return f"{what}{one.reason or 'nothing is known'}"
    side = "late" if one.offset_ms < 0 else "early"
    off = f"{fmt.fixed(abs(one.offset_ms), 1)} ms {side}, ± {fmt.fixed(one.uncertainty_ms, 1)} ms"
    sure = f"confidence {fmt.fixed(one.confidence, 2)}, {one.edges} edges"
    applied = "" if one.applied_ms is None else f", corrected by {fmt.fixed(one.applied_ms, 1)} ms"
    return f"{what}{off} by the {one.evidence} ({sure}{applied})"


def found(recording: Recorded, line: Line | None = None) -> Iterator[tuple[MeterAlignment, ClockRow | None]]:
    """Each meter, with the correction that follows from it where one does."""
    channels, runs = Channels(recording), run_events(recording)
    if line is not None:
        for marked, each in by_line(recording, channels, runs, line):
            yield _told(recording, marked, each)
        return
    for meter in _fastest(recording, channels, runs):
        edges = {
            run.started.run: _of_run(recording, channels, meter, run)
            for run in runs
            if run.started.device == meter.feeds
        }
        yield _told(recording, meter, edges)


def _fastest(recording: Recorded, channels: Channels, runs: Iterable[RunEvents]) -> list[Clocked]:
    """Of every meter that feeds a device with a run: its fastest channel of power."""
    _, end_ns = recording.span()
    found: dict[str, Clocked] = {}
    for device in dict.fromkeys(run.started.device for run in runs):
        for source in sources(recording, channels, device, end_ns):
            best = found.get(source.channel.device)
            known = source.meter and source.channel.quantity is Quantity.POWER
            if known and (best is None or _rate(source.channel) > _rate(best.channel)):
                found[source.channel.device] = Clocked(source.channel, device, source.point)
    return list(found.values())


def _rate(channel: Channel) -> float:
    return channel.rate_hz or 0.0


def _told(
    recording: Recorded, meter: Clocked, runs: Mapping[str, Alignment]
) -> tuple[MeterAlignment, ClockRow | None]:
    channel = meter.channel
    row = recording.clock.correction(channel.device)
    whole = joined(list(runs.values()))
    left = whole if row is None else replace(whole, offset_ns=_less(whole.offset_ns, row.offset_ns))
    told = MeterAlignment(
        meter=channel.device,
        channel=channel.name,
        feeds=meter.feeds,
        point=meter.point,
        offset_ms=_ms(whole.offset_ns),
        uncertainty_ms=_ms(whole.uncertainty_ns),
        confidence=whole.confidence,
        edges=whole.edges,
        reason=whole.reason,
        evidence=whole.evidence,
        applied_ms=None if row is None else row.offset_ns / MILLISECOND,
        offered=left.worth,
        runs=tuple(_run(name, found) for name, found in runs.items()),
    )
    return told, _correction(recording, whole)


def _run(name: str, found: Alignment) -> RunAlignment:
    return RunAlignment(
        run=name,
        offset_ms=_ms(found.offset_ns),
        uncertainty_ms=_ms(found.uncertainty_ns),
        confidence=found.confidence,
        edges=found.edges,
        reason=found.reason,
        evidence=found.evidence,
    )


def _correction(recording: Recorded, whole: Alignment) -> ClockRow | None:
    if not whole.sure or whole.offset_ns is None or whole.uncertainty_ns is None:
        return None
    return ClockRow(recording.span()[0], whole.offset_ns, whole.uncertainty_ns, whole.evidence)


def _less(offset_ns: int | None, by_ns: int) -> int | None:
    return None if offset_ns is None else offset_ns - by_ns


def _ms(t_ns: int | None) -> float | None:
    return None if t_ns is None else t_ns / MILLISECOND


def _of_run(recording: Recorded, channels: Channels, meter: Clocked, run: RunEvents) -> Alignment:
    """By the times as they were measured: a correction that is in force is taken off again."""
    channel = meter.channel
    row = recording.clock.correction(channel.device)
    moments = list(_moments(run))
    power = _power(recording, channels, channel, moments) if moments else None
    if power is None:
        return align(Power(0, _FINEST_NS, np.empty(0)), [])
    if row is not None:
        power = replace(power, t0_ns=power.t0_ns - row.offset_ns)
    return align(power, moments)


def _moments(run: RunEvents) -> Iterator[int]:
    """When its power should have changed: prompt sent, first and last token, turn by turn."""
    for turn in run.turns:
        if turn.t_ns > run.turns[0].t_ns + MOST_NS:
            return
        yield turn.t_ns
        ended, first = run.turn_ends.get(turn.turn), run.first.get(turn.turn)
        if first is not None:
            yield first.t_ns
        if ended is not None and ended.last_token_ns is not None:
            yield ended.last_token_ns


def _power(recording: Recorded, channels: Channels, channel: Channel, moments: Sequence[int]) -> Power | None:
    """Around these moments, in steps as fine as the meter's, and not finer than is of use."""
    reach_ns = REACH_NS + AROUND_NS
    first_ns, last_ns = moments[0] - reach_ns, max(moments) + reach_ns
    step_ns = _step_ns(recording, channels, channel, first_ns, last_ns)
    if step_ns is None:
        return None
    clock, key = recording.clock, channel.key
    begin_ns = clock.to_host(key, floor_to(clock.to_device(key, first_ns), step_ns))
    near = [moment - begin_ns for moment in moments]
    watts = np.full(-(-(last_ns - begin_ns) // step_ns), np.nan)
    for part in range(0, len(watts), _AT_ONCE):
        a_ns, b_ns = part * step_ns, min(part + _AT_ONCE, len(watts)) * step_ns
        if any(a_ns - reach_ns < moment < b_ns + reach_ns for moment in near):
            _read(
                recording.window(key, begin_ns + a_ns, begin_ns + b_ns, (b_ns - a_ns) // step_ns),
                begin_ns,
                watts,
            )
    mean_ns = SECOND / channel.rate_hz if channel.rate_hz else float(step_ns)
    late_ns = round(mean_ns / 2) if channel.kind is Kind.INTERVAL_MEAN else 0
    return Power(begin_ns - late_ns, step_ns, _bridged(watts))


def _read(window: Window, begin_ns: int, watts: Values) -> None:
    """Put its columns in their places."""
    places = (np.array(window.starts_ns, np.int64) - begin_ns + window.width_ns // 2) // window.width_ns
    inside = (places >= 0) & (places < len(watts))
    watts[places[inside]] = np.array(window.means)[inside]


def _step_ns(recording: Recorded, channels: Channels, channel: Channel, t0_ns: int, t1_ns: int) -> int | None:
    """The period of its readings, as told or else as they came, as a width of columns; None where there are none."""
    period_ns = SECOND / channel.rate_hz if channel.rate_hz else None
    if period_ns is None:
        times, _ = read(recording, channels, channel.key, t0_ns, t1_ns)
        period_ns = float(np.median(np.diff(times))) if len(times) > 1 else None
    return None if period_ns is None else choose(max(_FINEST_NS, round(period_ns)), 1)[0]


def _bridged(watts: Values) -> Values:
    """With single steps filled in that no reading fell on."""
    known = np.flatnonzero(np.isfinite(watts))
    for i in np.flatnonzero((np.diff(known) > 1) & (np.diff(known) <= _BRIDGED + 1)).tolist():
        a, b = int(known[i]), int(known[i + 1])
        watts[a + 1 : b] = np.linspace(watts[a], watts[b], b - a + 1)[1:-1]
    return watts
