"""Leases: processes that go on when their link is lost, and are taken up again."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import LinkLost, NotSupported, Refused
from drivers.links import guarding, owning
from drivers.links.base import Lease, Process
from drivers.links.remote import LEDGER, RemoteShell
from drivers.ticks import ticks
from tests.rigs.llama_runs import alive, gone
from tests.rigs.local_pipes import LocalPipe, LocalPipes, userlands

CLOCK = SystemClock()


EVERY_USERLAND = pytest.mark.parametrize("pipes", userlands(), indirect=True)
"""For what hangs on the shell's and its tools' ways; the rest is tried in one."""


@pytest.fixture(params=userlands()[-1:])
def pipes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalPipes]:
    pipes = LocalPipes(CLOCK, request.param, tmp_path / "bin")
    yield pipes
    pipes.wait()


@pytest.fixture
def shell(pipes: LocalPipes, tmp_path: Path) -> RemoteShell:
    return RemoteShell(CLOCK, pipes, title="bench", directory=str(tmp_path / "leases"))


async def texts(process: Process, upto: str = "") -> list[str]:
    seen = []
    async for line in process.lines():
        seen.append(line.text)
        if upto and line.text == upto:
            break
    return seen


COUNT = 'i=0; while [ $i -lt 400 ]; do echo "$i"; [ $((i % 50)) -ne 0 ] || sleep 0.05; i=$((i+1)); done; echo end >&2; exit 7'


@pytest.fixture
def leases(tmp_path: Path) -> Path:
    return tmp_path / "leases"


def kept(leases: Path) -> list[Path]:
    """What leases have left."""
    return list(leases.iterdir()) if leases.exists() else []


@asynccontextmanager
async def losing(shell: RemoteShell, pipes: LocalPipes, script: str, lease: Lease) -> AsyncIterator[Process]:
    """A leased process whose link is lost at the end of the block; then the cable is in again."""
    try:
        async with shell.start(["sh", "-c", script], lease=lease) as process:
            yield process
            pipes.cut()
            await process.wait()
        raise AssertionError("nothing was lost")
    except LinkLost:
        pipes.refusing = False


@EVERY_USERLAND
async def test_what_nobody_comes_for_is_cleared(
    shell: RemoteShell, pipes: LocalPipes, leases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases of a process of this computer that is no more, living ones are ended; nothing that anybody may come for."""
    assert await shell.clear_leases() == []
    mine, other = owning.owner(), "0123456789abcdef-1-1"
    dead = f"{mine.partition('-')[0]}-{os.getpid()}-1"
    pids: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        for key, owner, script in (
            ("ended-dead", dead, "exit 3"), ("lives-dead", dead, "sleep 60"), ("ended-mine", mine, "exit 3"),
            ("lives-mine", mine, "sleep 60"), ("lives-other", other, "sleep 60"), ("ended-other", other, "exit 3"), ("ended-nonsense", "a b; c", "exit 3"),
        ):  # fmt: skip
            monkeypatch.setattr(owning, "owner", lambda owner=owner: owner)
            lease = Lease(key=key, seconds=60)
            process = await stack.enter_async_context(shell.start(["sh", "-c", script], lease=lease))
            assert script.startswith("sleep") or await process.wait() == 3
            pids[key] = process.pid
        (leases / "no-lease").mkdir()
        assert {(one.key, one.lives) for one in await shell.clear_leases()} == {
            ("ended-dead", False),
            ("lives-dead", True),
        }
        names = {path.name for path in kept(leases)}
        assert names == {
            *("ended-mine", "lives-mine", "ended-other", "lives-other", "ended-nonsense", "no-lease")
        }
        await gone(pids["lives-dead"])
        assert {key for key, pid in pids.items() if alive(pid)} == {"lives-mine", "lives-other"}


async def test_what_is_no_longer_there_is_not_started_anew(
    shell: RemoteShell, pipes: LocalPipes, leases: Path
) -> None:
    lease = Lease(key="gone", seconds=60)
    async with losing(shell, pipes, "sleep 60", lease) as process:
        pass
    keeper = int((leases / "gone" / "keeper").read_text().split()[0])
    os.kill(process.pid, signal.SIGKILL)
    await gone(keeper)
    shutil.rmtree(leases / "gone")
    with pytest.raises(Refused, match="no longer there"):
        async with shell.start(["touch", str(leases / "started")], lease=lease):
            pass
    assert kept(leases) == []
    async with shell.start(["true"], lease=lease) as fresh:
        assert await fresh.wait() == 0


