"""The options of the verbs that hand recordings on: to other programs, and to other people."""

import argparse
from pathlib import Path

from melt_tui.cli.typed import fraction, words


def export_options(into: argparse.ArgumentParser) -> None:
    """``melt export FILE …``."""
    into.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recordings; all go into one table")
    into.add_argument(
        "--table",
        choices=("samples", "events", "runs", "turns", "energy", "per-token", "throttling"),
        default="samples",
        help="what its rows are; default: samples",
    )
    into.add_argument("--columns", action="store_true", help="say what the columns of that table mean")
    into.add_argument(
        "--format",
        choices=("csv", "parquet", "perfetto"),
        help="default: as the name of the file says (.csv, .parquet, .pftrace), else csv",
    )
    into.add_argument(
        "--wide", action="store_true", help="samples: a row for each moment, a column for each channel"
    )
    into.add_argument(
        "--every", type=fraction, metavar="S", help="with --wide: a row for each step, of means"
    )
    into.add_argument("--out", default="-", metavar="PATH", help="file to write; - is stdout (default)")
    into.add_argument("--force", action="store_true", help="replace the file if it exists")


def report_options(into: argparse.ArgumentParser) -> None:
    """``melt report FILE …``."""
    into.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings")
    into.add_argument(
        "--out",
        default="report.html",
        metavar="PATH",
        help="file to write, report.html by default; - is stdout",
    )
    into.add_argument("--title", type=words, metavar="TEXT", help="what stands over it")
    into.add_argument("--force", action="store_true", help="replace the file if it exists")
