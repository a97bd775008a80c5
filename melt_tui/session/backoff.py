"""How long to wait before trying again."""

from collections.abc import Iterator
from itertools import chain, repeat


def backoff() -> Iterator[float]:
    """Delays in seconds without end: a quarter, a half, one, then 2 s for what is still expected back."""
    return chain((0.25, 0.5, 1.0), repeat(2.0))
