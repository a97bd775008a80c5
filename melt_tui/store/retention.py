"""Which recordings are deleted to keep within an age or a size: the oldest first, and never one that somebody made his own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.clock import SECOND
from melt_tui.errors import BadRecording, CannotWrite
from melt_tui.store import library
from melt_tui.store.info import RecordingInfo, RecordingState

DAY_NS = 86_400 * SECOND
GB = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """None: no bound."""

    days: float | None = None
    """Recordings that began longer ago go."""
    gb: float | None = None
    """The oldest go until all of them together, those that stay in any case too, are not larger (10⁹ bytes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a recording."""

    path: Path
    name: str
    size_bytes: int
    started_wall_ns: int | None
    goes: bool
    why: str
    """Why it goes, or, of one that would be old enough to go, why it stays; empty: it is within the bounds."""
    problem: str = ""
    """Why it could not be deleted."""


def verdicts(folder: Path, keep: Keep, now_wall_ns: int) -> list[Verdict]:
    """Of every recording of a folder, newest first; nothing is deleted. Raises BadRecording."""
    rows = library.scan(folder)
    newest = next((row.path for row in rows if _recorded(row)), None)
    spared = {row.path: _spared(row, newest) for row in rows}
    going = dict(_too_old(rows, keep, now_wall_ns))
    left = [row for row in rows if row.path not in going or spared[row.path]]
    going |= _too_large(left, spared, keep)
    return [_verdict(row, going.get(row.path, ""), spared[row.path]) for row in rows]


def prune(verdict: Verdict) -> Verdict:
    """Delete what goes, unless something has become of it since; what came of it."""
    if not verdict.goes:
        return verdict
    try:
        info = library.info(verdict.path)
        why = _spared(info, None)
        if why:
            return replace(verdict, goes=False, why=why)
        library.delete(verdict.path)
    except (BadRecording, CannotWrite) as error:
        return replace(verdict, goes=False, problem=str(error))
    return verdict


def _recorded(row: RecordingInfo) -> bool:
    """Whether it is a session that was recorded here, whole."""
    return not row.imported and not row.part_of and row.state is not RecordingState.UNREADABLE


def _spared(row: RecordingInfo, newest: Path | None) -> str:
    """Why it stays, whatever its age; empty where nothing speaks for it."""
    if row.state is RecordingState.UNREADABLE:
        return "it cannot be read: look at it yourself"
    said = {
        "it is being written": row.state is RecordingState.RECORDING,
        "it is the newest": row.path == newest,
        "its tags keep it": bool(row.tags),
        "its user named it": row.named,
        "it was marked": row.marked,
        "it was corrected by hand": bool(row.edits),
        "it was imported": row.imported,
        "it was taken out of another one": bool(row.part_of),
        "nobody knows when it was made": row.started_wall_ns is None,
    }
    return next((why for why, holds in said.items() if holds), "")


def _too_old(rows: Sequence[RecordingInfo], keep: Keep, now_wall_ns: int) -> Iterator[tuple[Path, str]]:
    for row in rows:
        if keep.days is None or row.started_wall_ns is None:
            continue
        days = (now_wall_ns - row.started_wall_ns) / DAY_NS
        if days > keep.days:
            yield row.path, f"{days:.1f} days old, {keep.days:g} are kept"


def _too_large(rows: Sequence[RecordingInfo], spared: dict[Path, str], keep: Keep) -> dict[Path, str]:
    """The oldest of them, until the others fit."""
    if keep.gb is None:
        return {}
    going: dict[Path, str] = {}
    left = sum(row.size_bytes for row in rows)
    for row in reversed(rows):
        if left <= keep.gb * GB:
            break
        if spared[row.path]:
            continue
        going[row.path] = f"together they are {left / GB:.2f} GB, {keep.gb:g} are kept"
        left -= row.size_bytes
    return going


def _verdict(row: RecordingInfo, going: str, spared: str) -> Verdict:
    return Verdict(
        path=row.path,
        name=row.name,
        size_bytes=row.size_bytes,
        started_wall_ns=row.started_wall_ns,
        goes=bool(going) and not spared,
        why=spared if going and spared else going,
    )
