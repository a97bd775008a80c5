"""The runs that are compared: chosen from recordings, put into groups, each with what must be known beside its figures."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from threading import Lock

from melt_tui import format as fmt
from melt_tui.analysis.compare_request import LEAST_RUNS, MOST_RUNS, CompareRequest, Grouping, named_groups
from melt_tui.analysis.compare_sources import named, split_source
from melt_tui.analysis.recorded import Recorded
from melt_tui.analysis.runevents import RunEvents, run_events
from melt_tui.analysis.runs import RunSummary
from melt_tui.analysis.session import DeviceSummary, Summary, summarise
from melt_tui.errors import UsageError
from melt_tui.events import SessionStarted
from melt_tui.measures.heat import ThermalStart, limited
from melt_tui.store.recording import Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One run. Every figure of it stands beside the thermal state that it was measured in."""

    label: str
    """``A1``: its group, and which run of it."""
    group: str
    path: Path
    session: str
    run: str
    device: str
    model: str | None
    began_wall_ns: int | None
    place: int | None
    """The how manyeth of all by when it began; None where a recording does not tell the time."""
    seconds: float
    counted_turns: int
    start_c: float | None
    """Of ``sensor``, the first of its device, at its start."""
    sensor: str
    limited: float
    """Share of its time under a limit of its platform."""
    onset_s: float | None
    warm: bool
    """It began too warm for a reference rate, as far as a detector looked."""
    start: ThermalStart
    """The thermal state that it began in."""
    variant: str | None
    """Of what it is a run, where several were run in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs of one kind, whose figures are taken together."""

    name: str
    """``A``, ``B`` …"""
    title: str
    runs: tuple[int, ...]
    """Indices of the compared runs."""


@dataclass(frozen=True, slots=True)
class Known:
    """A run with all that is known of it, while its recording is open."""

    told: ComparedRun
    summary: RunSummary
    events: RunEvents
    recording: Recorded
    session: Summary

    @property
    def device(self) -> DeviceSummary | None:
        """Its device."""
        devices = (one for one in self.session.devices if one.device == self.summary.device)
        return next(devices, None)

    @property
    def address(self) -> str:
        """Of its device: the same one in another recording has the same."""
        device = self.device
        return (device.address if device else None) or self.summary.device

    @property
    def prompts(self) -> dict[int, Hashable]:
        """What each turn was asked, by its number. The same place in another workload is another prompt."""
        return {
            turn.turn: (turn.conversation, turn.prompt, turn.text or self.summary.workload)
            for turn in self.events.turns
        }

    @property
    def t1_ns(self) -> int:
        """Its end, or the recording's."""
        return self.events.ended.t_ns if self.events.ended else self.recording.span()[1]


def chosen(request: CompareRequest, stack: ExitStack) -> tuple[list[Known], list[Group]]:
    """The runs, those of the first group first, and their groups; recordings stay open for the stack's life.

    Raises UsageError for what cannot be compared at all, and what opening a recording raises.
    """
    opened: dict[Path, _Opened] = {}
    found: list[_Found] = []
    for i, source in enumerate(request.sources):
        path, word = split_source(source)
        if path not in opened:
            opened[path] = _Opened(path, stack)
        found += [_Found(i, opened[path], *one) for one in opened[path].named(word, source)]
    if not LEAST_RUNS <= len(found) <= MOST_RUNS:
        given = f"{len(found)} run" + "s" * (len(found) != 1)
        raise UsageError(f"{given} to compare", f"give {LEAST_RUNS} to {MOST_RUNS}, each once")
    if len({(id(one.events)) for one in found}) < len(found):
        raise UsageError("a run was given twice", "give each once")
    return _grouped(found, _keys(request, found), own=bool(request.letters))


def read_figures(path: Path) -> None:
    """Reckon the figures of a recording, so that comparing its runs takes no time. Raises what opening it raises."""
    with closing(Recording(path)) as recording:
        _figures(_stamp(path), recording)


_BEGAN_WARM = "was in force before a cool window"
"""As the detector says it."""


