"""Runs held open to be looked at side by side: laid over one another for any part of an axis, any alignment, any width.

Figures are not read here: of these a reader is told what is known already, and what is still being read. One thread at a
time may call; which one does not matter.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from melt_tui import format as fmt
from melt_tui.analysis.compare_request import LEAST_RUNS, MOST_DRAWN, Alignment, Axis, CompareRequest
from melt_tui.analysis.compare_series import TOPICS, Laid, lacking, lay
from melt_tui.analysis.compare_sources import frames, named, split_source
from melt_tui.analysis.compare_tracks import Track
from melt_tui.analysis.recorded import Channels
from melt_tui.analysis.runevents import RunEvents
from melt_tui.errors import UsageError
from melt_tui.measures.integral import Times, Values
from melt_tui.measures.overlay import when
from melt_tui.store.recording import Recording

LEAST_LENGTH = 1e-6
"""An axis shorter than this, in its own unit, is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """One run, as far as it is known without reckoning."""

    source: str
    """``FILE#NUMBER``."""
    path: Path
    run: str
    """Its id."""
    session: str
    device: str
    model: str
    """Empty where it is not known."""
    given: int
    """Which of the sources that were asked for named it."""
    seconds: float
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayAsk:
    """What part of which runs to lay over one another, and how."""

    axis: Axis
    alignment: Alignment
    moved: tuple[float, ...]
    """By how much each run is moved to the right, in the axis' unit, beyond its alignment."""
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    """Names and runs; the first is what the others are measured against. Runs in none are not drawn."""
    topics: tuple[int, ...]
    """Which of ``TOPICS``."""
    columns: int
    span: tuple[float, float] | None = None
    """The part shown; None: all there is."""
    onsets: tuple[float | None, ...] = ()
    """When each run began to throttle, s since its start; None where it did not. Empty: not known yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Lay:
    """Runs laid over one another. Column ``i`` begins at ``start + i · step``; 0 is what they are aligned by."""

    ask: LayAsk
    whole: tuple[float, float]
    """The axis' first and last place that any run has; both 0 where none has any."""
    start: float
    step: float
    panels: Mapping[int, Laid]
    """By topic, those that any run has."""
    missing: Mapping[int, str]
    """Runs that are not drawn, and why."""
    heads: Mapping[int, tuple[tuple[float, str], ...]]
    """For each run where it throttled (named ``onset``) and where its marks stand."""

    @property
    def exact(self) -> bool:
        """Nothing finer is to be read."""
        return all(panel.exact for panel in self.panels.values())


