"""Noise without a state: the same seed, stream and index give the same number, in whatever order they are asked."""

from zlib import crc32

_MASK = (1 << 64) - 1
_THIRD = (1 << 21) - 1


class Noise:
    """Random numbers addressed by ``(stream, index)``: the mixing steps of splitmix64 (Steele, Lea, Flood 2014)."""

    def __init__(self, seed: int) -> None:
        self._seed = _mixed(seed & _MASK)
        self._streams: dict[str, int] = {}

    def uniform(self, stream: str, index: int) -> float:
        """Evenly spread over 0 ≤ x < 1."""
        return self._bits(stream, index) / (1 << 64)

    def normal(self, stream: str, index: int) -> float:
        """Mean 0, standard deviation 1, never beyond ± 3: the sum of three even numbers."""
        bits = self._bits(stream, index)
        total = (bits & _THIRD) + (bits >> 21 & _THIRD) + (bits >> 42 & _THIRD)
        return 2 * total / (_THIRD + 1) - 3

    def _bits(self, stream: str, index: int) -> int:
        base = self._streams.get(stream)
        if base is None:
            base = self._streams[stream] = _mixed(self._seed ^ crc32(stream.encode()))
        return _mixed((base + index * 0x9E3779B97F4A7C15) & _MASK)


def _mixed(bits: int) -> int:
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _MASK
    return bits ^ bits >> 31
