"""``melt export FILE…`` and ``melt report FILE…``: recordings for other programs, and for other people."""

from argparse import Namespace
from pathlib import Path

from melt_tui.analysis import export as exports
from melt_tui.analysis.export_request import ExportRequest, Format, Table
from melt_tui.analysis.tidy import about, columns_of
from melt_tui.cli.output import result, stdout, table


def export(options: Namespace) -> int:
    """A table or a trace; with ``--columns`` what a table's columns mean."""
    if options.columns:
        result(_columns(Table(options.table)))
        return 0
    request = ExportRequest(
        files=tuple(options.files),
        table=Table(options.table),
        format=Format(options.format) if options.format else None,
        out=None if options.out == "-" else Path(options.out),
        wide=options.wide,
        every_s=options.every,
        force=options.force,
    )
    exports.export(request, None if request.out else stdout())
    return 0


def _columns(which: Table) -> str:
    rows = [(one.name, one.holds, one.unit, one.meaning) for one in columns_of(which)]
    return f"{which}: {about(which)}\n{table([('column', 'holds', 'unit', 'meaning'), *rows])}"
