"""Recordings written for other programs: tables as CSV or Parquet, or all of it as a Perfetto trace.

A file appears when it is whole; a recording of any length passes through in bounded memory.
"""

import importlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from drivers.clock import SECOND
from melt_tui import __version__
from melt_tui.analysis import comma
from melt_tui.analysis.bulk import parts
from melt_tui.analysis.columns import Cell, Column
from melt_tui.analysis.destination import check_destination, destination
from melt_tui.analysis.export_request import ExportRequest, Format, Table, check
from melt_tui.analysis.figured import Figured, opened
from melt_tui.analysis.tables import cell, event_rows, samples_rows, start_ns
from melt_tui.analysis.tidy import TIDY, WHICH, columns_of
from melt_tui.analysis.wide import Wide, rows, wide_columns
from melt_tui.errors import UsageError
from melt_tui.store.eventcodec import detail_of


def export(request: ExportRequest, stream: TextIO | None = None) -> None:
    """Write what was asked for; to ``stream`` where no file is named.

    Raises UsageError, MeltError when it cannot be written, and what opening a recording raises.
    """
    check(request)
    if request.out is not None:
        check_destination(request.out, force=request.force)
    writer = _WRITERS[request.chosen]()
    with ExitStack() as stack:
        known = list(opened(request.files, stack))
        if request.out is not None:
            with destination(request.out, force=request.force) as out:
                writer(request, known, out)
        elif stream is not None:
            _comma(request, known, stream)


def export_all(request: ExportRequest) -> list[Path]:
    """The same to a file; where it holds the samples of the long form, events go to another beside it. Both in order."""
    if request.out is None:
        raise UsageError("no file was named", "name one")
    if request.table is not Table.SAMPLES or request.wide or request.chosen is Format.PERFETTO:
        export(request)
        return [request.out]
    events = replace(
        request, table=Table.EVENTS, format=request.chosen, out=beside(request.out, request.chosen)
    )
    check_destination(beside(request.out, request.chosen), force=request.force)
    export(request)
    export(events)
    return [request.out, beside(request.out, request.chosen)]


def write(path: Path, table: str, out: TextIO) -> None:
    """One table of one recording as CSV. Raises what opening a recording raises, OSError when ``out`` takes no more."""
    export(ExportRequest(files=(path,), table=Table(table)), out)


def beside(out: Path, of: Format) -> Path:
    """Where events go whose samples go to ``out``."""
    return out.with_name(f"{out.name}.events.{of}")


def _csv(request: ExportRequest, known: Sequence[Figured], out: BinaryIO) -> None:
    with io.TextIOWrapper(out, encoding="utf-8", newline="") as text:
        _comma(request, known, text)


def _comma(request: ExportRequest, known: Sequence[Figured], out: TextIO) -> None:
    several = len(known) > 1
    befores = [f"{cell(one.name)}," if several else "" for one in known]
    if request.wide:
        columns = _wide_columns(known)
        names = [column.name for column in columns[several + 1 :]]
        comma.head(columns, out)
        for one, before in zip(known, befores, strict=True):
            for some in _wide(one, known, request):
                comma.wide_rows(some, names, before, out)
        return
    comma.head(_columns(request, known), out)
    for one, before in zip(known, befores, strict=True):
        if request.table in TIDY:
            comma.rows(TIDY[request.table].rows(one), out)
        else:
            lines = samples_rows if request.table is Table.SAMPLES else event_rows
            out.writelines(lines(one.recording, before))


def _parquet(request: ExportRequest, known: Sequence[Figured], out: BinaryIO) -> None:
    columns = _wide_columns(known) if request.wide else _columns(request, known)
    with _parquet_room().ParquetTable(out, columns, _about(request, known)) as table:
        for one in known:
            _FILLERS[request.table](table, request, one, known)


def _samples(table: Any, request: ExportRequest, one: Figured, known: Sequence[Figured]) -> None:
    which = one.name if len(known) > 1 else None
    if request.wide:
        for some in _wide(one, known, request):
            table.wide(which, some)
    else:
        found = (part for key in one.channels.latest for part in parts(one.recording, key))
        table.samples(which, found, start_ns(one.recording))


def _events(table: Any, _request: ExportRequest, one: Figured, known: Sequence[Figured]) -> None:
    which = (one.name,) if len(known) > 1 else ()
    table.rows((*which, *row) for row in _happened(one))


def _figures(table: Any, request: ExportRequest, one: Figured, _known: Sequence[Figured]) -> None:
    table.rows(TIDY[request.table].rows(one))


def _happened(one: Figured) -> Iterator[tuple[Cell, ...]]:
    zero_ns = start_ns(one.recording)
    for event in one.recording.told():
        yield ((event.t_ns - zero_ns) / SECOND, event.device, type(event).__name__, detail_of(event))


def _columns(request: ExportRequest, known: Sequence[Figured]) -> tuple[Column, ...]:
    which = (WHICH,) if len(known) > 1 and request.table not in TIDY else ()
    return (*which, *columns_of(request.table))


def _wide_columns(known: Sequence[Figured]) -> tuple[Column, ...]:
    which = (WHICH,) if len(known) > 1 else ()
    return (*which, columns_of(Table.SAMPLES)[0], *_by_meaning(known).values())


def _by_meaning(known: Sequence[Figured]) -> Mapping[Any, Column]:
    return wide_columns([channel for one in known for channel in one.channels.every])


def _wide(one: Figured, known: Sequence[Figured], request: ExportRequest) -> Iterator[Wide]:
    return rows(one.recording, list(one.channels.latest), _by_meaning(known), request.every_s)


def _about(request: ExportRequest, known: Sequence[Figured]) -> Mapping[str, str]:
    """What a file says of itself."""
    recordings = [
        {
            "recording": one.name,
            "session": one.started.name if one.started else None,
            "started_unix_ns": one.started.wall_ns if one.started else None,
            "host": one.started.host if one.started else None,
            "lost": one.recording.meta.lost or None,
        }
        for one in known
    ]
    return {"version": __version__, "table": request.table, "recordings": json.dumps(recordings)}


def _parquet_room() -> Any:
    try:
        return importlib.import_module("melt_tui.analysis.parquet")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("pyarrow"):
            raise
        raise UsageError(
            "Parquet needs the package pyarrow, which is not installed", "pip install 'melt-tui[parquet]'"
        ) from None


Writer = Callable[[ExportRequest, Sequence[Figured], BinaryIO], None]

_WRITERS: Mapping[Format, Callable[[], Writer]] = {
    Format.CSV: lambda: _csv,
    Format.PARQUET: lambda: _parquet_room() and _parquet,
    Format.PERFETTO: lambda: importlib.import_module("melt_tui.analysis.perfetto").write_trace,
}
"""Loaded when they are asked for."""

_FILLERS: Mapping[Table, Callable[[Any, ExportRequest, Figured, Sequence[Figured]], None]] = {
    Table.SAMPLES: _samples,
    Table.EVENTS: _events,
    **dict.fromkeys(TIDY, _figures),
}
