"""A recording with all its figures at hand: what tables and reports are made of."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

import numpy as np

from drivers.clock import SECOND
from drivers.events import TurnStarted
from melt_tui.analysis.bulk import Stored
from melt_tui.analysis.energy import PowerSummary
from melt_tui.analysis.recorded import Channels
from melt_tui.analysis.runevents import RunEvents, run_events
from melt_tui.analysis.runs import RunSummary, counts
from melt_tui.analysis.samples import read
from melt_tui.analysis.session import DeviceSummary, Summary, summarise
from melt_tui.analysis.turns import TurnSummary
from melt_tui.events import SessionStarted
from melt_tui.measures.energy import PerToken
from melt_tui.measures.heat import limited
from melt_tui.measures.integral import Times, Values
from melt_tui.store.recording import Recording


@dataclass(frozen=True)
class Figured:
    """One recording. ``name`` is told from those of all others beside it."""

    name: str
    path: Path
    recording: Stored

    @cached_property
    def summary(self) -> Summary:
        """Its figures."""
        return summarise(self.recording)

    @cached_property
    def channels(self) -> Channels:
        """Its channels."""
        return Channels(self.recording)

    @cached_property
    def runs(self) -> "Sequence[FiguredRun]":
        """Its runs, in the order in which they began."""
        pairs = zip(run_events(self.recording), self.summary.runs, strict=True)
        return [FiguredRun(self, events, run) for events, run in pairs]

    @cached_property
    def started(self) -> SessionStarted | None:
        """Its start; None where that is lost."""
        first = self.recording.event_after(-(1 << 62), (SessionStarted,))
        return first if isinstance(first, SessionStarted) else None

    def wall_ns(self, t_ns: int) -> int | None:
        """A moment by the wall clock of the computer that recorded it."""
        started = self.started
        return None if started is None else started.wall_ns + t_ns - started.t_ns


@dataclass(frozen=True)
class FiguredRun:
    """One of its runs."""

    of: Figured
    events: RunEvents
    summary: RunSummary

    @property
    def t0_ns(self) -> int:
        """Its start."""
        return self.events.started.t_ns

    @property
    def t1_ns(self) -> int:
        """Its end, or the recording's."""
        return self.events.ended.t_ns if self.events.ended else max(self.t0_ns, self.of.recording.span()[1])

    @property
    def device(self) -> DeviceSummary | None:
        """What it ran on."""
        devices = (one for one in self.of.summary.devices if one.device == self.summary.device)
        return next(devices, None)

    @property
    def power(self) -> PowerSummary | None:
        """The reference point that sees most of its device, of those that were measured."""
        return next(iter(self.summary.power), None)

    @property
    def limited(self) -> float | None:
        """Share of its time under a limit of its platform; None where nobody looked."""
        known = self.summary.throttling.states
        return limited(known) if known else None

    def joules(self, definition: PerToken) -> float | None:
        """J for a token, the mean over the turns that count and have it, at ``power``; None without any."""
        power, counted = self.power, {turn.turn for turn in self.summary.turns if counts(turn)}
        if power is None or not counted:
            return None
        found = [
            each.gross_j
            for each in self.summary.per_token
            if (each.definition, each.point, each.source) == (definition, power.point, power.source)
            and each.turn in counted
        ]
        known = [each for each in found if each is not None]
        return fmean(known) if known else None

    @cached_property
    def turns(self) -> "Sequence[FiguredTurn]":
        """Its turns."""
        pairs = zip(self.events.turns, self.summary.turns, strict=True)
        return [FiguredTurn(self, started, turn) for started, turn in pairs]

    @cached_property
    def heat(self) -> tuple[Times, Values]:
        """The first temperature of its device; nothing where there is none."""
        if not self.summary.temperatures:
            return np.empty(0, np.int64), np.empty(0)
        first = self.summary.temperatures[0]
        key = (first.device, first.sensor)
        return read(self.of.recording, self.of.channels, key, self.t0_ns - _BEFORE_NS, self.t1_ns)


_BEFORE_NS = 60 * SECOND
"""So old a temperature may be at a run's start."""


@dataclass(frozen=True)
class FiguredTurn:
    """One of its turns, with what it was measured in."""

    of: FiguredRun
    started: TurnStarted
    summary: TurnSummary

    @property
    def began_s(self) -> float:
        """When its prompt was sent, since the run's start."""
        return (self.started.t_ns - self.of.t0_ns) / SECOND

    @property
    def thermal_state(self) -> str:
        """As its prompt was sent."""
        return self.summary.thermal

    @property
    def start_c(self) -> float | None:
        """The temperature as its prompt was sent."""
        return self._celsius(self.started.t_ns)

    @property
    def end_c(self) -> float | None:
        """The temperature as its last token came."""
        ended = self.of.events.turn_ends.get(self.started.turn)
        return None if ended is None else self._celsius(ended.last_token_ns or ended.t_ns)

    def _celsius(self, t_ns: int) -> float | None:
        times, values = self.of.heat
        last = int(np.searchsorted(times, t_ns, side="right")) - 1
        if last < 0 or np.isnan(values[last]):
            return None
        return float(values[last])


def opened(paths: Sequence[Path], stack: ExitStack) -> Iterator[Figured]:
    """Each in turn, open as long as the stack is. Raises what opening a recording raises."""
    for name, path in zip(names_of(paths), paths, strict=True):
        yield Figured(name, path, stack.enter_context(closing(Recording(path))))


def names_of(paths: Sequence[Path]) -> list[str]:
    """A name for each: that of its file, with its folder's where two are alike, with a number where that is not enough."""
    stems = [path.stem for path in paths]
    wide = [path.stem if stems.count(path.stem) == 1 else f"{path.parent.name}/{path.stem}" for path in paths]
    return [name if wide.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(wide, 1)]
