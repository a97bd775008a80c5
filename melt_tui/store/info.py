"""A row of the library: what can be told of a recording without opening it for long. Light: screens know it, too."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class RecordingState(StrEnum):
    """How a recording's session ended."""

    ENDED = "ended"
    RECORDING = "recording"
    RECOVERED = "recovered"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingInfo:
    """A row of the library. What is not known is None, never 0."""

    path: Path
    name: str
    state: RecordingState
    size_bytes: int
    started_wall_ns: int | None = None
    duration_s: float | None = None
    devices: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    simulated: bool = False
    runs: int = 0
    decode_tps: float | None = None
    """Mean observed decode rate over the turns of the first run that count: warm-up, cut and flagged ones do not. Where
    nobody observed any, as the engine reports."""
    joules_per_token: float | None = None
    """Mean energy for each decode token over the same turns, where the session has ended and a power was measured."""
    joules_point: str = ""
    """The reference point of that."""
    throttled: bool | None = None
    """Whether any of its runs did; None where none of them could be told: no run, or none with a reference rate."""
    tags: tuple[str, ...] = ()
    imported: bool = False
    """Read from files that others wrote: not measured here."""
    part_of: str = ""
    """The file that it is a span of, with that span; empty for a whole session."""
    downsampled_hz: float | None = None
    """To how many means a second its fast channels were reduced."""
    named: bool = False
    """Its user gave it a name afterwards."""
    marked: bool = False
    """Somebody put a mark into it."""
    edits: int = 0
    """Corrections in force."""
    detail: str = ""
    """Of a recovered one: what was lost; of an unreadable one: why."""
