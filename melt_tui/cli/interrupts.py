"""Ctrl-C, however often it is pressed and wherever it comes: the first ends what goes on, those that follow find it ending."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

CLOSE_S = 10.0
"""So long an end may take before an interrupt leaves it as it is."""
BEAT_S = 0.2
"""How often progress is looked up while something is waited for: a board that falls silent is to be told of within 5 s,
of which noticing it takes 4.4, a phone that is unplugged within 1 s."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130

_LEFT = b"melt: left before its end: what was recorded until now is kept, melt sessions shows it\n"


class Interrupts:
    """A ``with`` round a session, on the main thread. Until ``heed`` or ``end`` signals do what they did before; those that
    whoever started the program has it ignore stay ignored.

    From then on a signal raises nothing where it comes. The session has a thread of its own, and an exception out of
    nowhere may stand between the taking of a lock that both use and the block that gives it back: that thread would
    wait for it for ever, and Python for that thread. So a signal is noted, wakes whoever waits here, and is raised
    there; or at once while a person is asked, when nothing of the session is held.

    Who was interrupted leaves it with all of them ignored: nothing is left to do but to end, and while Python takes
    itself apart the next one would kill the process by its number, whatever the exit code was to be.
    """

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self.came = False
        """Whether the session was interrupted."""
        self._leave = leave
        self._ending_since: float | None = None
        self._asking = False
        self._woken: SimpleQueue[None] = SimpleQueue()  # a signal may put into it in the midst of a get
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
        """From now on a signal is noted; with the first one the end has begun."""
        for number in self._before:
            signal.signal(number, self._on_signal)

    def end(self, *, interrupted: bool = False) -> None:
        """The end has begun: from now on a signal is noted and does no more, unless it takes very long.

        ``interrupted``: that is how it began.
        """
        self.came = self.came or interrupted
        if self._ending_since is None:
            self._ending_since = monotonic()
        self.heed()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came."""
        if self.came:
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """At most that long: whatever is waited for cuts it short. Raises KeyboardInterrupt."""
        self.check()
        try:
            self._woken.get(timeout=max(0.0, seconds))
        except Empty:
            return
        self.check()

    def wait(self, answer: "Future[T]", beat: Callable[[], object] = lambda: None) -> T:
        """What is answered; ``beat`` is called now and then until it is. Raises KeyboardInterrupt."""
        answer.add_done_callback(lambda _: self._woken.put(None))
        while not answer.done():
            self.sleep(BEAT_S)
            beat()
        return answer.result()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A person is asked in it, and nothing else is done: a signal raises KeyboardInterrupt wherever it comes."""
        self._asking = True
        try:
            self.check()
            yield
        finally:
            self._asking = False

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        self._woken.put(None)
        if self._asking:
            raise KeyboardInterrupt
        now = monotonic()
        if self._ending_since is None:
            self._ending_since = now
        elif now - self._ending_since > CLOSE_S:
            os.write(2, _LEFT)
            self._leave(INTERRUPTED)
