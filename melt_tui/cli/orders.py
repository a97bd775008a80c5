"""Verbs that give a bench a few orders and show nothing of it."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from melt_tui.cli.interrupts import Interrupts
from melt_tui.cli.output import progress
from melt_tui.workbench import SessionSetup, Workbench

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Orders:
    """A bench, and whoever waits for it or is asked on the terminal; both can be interrupted."""

    bench: Workbench
    interrupts: Interrupts

    def wait(self, answer: "Future[T]") -> T:
        """What the bench answers. Raises KeyboardInterrupt."""
        return self.interrupts.wait(answer)

    def ask(self, question: str) -> str:
        """What a person answers, in one line. Raises KeyboardInterrupt."""
        progress(question)
        with self.interrupts.asking():
            return sys.stdin.readline().strip()

    def agreed(self, question: str) -> bool:
        """Whether a person answers with yes."""
        return self.ask(f"{question} [y/N]").lower() in {"y", "yes"}


@contextmanager
def taking_orders(setup: SessionSetup) -> Iterator[Orders]:
    """The bench, from its opening to its end. Raises KeyboardInterrupt after that where it was interrupted."""
    with Interrupts() as interrupts:
        interrupts.heed()
        with Workbench(setup) as bench:
            yield Orders(bench, interrupts)
    interrupts.check()
