"""Looks that may take their time: one at a time off the screen's loop, and the latest wish wins."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

T = TypeVar("T")
Job = Callable[[], T]


class Looker(Generic[T]):
    """Runs jobs on an executor; while one runs only the newest of those asked for meanwhile is kept.

    ``post`` brings a call onto the screen's loop from any thread. ``seen`` and ``failed`` are called there.
    """

    def __init__(
        self,
        executor: Executor,
        post: Callable[[Callable[[], None]], None],
        seen: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._executor = executor
        self._post = post
        self._seen = seen
        self._failed = failed
        self._busy = False
        self._waiting: Job[T] | None = None
        self._generation = 0

    @property
    def busy(self) -> bool:
        """Whether a look is under way."""
        return self._busy

    def want(self, job: Job[T]) -> None:
        """Run ``job`` now, or as soon as the one before has ended, unless a newer one takes its place."""
        if self._busy:
            self._waiting = job
            return
        self._busy = True
        generation = self._generation
        self._executor.submit(job).add_done_callback(
            lambda done: self._post(lambda: self._finish(done, generation))
        )

    def forget(self) -> None:
        """What is under way is no longer wanted."""
        self._generation += 1
        self._waiting = None

    def _finish(self, done: Future[T], generation: int) -> None:
        self._busy = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.want(waiting)
        if generation != self._generation or done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._seen(done.result())
        else:
            self._failed(error)
