"""The library's rows: which columns have room, how wide each is, and what stands in them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from drivers.model import Unit
from melt_tui.format import byte_count, measure, number, seconds
from melt_tui.ui.renderables.tables import Column
from melt_tui.ui.renderables.text import cell_count, plain
from melt_tui.workbench import RecordingInfo

COLUMNS = (
    Column("when", 11, right=False),
    Column("name", 10, right=False),
    Column("state", 10, right=False, rank=1),
    Column("length", 10),
    Column("tok/s", 6),
    Column("J/tok", 6, rank=2),
    Column("throttled", 9, right=False, rank=3),
    Column("runs", 4, rank=4),
    Column("models", 8, right=False, rank=1),
    Column("devices", 8, right=False, rank=3),
    Column("tags", 6, right=False, rank=2),
    Column("size", 7),
)
"""With the least width of each."""
WIDEST = 40
"""A column that has room grows with its texts up to this; the whole of them stands in the recording."""
GAP = 2
"""Cells beside each column."""
_WHEN = 16
_WHEN_FROM = 100
"""From this width on the year is told."""
_UNKNOWN = "–"


def column_widths(rows: Sequence[Sequence[str]], width: int) -> list[tuple[int, int]]:
    """The columns that have room in ``width`` cells, as ``(place, cells)``; spare cells go where texts are cut."""
    cells = {place: one.width for place, one in enumerate(COLUMNS)}
    cells[0] = _WHEN if width >= _WHEN_FROM else cells[0]
    while _taken(cells) > width and (spare := [i for i in cells if COLUMNS[i].rank]):
        del cells[max(spare, key=lambda i: COLUMNS[i].rank)]
    wanted = {i: min(WIDEST, max((cell_count(plain(row[i])) for row in rows), default=0)) for i in cells if i}
    while _taken(cells) < width and (short := [i for i in wanted if cells[i] < wanted[i]]):
        narrowest = min(short, key=lambda i: cells[i])
        cells[narrowest] += 1
    return list(cells.items())


def entry_texts(entry: RecordingInfo, zone: tzinfo | None, letter: str = "") -> tuple[str, ...]:
    """A row of the table, in the order of ``COLUMNS``; what is not known is a dash. ``letter``: it is picked as that."""
    return (
        _when(entry, zone),
        f"[{letter}] {entry.name}" if letter else entry.name,
        entry.state,
        seconds(entry.duration_s),
        number(entry.decode_tps),
        number(entry.joules_per_token),
        throttled_text(entry),
        str(entry.runs),
        ", ".join(entry.models) or _UNKNOWN,
        _devices(entry),
        ", ".join(entry.tags),
        byte_count(entry.size_bytes),
    )


def throttled_text(entry: RecordingInfo) -> str:
    """``yes``, ``no``, or a dash where nobody can tell."""
    return {True: "yes", False: "no", None: _UNKNOWN}[entry.throttled]


def cell_text(text: str, place: int, cells: int) -> str:
    """What stands in a cell: of a moment its end, of any other text its beginning."""
    return text[-cells:] if place == 0 else plain(text, cells)


def entry_line(entry: RecordingInfo) -> str:
    """Where it lies, and all that a narrow table leaves out."""
    return " · ".join(_told(entry))


def _told(entry: RecordingInfo) -> Iterator[str]:
    yield str(entry.path)
    if entry.simulated:
        yield "simulated devices"
    if entry.imported:
        yield "imported, not measured by melt"
    yield from _changed(entry)
    if entry.joules_per_token is not None:
        per_token = measure(entry.joules_per_token, Unit.JOULES_PER_TOKEN)
        yield f"{per_token} (decode) at {entry.joules_point}"
    if entry.throttled:
        yield "throttled"
    if entry.tags:
        yield f"tags {', '.join(entry.tags)}"
    if entry.detail:
        yield entry.detail


def _changed(entry: RecordingInfo) -> Iterator[str]:
    """How it differs from what was recorded."""
    if entry.part_of:
        yield f"part of {entry.part_of}"
    if entry.downsampled_hz is not None:
        yield f"downsampled to {entry.downsampled_hz:g} Hz"
    if entry.edits:
        yield f"{entry.edits} correction{'s' * (entry.edits > 1)}"


def _taken(cells: dict[int, int]) -> int:
    return sum(cells.values()) + GAP * len(cells)


def _devices(entry: RecordingInfo) -> str:
    """The marks of the simulated and the imported stand first: a narrow column cuts the end."""
    marks = "(sim) " * entry.simulated + "(imported) " * entry.imported
    return f"{marks}{', '.join(entry.devices) or _UNKNOWN}"


def _when(entry: RecordingInfo, zone: tzinfo | None) -> str:
    if entry.started_wall_ns is None:
        return _UNKNOWN
    moment = datetime.fromtimestamp(entry.started_wall_ns / 1e9, UTC).astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M}"
