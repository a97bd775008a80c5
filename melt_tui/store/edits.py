"""Corrections of a recording, as annotations that are only ever appended: also what takes one back is one."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from drivers.clock import Clock, SystemClock
from drivers.foreign import fields, number, text
from melt_tui.store.codec import Damaged
from melt_tui.store.database import changing, close, open_to_write
from melt_tui.timeline.edits import Edit, EditKind, Edits, edits_of

KIND = "edit"
"""Of an annotation: its device is the meter, its value the JSON of what was corrected."""
UNDONE = "edit undone"
"""Its value is the number of the one that was taken back."""
PER_TOKEN = "edited joules per token"
"""Its value is the headline of the library as it is with the corrections, as JSON; nothing: as it was recorded."""


def append(path: Path, edit: Edit, clock: Clock | None = None) -> None:
    """Correct; ``number`` and ``wall_ns`` are given here. Raises BadRecording, CannotWrite."""
    told = {
        "what": edit.kind,
        "feeds": edit.feeds,
        "point": edit.point,
        "volts": edit.volts,
        "run": edit.run,
        "turn": edit.turn,
        "reason": edit.reason,
    }
    _annotate(path, KIND, json.dumps(told, ensure_ascii=False), edit.meter, clock)


def take_back(path: Path, edit: int, clock: Clock | None = None) -> None:
    """Have the correction of this number stand no longer. Raises BadRecording, CannotWrite."""
    _annotate(path, UNDONE, str(edit), "", clock)


def set_per_token(path: Path, headline: tuple[float | None, str] | None, clock: Clock | None = None) -> None:
    """What the library shows as energy per token: J and the reference point. Raises BadRecording, CannotWrite."""
    _annotate(path, PER_TOKEN, json.dumps(headline), "", clock)


def read(connection: sqlite3.Connection) -> Edits:
    """All corrections. Raises Damaged, sqlite3.Error."""
    return edits_of(_made(connection))


def _made(connection: sqlite3.Connection) -> Iterator[Edit]:
    rows = connection.execute(_TOLD, (KIND, UNDONE)).fetchall()
    undone = {value for _, kind, _, value in rows if kind == UNDONE}
    made = [row for row in rows if row[1] == KIND]
    for nth, (wall_ns, _, meter, value) in enumerate(made, 1):
        yield _edit(nth, wall_ns, meter or "", value, undone=str(nth) in undone)


def _edit(count: int, wall_ns: int, meter: str, value: str, *, undone: bool) -> Edit:
    try:
        told = fields(json.loads(value))
        kind = EditKind(text(told, "what"))
    except ValueError as error:
        raise Damaged(f"a correction is not to be read: {value[:80]!r}") from error
    turn = number(told, "turn")
    return Edit(
        number=count,
        wall_ns=wall_ns,
        kind=kind,
        reason=text(told, "reason"),
        meter=meter,
        feeds=text(told, "feeds"),
        point=text(told, "point"),
        volts=number(told, "volts"),
        run=text(told, "run"),
        turn=None if turn is None else int(turn),
        undone=undone,
    )


def _annotate(path: Path, kind: str, value: str, device: str, clock: Clock | None) -> None:
    connection = open_to_write(path)
    try:
        with changing(path):
            row = ((clock or SystemClock()).wall(), kind, device or None, value)
            connection.execute(_ANNOTATE, row)
    finally:
        close(connection)


_TOLD = "SELECT wall_ns, kind, device, value FROM annotations WHERE kind IN (?, ?) ORDER BY id"
_ANNOTATE = "INSERT INTO annotations (wall_ns, kind, device, value) VALUES (?, ?, ?, ?)"
