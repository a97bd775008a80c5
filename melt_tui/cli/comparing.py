"""``melt compare A B …``: is B really better than A? On a terminal 2 to 8 runs are shown on a screen; else as text.

Text is for more runs, for a condition (``--fail-if``), ``--json``, ``--headless``, and where the output goes elsewhere.
"""

import importlib
import sys
from argparse import Namespace

from melt_tui.analysis.compare_request import (
    LEAST_RUNS,
    MOST_DRAWN,
    CompareRequest,
    alignment_of,
    named_groups,
)
from melt_tui.cli.plans import compare_request


def compare(options: Namespace) -> int:
    """Compare. Raises UsageError, also where a condition cannot be told: a build must not pass for want of figures."""
    as_text = options.json or options.headless or options.fail_if or not _terminal()
    if not as_text and _for_screen(compare_request(options)):
        shown: int = importlib.import_module("melt_tui.cli.screen").show(options)
        return shown
    told: int = importlib.import_module("melt_tui.cli.comparison").tell(options)
    return told


def _terminal() -> bool:
    """The screen is drawn on stderr; who sends stdout elsewhere wants the text."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def _for_screen(request: CompareRequest) -> bool:
    """Whether so many runs can be laid over one another. Raises UsageError, and what opening a recording raises."""
    alignment = alignment_of(request.align)
    named_groups(request.group, len(request.sources))
    n: int = importlib.import_module("melt_tui.analysis.compare_open").runs_of(request.sources)
    alignment.fits(n)
    return LEAST_RUNS <= n <= MOST_DRAWN
