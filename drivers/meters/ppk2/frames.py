"""Samples of a PPK2 in the bytes as they come: cut into words of 4 bytes, counted, and found again after damage. Pure.

A word, little endian: bits 0-13 the reading, 14-16 the range (0 to 4), 17 not used, 18-23 a counter that goes up by one
with every sample, 24-31 the logic lines D0 to D7 (the layout is in the sources that ``protocol`` names).

A word that does not follow on is believed, as is a new place to cut, only when ``CONFIRM`` words in a row follow on
from it; the first one after bytes went missing is not, for it may be put together of two. What the counter has skipped
is lost; a loss of a multiple of 64 it cannot tell, only the clock can.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.meters.ppk2.protocol import ADC_BITS, RANGES

Words = NDArray[np.uint32]

CONFIRM = 16
"""Words in a row that follow on from another, after a break."""

CODES = RANGES << ADC_BITS
"""Codes of range and reading are less than this."""

CODE_MASK = (8 << ADC_BITS) - 1
LOGIC_SHIFT = 24
COUNTS = 64
"""The counter begins again after so many samples."""

_COUNTER_SHIFT = 18
_WORD = 4
_NEEDED = CONFIRM * _WORD + _WORD - 1
"""Bytes in which a place to go on is found, if the first of them belong to a sample."""

_NEAR = 4096


@dataclass(frozen=True, slots=True)
class Run:
    """Samples without a gap. ``first`` counts from the first sample that was sent, lost ones included."""

    first: int
    words: Words

    @property
    def codes(self) -> Words:
        """Range and reading of each, ``range << 14 | reading``."""
        return self.words & np.uint32(CODE_MASK)

    @property
    def logic(self) -> Words:
        """The logic lines of each, D0 lowest."""
        return self.words >> np.uint32(LOGIC_SHIFT)


@dataclass(frozen=True, slots=True)
class Frames:
    """What some bytes held."""

    runs: tuple[Run, ...]
    lost: int
    """Samples that the counter says are missing; whole multiples of 64 are not among them."""
    damaged: int
    """Bytes that belong to no sample."""


class FrameReader:
    """Takes bytes in any pieces and gives the samples that they complete. Keeps at most what one look needs."""

    def __init__(self) -> None:
        self.next = 0
        """Number of the sample that is to come."""
        self._expected: int | None = None
        self._rest = b""

    def feed(self, data: bytes) -> Frames:
        """Read what ``data`` completes."""
        buffer, at, lost, damaged = self._rest + data, 0, 0, 0
        runs: list[Run] = []
        while True:
            words = np.frombuffer(buffer, "<u4", (len(buffer) - at) // _WORD, at)
            n = self._following(words)
            if n:
                runs.append(Run(self.next, words[:n]))
                self._count(n)
                at += n * _WORD
            if n == len(words) or len(buffer) - at < _NEEDED:
                break
            place, found = _place(buffer, at)
            if found and self._expected is not None and (place - at) % _WORD:
                place += _WORD
            damaged += 0 if self._expected is None else place - at
            at = place
            if not found:
                break
            lost += self._go_on(buffer[at : at + _WORD])
        self._rest = buffer[at:]
        return Frames(tuple(runs), lost, damaged)

    def _count(self, n: int) -> None:
        self.next += n
        if self._expected is not None:
            self._expected = (self._expected + n) % COUNTS

    def _following(self, words: Words) -> int:
        """How many words from the front follow on."""
        if self._expected is None or not len(words):
            return 0
        off = words >> np.uint32(_COUNTER_SHIFT)
        off -= _ramp(len(words))
        off -= np.uint32(self._expected)
        off &= np.uint32(COUNTS - 1)
        strange = off != 0
        strange |= (words & np.uint32(CODE_MASK)) >= CODES
        first = int(strange.argmax())
        return first if strange[first] else len(words)

    def _go_on(self, word: bytes) -> int:
        """Expect this word next; how many samples are missing before it."""
        counter = int.from_bytes(word, "little") >> _COUNTER_SHIFT & (COUNTS - 1)
        missing = 0 if self._expected is None else (counter - self._expected) % COUNTS
        self._expected = counter
        self.next += missing
        return missing


_longest_ramp = np.arange(1 << 15, dtype=np.uint32)


def _ramp(n: int) -> Words:
    return _longest_ramp[:n] if n <= len(_longest_ramp) else np.arange(n, dtype=np.uint32)


def _place(buffer: bytes, at: int) -> tuple[int, bool]:
    """Where words follow on from one another next, and True; else where to look again once more has come."""
    for stop in (at + _NEEDED, at + _NEAR, len(buffer)):
        places = [_sequence(buffer[at:stop], shift) for shift in range(_WORD)]
        found = [place for place in places if place is not None]
        if found:
            return at + min(found), True
        if stop >= len(buffer):
            break
    return len(buffer) - (_NEEDED - 1), False


def _sequence(data: bytes, shift: int) -> int | None:
    """The first place among those that are ``shift`` bytes off at which ``CONFIRM`` words follow on."""
    words = np.frombuffer(data, "<u4", (len(data) - shift) // _WORD, shift)
    counters = words >> np.uint32(_COUNTER_SHIFT)
    fine = (words & np.uint32(CODE_MASK)) < CODES
    steps = ((np.diff(counters) & np.uint32(COUNTS - 1)) == 1) & fine[1:] & fine[:-1]
    if len(steps) < CONFIRM - 1:
        return None
    in_a_row = np.convolve(steps, np.ones(CONFIRM - 1, np.int64), "valid") == CONFIRM - 1
    first = int(in_a_row.argmax())
    return shift + first * _WORD if in_a_row[first] else None
