"""``melt report FILE…``: recordings as one page for other people."""

from argparse import Namespace
from pathlib import Path

from melt_tui.analysis.export_request import ReportRequest
from melt_tui.analysis.page import write_report
from melt_tui.cli.output import progress, stdout


def report(options: Namespace) -> int:
    """One page; where it lies."""
    out = None if options.out == "-" else Path(options.out)
    request = ReportRequest(
        files=tuple(options.files), out=out, title=options.title or "", force=options.force
    )
    write_report(request, None if out else stdout())
    if out is not None:
        progress(f"written to {out}")
    return 0
