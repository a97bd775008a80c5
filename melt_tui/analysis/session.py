"""The summary of a recording: its devices, its runs with their turns, and what melt itself cost."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from drivers.clock import SECOND
from drivers.events import Absent, Event, SamplesLost
from drivers.model import DeviceInfo
from melt_tui import format as fmt
from melt_tui.analysis.alignment import MeterAlignment, alignments
from melt_tui.analysis.meltfigures import MeltResults, melt_results
from melt_tui.analysis.metering import LossSummary, PowerSummary, losses, powers
from melt_tui.analysis.provenance import (
    EditSummary,
    ImportSummary,
    PartSummary,
    edits_of,
    imports_of,
    part_of,
    part_told,
)
from melt_tui.analysis.recorded import EVERY, Channels, Recorded
from melt_tui.analysis.runevents import busy_until, run_events
from melt_tui.analysis.runs import RunSummary, summarise_run, values
from melt_tui.analysis.throttling import recorded_events
from melt_tui.events import (
    SELF,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    SessionEnded,
    SessionStarted,
    Wired,
)
from melt_tui.measures.percentiles import percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """Which session, of a part its span alone. ``started`` in UTC, ISO 8601."""

    name: str | None
    """As its user named it last."""
    tags: tuple[str, ...]
    started: str | None
    duration_s: float
    ended: bool
    """It ended in order, not with a crash, and is not being recorded any more."""
    lost: str | None
    """What may be missing of it; None when nothing is, also while it is still being recorded."""
    host: str | None
    version: str | None
    """Of the melt that recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSummary:
    """One device of the session. What was never told, since it was never up, is None."""

    device: str
    address: str | None
    kind: str | None
    model: str | None
    os: str | None
    simulated: bool | None
    outages: int
    """How often the link to it broke."""
    problem: str | None
    """Why it was given up."""
    away: str | None
    """Why it was not there when last heard of, empty where nobody said why; None of one that was, or was given up."""
    facts: Mapping[str, str]
    absent: tuple[Mapping[str, str], ...]
    """What it does not give: ``what``, ``reason``, ``remedy``."""
    feeds: str | None
    """Of a meter: the device whose power it measures."""
    powers: tuple[PowerSummary, ...]
    losses: tuple[LossSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSummary:
    """What melt itself cost. What was not measured is None, with its reason in ``notes``."""

    cpu_percent: float | None
    """Mean over the session; 100 % is one core."""
    rss_bytes: int | None
    """The greatest seen."""
    loop_lag_p99_ms: float | None
    dropped_frames: int | None
    """None without a screen."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A recording in figures."""

    session: SessionSummary
    devices: tuple[DeviceSummary, ...]
    runs: tuple[RunSummary, ...]
    alignment: tuple[MeterAlignment, ...]
    """Of every meter that was wired to a device with a run: whether their clocks agree."""
    own: SelfSummary
    part: PartSummary | None
    """Of which session it is a span; None of a whole one."""
    imported: tuple[ImportSummary, ...]
    """From which files it was made; none where all of it was measured here."""
    edits: tuple[EditSummary, ...]
    """What people corrected: the figures are with what of it is in force."""
    melt: MeltResults | None
    """Of a folder of MELT: its results as it defines them."""

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers, texts and None; melt's own cost under ``self``."""
        return {
            "session": asdict(self.session),
            "devices": [asdict(device) for device in self.devices],
            "runs": [asdict(run) for run in self.runs],
            "alignment": [asdict(one) for one in self.alignment],
            "self": asdict(self.own),
            "part": asdict(self.part) if self.part else None,
            "imported": [asdict(one) for one in self.imported],
            "edits": [asdict(edit) for edit in self.edits],
            "melt": asdict(self.melt) if self.melt else None,
        }


def summarise(recording: Recorded, *, added: Collection[str] = ()) -> Summary:
    """The figures of a recording, also of one that is still being written.

    ``added``: reference points at which several meters of a device are to be summed up.
    """
    channels = Channels(recording)
    devices = _devices(recording, channels)
    simulated = {device.device: bool(device.simulated) for device in devices}
    known, concluded = run_events(recording), recorded_events(recording)
    clocks = alignments(recording)
    runs = (
        summarise_run(
            recording,
            run,
            channels,
            simulated=simulated.get(run.started.device, False),
            busy_until_ns=busy_until(known, run),
            added=added,
            concluded=concluded,
        )
        for run in known
    )
    return Summary(
        session=_session(recording),
        devices=devices,
        runs=tuple(_beside_clocks(run, clocks) for run in runs),
        alignment=clocks,
        own=_self(recording, channels),
        part=part_of(recording),
        imported=imports_of(recording),
        edits=edits_of(recording),
        melt=melt_results(recording, channels),
    )


def _beside_clocks(run: RunSummary, clocks: Iterable[MeterAlignment]) -> RunSummary:
    """With a note where a meter's clock is known to be off and was not corrected: a turn's joules are those of another time
    then, by more than their own bounds tell."""
    notes = [
        f"energy at {one.point}: the clock of {one.meter} is {fmt.fixed(abs(one.offset_ms), 1)} ms "
        f"{'late' if one.offset_ms < 0 else 'early'} and not corrected: energies of turns and of their parts are off "
        "by more than their ±"
        for one in clocks
        if one.feeds == run.device and one.offered and one.offset_ms is not None
    ]
    return replace(run, notes=(*run.notes, *notes)) if notes else run


def _events(recording: Recorded, *kinds: type[Event]) -> Sequence[Event]:
    return recording.events(*recording.span(), kinds=kinds, limit=EVERY)


def _session(recording: Recorded) -> SessionSummary:
    first_ns, last_ns = recording.span()
    started = next((e for e in _events(recording, SessionStarted) if isinstance(e, SessionStarted)), None)
    ended = _events(recording, SessionEnded)
    if started is not None:
        first_ns = _begin_ns(recording, started)
    return SessionSummary(
        name=recording.meta.name or None,
        tags=recording.meta.tags,
        started=_iso(started.wall_ns + first_ns - started.t_ns) if started else None,
        duration_s=((ended[-1].t_ns if ended else last_ns) - first_ns) / SECOND,
        ended=bool(ended),
        lost=recording.meta.lost or None,
        host=started.host if started else None,
        version=started.version if started else None,
    )


def _begin_ns(recording: Recorded, started: SessionStarted) -> int:
    """Of a part that of its span: a run in progress keeps its start, which may lie before."""
    part = part_told(recording)
    return started.t_ns if part is None else part.from_ns


def _iso(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / SECOND, UTC).isoformat(timespec="milliseconds")


def _devices(recording: Recorded, channels: Channels) -> tuple[DeviceSummary, ...]:
    states = (DeviceConnecting, DeviceUp, DeviceLost, DeviceFailed, Absent, Wired, SamplesLost)
    by_device: dict[str, list[Event]] = {}
    for event in _events(recording, *states):
        if event.device != SELF:
            by_device.setdefault(event.device, []).append(event)
    edits = recording.edits
    wired = {device: edits.wiring(device) for device in by_device}
    fed = {device: edit.feeds for device, edit in wired.items() if edit is not None and edit.feeds}
    return tuple(_device(device, events, channels, fed.get(device)) for device, events in by_device.items())


def _device(device: str, events: Sequence[Event], channels: Channels, fed: str | None) -> DeviceSummary:
    """``fed``: what it feeds, as somebody corrected it."""
    info: DeviceInfo | None = None
    address = problem = away = feeds = None
    absent: dict[str, Mapping[str, str]] = {}
    for event in events:
        match event:
            case DeviceUp():
                info, problem, away = event.info, None, None
            case DeviceConnecting():
                address, away = event.address, event.reason
            case DeviceLost():
                away = event.reason
            case DeviceFailed():
                away, problem = None, f"{event.reason}: {event.remedy}" if event.remedy else event.reason
            case Wired():
                feeds = event.feeds
            case Absent():
                absent[event.what] = {
                    "what": event.what,
                    "reason": event.reason,
                    "remedy": event.remedy,
                }
    return DeviceSummary(
        device=device,
        address=info.address if info else address,
        kind=info.kind if info else None,
        model=info.model if info else None,
        os=info.os if info else None,
        simulated=info.simulated if info else None,
        outages=sum(isinstance(event, DeviceLost) for event in events),
        problem=problem,
        away=away,
        facts=dict(info.facts) if info else {},
        absent=tuple(absent.values()),
        feeds=fed or feeds,
        powers=powers(channels.of(device)),
        losses=losses(events),
    )


def _self(recording: Recorded, channels: Channels) -> SelfSummary:
    def measured(name: str) -> list[float]:
        if (SELF, name) not in channels.latest:
            return []
        parts = values(recording, channels, (SELF, name), *recording.span())
        return [value for part in parts for value in part]

    cpu, rss, lag, dropped = (measured(name) for name in ("cpu", "rss", "loop_lag", "dropped_frames"))
    lag_p99_s = percentile(lag, 99)
    missing = {"cpu_percent": cpu, "rss_bytes": rss, "loop_lag_p99_ms": lag}
    notes = [f"{name}: melt's own cost was not recorded" for name, known in missing.items() if not known]
    if not dropped:
        notes.append("dropped_frames: no screen was drawn")
    return SelfSummary(
        cpu_percent=sum(cpu) / len(cpu) if cpu else None,
        rss_bytes=round(max(rss)) if rss else None,
        loop_lag_p99_ms=None if lag_p99_s is None else lag_p99_s * 1000,
        dropped_frames=round(max(dropped)) if dropped else None,
        notes=tuple(notes),
    )
