"""The folder of recordings: what is in it, what was left unfinished, and what people say of it later."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from drivers.clock import SECOND, Clock, SystemClock
from melt_tui.errors import BadRecording, CannotWrite
from melt_tui.format import stamp
from melt_tui.measures import rates
from melt_tui.store import corrections, edits
from melt_tui.store.database import (
    THERE_ARE,
    being_written,
    changing,
    close,
    deleting,
    open_to_read,
    open_to_write,
    reading,
    sidecars,
)
from melt_tui.store.finish import finish, tidy
from melt_tui.store.info import RecordingInfo, RecordingState
from melt_tui.store.lost import give_room, loss
from melt_tui.store.recording import Recording
from melt_tui.timeline.clockmap import ClockRow
from melt_tui.timeline.edits import Edits

SUFFIX = ".melt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Something that people say of a recording, or of a part of it, after it was made."""

    kind: str
    """``name``, ``tags``, ``mark``, ``clock correction``, ``exclusion`` …"""
    value: str
    t0_ns: int | None = None
    t1_ns: int | None = None
    device: str = ""
    channel: str = ""
    wall_ns: int = 0
    """When it was said."""


def scan(folder: Path) -> list[RecordingInfo]:
    """The recordings of a folder, newest first; what a crashed program left is recovered first. Raises BadRecording."""
    try:
        paths = [path for path in folder.glob(f"*{SUFFIX}") if path.is_file()]
    except OSError as error:
        said = f"nobody lets you look into {folder} ({error.strerror})"
        raise BadRecording(
            said, remedy="change its owner, or set session.recordings to another folder"
        ) from error
    rows = [_told(path) for path in paths]
    return sorted(rows, key=lambda row: (row.started_wall_ns or 0, row.path.name), reverse=True)


def recover(path: Path) -> bool:
    """Finish a recording whose program is gone. False when there is nothing to do.

    Raises BadRecording, CannotWrite.
    """
    if not _left(path):
        return False
    with closing(Recording(path)) as recording:
        _, newest_ns = recording.span()
    connection = open_to_write(path)
    try:
        with reading(path), changing(path):
            give_room(path)
            told = dict(connection.execute("SELECT key, value FROM session"))
            finish(connection, lost=loss(told, newest_ns))
    finally:
        close(connection)
    return True


def rename(path: Path, name: str) -> None:
    """Give it another name; the file stays where it is. Raises BadRecording, CannotWrite."""
    annotate(path, Annotation(kind="name", value=name))


def set_tags(path: Path, tags: Sequence[str]) -> None:
    """Set its tags. Raises BadRecording, CannotWrite."""
    annotate(path, Annotation(kind="tags", value=json.dumps(list(tags), ensure_ascii=False)))


def annotate(path: Path, annotation: Annotation, clock: Clock | None = None) -> None:
    """Append what people say of it; what was measured stays. Raises BadRecording, CannotWrite."""
    connection = open_to_write(path)
    wall_ns = annotation.wall_ns or (clock or SystemClock()).wall()
    try:
        with changing(path):
            connection.execute(ANNOTATE, row_of(replace(annotation, wall_ns=wall_ns)))
    finally:
        close(connection)


def row_of(annotation: Annotation) -> tuple[int | str | None, ...]:
    """An annotation as ``ANNOTATE`` takes it."""
    spot = (annotation.t0_ns, annotation.t1_ns, annotation.device or None, annotation.channel or None)
    return (annotation.wall_ns, annotation.kind, *spot, annotation.value)


def correct_clock(path: Path, device: str, row: ClockRow | None, clock: Clock | None = None) -> None:
    """Have all times of a device moved by ``row.offset_ns`` on reading, from now on; None takes that back.

    Raises BadRecording, CannotWrite.
    """
    if info(path).state is RecordingState.RECORDING:
        raise CannotWrite(f"{path} is still being recorded", remedy="correct it when it has ended")
    annotate(path, Annotation(kind=corrections.KIND, value=corrections.text_of(row), device=device), clock)


