"""Where a recording came from, and what people corrected in it: for whoever shows its figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drivers.clock import SECOND
from melt_tui import format as fmt
from melt_tui.analysis.recorded import EVERY, Recorded
from melt_tui.events import Imported, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that was read."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """From which files a recording was made: nothing of it was measured here."""

    origin: str
    sources: tuple[Source, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSummary:
    """A correction."""

    number: int
    made: str
    """In UTC, ISO 8601."""
    kind: str
    said: str
    """In words."""
    reason: str | None
    standing: bool
    """It is in force: nobody took it back, nor corrected the same thing later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSummary:
    """Of which session a recording is a span, and what of it is not of the full rate."""

    source: str
    """Its file."""
    name: str | None
    started: str
    """When that session began, in UTC, ISO 8601."""
    from_s: float
    """Since that session's start; so is ``to_s``."""
    to_s: float
    downsampled_hz: float | None
    """To how many means a second fast channels were reduced; None where they are as they were measured."""
    downsampled: tuple[str, ...]
    notes: tuple[str, ...]


def part_told(recording: Recorded) -> Part | None:
    """What a part says of itself; None of a whole session."""
    found = recording.events(*recording.span(), kinds=(Part,), limit=1)
    event = found[0] if found else None
    return event if isinstance(event, Part) else None


def part_of(recording: Recorded) -> PartSummary | None:
    """None of a whole session."""
    event = part_told(recording)
    if event is None:
        return None
    return PartSummary(
        source=event.source,
        name=event.name or None,
        started=datetime.fromtimestamp(event.wall_ns / SECOND, UTC).isoformat(timespec="milliseconds"),
        from_s=event.from_s,
        to_s=event.to_s,
        downsampled_hz=event.hz,
        downsampled=event.reduced,
        notes=event.notes,
    )


def part_lines(part: PartSummary | None) -> Iterator[str]:
    """For people."""
    if part is None:
        return
    span = f"{fmt.stamp(part.from_s)} to {fmt.stamp(part.to_s)}"
    yield f"part     {span} of {fmt.plain(part.source, 200)}, a session of {part.started}"
    if part.downsampled_hz is not None:
        which = fmt.plain(", ".join(part.downsampled), 300)
        yield f"         downsampled to means at {part.downsampled_hz:g} Hz: {which}; their figures are of these means"
    yield from (f"         note: {fmt.whole(note)}" for note in part.notes)


def imports_of(recording: Recorded) -> tuple[ImportSummary, ...]:
    """One for each time that files were read into it; none of what was measured here."""
    return tuple(
        ImportSummary(
            origin=event.origin,
            sources=tuple(Source(file=f, sha256=s) for f, s in event.sources),
            notes=event.notes,
        )
        for event in recording.events(*recording.span(), kinds=(Imported,), limit=EVERY)
        if isinstance(event, Imported)
    )


def edits_of(recording: Recorded) -> tuple[EditSummary, ...]:
    """Every correction, in order, also those that were taken back."""
    edits = recording.edits
    standing = {edit.number for edit in edits.standing}
    return tuple(
        EditSummary(
            number=edit.number,
            made=datetime.fromtimestamp(edit.wall_ns / SECOND, UTC).isoformat(timespec="seconds"),
            kind=edit.kind,
            said=edit.said,
            reason=edit.reason or None,
            standing=edit.number in standing,
        )
        for edit in edits.made
    )


def import_lines(imports: Sequence[ImportSummary]) -> Iterator[str]:
    """For people."""
    for one in imports:
        yield f"imported {fmt.plain(one.origin, 200)}: not measured by melt"
        for source in one.sources:
            yield f"         {fmt.plain(source.file, 200)}  sha256 {source.sha256[:16]}…"
        yield from (f"         note: {fmt.whole(note)}" for note in one.notes)


def edit_lines(edits: Sequence[EditSummary]) -> Iterator[str]:
    """For people: those that are in force."""
    for edit in edits:
        if edit.standing:
            yield f"edited   {edit_line(edit)}"


def edit_line(edit: EditSummary) -> str:
    """``3  2026-11-21  hvpm: at usb-input (was wired wrongly)``; one that is not in force says so first."""
    why = f" ({edit.reason})" if edit.reason else ""
    mark = "" if edit.standing else "[no longer in force] "
    return fmt.whole(f"{edit.number}  {edit.made[:10]}  {mark}{edit.said}{why}")