class OpenRuns:
    """Runs of recordings that stay open until it is closed."""

    def __init__(self, request: CompareRequest) -> None:
        """Raises UsageError for what cannot be laid over one another, and what opening a recording raises."""
        with ExitStack() as stack:
            self._tracks: list[Track] = []
            self.runs: tuple[OpenRun, ...] = tuple(self._opened(request.sources, stack))
            n = len(self.runs)
            if not LEAST_RUNS <= n <= MOST_DRAWN:
                raise UsageError(
                    f"{n} run{'s' * (n != 1)} to lay over one another",
                    f"give {LEAST_RUNS} to {MOST_DRAWN}, of a recording with several as FILE#1",
                )
            if len({one.source for one in self.runs}) < n:
                raise UsageError("a run was given twice", "give each once")
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the recordings."""
        self._stack.close()

    def at_hand(self, ask: LayAsk) -> bool:
        """Whether it is known where these runs stood along the axis: else that is read first, which takes a moment."""
        tracks = self._chosen(ask)
        point = self._point(tracks) if ask.axis is Axis.JOULES else ""
        return all(track.stood(ask.axis, point) for track in tracks.values())

    def lay(self, ask: LayAsk, *, closely: bool) -> Lay:
        """``closely``: read what is needed for columns as narrow as these, else take what is at hand."""
        onsets = dict(enumerate(ask.onsets))
        for i, track in enumerate(self._tracks):
            track.onset_s = onsets.get(i)
        tracks = self._chosen(ask)
        anchors = {i: track.anchor(ask.alignment, i) for i, track in tracks.items()}
        stood = dict(self._stood(ask, tracks, anchors))
        whole = _whole(stood)
        start, stop = ask.span or whole
        missing = {i: lacking(ask.axis, anchored=anchors[i] is not None) for i in tracks if i not in stood}
        if stop - start < LEAST_LENGTH:
            return Lay(ask, whole, start, LEAST_LENGTH, {}, missing, {})
        edges = np.linspace(start, stop, max(1, ask.columns) + 1)
        cuts = {i: when(edges, *each) for i, each in stood.items()}
        groups, point = dict(ask.groups), self._point(tracks)
        panels = (
            {i: lay(TOPICS[i], tracks, cuts, groups, point, closely=closely) for i in ask.topics}
            if groups
            else {}
        )
        return Lay(
            ask,
            whole,
            start,
            (stop - start) / max(1, ask.columns),
            {i: panel for i, panel in panels.items() if panel is not None},
            missing,
            {i: tuple(_heads(tracks[i], each)) for i, each in stood.items()},
        )

    def _opened(self, sources: Sequence[str], stack: ExitStack) -> Iterator[OpenRun]:
        known: dict[Path, tuple[Recording, list[RunEvents], Channels]] = {}
        for given, source in enumerate(sources):
            path, word = split_source(source)
            if path not in known:
                recording = stack.enter_context(closing(Recording(path)))
                known[path] = (recording, frames(recording), Channels(recording))
            recording, runs, channels = known[path]
            for i in named(runs, word, source):
                track = Track(recording, runs[i], channels)
                self._tracks.append(track)
                yield _told(track, path, i + 1, given)

    def _chosen(self, ask: LayAsk) -> dict[int, Track]:
        return {i: self._tracks[i] for i in sorted(i for _, runs in ask.groups for i in runs)}

    def _point(self, tracks: Mapping[int, Track]) -> str:
        """The point that sees most, of those at which all of them were measured; empty without one."""
        points = [track.points for track in tracks.values()]
        return (
            next((point for point in points[0] if all(point in each for each in points)), "")
            if points
            else ""
        )

    def _stood(
        self, ask: LayAsk, tracks: Mapping[int, Track], anchors: Mapping[int, int | None]
    ) -> Iterator[tuple[int, tuple[Times, Values]]]:
        """Where each run stood when, those that have the axis and the moment that is 0."""
        point = self._point(tracks) if ask.axis is Axis.JOULES else ""
        for i, track in tracks.items():
            anchor_ns = anchors[i]
            found = None if anchor_ns is None else track.along(ask.axis, anchor_ns, point)
            if found is not None:
                yield i, (found[0], found[1] + (ask.moved[i] if i < len(ask.moved) else 0.0))


def runs_of(sources: Sequence[str]) -> int:
    """How many runs these are. Raises UsageError for one that there is not, and what opening a recording raises."""
    n = 0
    for source in sources:
        path, word = split_source(source)
        with closing(Recording(path)) as recording:
            n += len(named(frames(recording), word, source))
    return n


def _told(track: Track, path: Path, number: int, given: int) -> OpenRun:
    model, loaded = track.events.model, track.events.loaded
    return OpenRun(
        source=f"{path}#{number}",
        path=path,
        run=track.events.started.run,
        session=fmt.plain(track.recording.meta.name or path.stem, 80),
        device=fmt.plain(track.device, 60),
        model=fmt.plain(model.name if model else loaded.model if loaded else "", 60),
        given=given,
        seconds=(track.t1_ns - track.t0_ns) // 1000 / 1e6,
        marks=tuple(track.marks),
    )


def _whole(stood: Mapping[int, tuple[Times, Values]]) -> tuple[float, float]:
    if not stood:
        return 0.0, 0.0
    return min(float(x[0]) for _, x in stood.values()), max(float(x[-1]) for _, x in stood.values())


def _heads(track: Track, stood: tuple[Times, Values]) -> Iterator[tuple[float, str]]:
    times, along = stood
    if track.onset_s is not None:
        yield _place(track.t0_ns + round(track.onset_s * 1e9), times, along), "onset"
    yield from ((_place(t_ns, times, along), name) for name, t_ns in track.marks.items())


def _place(t_ns: int, times: Times, along: Values) -> float:
    return float(np.interp(t_ns - times[0], times - times[0], along))
