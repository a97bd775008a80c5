"""Leaving a screen whose terminal no longer takes part: frozen, or gone with its connection.

What draws waits for the terminal, for ever if need be, and can neither be asked to end nor end the session then. So a
thread of its own sees to it that the session ends in order and the program after it.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Self

from melt_tui.cli.interrupts import INTERRUPTED, SIGNALS

GRACE_S = 1.5
"""How long the screen may take to end by itself: half of the 3 s that leaving may take, the rest is the session's."""
START_S = 10.0
"""The same for one that has not been drawn yet: what it has done to the terminal by then is taken back only by itself."""

WRITER = "textual-output"
"""The thread that writes to the terminal; it dies when the terminal is gone."""


class Leaving:
    """A ``with`` round the life of a screen, on the main thread: a signal ends the screen, and raises nothing where it comes.

    ``end_session`` may be called from another thread.
    """

    def __init__(self, end_session: Callable[[], None], leave: Callable[[int], object] = os._exit) -> None:
        self._end_session = end_session
        self._leave = leave
        self._end_screen: Callable[[], object] | None = None
        self._before: dict[int, Any] = {}
        self._excepthook = threading.excepthook
        self._over = threading.Event()
        self._came = False
        self._asked: SimpleQueue[None] = SimpleQueue()  # a signal may put into it, whatever it interrupts

    def __enter__(self) -> Self:
        threading.excepthook = self._on_death
        threading.Thread(target=self._see_to_it, name="leaving", daemon=True).start()
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if handler is not signal.SIG_IGN:
                self._before[number] = handler
                signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._asked.put(None)
        threading.excepthook = self._excepthook
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._on_signal:  # else somebody heeds it who comes after us
                signal.signal(number, handler)

    def heed(self, end_screen: Callable[[], object]) -> None:
        """There is a screen by now, which this ends, called on any thread; at once where that was asked for before."""
        self._end_screen = end_screen
        if self._came:
            self.ask()

    def ask(self) -> None:
        """Have the screen end, as soon as there is one; see to it that the program does."""
        self._came = True
        if self._end_screen is not None:
            with suppress(RuntimeError):  # its loop has ended already
                self._end_screen()
        self._asked.put(None)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.ask()

    def _on_death(self, death: threading.ExceptHookArgs) -> None:
        if death.thread is not None and death.thread.name == WRITER:
            self.ask()
        else:
            self._excepthook(death)

    def _see_to_it(self) -> None:
        self._asked.get()
        if not self._over.wait(GRACE_S if self._end_screen is not None else START_S):
            try:
                self._end_session()
            finally:
                self._leave(INTERRUPTED)