def annotations(path: Path) -> Sequence[Annotation]:
    """What people said of it, in the order in which they did. Raises BadRecording."""
    with _reading(path) as connection:
        return [
            Annotation(
                kind=kind,
                value=value,
                t0_ns=t0_ns,
                t1_ns=t1_ns,
                device=device or "",
                channel=channel or "",
                wall_ns=wall_ns,
            )
            for wall_ns, kind, t0_ns, t1_ns, device, channel, value in connection.execute(_ANNOTATIONS)
        ]


def delete(path: Path) -> None:
    """Delete it for good, with what lies beside it. Raises CannotWrite."""
    with deleting(path):
        for file in (path, *sidecars(path)):
            file.unlink(missing_ok=True)


def info(path: Path) -> RecordingInfo:
    """What there is to say of one recording. Raises BadRecording."""
    size = sum(file.stat().st_size for file in (path, *sidecars(path)[:1]) if file.exists())
    with _reading(path) as connection:
        told = dict(connection.execute("SELECT key, value FROM session"))
        notes = dict(connection.execute(_NOTES))
        return RecordingInfo(
            path=path,
            name=str(notes.get("name", told.get("name", ""))),
            state=_state(path, connection, told),
            size_bytes=size,
            devices=tuple(row[0] for row in connection.execute(_DEVICES)),
            models=tuple(row[0] for row in connection.execute(_MODELS)),
            simulated=bool(connection.execute("SELECT max(simulated) FROM devices").fetchone()[0]),
            runs=connection.execute("SELECT count(*) FROM runs").fetchone()[0],
            decode_tps=_decode_tps(connection, edited := edits.read(connection)),
            joules_per_token=(headline := _per_token(connection, told))[0],
            joules_point=headline[1],
            throttled=_throttled(connection),
            tags=tuple(json.loads(notes.get("tags", "[]"))),
            detail=_detail(path, told),
            imported=bool(connection.execute(_ANY, ("Imported",)).fetchone()[0]),
            edits=len(edited.standing),
            named="name" in notes,
            marked=bool(connection.execute(_ANY, ("Mark",)).fetchone()[0]),
            **{
                "started_wall_ns": told.get("started_wall_ns"),
                "duration_s": _duration_s(path, told),
                **_part(connection),
            },
        )


def _told(path: Path) -> RecordingInfo:
    """A row, whatever the file is."""
    try:
        _recovered(path)
        return info(path)
    except (BadRecording, OSError) as error:
        size = path.stat().st_size if path.exists() else 0
        return RecordingInfo(
            path=path, name=path.stem, state=RecordingState.UNREADABLE, size_bytes=size, detail=_why(error)
        )


def _why(error: BadRecording | OSError) -> str:
    """The row is in the list of what there is, and need not name it."""
    return error.sentence if isinstance(error, BadRecording) and error.remedy == THERE_ARE else str(error)


def _recovered(path: Path) -> None:
    """Recover it if it can be; what cannot be written to is shown as it is."""
    try:
        recover(path)
        _tidied(path)
    except CannotWrite:
        return


def _left(path: Path) -> bool:
    """Whether it is unfinished and nobody writes it any more."""
    with _reading(path) as connection:
        (state,) = connection.execute("SELECT max(value) FROM session WHERE key = 'state'").fetchone()
        return state == "recording" and not being_written(path, connection)


def _tidied(path: Path) -> None:
    """Remove the empty ``-wal`` that a reader kept open beyond the end of the recording."""
    with _reading(path) as connection:
        (state,) = connection.execute("SELECT max(value) FROM session WHERE key = 'state'").fetchone()
    if state != "recording" and sidecars(path)[0].exists():
        again = open_to_write(path)
        try:
            with changing(path):
                tidy(again)
        finally:
            close(again)


def _state(path: Path, connection: sqlite3.Connection, told: Mapping[str, object]) -> RecordingState:
    if told.get("state") == RecordingState.ENDED:
        return RecordingState.ENDED
    writing_on = told.get("state") == RecordingState.RECORDING and being_written(path, connection)
    return RecordingState.RECORDING if writing_on else RecordingState.RECOVERED


