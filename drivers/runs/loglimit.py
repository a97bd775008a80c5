"""Keeps a talkative engine from flooding the recording."""

from drivers.clock import SECOND

BURST = 60
PER_SECOND = 20


class LogLimit:
    """Lets ``BURST`` lines through at once and ``PER_SECOND`` in the long run; counts the rest."""

    def __init__(self) -> None:
        self._credit = float(BURST)
        self._then_ns: int | None = None
        self._dropped = 0

    def admit(self, t_ns: int) -> int | None:
        """None for a line to be left out; else how many were left out before this one."""
        if self._then_ns is not None:
            self._credit = min(BURST, self._credit + max(0, t_ns - self._then_ns) / SECOND * PER_SECOND)
        self._then_ns = t_ns
        if self._credit < 1:
            self._dropped += 1
            return None
        self._credit -= 1
        dropped, self._dropped = self._dropped, 0
        return dropped
