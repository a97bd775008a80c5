"""Corrections of device clocks, as annotations: what was measured stays, a reader moves times by the last word of each."""

import json
import sqlite3
from collections.abc import Mapping

from melt_tui.store.codec import Damaged
from melt_tui.timeline.clockmap import ClockRow

KIND = "clock correction"
"""Of an annotation. Its device is the one whose times are moved; its value the JSON of a row, or nothing: taken back."""


def text_of(row: ClockRow | None) -> str:
    """The value of an annotation; empty to take back what was corrected."""
    if row is None:
        return ""
    told = {
        "t_ns": row.t_ns,
        "offset_ns": row.offset_ns,
        "uncertainty_ns": row.uncertainty_ns,
        "origin": row.origin,
    }
    return json.dumps(told, ensure_ascii=False)


def corrections(connection: sqlite3.Connection) -> Mapping[str, ClockRow | None]:
    """By device: by what its times are moved, or None where that was taken back. Raises Damaged, sqlite3.Error."""
    return {device: _row(value) for device, value in connection.execute(_TOLD, (KIND,)) if device}


def _row(value: str) -> ClockRow | None:
    try:
        told = json.loads(value) if value else None
        return (
            None
            if told is None
            else ClockRow(
                int(told["t_ns"]), int(told["offset_ns"]), int(told["uncertainty_ns"]), str(told["origin"])
            )
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"a clock correction is not to be read: {value[:80]!r}") from error


_TOLD = "SELECT device, value FROM annotations WHERE kind = ? ORDER BY id"
