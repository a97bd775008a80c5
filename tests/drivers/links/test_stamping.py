"""Output that waits on a device under a lease bears the device's own time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SECOND, SystemClock
from drivers.errors import LinkLost
from drivers.links import guarding
from drivers.links.base import Lease
from drivers.links.leased import LeasedProcess
from drivers.links.owntime import Trip, offset_of
from drivers.links.remote import RemoteShell
from drivers.links.stamping import End, Stamps, read_stamps, read_time
from drivers.ticks import ticks
from tests.rigs.llama_runs import gone
from tests.rigs.local_pipes import LocalPipes, userlands

CLOCK = SystemClock()
TICK_NS = 200_000_000
"""The longer of the two ticks at which a keeper looks."""
LATE_NS = SECOND
"""How late a process of a busy computer may come to its tick."""


@pytest.fixture(params=userlands()[-1:])
def pipes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalPipes]:
    pipes = LocalPipes(CLOCK, request.param, tmp_path / "bin")
    yield pipes
    pipes.wait()


EITHER_CLOCK = pytest.mark.parametrize("shell", [True, False], ids=["wall", "uptime"], indirect=True)


@pytest.fixture
def shell(request: pytest.FixtureRequest, pipes: LocalPipes, tmp_path: Path) -> RemoteShell:
    return RemoteShell(
        CLOCK,
        pipes,
        title="bench",
        directory=str(tmp_path / "leases"),
        real_time=getattr(request, "param", True),
    )


@asynccontextmanager
async def starting(shell: RemoteShell, script: str, lease: Lease) -> AsyncIterator[LeasedProcess]:
    async with shell.start(["sh", "-c", script], lease=lease) as process:
        assert isinstance(process, LeasedProcess)
        yield process


async def written(path: Path) -> None:
    async for _ in ticks(CLOCK, 10_000_000):
        if await asyncio.to_thread(path.exists):
            return


async def lose(shell: RemoteShell, pipes: LocalPipes, script: str, lease: Lease) -> int:
    """Start it and pull the cable at its first line; its pid."""
    pid = 0
    with suppress(LinkLost):
        async with starting(shell, script, lease) as process:
            pid = process.pid
            first = await anext(process.lines())
            assert (first.text, first.own_ns) == ("first", None)
            pipes.cut()
            await process.wait()
    pipes.refusing = False
    return pid


TELLING = """
now() { read -r t _ </proc/uptime; }
echo first; sleep 0.5; now; echo "$t"; sleep 1.5; now; echo "$t"; printf "a b"; sleep 0.4; printf c >&2; sleep 0.4; exit 5
"""


@EITHER_CLOCK
@pytest.mark.parametrize("pipes", userlands(), indirect=True)
async def test_lines_that_waited_bear_the_time_at_which_they_were_written(
    shell: RemoteShell, pipes: LocalPipes, tmp_path: Path
) -> None:
    lease = Lease("run-1", 60)
    await lose(shell, pipes, TELLING, lease)
    await written(tmp_path / "leases" / "run-1" / "rc")
    async with starting(shell, TELLING, lease) as process:
        async with process.own_clock.watched() as own:
            offset = await own.measure()
            up_ns = uptime_ns() - CLOCK.now()
        assert (process.taken_up, process.caught_up, process.ended) == (True, False, End.ENDED)
        lines = [line async for line in process.lines()]
        assert (await process.wait(), process.caught_up) == (5, True)
    assert [line.stream for line in lines].count("err") == 1
    told = [line for line in lines if line.stream == "out"]
    assert [line.text for line in told][2:] == ["a b"]
    for line in told[:2]:
        assert line.own_ns is not None
        written_ns = round(float(line.text) * SECOND) - up_ns
        late_ns = line.own_ns + offset.offset_ns - written_ns
        slack_ns = offset.uncertainty_ns + 2 * 10_000_000
        assert -slack_ns <= late_ns <= TICK_NS + LATE_NS + slack_ns
    assert told[0].t_ns > (told[0].own_ns or 0) + offset.offset_ns + SECOND, (
        "it came long after it was written"
    )


def uptime_ns() -> int:
    return round(float(Path("/proc/uptime").read_text().split()[0]) * SECOND)


async def test_what_comes_as_it_is_written_bears_none(
    shell: RemoteShell, pipes: LocalPipes, tmp_path: Path
) -> None:
    go, place = tmp_path / "go", tmp_path / "leases" / "run-2"
    script = f"echo first; sleep 0.4; echo second; until [ -e {go} ]; do sleep 0.05; done; echo last"
    lease = Lease("run-2", 60)
    await lose(shell, pipes, script, lease)
    await holding(place / "stamps", " 13 0\n")
    async with starting(shell, script, lease) as process:
        assert not process.caught_up
        lines = process.lines()
        second = await anext(lines)
        assert (second.text, second.own_ns is None, process.caught_up) == ("second", False, True)
        go.touch()
        last = await anext(lines)
        assert (last.text, last.own_ns, process.caught_up) == ("last", None, True)


async def holding(path: Path, end: str) -> None:
    """Wait until a file is there and ends so."""
    await written(path)
    async for _ in ticks(CLOCK, 10_000_000):
        if (await asyncio.to_thread(path.read_text)).endswith(end):
            return


async def test_pieces_are_cut_where_their_time_changes(shell: RemoteShell, pipes: LocalPipes) -> None:
    stamped = 'until grep -q " $n 0" "$MELT_LEASE/stamps"; do sleep 0.05; done'
    script = f"echo first; n=6; for w in a b c; do sleep 0.5; n=$((n+1)); printf $w; {stamped}; done"
    lease = Lease("run-3", 60)
    pid = await lose(shell, pipes, script, lease)
    await gone(pid)
    async with starting(shell, script, lease) as process:
        pieces = [piece async for piece in process.pieces()]
    assert [piece.text for piece in pieces] == ["a", "b", "c"]
    times = [piece.own_ns or 0 for piece in pieces]
    assert all(later - earlier > SECOND // 10 for earlier, later in pairwise(times))


async def test_an_expired_lease_is_told(shell: RemoteShell, pipes: LocalPipes, tmp_path: Path) -> None:
    lease = Lease("run-4", 0.6)
    await lose(shell, pipes, "echo first; sleep 60", lease)
    await written(tmp_path / "leases" / "run-4" / "rc")
    async with starting(shell, "true", lease) as again:
        assert (again.ended, await again.wait()) == (End.EXPIRED, -9)
        assert again.stamps.last_ns is not None
    async with starting(shell, "true", Lease("run-5", 60)) as fresh:
        assert (fresh.taken_up, fresh.ended, fresh.caught_up) == (False, None, True)


@pytest.mark.parametrize("pipes", userlands(), indirect=True)
async def test_a_script_beside_it_ends_with_it(shell: RemoteShell, pipes: LocalPipes) -> None:
    beside = 'while :; do now; read -r pid <"$d/pid"; echo "$t $pid"; nap 0.1; done'
    lease = Lease("run-6", 60, beside)
    seen = []
    pid = await lose(shell, pipes, "echo first; sleep 60", lease)
    async with starting(shell, "true", lease) as process:
        for _ in range(2):
            untold = await two_lines(process)
            seen.append((await process.beside()).splitlines())
            assert seen[-1][: len(untold)] == untold, "what was not told is given again"
            process.merged()
        await process.kill()
    assert [line.split()[1] for line in seen[0]] == [str(pid)] * len(seen[0])
    assert not set(seen[0]) & set(seen[1]), "what was given is not given again"
    assert all(read_time(line.split()[0]) is not None for line in seen[0] + seen[1])
    assert not await processes_of(pipes)


async def two_lines(process: LeasedProcess) -> list[str]:
    """What was written beside it, when that is so much."""
    async for _ in ticks(CLOCK, 50_000_000):
        if len(untold := (await process.beside()).splitlines()) >= 2:
            return untold
    raise AssertionError


async def processes_of(pipes: LocalPipes) -> list[int]:
    for pid in (found := pipes.children()):
        await gone(pid)
    return [pid for pid in found if pid in pipes.children()]


def test_stamps_as_they_are_written() -> None:
    stamps = read_stamps(
        "12.34 10 0\n12.44 10 5\nnonsense\n12.54 30 5\n12.50 20 5\n12.60 30 9 ended\n12.7 1", over=True
    )
    assert stamps.times_ns == [12_340_000_000, 12_440_000_000, 12_540_000_000, 12_600_000_000]
    assert (stamps.size("out"), stamps.size("err"), stamps.end) == (30, 9, End.ENDED)
    parts = list(stamps.parts("out", 5, b"x" * 30))
    assert [(len(part), own_ns) for part, own_ns in parts] == [
        (5, 12_340_000_000), (20, 12_540_000_000), (5, 12_600_000_000),
    ]  # fmt: skip


def test_either_clock_is_read() -> None:
    assert (read_time("1795245861.117983"), read_time("1795245861,117983")) == (1795245861117983000,) * 2
    assert (read_time("4321.07"), read_time("x"), read_time("")) == (4_321_070_000_000, None, None)


@given(st.text(alphabet="0123456789 .,\nendxpir", max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    stamps = read_stamps(text)
    assert list(stamps.times_ns) == sorted(stamps.times_ns)
    assert list(stamps.sizes["out"]) == sorted(stamps.sizes["out"])


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8),
    st.binary(max_size=60),
    st.integers(0, 40),
    st.booleans(),
)
def test_parts_are_the_whole_and_times_do_not_fall(
    steps: list[tuple[int, int]], data: bytes, start: int, over: bool
) -> None:
    text, out, err = "", 0, 0
    for at, (more, less) in enumerate(steps):
        out, err = out + more, err + less
        text += f"{at}.00 {out} {err}\n"
    stamps = read_stamps(text, over=over)
    parts = list(stamps.parts("out", start, data))
    assert b"".join(part for part, _ in parts) == data
    known = [own_ns for _, own_ns in parts if own_ns is not None]
    assert known == sorted(known)
    if over and steps:
        assert len(known) == len(parts)
    at = start
    for part, own_ns in parts:
        at += len(part)
        assert own_ns is not None or at > stamps.size("out")


@given(
    st.integers(-(10**15), 10**15),
    st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=20),
    st.sampled_from([1_000, 10_000_000]),
)
def test_an_offset_holds_within_its_uncertainty(
    offset_ns: int, halves: list[tuple[int, int]], step_ns: int
) -> None:
    trips, host_ns = [], 10**16
    for out_ns, back_ns in halves:
        told_ns = host_ns + out_ns
        own_ns = (told_ns - offset_ns) // step_ns * step_ns
        trips.append(Trip(host_ns, told_ns + back_ns, own_ns, step_ns))
        host_ns = told_ns + back_ns + 777_777
    found = offset_of(trips)
    assert abs(found.offset_ns - offset_ns) <= found.uncertainty_ns + 1
    assert found.uncertainty_ns <= min(trip.t1_ns - trip.t0_ns + step_ns for trip in trips) // 2 + 1


def test_a_clock_that_was_set_meanwhile() -> None:
    trips = [Trip(0, 1000, 500, 1), Trip(2000, 3000, 500_000, 1)]
    found = offset_of(trips)
    assert (found.offset_ns, found.uncertainty_ns) == (-497_501, 501)


def test_an_empty_file_of_stamps() -> None:
    assert read_stamps("") == Stamps([], {"out": [], "err": []})
    assert list(Stamps().parts("err", 7, b"abc")) == [(b"abc", None)]
    assert guarding.kept("/x", "stamps", 3).startswith("exec sh -c")
