"""What was typed, carried out. Exit codes: 0 done, 1 a run failed, 2 wrong usage, 3 a condition of ``compare`` holds, 130 interrupted."""

import importlib
import signal
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from types import FrameType

from drivers.errors import DriverError, NotSupported
from melt_tui.cli.output import flush, open_streams, progress
from melt_tui.cli.parser import parser
from melt_tui.errors import MeltError

VERBS = {
    None: ("melt_tui.cli.session", "session"),
    "demo": ("melt_tui.cli.session", "session"),
    "watch": ("melt_tui.cli.session", "session"),
    "run": ("melt_tui.cli.session", "session"),
    "replay": ("melt_tui.cli.session", "session"),
    "devices": ("melt_tui.cli.devices", "devices"),
    "setup": ("melt_tui.cli.setup", "setup"),
    "supply": ("melt_tui.cli.supply", "supply"),
    "sessions": ("melt_tui.cli.listing", "sessions"),
    "summary": ("melt_tui.cli.listing", "summary"),
    "align": ("melt_tui.cli.aligning", "align"),
    "analyse": ("melt_tui.cli.analysing", "analyse"),
    "import": ("melt_tui.cli.importing", "take_in"),
    "edit": ("melt_tui.cli.editing", "edit"),
    "trim": ("melt_tui.cli.trimming", "cut"),
    "compare": ("melt_tui.cli.comparing", "compare"),
    "export": ("melt_tui.cli.exporting", "export"),
    "report": ("melt_tui.cli.reporting", "report"),
    "doctor": ("melt_tui.cli.listing", "doctor"),
}
"""Verb → module and function: each is imported when it is asked for, so that the first paint waits for nothing."""


_LATER_S = 0.005
"""After so long it is looked again whether an import that was interrupted is over."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code. Raises KeyboardInterrupt when it was interrupted."""
    open_streams()
    options = parser().parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        code = _carry_out(options)
        flush()
    except (DriverError, MeltError) as error:
        return _say(options, str(error), 2 if isinstance(error, NotSupported | MeltError) else 1)
    except BrokenPipeError:
        # Whoever read our results has left; what they took is theirs, and nothing else is wrong.
        sys.stderr.close()
        return 0
    except OSError as error:
        where = error.filename or "the output"
        return _say(
            options, f"{where} cannot be used ({error.strerror or error}): check the disk and its rights", 1
        )
    return code


def _carry_out(options: Namespace) -> int:
    module, function = VERBS[options.verb]
    code: int = getattr(importlib.import_module(module), function)(options)
    return code


def _say(options: Namespace, sentence: str, code: int) -> int:
    if getattr(options, "debug", False):
        traceback.print_exc()
    progress(f"melt: {sentence}")
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt. In the midst of an import, where numpy makes an ImportError of it, the signal comes again a
    little later, to whoever heeds it then."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
            signal.setitimer(signal.ITIMER_REAL, _LATER_S)
            return
        frame = frame.f_back
    raise KeyboardInterrupt
