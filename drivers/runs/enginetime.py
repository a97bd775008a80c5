"""The engine's own token times, placed on our clock."""

from collections.abc import Sequence

TOLERANCE_NS = 50_000_000
"""How far a placed time may lie after its arrival before the first arrival is taken to have been late."""


class EngineTimes:
    """Keeps the gaps between an answer's tokens as the engine measured them.

    The engine counts from its first token; that is placed where the first token arrived, or earlier when others that
    arrived with it show that it was late. Placed times never fall, and lie at most ``TOLERANCE_NS`` after the arrival.
    """

    def __init__(self) -> None:
        self.last_ns = 0
        """The last time that was placed."""
        self._anchor_ns: int | None = None

    def place(self, told: Sequence[tuple[int, float]]) -> list[int]:
        """Times on our clock, in ns, of tokens that arrived together: ``(arrival in ns, engine's ms)`` each."""
        if self._anchor_ns is None:
            self._anchor_ns = min(arrival - _ns(ms) for arrival, ms in told)
        return [self._place(arrival, _ns(ms)) for arrival, ms in told]

    def _place(self, arrival_ns: int, since_first_ns: int) -> int:
        anchor_ns = arrival_ns if self._anchor_ns is None else self._anchor_ns
        if anchor_ns + since_first_ns > arrival_ns + TOLERANCE_NS:
            self._anchor_ns = anchor_ns = arrival_ns - since_first_ns
        self.last_ns = max(self.last_ns, anchor_ns + since_first_ns)
        return self.last_ns


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1e6)