class _Opened:
    """A recording, and its runs."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.recording = stack.enter_context(closing(Recording(path)))
        self.session, events = _figures(_stamp(path), self.recording)
        self.runs = list(zip(events, self.session.runs, strict=True))

    def named(self, word: str, source: str) -> list[tuple[RunEvents, RunSummary]]:
        """As the function. Raises UsageError where there is none."""
        return [self.runs[i] for i in named([events for events, _ in self.runs], word, source)]


_KEPT = 16
"""Recordings whose figures are kept: other groups, another alignment, are asked for again and again."""
_reckoning = Lock()
_figured: OrderedDict[tuple[object, ...], tuple[Summary, list[RunEvents]]] = OrderedDict()


def _figures(stamp: tuple[object, ...], recording: Recorded) -> tuple[Summary, list[RunEvents]]:
    """The figures of a recording, as long as its file is as it was; threads that want the same wait for the first."""
    with _reckoning:
        known = _figured.pop(stamp, None) or (summarise(recording), run_events(recording))
        _figured[stamp] = known
        while len(_figured) > _KEPT:
            _figured.popitem(last=False)
    return known


def _stamp(path: Path) -> tuple[object, ...]:
    """What changes with a file, and with what is written beside it while it is being recorded."""
    files = (path, path.with_name(f"{path.name}-wal"))
    found = (one.stat() for one in files if one.exists())
    return (path.absolute(), *((state.st_mtime_ns, state.st_size, state.st_ino) for state in found))


@dataclass(frozen=True, slots=True)
class _Found:
    source: int
    opened: _Opened
    events: RunEvents
    summary: RunSummary

    @property
    def wall_ns(self) -> int | None:
        """When it began."""
        recording = self.opened.recording
        started = recording.event_before(self.events.started.t_ns + 1, (SessionStarted,))
        if not isinstance(started, SessionStarted):
            return None
        return started.wall_ns + self.events.started.t_ns - started.t_ns

    @property
    def title(self) -> str:
        """What a reader knows it by."""
        name = self.opened.session.session.name or self.opened.path.stem
        return fmt.plain(f"{name} · {self.summary.device} · {self.summary.model or 'unknown model'}", 100)


def _keys(request: CompareRequest, found: Sequence[_Found]) -> list[tuple[str, str]]:
    """The group of each run: a key, and the title that it gives."""
    if request.letters:
        return [(request.letters[one.source], one.title) for one in found]
    names = named_groups(request.group, len(request.sources))
    if names is not None:
        return [(names[one.source], names[one.source]) for one in found]
    if request.group:
        return [(value, value) for value in (_property(request.group, one) for one in found)]
    variants = [one.summary.fair.variant for one in found]
    if len(request.sources) == 1 and all(variants) and len(set(variants)) > 1:
        return [(value, value) for value in (_property(Grouping.VARIANT, one) for one in found)]
    if len(request.sources) == 1:
        return [(str(i), one.title) for i, one in enumerate(found)]
    return [(str(one.source), one.title) for one in found]


def _property(name: str, one: _Found) -> str:
    setup = one.summary.setup
    values: Mapping[str, object] = {
        Grouping.FILE: one.opened.path.stem,
        Grouping.DEVICE: one.summary.device,
        Grouping.MODEL: one.summary.model,
        Grouping.QUANTISATION: setup["quantisation"],
        Grouping.RUNTIME: one.summary.runtime,
        Grouping.THREADS: setup["threads"],
        Grouping.WORKLOAD: one.summary.workload,
        Grouping.VARIANT: one.summary.fair.variant,
    }
    if name not in values:
        raise UsageError(
            f"runs cannot be grouped by “{name[:40]}”",
            f"give a name for each recording, as old,new,new,old, or one of {', '.join(Grouping)}",
        )
    value = values[name]
    return f"{name} {fmt.plain(str(value), 80) if value is not None else 'unknown'}"


def _grouped(
    found: Sequence[_Found], keys: Sequence[tuple[str, str]], *, own: bool
) -> tuple[list[Known], list[Group]]:
    """``own``: keys are the names of the groups, in the order of the alphabet."""
    order = list(dict.fromkeys(key for key, _ in keys))
    letters: Sequence[str] = ascii_uppercase
    if own:
        letters = order = sorted(order)
    if len(order) < 2:
        raise UsageError("all runs are in one group", "give at least two groups to compare")
    if len(order) > len(ascii_uppercase):
        raise UsageError(f"{len(order)} groups", f"give at most {len(ascii_uppercase)}")
    walls = [one.wall_ns for one in found]
    places = _places(walls)
    known: list[Known] = []
    groups: list[Group] = []
    for name, key in zip(letters, order, strict=False):
        members = [i for i, (mine, _) in enumerate(keys) if mine == key]
        first = len(known)
        for nth, i in enumerate(members, 1):
            told = _told(found[i], f"{name}{nth}", name, walls[i], places[i])
            known.append(
                Known(
                    told,
                    found[i].summary,
                    found[i].events,
                    found[i].opened.recording,
                    found[i].opened.session,
                )
            )
        title = next(title for mine, title in keys if mine == key)
        groups.append(Group(name=name, title=title, runs=tuple(range(first, len(known)))))
    return known, groups


def _places(walls: Sequence[int | None]) -> list[int | None]:
    known = sorted(wall for wall in walls if wall is not None)
    return [None if wall is None else known.index(wall) + 1 for wall in walls]


def _told(one: _Found, label: str, group: str, wall_ns: int | None, place: int | None) -> ComparedRun:
    summary, t0_ns = one.summary, one.events.started.t_ns
    t1_ns = one.events.ended.t_ns if one.events.ended else one.opened.recording.span()[1]
    throttling = summary.throttling
    looked = throttling.detector is not None
    return ComparedRun(
        label=label,
        group=group,
        path=one.opened.path,
        session=one.opened.session.session.name or one.opened.path.stem,
        run=summary.run,
        device=summary.device,
        model=summary.model,
        began_wall_ns=wall_ns,
        place=place,
        seconds=(t1_ns - t0_ns) / 1e9,
        counted_turns=summary.counted_turns,
        start_c=summary.temperatures[0].start_c if summary.temperatures else None,
        sensor=summary.temperatures[0].sensor if summary.temperatures else "",
        limited=limited(throttling.states),
        onset_s=throttling.onset_s,
        warm=looked and any(_BEGAN_WARM in note for note in throttling.notes),
        start=summary.start.thermal,
        variant=summary.fair.variant,
    )
