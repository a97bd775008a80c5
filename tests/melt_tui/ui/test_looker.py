from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from melt_tui.ui.looker import Looker


class ByHand(Executor):
    """Runs a job when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], Any], Future[Any]]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.jobs.append((fn, future))
        return future

    def run(self) -> None:
        fn, future = self.jobs.pop(0)
        try:
            future.set_result(fn())
        except ArithmeticError as error:
            future.set_exception(error)


def made() -> tuple[ByHand, Looker[str], list[str], list[BaseException]]:
    hand, seen, failed = ByHand(), list[str](), list[BaseException]()
    return hand, Looker(hand, lambda call: call(), seen.append, failed.append), seen, failed


def test_the_latest_wish_wins() -> None:
    hand, looker, seen, _ = made()
    for name in "abcd":
        looker.want(partial(str, name))
    assert len(hand.jobs) == 1
    hand.run()
    hand.run()
    assert seen == ["a", "d"]
    assert not looker.busy


def test_what_is_forgotten_is_not_shown() -> None:
    hand, looker, seen, _ = made()
    looker.want(lambda: "old")
    looker.want(lambda: "older")
    looker.forget()
    hand.run()
    assert (seen, hand.jobs) == ([], [])
    looker.want(lambda: "new")
    hand.run()
    assert seen == ["new"]


def test_a_failure_is_told_and_the_next_look_goes_on() -> None:
    hand, looker, seen, failed = made()
    looker.want(lambda: str(1 // 0))
    looker.want(lambda: "next")
    hand.run()
    hand.run()
    assert [type(error) for error in failed] == [ZeroDivisionError]
    assert seen == ["next"]
