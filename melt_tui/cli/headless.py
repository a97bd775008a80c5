"""A session without a screen: progress on stderr, results on stdout."""

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

from melt_tui.cli.follow import Follower
from melt_tui.cli.output import progress
from melt_tui.events import RunEnded, RunOutcome
from melt_tui.workbench import RunRequest, Workbench

T = TypeVar("T")

BEAT_S = 0.25
"""How often progress is looked up."""


class Headless:
    """Follows a session, a beat at a time, in the calling thread."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._follower = Follower(lambda: bench.timeline, progress)
        self._never = threading.Event()

    def for_seconds(self, seconds: float | None) -> None:
        """Follow for that long, or until interrupted."""
        end_ns = None if seconds is None else self._bench.now() + round(seconds * 1e9)
        while end_ns is None or self._bench.now() < end_ns:
            self._beat()

    def run(self, request: RunRequest) -> bool:
        """Run to the end; whether every run was done. Raises AskUser or MeltError when one cannot start."""
        self._until(self._bench.await_devices(request.devices))
        ids = set(self._until(self._bench.start_run(request)))
        self._until(self._bench.wait_runs())
        self._follower.catch_up()
        ended = self._bench.timeline.events(0, self._bench.now(), kinds=(RunEnded,))
        outcomes = [e.outcome for e in ended if isinstance(e, RunEnded) and e.run in ids]
        return len(outcomes) == len(ids) and RunOutcome.FAILED not in outcomes

    def _until(self, answer: "Future[T]") -> T:
        while True:
            try:
                return answer.result(timeout=BEAT_S)
            except NotYet:
                if answer.done():
                    raise
                self._follower.catch_up()

    def _beat(self) -> None:
        self._bench.check()
        self._never.wait(BEAT_S)
        self._follower.catch_up()
