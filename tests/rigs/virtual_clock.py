"""A clock for tests: time passes only when everybody waits for it."""

import asyncio
import heapq
from itertools import count

EPOCH_NS = 1_700_000_000_000_000_000
START_NS = 1_000_000_000_000


class VirtualClock:
    """A clock whose time passes only when every task waits for it: a sleep takes no time, and order is kept.

    Sleepers wake by time, then by who slept first. Time moves once the loop has nothing else to do; work in threads
    and on sockets is not seen, so what waits for those must not run beside an endless sleeper.
    """

    def __init__(self, start_ns: int = START_NS) -> None:
        self.t_ns = start_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()
        self._watching = False

    def now(self) -> int:
        return self.t_ns

    def wall(self) -> int:
        return EPOCH_NS + self.t_ns - START_NS

    async def sleep_until(self, t_ns: int) -> None:
        if t_ns <= self.t_ns:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        wake: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (t_ns, next(self._order), wake))
        if not self._watching:
            self._watching = True
            loop.call_soon(self._watch, loop, 0)
        await wake

    async def run_for(self, seconds: float) -> None:
        """Let that much time pass for everybody."""
        await self.sleep_until(self.t_ns + round(seconds * 1e9))

    def _watch(self, loop: asyncio.AbstractEventLoop, idle: int) -> None:
        """Move time on when nothing else was ready in two turns of the loop."""
        if vars(loop)["_ready"]:
            loop.call_soon(self._watch, loop, 0)
        elif idle < 2:
            loop.call_soon(self._watch, loop, idle + 1)
        else:
            self._wake(loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._sleepers:
            t_ns, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                self.t_ns = max(self.t_ns, t_ns)
                wake.set_result(None)
                break
        self._watching = bool(self._sleepers)
        if self._watching:
            loop.call_soon(self._watch, loop, 0)
