"""Processes that tests start: what a test leaves by a failure, a time limit included, is ended and not waited for."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def spawned(command: Sequence[str], **settings: Any) -> Iterator["subprocess.Popen[str]"]:
    """Runs while the block does, its streams text."""
    with subprocess.Popen(command, text=True, **settings) as process:
        try:
            yield process
        finally:
            process.kill()


def hear_interrupts() -> None:
    """This process and those that it starts are interrupted by SIGINT, also where a shell runs them in its background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
