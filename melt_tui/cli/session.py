"""The verbs that open a session: the bench, demo, watch, run, replay; with a screen or without.

A screen shows its first frame before anything is imported that it does not need: what was asked for is worked out
behind it.
"""

import importlib
import sys
from argparse import Namespace

from melt_tui.errors import UsageError


def session(options: Namespace) -> int:
    """Carry the verb out: on a screen, unless the command line or the settings ask for none."""
    if not getattr(options, "headless", False) and _terminal():
        on_screen: int = importlib.import_module("melt_tui.cli.screen").show(options)
        return on_screen
    plan = importlib.import_module("melt_tui.cli.plans").plan(options)
    if not plan.headless:
        instead = "use --headless, or " if "headless" in options else ""
        raise UsageError(
            "there is no terminal to draw on",
            remedy=f"{instead}open one; melt summary FILE and melt export FILE need none",
        )
    without: int = importlib.import_module("melt_tui.cli.headless").follow(plan)
    return without


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()  # it draws on stderr: stdout is for results
