"""How long something takes yet, at the rate so far."""

from drivers.clock import SECOND, Clock

_FROM = 0.02
"""Fraction that has to be done before the rest can be foretold."""


class Pace:
    """One step, from when it was made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: tuple[int, float] | None = None

    def to_go(self, fraction: float) -> float | None:
        """Seconds until all of it is done; None while that cannot be told."""
        now = self._clock.now()
        if self._first is None:
            self._first = (now, fraction)
        since_ns, at_first = self._first
        moved = fraction - at_first
        if moved < _FROM or now <= since_ns:
            return None
        return (1 - fraction) / moved * (now - since_ns) / SECOND
