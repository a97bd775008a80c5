"""A logic line of a meter, beside the runs of the device that it feeds: the device moves it as it works."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from drivers.clock import SECOND
from drivers.model import Channel, Quantity
from melt_tui import format as fmt
from melt_tui.analysis.power import UNKNOWN_POINT, wires
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.runevents import RunEvents
from melt_tui.analysis.samples import read
from melt_tui.errors import UsageError
from melt_tui.measures.alignment import AROUND_NS, REACH_NS, Alignment, nothing
from melt_tui.measures.logic_lines import Moment, align_line, edges_of

LONGEST_NS = 600 * SECOND
"""Of a run no more is looked at: clocks drift, and a line may be told a thousand times a second."""

STATE_NS = 5 * SECOND
"""In so long a line of which only changes are told is told once as it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """Which line of a meter, and at which moment it is said to leave its rest; None: that is found."""

    name: str
    leaving: Moment | None = None

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"{self.name}={self.leaving}" if self.leaving else self.name


@dataclass(frozen=True, slots=True)
class Clocked:
    """The channel of a meter that tells of its clock, the device that it feeds, and where."""

    channel: Channel
    feeds: str
    point: str


def parse_line(text: str) -> Line:
    """``D0``, ``D0=prompt``. Raises UsageError for a moment that a turn has not."""
    name, sign, moment = text.partition("=")
    if not sign:
        return Line(text)
    if moment not in set(Moment):
        raise UsageError(
            f"{fmt.plain(moment)!r} is no moment of a turn",
            f"there are {', '.join(Moment)}: --line D0=prompt",
        )
    return Line(name, Moment(moment))


def by_line(
    recording: Recorded, channels: Channels, runs: Sequence[RunEvents], line: Line
) -> Iterator[tuple[Clocked, Mapping[str, Alignment]]]:
    """Every meter that has this line and feeds a device with a run, with what each of the runs says.

    Raises UsageError where there is none.
    """
    for meter in _having(recording, channels, runs, line.name):
        own = [run for run in runs if run.started.device == meter.feeds]
        bounds = _bounds(own)
        yield (
            meter,
            {
                run.started.run: _of_run(recording, channels, meter, run, bounds[i], line)
                for i, run in enumerate(own)
            },
        )


def _having(
    recording: Recorded, channels: Channels, runs: Iterable[RunEvents], name: str
) -> Sequence[Clocked]:
    ran = {run.started.device for run in runs}
    lines = [
        Clocked(channel, wire.wired.feeds, wire.wired.point or UNKNOWN_POINT)
        for meter, wire in wires(recording, recording.span()[1]).items()
        if wire.wired.feeds in ran
        for channel in channels.of(meter)
        if channel.quantity is Quantity.LOGIC
    ]
    found = [one for one in lines if one.channel.name == name]
    if not found:
        there = ", ".join(dict.fromkeys(one.channel.name for one in lines))
        raise UsageError(
            f"no meter that feeds a device with a run has a line {fmt.plain(name)}",
            f"there are {fmt.plain(there, 200)}"
            if there
            else "a PPK2 has D0 to D7, a csv meter a column trigger",
        )
    return found


_Span = tuple[int, int]


def _bounds(runs: Sequence[RunEvents]) -> Sequence[_Span]:
    """Around each run, as far as a moment of it may be shifted, and no farther than half way to another one."""
    spans = [_span(run) for run in runs]
    looks = [(a_ns - REACH_NS - AROUND_NS, b_ns + REACH_NS + AROUND_NS) for a_ns, b_ns in spans]
    for (i, before), (j, after) in pairwise(sorted(enumerate(spans), key=lambda one: one[1])):
        middle_ns = (before[1] + after[0]) // 2
        looks[i] = (looks[i][0], min(looks[i][1], middle_ns))
        looks[j] = (max(looks[j][0], middle_ns), looks[j][1])
    return looks


def _span(run: RunEvents) -> _Span:
    """From its first moment to its last one."""
    every = [t_ns for moments in _moments(run).values() for t_ns in moments] or [run.started.t_ns]
    return min(every), max(every)


def _moments(run: RunEvents) -> Mapping[Moment, Sequence[int]]:
    """Of its turns, so many as are looked at."""
    turns = [turn for turn in run.turns if turn.t_ns <= run.turns[0].t_ns + LONGEST_NS]
    firsts = [run.first.get(turn.turn) for turn in turns]
    ends = [run.turn_ends.get(turn.turn) for turn in turns]
    return {
        Moment.PROMPT: [turn.t_ns for turn in turns],
        Moment.FIRST: [first.t_ns for first in firsts if first is not None],
        Moment.LAST: [end.last_token_ns for end in ends if end is not None and end.last_token_ns is not None],
    }


def _of_run(
    recording: Recorded, channels: Channels, meter: Clocked, run: RunEvents, look: _Span, line: Line
) -> Alignment:
    """By the times as they were measured: a correction that is in force is taken off again."""
    if not run.turns:
        return nothing("the run has no turn")
    key = meter.channel.key
    row = recording.clock.correction(key[0])
    shift_ns = 0 if row is None else row.offset_ns
    t0_ns, t1_ns = look
    times, levels = read(recording, channels, key, t0_ns - STATE_NS + shift_ns, t1_ns + shift_ns)
    edges = edges_of(times - shift_ns, levels, _looked_ns(channels, meter.channel)).between(t0_ns, t1_ns)
    return align_line(edges, _moments(run), line.name, line.leaving)


def _looked_ns(channels: Channels, line: Channel) -> float | None:
    """How often a line was looked at of which changes alone are told: as often as its meter reads anything else."""
    rates = [channel.rate_hz for channel in channels.of(line.device) if channel.rate_hz]
    return SECOND / max(rates) if rates and not line.rate_hz else None
