"""Correcting what was wrongly set in a recording, and taking that back. What was measured stays as it was.

Each raises UsageError for what cannot be corrected like that, BadRecording, CannotWrite.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean

from drivers.model import DeviceKind
from drivers.points import KNOWN, is_point
from melt_tui import format as fmt
from melt_tui.analysis.edit_request import EditRequest
from melt_tui.analysis.edited import stated_volts
from melt_tui.analysis.provenance import EditSummary, edit_line, edits_of
from melt_tui.analysis.recorded import EVERY, Channels, Recorded
from melt_tui.analysis.runevents import run_events
from melt_tui.analysis.runs import RunSummary, counts
from melt_tui.analysis.session import summarise
from melt_tui.errors import CannotWrite, UsageError
from melt_tui.events import SELF, DeviceUp
from melt_tui.measures.energy import PerToken
from melt_tui.measures.points import rank
from melt_tui.store import edits as kept
from melt_tui.store import library
from melt_tui.store.info import RecordingState
from melt_tui.store.recording import Recording
from melt_tui.timeline.edits import Edit, EditKind

MOST_VOLTS = 1000.0
REASON_LIMIT = 300


def listing(path: Path) -> tuple[EditSummary, ...]:
    """Every correction of a recording, in order."""
    with closing(Recording(path)) as recording:
        return edits_of(recording)


def carry_out(request: EditRequest) -> None:
    """One correction, as it was asked for."""
    asked = [request.undo is not None, request.turn is not None, bool(request.meter)]
    if sum(asked) != 1:
        what = "it was not said what to correct" if not any(asked) else "several things were to be corrected"
        raise UsageError(what, "name a meter, or a turn to leave out, or one to take back: one at a time")
    path, reason = request.path, request.reason
    if request.undo is not None:
        undo(path, request.undo or None)
    elif request.turn is not None:
        exclude(path, request.turn, run=request.run, reason=reason)
    elif request.volts is None:
        wire(path, request.meter, feeds=request.feeds, point=request.point, reason=reason)
    elif request.feeds or request.point:
        raise UsageError("a voltage and a wiring were given together", "correct one thing at a time")
    else:
        set_voltage(path, request.meter, request.volts, reason=reason)


def lines(path: Path) -> Sequence[str]:
    """Every correction of a recording for people, in order."""
    return [edit_line(one) for one in listing(path)]


def wire(path: Path, meter: str, *, feeds: str = "", point: str = "", reason: str = "") -> None:
    """Say which device a meter fed all along, or where it measured."""
    if not feeds and not point:
        raise UsageError(
            f"nothing was said of {fmt.plain(meter, 80)}", "name what it feeds, its point, or both"
        )
    if point and not is_point(point):
        raise UsageError(f"{fmt.plain(point, 80)!r} is no reference point", f"choose one of {KNOWN}")
    with _ended(path) as recording:
        meters, others = _devices(recording)
        _among(meter, meters, "meter")
        if feeds:
            _among(feeds, others, "device")
        before = recording.edits.wiring(meter)
    if before is not None:
        feeds, point = feeds or before.feeds, point or before.point
    _correct(
        path,
        Edit(number=0, wall_ns=0, kind=EditKind.WIRING, meter=meter, feeds=feeds, point=point, reason=reason),
    )


def set_voltage(path: Path, meter: str, volts: float, *, reason: str = "") -> None:
    """Say by which voltage the current of a meter is to be multiplied; not of one that measured its voltage."""
    if not 0 < volts <= MOST_VOLTS:
        raise UsageError(f"{volts:g} V is no voltage", f"give more than 0 and at most {MOST_VOLTS:g}")
    with _ended(path) as recording:
        meters, _ = _devices(recording)
        _among(meter, meters, "meter")
        if not any(stated_volts(channel) for channel in Channels(recording).of(meter)):
            raise UsageError(
                f"the voltage of {fmt.plain(meter, 80)} was measured, not set", "there is nothing to correct"
            )
    _correct(path, Edit(number=0, wall_ns=0, kind=EditKind.VOLTAGE, meter=meter, volts=volts, reason=reason))


def exclude(path: Path, turn: int, *, run: str = "", reason: str) -> None:
    """Have a turn not count; ``run`` by its number, id or device, needed where there are several."""
    if not reason.strip():
        raise UsageError("a turn is not left out without a reason", "say why, for whoever reads the figures")
    with _ended(path) as recording:
        found = run_events(recording)
        names = [(str(i), each.started.run, each.started.device) for i, each in enumerate(found, 1)]
        chosen = [each for each, known in zip(found, names, strict=True) if not run or run in known]
        if len(chosen) != 1:
            told = ", ".join(f"{number} on {fmt.plain(device, 40)}" for number, _, device in names) or "none"
            raise UsageError(
                f"{'no run' if not chosen else 'several runs'} can be meant", f"its runs are {told}"
            )
        if turn not in {started.turn for started in chosen[0].turns}:
            last = max((started.turn for started in chosen[0].turns), default=0)
            raise UsageError(
                f"the run has no turn {turn}", f"its turns are 1 to {last}" if last else "it has none"
            )
        name = chosen[0].started.run
    _correct(path, Edit(number=0, wall_ns=0, kind=EditKind.EXCLUSION, run=name, turn=turn, reason=reason))


def undo(path: Path, number: int | None = None) -> EditSummary:
    """Take back one correction by its number, or the last one; what it was."""
    with _ended(path) as recording:
        made = list(edits_of(recording))
        left = [edit.number for edit in recording.edits.made if not edit.undone]
    wanted = number if number is not None else max(left, default=None)
    if wanted not in left:
        told = ", ".join(map(str, left)) or "none"
        raise UsageError("there is no such correction to take back", f"those that were made are {told}")
    kept.take_back(path, wanted)
    reckon(path)
    return next(edit for edit in made if edit.number == wanted)


def _ended(path: Path) -> "closing[Recording]":
    if library.info(path).state is RecordingState.RECORDING:
        raise CannotWrite(f"{path} is still being recorded", "correct it when it has ended")
    return closing(Recording(path))


def _devices(recording: Recorded) -> tuple[Sequence[str], Sequence[str]]:
    """Meters, and what they can feed."""
    ups = recording.events(*recording.span(), kinds=(DeviceUp,), limit=EVERY)
    kinds = {event.device: event.info.kind for event in ups if isinstance(event, DeviceUp)}
    meters = [device for device, kind in kinds.items() if kind is DeviceKind.METER]
    return meters, [device for device in kinds if device not in {*meters, SELF}]


def _among(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        told = ", ".join(fmt.plain(one, 40) for one in known) or "none"
        raise UsageError(f"there is no {what} {fmt.plain(name, 80)} in this recording", f"there is {told}")


def _correct(path: Path, edit: Edit) -> None:
    if len(edit.reason) > REASON_LIMIT:
        raise UsageError("the reason is too long", f"say it in {REASON_LIMIT} characters")
    kept.append(path, edit)
    reckon(path)


def reckon(path: Path) -> None:
    """What the library shows as energy per token, with the corrections in force."""
    with closing(Recording(path)) as recording:
        recording.span()
        standing = recording.edits.standing or recording.clock.corrected()
        runs = summarise(recording).runs if standing else ()
    kept.set_per_token(path, _per_token(runs[0]) if runs else None)


def _per_token(run: RunSummary) -> tuple[float | None, str]:
    """Of its turns that count, at the point that sees most of its device."""
    counted = {turn.turn for turn in run.turns if counts(turn)}
    by_point: dict[str, list[float]] = {}
    for one in run.per_token:
        if one.definition is PerToken.DECODE and one.turn in counted and one.gross_j is not None:
            by_point.setdefault(one.point, []).append(one.gross_j)
    if not by_point:
        return None, ""
    point = min(by_point, key=rank)
    return fmean(by_point[point]), point
