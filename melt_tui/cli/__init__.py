"""``melt``: the door of the command line. What it needs is imported behind it, so that an interrupt finds it in place."""

import importlib
import os
import signal
from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code, as ``command.run`` says it."""
    # OpenBLAS starts a thread for each core when numpy is imported, wherever that is; nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code: int = importlib.import_module("melt_tui.cli.command").run(argv)
    except KeyboardInterrupt:
        # Another one, while Python takes itself apart, would change the exit code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return INTERRUPTED
    return code
