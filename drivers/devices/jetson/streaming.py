"""What runs on the board and speaks by itself: tegrastats, the poller of the rails; and the board's clock against ours."""

import asyncio
from collections import deque
from collections.abc import Sequence

from drivers.clock import Clock, pause
from drivers.devices.jetson import protocol, scripts
from drivers.devices.jetson.rails import Rails
from drivers.devices.jetson.sampling import Put
from drivers.devices.jetson.telling import SOURCE, Telling
from drivers.errors import Garbled, LinkTimeout, NotSupported, Refused
from drivers.events import Absent, ClockMeasured, LogLine, SamplesLost, bounded
from drivers.foreign import printable
from drivers.inbox import Ended, Inbox
from drivers.links.asking import Conversation, converse, find_own_time, measure_offset
from drivers.links.base import Line, Process, ShellLink

INTERVAL_MS = 100
"""Of tegrastats."""
BATCHES_HZ = 5
"""Readings of the rails cross together, in so many lines a second."""
CLOCK_PERIOD_S = 60.0
TRIPS = 8
"""Round trips of one measurement of the board's clock; the shortest counts."""
TRIP_LIMIT_S = 5.0

_LOG_LIMIT = 20
INSTALL = "sudo apt install --reinstall nvidia-l4t-tools on the board"


async def follow_tegrastats(
    shell: ShellLink, clock: Clock, command: str, device: str, telling: Telling, put: Put
) -> None:
    """Lines of tegrastats until it ends; what it says of that is told as its absence. Raises LinkLost, Refused."""
    teller = _Teller(device, telling, put)
    async with shell.start((command, "--interval", str(INTERVAL_MS)), env={"LC_ALL": "C"}) as process:
        async for line in process.lines():
            teller.take(line)
        returncode = await process.wait()
    for item in telling.end(clock.now()):
        put(item)
    put(_ended(clock.now(), device, returncode, teller.said))


async def follow_clock(shell: ShellLink, clock: Clock, device: str, put: Put) -> None:
    """The clock of a board whose rails are not polled: now and every minute, over a shell that is ended in between. Where no
    clock can be read that is told as its absence; an answer that is late or damaged is passed over. Raises LinkLost."""
    while True:
        try:
            async with converse(shell, clock) as conversation:
                put(await _measured(conversation, device))
        except (LinkTimeout, Garbled):
            pass
        except (NotSupported, Refused) as error:
            put(Absent(t_ns=clock.now(), device=device, what="clock", reason=error.sentence))
            return
        await pause(clock, CLOCK_PERIOD_S)


async def _measured(conversation: Conversation, device: str) -> ClockMeasured:
    offset = await measure_offset(conversation, await find_own_time(conversation), rounds=TRIPS)
    return ClockMeasured(
        t_ns=offset.t_ns,
        device=device,
        offset_ns=offset.offset_ns,
        uncertainty_ns=offset.uncertainty_ns,
        origin="round trip",
    )


class _Teller:
    """Lines of tegrastats: samples, and what else it says."""

    def __init__(self, device: str, telling: Telling, put: Put) -> None:
        self.said: deque[str] = deque(maxlen=3)
        """The last lines that were no data."""
        self._device = device
        self._telling = telling
        self._put = put
        self._logged = 0

    def take(self, line: Line) -> None:
        if line.stream == "out":
            for item in self._telling.take(line.t_ns, line.text):
                self._put(item)
        if line.stream == "err" or not self._telling.heard:
            self.said.append(line.text)
            self._log(line)

    def _log(self, line: Line) -> None:
        self._logged += 1
        if self._logged <= _LOG_LIMIT:
            self._put(LogLine(t_ns=line.t_ns, device=self._device, source=SOURCE, text=bounded(line.text)))