def _duration_s(path: Path, told: Mapping[str, int]) -> float | None:
    if "started_ns" not in told:
        return None
    newest_ns = told.get("newest_ns")
    if newest_ns is None:
        with closing(Recording(path)) as recording:
            newest_ns = recording.span()[1]
    return float((newest_ns - told["started_ns"]) / SECOND)


def _detail(path: Path, told: Mapping[str, object]) -> str:
    if told.get("state") != RecordingState.RECORDING:
        return str(told.get("lost", ""))
    with closing(Recording(path)) as recording:
        return recording.meta.lost


def _per_token(connection: sqlite3.Connection, told: Mapping[str, Any]) -> tuple[float | None, str]:
    """As it was told while it was recorded, or reckoned again since something was corrected."""
    corrected = connection.execute(_PER_TOKEN, (edits.PER_TOKEN,)).fetchone()
    if corrected is None or corrected[0] == "null":
        return told.get("joules_per_token"), told.get("joules_per_token_point", "")
    joules, point = json.loads(corrected[0])
    return joules, point


def _decode_tps(connection: sqlite3.Connection, edited: Edits) -> float | None:
    """Of the turns that count: measured, ended by themselves, not left out by hand, observed and reported not too far
    apart. Where no arrival was observed, as the engine reports."""
    pairs = [
        (rates.reported_decode_rate(tokens, took_s), rates.reported_decode_rate(tokens, told_s))
        for run, turn, tokens, took_s, told_s in connection.execute(_COUNTED)
        if edited.excluded(run, turn) is None
    ]
    seen = any(observed is not None for observed, _ in pairs)
    figures = [
        observed if seen else reported for observed, reported in pairs if not rates.differ(observed, reported)
    ]
    counted = [figure for figure in figures if figure is not None]
    return fmean(counted) if counted else None


def _part(connection: sqlite3.Connection) -> dict[str, Any]:
    """Of which recording it is a part, when that begins and how long it is: a run in progress keeps its start, which may
    lie before."""
    row = connection.execute(f"{_DETAILS} LIMIT 1", ("Part",)).fetchone()
    if row is None:
        return {}
    told = json.loads(row[0])
    span = f"{stamp(told['from_s'])}–{stamp(told['to_s'])}"
    length_s = told["to_s"] - told["from_s"]
    return {
        "part_of": f"{told['source']} {span}",
        "downsampled_hz": told.get("hz"),
        "started_wall_ns": told["wall_ns"] + round(told["from_s"] * SECOND),
        "duration_s": length_s,
    }


def _throttled(connection: sqlite3.Connection) -> bool | None:
    """By what was concluded while it was recorded."""
    if connection.execute(_ANY, ("ThrottleOnset",)).fetchone()[0]:
        return True
    told = connection.execute(_DETAILS, ("ThrottleReference",))
    return False if any(json.loads(detail).get("rate_tps") is not None for (detail,) in told) else None


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_to_read(path)
    try:
        with reading(path):
            yield connection
    finally:
        close(connection)


ANNOTATE = """
    INSERT INTO annotations (wall_ns, kind, t0_ns, t1_ns, device, channel, value) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_ANNOTATIONS = "SELECT wall_ns, kind, t0_ns, t1_ns, device, channel, value FROM annotations ORDER BY id"
_NOTES = "SELECT kind, value FROM annotations WHERE kind IN ('name', 'tags') ORDER BY id"
_DEVICES = (
    "SELECT device FROM devices WHERE first_ns IS NOT NULL AND kind <> 'self' ORDER BY first_ns, first_event"
)
_PER_TOKEN = "SELECT value FROM annotations WHERE kind = ? ORDER BY id DESC LIMIT 1"
_ANY = "SELECT EXISTS (SELECT 1 FROM events WHERE kind = ?)"
_DETAILS = "SELECT detail FROM events WHERE kind = ?"
_MODELS = "SELECT DISTINCT model FROM runs WHERE model IS NOT NULL ORDER BY id"
_COUNTED = """
    SELECT run, turn, output_tokens, observed_decode_s, decode_s FROM turns
    WHERE run = (SELECT run FROM runs ORDER BY id LIMIT 1) AND purpose = 'measured'
    AND ending IN ('limit', 'eos') AND output_tokens > 1"""
