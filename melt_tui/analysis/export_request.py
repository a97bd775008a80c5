"""What may be asked of an export, and the words for it. Light: screens and the command line know it, too."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from melt_tui.errors import UsageError


class Table(StrEnum):
    """What the rows of a table are."""

    SAMPLES = "samples"
    EVENTS = "events"
    RUNS = "runs"
    TURNS = "turns"
    ENERGY = "energy"
    PER_TOKEN = "per-token"
    THROTTLING = "throttling"


class Format(StrEnum):
    """Of the file."""

    CSV = "csv"
    PARQUET = "parquet"
    PERFETTO = "perfetto"


SUFFIXES = {
    ".csv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".pftrace": Format.PERFETTO,
    ".perfetto-trace": Format.PERFETTO,
}
"""The format that a file's name asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to write, and where."""

    files: tuple[Path, ...]
    """Recordings, at least one."""
    table: Table = Table.SAMPLES
    format: Format | None = None
    """None: as the name of ``out`` says, else CSV."""
    out: Path | None = None
    """None: to the stream that is given."""
    wide: bool = False
    """Samples as a row for each moment and a column for each channel."""
    every_s: float | None = None
    """With ``wide``: a row for each step of that many seconds, the mean of what was measured in it."""
    force: bool = False
    """What stands at ``out`` may be replaced."""

    @property
    def chosen(self) -> Format:
        """The format in force."""
        named = SUFFIXES.get(self.out.suffix.lower()) if self.out else None
        return self.format or named or Format.CSV


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """A page: what to tell of, and where."""

    files: tuple[Path, ...]
    out: Path | None = None
    """None: to the stream that is given."""
    title: str = ""
    """Empty: the names of the sessions."""
    force: bool = False
    """What stands at ``out`` may be replaced."""


def check(request: ExportRequest) -> None:
    """Raises UsageError for what does not go together."""
    if not request.files:
        raise UsageError("no recording was named", "give one or several")
    if len(set(request.files)) < len(request.files):
        raise UsageError("a recording was given twice", "give each once")
    if request.out is None and request.chosen is not Format.CSV:
        raise UsageError(
            f"a {request.chosen.capitalize()} file is not for a screen", "name a file with --out"
        )
    if request.chosen is Format.PERFETTO and request.table is not Table.SAMPLES:
        raise UsageError("a Perfetto trace holds everything, and no tables", "leave --table out")
    wants_wide = request.wide or request.every_s is not None
    if wants_wide and (request.table is not Table.SAMPLES or request.chosen is Format.PERFETTO):
        raise UsageError(
            "only samples can be wide", "leave --wide and --every out, or ask for samples as a table"
        )
    if request.every_s is not None and (not request.wide or not 1e-6 <= request.every_s <= 86_400):
        raise UsageError("--every is a step of a wide table, of 0.000001 to 86400 s", "give --wide --every 1")