def _ended(t_ns: int, device: str, returncode: int, said: Sequence[str]) -> Absent:
    last = printable(" / ".join(said), 200)
    asks_root = any(word in last.lower() for word in ("root", "sudo", "permission", "privilege"))
    return Absent(
        t_ns=t_ns,
        device=device,
        what=SOURCE,
        reason=f"it ended with {returncode}" + (f": {last}" if last else ""),
        remedy="log in as root, or as a user who may run it" if asks_root else INSTALL,
    )


class RailPoller:
    """The poller on the board, its lines, and its clock against ours."""

    def __init__(self, shell: ShellLink, clock: Clock, device: str, rails: Rails, put: Put) -> None:
        self._shell = shell
        self._clock = clock
        self._device = device
        self._rails = rails
        self._put = put
        self._per_line = max(1, rails.rate_hz // BATCHES_HZ)
        self._told: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        """Arrival here and time there, of each answer."""

    async def run(self, python: str, root: str) -> None:
        """Poll until it ends. Raises LinkTimeout when it does not tell its time, LinkLost, Refused."""
        rate_hz = self._rails.rate_hz
        argv = scripts.poller(python, root, self._rails.paths, rate_hz=rate_hz, per_line=self._per_line)
        async with self._shell.start(argv) as process, Inbox() as inbox:
            inbox.listen("lines", self._listen(process, inbox))
            inbox.listen("clock", self._keep_time(process))
            said: deque[str] = deque(maxlen=3)
            while not isinstance(item := await inbox.take(), Ended):
                if isinstance(item, Line):
                    self._take(item, said)
            if item.error is not None:
                raise item.error
            self._end(await process.wait(), said)

    async def _listen(self, process: Process, inbox: Inbox) -> None:
        async for line in process.lines():
            t_ns = protocol.board_time(line.text) if line.stream == "out" else None
            if t_ns is None:
                inbox.put(line)
            else:
                self._told.put_nowait((line.t_ns, t_ns))

    def _take(self, line: Line, said: deque[str]) -> None:
        if line.stream == "err":
            said.append(line.text)
            return
        batch = protocol.batch(line.text, len(self._rails.paths))
        if batch is not None:
            for item in self._rails.batch(batch):
                self._put(item)
        elif line.text != "G":
            self._lose(line.t_ns)

    def _lose(self, t_ns: int) -> None:
        channel, reason = self._rails.channels[0].name, "a line of the rail poller that cannot be read"
        self._put(
            SamplesLost(t_ns=t_ns, device=self._device, channel=channel, count=self._per_line, reason=reason)
        )

    async def _keep_time(self, process: Process) -> None:
        """Measure, let it begin, and measure again every minute."""
        self._put(await self._measure(process))
        await process.write(b"g\n")
        while True:
            await pause(self._clock, CLOCK_PERIOD_S)
            self._put(await self._measure(process))

    async def _measure(self, process: Process) -> ClockMeasured:
        trips = [await self._trip(process) for _ in range(TRIPS)]
        t0_ns, t1_ns, board_ns = min(trips, key=lambda trip: trip[1] - trip[0])
        return ClockMeasured(
            t_ns=t1_ns,
            device=self._device,
            offset_ns=(t0_ns + t1_ns) // 2 - board_ns,
            uncertainty_ns=(t1_ns - t0_ns + 1) // 2,
            origin="round trip",
        )

    async def _trip(self, process: Process) -> tuple[int, int, int]:
        t0_ns = self._clock.now()
        await process.write(b"?\n")
        try:
            async with asyncio.timeout(TRIP_LIMIT_S):
                t1_ns, board_ns = await self._told.get()
        except TimeoutError:
            raise LinkTimeout("the rail poller does not tell the board's time") from None
        return t0_ns, t1_ns, board_ns

    def _end(self, returncode: int, said: Sequence[str]) -> None:
        last = printable(" / ".join(said), 200)
        self._put(
            Absent(
                t_ns=self._clock.now(),
                device=self._device,
                what="power rails",
                reason=f"the poller on the board ended with {returncode}" + (f": {last}" if last else ""),
            )
        )
