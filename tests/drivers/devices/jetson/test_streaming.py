"""The rails' poller and tegrastats as the other end of a script."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import pytest

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.devices.jetson import streaming
from drivers.devices.jetson.rails import Rail, Rails
from drivers.devices.jetson.streaming import RailPoller, follow_tegrastats
from drivers.devices.jetson.telling import Telling
from drivers.errors import LinkTimeout, NotSupported
from drivers.events import Absent, ClockMeasured, LogLine, SamplesLost
from drivers.links.base import Completed, Lease, Line, Process
from drivers.links.local import LocalShell
from drivers.model import Samples
from tests.rigs.virtual_clock import VirtualClock

AHEAD_NS = 7_000 * SECOND
"""How far the board's clock is ahead of ours."""


class Far:
    """A process that answers what is written to it; its own ``lines`` end when ``end`` is called."""

    pid = 42

    def __init__(self, clock: VirtualClock, answer: Callable[["Far", bytes], None]) -> None:
        self.clock = clock
        self.written: list[tuple[int, bytes]] = []
        self._answer = answer
        self._lines: asyncio.Queue[Line | None] = asyncio.Queue()

    def say(self, text: str, stream: Literal["out", "err"] = "out") -> None:
        self._lines.put_nowait(Line(self.clock.now(), stream, text))

    def end(self) -> None:
        self._lines.put_nowait(None)

    async def lines(self) -> AsyncIterator[Line]:
        while (line := await self._lines.get()) is not None:
            yield line

    async def write(self, data: bytes) -> None:
        self.written.append((self.clock.now(), data))
        self._answer(self, data)

    async def close_stdin(self) -> None:
        self.end()

    async def wait(self) -> int:
        return 3

    async def kill(self) -> None:
        self.end()


class Shell(LocalShell):
    """A shell whose only process is that one."""

    def __init__(self, far: Far) -> None:
        super().__init__(far.clock)
        self.far = far

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        raise NotSupported("this shell runs nothing")

    @asynccontextmanager
    async def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AsyncIterator[Process]:
        yield self.far


def poller(far: Far, told: list[Item]) -> RailPoller:
    rails = Rails("b", None, [Rail("VDD_IN", ("/v", "/i"), 1, "")], rate_hz=100, own_clock=True)
    return RailPoller(Shell(far), far.clock, "b", rails, told.append)


def tells_time(trips_ms: list[int]) -> Callable[[Far, bytes], None]:
    """Answers ``?`` after a trip of so long, the board having read its clock in the middle of it."""
    trips = iter(trips_ms)

    def answer(far: Far, data: bytes) -> None:
        if data == b"?\n":
            trip_ns = next(trips, 4) * MILLISECOND
            far.clock.t_ns += trip_ns
            far.say(f"T{far.clock.t_ns - trip_ns // 2 + AHEAD_NS}")
        else:
            far.say("G")

    return answer


async def test_the_clock_is_measured_by_the_shortest_trip_before_the_poller_begins(
    virtual_clock: VirtualClock,
) -> None:
    far, told = Far(virtual_clock, tells_time([30, 8, 20, 6, 20, 20, 20, 20])), list[Item]()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(poller(far, told).run("python3", ""))
        while not far.written or far.written[-1][1] != b"g\n":
            assert not [item for item in told if isinstance(item, Samples)]
            await asyncio.sleep(0)
        far.end()
        await running
    measured = [item for item in told if isinstance(item, ClockMeasured)]
    assert [data for _, data in far.written] == [b"?\n"] * 8 + [b"g\n"]
    assert len(measured) == 1
    assert (measured[0].offset_ns, measured[0].uncertainty_ns) == (-AHEAD_NS, 3 * MILLISECOND)
    assert measured[0].origin == "round trip"


async def test_the_clock_is_measured_every_minute(virtual_clock: VirtualClock) -> None:
    far, told = Far(virtual_clock, tells_time([4] * 24)), list[Item]()
    running = asyncio.get_running_loop().create_task(poller(far, told).run("python3", ""))
    await virtual_clock.run_for(125)
    far.end()
    await running
    times = [item.t_ns for item in told if isinstance(item, ClockMeasured)]
    assert [round((t_ns - times[0]) / SECOND) for t_ns in times] == [0, 60, 120]


async def test_a_line_that_cannot_be_read_is_lost_and_said(virtual_clock: VirtualClock) -> None:
    far, told = Far(virtual_clock, tells_time([4])), list[Item]()
    running = asyncio.get_running_loop().create_task(poller(far, told).run("python3", ""))
    await virtual_clock.run_for(1)
    for line in ("R100,10;5000,5000;1000,2000", "R100,10;5000", "garbage"):
        far.say(line)
    far.say("Traceback: no", "err")
    far.end()
    await running
    samples = [item for item in told if isinstance(item, Samples)]
    assert [(item.t0_ns, item.t1_ns, item.last_code) for item in samples] == [(100, 110, 10_000_000)]
    lost = [item for item in told if isinstance(item, SamplesLost)]
    assert [(item.channel, item.count) for item in lost] == [("VDD_IN", 20)] * 2
    assert isinstance(told[-1], Absent)
    assert told[-1].reason == "the poller on the board ended with 3: Traceback: no"


async def test_a_poller_that_does_not_tell_the_time_is_late(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "TRIP_LIMIT_S", 0.01)
    with pytest.raises(LinkTimeout, match="does not tell the board's time"):
        await poller(Far(virtual_clock, lambda far, data: None), []).run("python3", "")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("tegrastats: Permission denied", "log in as root, or as a user who may run it"),
        ("error while loading shared libraries", streaming.INSTALL),
    ],
)
async def test_what_tegrastats_said_last_is_why_it_is_absent(
    virtual_clock: VirtualClock, said: str, remedy: str
) -> None:
    far, told = Far(virtual_clock, lambda far, data: None), list[Item]()
    far.say(said, "err")
    far.end()
    telling = Telling("b", None, rails=True, temperatures=True, clocks=True)
    await follow_tegrastats(Shell(far), virtual_clock, "tegrastats", "b", telling, told.append)
    assert [item.text for item in told if isinstance(item, LogLine)] == [said]
    assert isinstance(told[-1], Absent)
    assert (told[-1].reason, told[-1].remedy) == (f"it ended with 3: {said}", remedy)


async def test_a_talkative_tegrastats_fills_no_log(virtual_clock: VirtualClock) -> None:
    far, told = Far(virtual_clock, lambda far, data: None), list[Item]()
    for _ in range(500):
        far.say("warning", "err")
    far.end()
    telling = Telling("b", None, rails=True, temperatures=True, clocks=True)
    await follow_tegrastats(Shell(far), virtual_clock, "tegrastats", "b", telling, told.append)
    assert sum(isinstance(item, LogLine) for item in told) == 20
