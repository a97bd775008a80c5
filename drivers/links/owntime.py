"""The clock by which a device stamps what it keeps under a lease, against ours."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from drivers.clock import MILLISECOND, Clock
from drivers.errors import Garbled, LinkTimeout
from drivers.foreign import printable
from drivers.links import guarding
from drivers.links.asking import Conversation, Offset, OwnTime
from drivers.links.base import Process
from drivers.links.stamping import read_time

ROUNDS = 16
"""Round trips of one measurement."""
ASLEEP_LIMIT_S = 10.0

_ASLEEP = (
    "python3 -S -E -c 'import time; print(round((time.clock_gettime(7) - time.clock_gettime(1)) * 1e9))'"
)


StartShell = Callable[[Sequence[str]], AbstractAsyncContextManager[Process]]
"""Starts a command on the device, as a link does."""


class OwnClock:
    """Of one device. ``real_time`` as ``guarding.TICKING`` says."""

    def __init__(self, start: StartShell, clock: Clock, *, real_time: bool) -> None:
        self._start = start
        self._clock = clock
        self._real_time = real_time

    @asynccontextmanager
    async def watched(self) -> AsyncIterator["OwnWatch"]:
        """A shell on the device that tells its time. Raises LinkLost, LinkTimeout, Refused, Garbled."""
        async with self._start(("sh",)) as process:
            conversation = Conversation(process, self._clock)
            real = "real" if self._real_time else ""
            await conversation.ask(f"real={real}\n{guarding.TICKING}")
            yield OwnWatch(conversation, await _asleep_ns(conversation))


class OwnWatch:
    """Reads that clock again and again."""

    def __init__(self, conversation: Conversation, asleep_ns: int) -> None:
        self.asleep_ns = asleep_ns
        """How much of the time since its start the device was asleep; 0 for a wall clock. What programs on it tell by
        its monotonic clock lags behind by so much."""
        self._conversation = conversation

    async def measure(self) -> Offset:
        """The offset of the device's clock, from several round trips. Raises LinkLost, LinkTimeout, Garbled."""
        return offset_of([await self._trip() for _ in range(ROUNDS)])

    async def _trip(self) -> "Trip":
        answer = await self._conversation.ask('now; echo "$t"')
        own_ns = read_time(answer.text)
        if own_ns is None:
            raise Garbled(f"the device told its time as {printable(answer.text, 40)!r}")
        return Trip(answer.t0_ns, answer.t1_ns, own_ns, _step_ns(answer.text))


@dataclass(frozen=True, slots=True)
class Trip:
    """Between host times ``t0_ns`` and ``t1_ns`` the device's clock stood at ``own_ns``, cut down to its step."""

    t0_ns: int
    t1_ns: int
    own_ns: int
    step_ns: int

    @property
    def least_ns(self) -> int:
        """The smallest offset that can be."""
        return self.t0_ns - self.own_ns - self.step_ns

    @property
    def most_ns(self) -> int:
        """The greatest."""
        return self.t1_ns - self.own_ns


def offset_of(trips: Sequence[Trip]) -> Offset:
    """What all trips allow: the middle of it, and half of its width. Where nothing is left, as when the clock was set
    meanwhile, what the shortest of the last half allows."""
    least, most = max(trip.least_ns for trip in trips), min(trip.most_ns for trip in trips)
    if least > most:
        shortest = min(trips[len(trips) // 2 :], key=lambda trip: trip.t1_ns - trip.t0_ns)
        least, most = shortest.least_ns, shortest.most_ns
    return Offset(trips[-1].t1_ns, (least + most) // 2, (most - least + 1) // 2)


def _step_ns(text: str) -> int:
    return OwnTime.REAL_TIME.step_ns if OwnTime.REAL_TIME.read(text) is not None else OwnTime.UPTIME.step_ns


async def _asleep_ns(conversation: Conversation) -> int:
    """As far as Python tells it there: only who stamps by Python's clock has to be agreed with."""
    told = await conversation.ask('now; echo "$t"')
    if OwnTime.UPTIME.read(told.text) is None:
        return 0
    try:
        answer = await conversation.ask(f"{_ASLEEP} 2>/dev/null", timeout_s=ASLEEP_LIMIT_S)
    except LinkTimeout:
        return 0
    found = int(answer.text) if re.fullmatch(r"-?[0-9]{1,18}", answer.text) else 0
    return found if found > MILLISECOND else 0
