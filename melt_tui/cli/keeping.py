"""The options of what is kept of the recordings: a part of one, and those that are old."""

import argparse
from pathlib import Path

from melt_tui.cli.typed import fraction, words


def trim_options(into: argparse.ArgumentParser) -> None:
    """``melt trim FILE``."""
    into.add_argument("file", type=Path, metavar="FILE", help="the recording; it stays as it is")
    for name, dest, text in (
        ("from", "begin", "90, 1:30, 1:02:03.5 from its start on, or mark:NAME; default: its start"),
        ("to", "end", "the same; default: its end"),
    ):
        into.add_argument(f"--{name}", dest=dest, type=words, metavar="T", help=text)
    into.add_argument(
        "--downsample",
        type=words,
        metavar="RATE",
        help="fast channels as means, at 1000Hz, 100Hz, 10Hz or 1Hz; least and greatest of all samples are kept",
    )
    into.add_argument("--name", type=words, metavar="TEXT", help="what the new recording is called")
    into.add_argument(
        "--out", type=Path, metavar="NEW", help="recording to write; default: a new one beside the others"
    )
    into.add_argument("--json", action="store_true", help="results as JSON")


def sessions_options(into: argparse.ArgumentParser) -> None:
    """``melt sessions``."""
    into.add_argument(
        "--prune",
        action="store_true",
        help="delete what is beyond [library] keep_days and keep_gb; never the newest, nor what was marked, named, "
        "tagged, corrected, imported, or taken out of another recording",
    )
    into.add_argument("--dry-run", action="store_true", help="with --prune: only say what would be deleted")
    into.add_argument("--keep-days", type=fraction, metavar="N", help="with --prune: in place of keep_days")
    into.add_argument("--keep-gb", type=fraction, metavar="N", help="with --prune: in place of keep_gb")
    into.add_argument("--json", action="store_true", help="results as JSON")