@EVERY_USERLAND
async def test_a_leased_process_goes_on_and_is_taken_up_with_nothing_lost_or_doubled(
    shell: RemoteShell, pipes: LocalPipes, leases: Path
) -> None:
    seen: list[str] = []
    pids = set()

    async def follow() -> None:
        async with shell.start(["sh", "-c", COUNT], lease=Lease("run-1", 60)) as process:
            pids.add(process.pid)
            async for line in process.lines():
                seen.append(line.text)
                pipes.cut() if len(seen) in {1, 77, 230, 399} else None
            assert await process.wait() == 7

    finished = False
    while not finished:
        pipes.refusing = False
        with suppress(LinkLost):
            await follow()
            finished = True
    assert [text for text in seen if text != "end"] == [str(i) for i in range(400)]
    assert seen.count("end") == 1
    assert len(pids) == 1
    assert kept(leases) == []


async def test_what_ended_meanwhile_gives_its_rest_and_its_code(
    shell: RemoteShell, pipes: LocalPipes, leases: Path
) -> None:
    lease = Lease("run-2", 60)
    async with losing(shell, pipes, "echo one; sleep 0.2; printf two; exit 9", lease) as process:
        assert (await anext(process.lines())).text == "one"
    await gone(process.pid)
    async with shell.start(["false"], lease=lease) as again:
        assert again.pid == process.pid
        assert (await texts(again), await again.wait()) == (["two"], 9)
    assert kept(leases) == []


@EVERY_USERLAND
async def test_leaving_ends_a_leased_process(shell: RemoteShell, leases: Path) -> None:
    async with shell.start(
        ["sh", "-c", "sleep 4321.507 & echo $!; wait"], lease=Lease("run-3", 60)
    ) as process:
        child = int(await anext(line.text async for line in process.lines()))
    await gone(child)
    await gone(process.pid)
    assert kept(leases) == []


async def test_kill_ends_a_leased_process_at_once(shell: RemoteShell) -> None:
    async with shell.start(
        ["sh", "-c", "sleep 4321.508 & echo $!; wait"], lease=Lease("run-4", 60)
    ) as process:
        child = int(await anext(line.text async for line in process.lines()))
        before = CLOCK.now()
        await process.kill()
        assert CLOCK.now() - before < 4_000_000_000
        await gone(child)


@EVERY_USERLAND
async def test_a_lease_expires(shell: RemoteShell, pipes: LocalPipes) -> None:
    lease = Lease("run-5", 3)
    async with losing(shell, pipes, "sleep 4321.509 & echo $!; wait", lease) as process:
        child = int((await anext(process.lines())).text)
        await shell.run(["sleep", "3.5"])
        assert alive(child), "it is renewed as long as somebody is there"
    await gone(child)
    await gone(process.pid)
    async with shell.start(["false"], lease=lease) as again:
        assert await again.wait() == -9


async def test_a_renewal_that_is_refused_is_tried_again(pipes: LocalPipes, leases: Path) -> None:
    """As when no session of the connection is free at that moment."""
    asked = 0

    @asynccontextmanager
    async def crowded(command_line: str) -> AsyncIterator[LocalPipe]:
        nonlocal asked
        if command_line == guarding.renew(str(leases / "run-10")):
            asked += 1
            if asked == 1:
                raise Refused("no further channel")
        async with pipes(command_line) as pipe:
            yield pipe

    shell = RemoteShell(CLOCK, crowded, title="bench", directory=str(leases))
    async with shell.start(["sleep", "4321"], lease=Lease("run-10", 2)) as process:
        await shell.run(["sleep", "3"])
        assert asked > 1
        assert alive(process.pid)


async def written(path: Path) -> None:
    async for _ in ticks(CLOCK, 10_000_000):
        if await asyncio.to_thread(path.exists):
            return


async def test_a_key_that_nobody_remembers_starts_anew(
    shell: RemoteShell, pipes: LocalPipes, leases: Path
) -> None:
    lease = Lease("run-6", 60)
    async with losing(shell, pipes, "echo old", lease):
        pass
    await written(leases / "run-6" / "rc")
    LEDGER.end("bench", str(leases / "run-6"))
    async with shell.start(["echo", "new"], lease=lease) as process:
        assert await texts(process) == ["new"]


async def test_output_without_end_ends_a_leased_process(
    shell: RemoteShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "OUTPUT_DIGITS", 4)
    endless = "while :; do echo 0123456789; sleep 0.001; done"
    async with shell.start(["sh", "-c", endless], lease=Lease("run-7", 2)) as process:
        assert await process.wait() == -9


async def test_a_leased_process_takes_no_input(shell: RemoteShell) -> None:
    async with shell.start(["cat"], lease=Lease("run-8", 60)) as process:
        with pytest.raises(NotSupported, match="takes no input"):
            await process.write(b"x")
        await process.close_stdin()
        assert await process.wait() == 0


async def test_an_unknown_command_gets_no_lease(shell: RemoteShell, leases: Path) -> None:
    with pytest.raises(Refused, match="there is no command nope"):
        async with shell.start(["nope"], lease=Lease("run-9", 60)):
            pass
    assert kept(leases) == []
