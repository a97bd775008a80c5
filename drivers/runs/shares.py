"""What processors and a process did between lines of the script beside a run: shares of their time. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from drivers import linux
from drivers.clock import SECOND

ALL = -1
"""In place of a processor's number: all of them together."""
LONGEST_NS = 20 * SECOND
"""Of a share that is told: lines never come more rarely, but where the device slept."""

Cells = Sequence[tuple[int, str]]
"""Times in ns and what stood there."""

_PROCESSOR = re.compile(r"([0-9]{0,3}):(-?[0-9]{1,18}):(-?[0-9]{1,18})")
_SPENT = re.compile(r"([0-9]{1,18}):(-?[0-9]{1,18})")


def used(cells: Cells, processors: Sequence[int]) -> Iterator[tuple[int, float]]:
    """The mean use of these processors since the line before, in percent, from ``NUMBER:BUSY:IDLE,…`` in clock ticks."""
    read = ((t_ns, _ticks(text)) for t_ns, text in cells)
    for (early_ns, before), (late_ns, after) in pairwise(read):
        share = linux.use(*_steps(before, after), processors)
        if share is not None and 0 < late_ns - early_ns <= LONGEST_NS:
            yield late_ns, share


def numbered(cells: Cells) -> frozenset[int]:
    """Which processors these cells tell of."""
    return frozenset(number for _, text in cells for number in _ticks(text))


def spent(cells: Cells, hertz: int, processors: int) -> Iterator[tuple[int, float]]:
    """What one process had of the time of so many processors since the line before, in percent, from ``BORN:TICKS``.

    Nothing across two processes.
    """
    read = ((t_ns, _SPENT.fullmatch(text)) for t_ns, text in cells)
    for (early_ns, before), (late_ns, after) in pairwise(read):
        if before is None or after is None or before[1] != after[1]:
            continue
        ticks, span_ns = _step(before[2], after[2]), late_ns - early_ns
        if ticks >= 0 and 0 < span_ns <= LONGEST_NS:
            yield late_ns, 100 * ticks / hertz * SECOND / span_ns / processors


def _ticks(text: str) -> Mapping[int, tuple[str, str]]:
    """By processor its busy and idle ticks, as they stand there."""
    found = (_PROCESSOR.fullmatch(word) for word in text.split(","))
    return {int(match[1] or ALL): (match[2], match[3]) for match in found if match}


def _steps(
    before: Mapping[int, tuple[str, str]], after: Mapping[int, tuple[str, str]]
) -> tuple[dict[int, linux.Ticks], dict[int, linux.Ticks]]:
    """Ticks that passed, as from zero on."""
    passed = {}
    for number in before.keys() & after.keys():
        busy, idle = (
            max(0, _step(early, late)) for early, late in zip(before[number], after[number], strict=True)
        )
        passed[number] = linux.Ticks(busy + idle, idle)
    return dict.fromkeys(passed, linux.Ticks(0, 0)), passed


def _step(early: str, late: str) -> int:
    """From a count to a later one: phones' shells add up in 32 bits, of which a sum may have more."""
    half = 1 << 31
    return (int(late) - int(early) + half) % (2 * half) - half
