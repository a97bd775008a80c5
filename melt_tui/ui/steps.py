"""Work on the screen's loop that may be interrupted: a generator, which says after each step what may come between."""

from collections.abc import Generator
from enum import Enum, auto
from typing import TypeVar

T = TypeVar("T")


class Pause(Enum):
    """What may happen between two steps."""

    KEY = auto()
    """A key that is on its way is answered first."""
    PAINT = auto()
    """What was drawn is painted, too."""


Steps = Generator[Pause, None, T]


def done(steps: Steps[T]) -> T:
    """What the steps lead to, all of them done without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
