"""Ctrl-C, however often it is pressed: the first ends what goes on, those that follow find it ending."""

import signal
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Self

CLOSE_S = 10.0
"""So long an end may take before it can be interrupted: as the workbench has it, which is not imported before the first paint."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """A ``with`` round a session. Until ``heed`` or ``end`` signals do what they did before; those that whoever started
    the program has it ignore stay ignored.

    Who was interrupted leaves it with all of them ignored: nothing is left to do but to end, and while Python takes
    itself apart the next one would kill the process by its number, whatever the exit code was to be.
    """

    def __init__(self) -> None:
        self.came = False
        """Whether the session was interrupted."""
        self._ending_since: float | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        found = {number: signal.getsignal(number) for number in SIGNALS}
        self._before = {number: handler for number, handler in found.items() if handler is not signal.SIG_IGN}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self.came else handler)

    def heed(self) -> None:
        """From now on the first signal raises KeyboardInterrupt; with it the end has begun."""
        for number in self._before:
            signal.signal(number, self._on_signal)

    def end(self, *, interrupted: bool = False) -> None:
        """The end has begun: from now on a signal is noticed, and raises nothing unless it takes very long.

        ``interrupted``: that is how it began.
        """
        self.came = self.came or interrupted
        self._ending_since = monotonic()
        self.heed()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        now = monotonic()
        if self._ending_since is None:
            self._ending_since = now
            raise KeyboardInterrupt
        if now - self._ending_since > CLOSE_S:
            raise KeyboardInterrupt
