"""Commands, ports and faults over a real sshd."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from drivers.clock import SECOND, SystemClock, pause
from drivers.errors import LinkLost, LinkTimeout, Refused
from drivers.links import sshconnection
from drivers.links.base import Process
from drivers.links.remote import RemoteShell
from drivers.links.ssh import SshShell, ssh_shell
from drivers.links.sshconnection import SshConnection
from drivers.links.sshroute import SshSettings
from drivers.ticks import ticks
from tests.rigs.listening import listening
from tests.rigs.llama_runs import alive
from tests.rigs.programs import put
from tests.rigs.spawned import spawned
from tests.rigs.ssh_board import Cable, SshBoard

CLOCK = SystemClock()
NOTICED_S = 30.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("ssh") / "board") as board:
        yield board


@pytest.fixture
def board(running: SshBoard, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshBoard]:
    """A board that knows us, and we know it. What a test leaves on it is its failure."""
    monkeypatch.setenv("HOME", str(running.person.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    yield running
    running.wait_until_empty()


@pytest.fixture
def settings(tmp_path: Path) -> SshSettings:
    return SshSettings(tmp_path / "known_hosts", connect_s=5.0)


async def first_line(process: Process) -> str:
    async for line in process.lines():
        return line.text
    raise AssertionError("it said nothing")


async def until(true: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Wait for what nobody tells us."""
    deadline_ns = CLOCK.now() + round(limit_s * SECOND)
    async for t_ns in ticks(CLOCK, SECOND // 50):
        if true():
            return
        assert t_ns < deadline_ns


async def write_on(process: Process) -> None:
    async for _ in ticks(CLOCK, SECOND // 10):
        await process.write(b"are you there\n")


async def said(connection: SshConnection) -> bytes:
    """What the board says to a word of ours; waits for a session to be free."""
    for _ in range(100):
        try:
            async with connection.open_pipe("echo still") as pipe:
                chunk = await pipe.read()
                assert chunk is not None
                return chunk[2]
        except Refused:
            await pause(CLOCK, 0.02)
    raise AssertionError("no session is free")


async def opened(connection: SshConnection) -> None:
    async with connection.open_pipe("exec cat"):
        pass


async def forward_once(shell: SshShell, port: int) -> None:
    async with shell.forward(port):
        pass


async def test_run_gives_code_and_both_streams(board: SshBoard, settings: SshSettings) -> None:
    async with ssh_shell(board.address, settings, CLOCK) as shell:
        done = await shell.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
        assert (done.returncode, done.out, done.err) == (3, "out\n", "err\n")
        assert (await shell.run(["printf", "%s|", "a b", "$HOME", "'", "*"])).out == "a b|$HOME|'|*|"
        with pytest.raises(Refused, match="there is no command no-such-command on"):
            await shell.run(["no-such-command"])
        with pytest.raises(LinkTimeout, match=r"sleep on .* did not end within 0\.2 s"):
            await shell.run(["sleep", "1000"], timeout_s=0.2)


async def test_what_lies_in_the_boards_bin_is_found(board: SshBoard, settings: SshSettings) -> None:
    put(board.bin / "tegrastats", '#!/bin/sh\necho "RAM 1/2MB"\n')
    async with ssh_shell(board.address, settings, CLOCK) as shell:
        assert (await shell.run(["tegrastats", "--interval", "100"])).out == "RAM 1/2MB\n"


async def test_lines_come_as_they_are_written(board: SshBoard, settings: SshSettings) -> None:
    script = "echo one; read x; echo \"two $x\" >&2; read x; printf 'three'"
    async with (
        ssh_shell(board.address, settings, CLOCK) as shell,
        shell.start(["sh", "-c", script], env={"A": "b c"}) as process,
    ):
        seen = []
        async for line in process.lines():
            seen.append((line.stream, line.text))
            if len(seen) < 3:
                await process.write(b"more\n")
        assert await process.wait() == 0
    assert seen == [("out", "one"), ("err", "two more"), ("out", "three")]


async def test_a_pipe_tells_how_its_command_ended(board: SshBoard, settings: SshSettings) -> None:
    async with SshConnection.open(board.address, settings, CLOCK) as connection:
        async with connection.open_pipe("echo out; kill -9 $$") as pipe:
            chunk = await pipe.read()
            assert chunk is not None
            assert (chunk[1:], await pipe.read(), await pipe.returncode()) == (("out", b"out\n"), None, 137)
        async with connection.open_pipe("cat >&2; exit 7") as pipe:
            await pipe.write(b"there")
            await pipe.close_stdin()
            chunk = await pipe.read()
            assert chunk is not None
            assert (chunk[1:], await pipe.read(), await pipe.returncode()) == (("err", b"there"), None, 7)


async def test_who_does_not_read_makes_the_board_wait(board: SshBoard, settings: SshSettings) -> None:
    async with (
        SshConnection.open(board.address, settings, CLOCK) as connection,
        connection.open_pipe("head -c 20000000 /dev/zero; echo >done") as pipe,
    ):
        await asyncio.sleep(0.5)
        assert not (board.home / "done").exists()
        size = 0
        while chunk := await pipe.read():
            size += len(chunk[2])
        assert (size, await pipe.returncode()) == (20_000_000, 0)
        assert (board.home / "done").exists()


async def test_more_sessions_than_the_board_allows_are_refused(
    board: SshBoard, settings: SshSettings
) -> None:
    async def one_more(connection: SshConnection, left: int) -> None:
        async with connection.open_pipe("cat"):
            if left:
                await one_more(connection, left - 1)

    async with SshConnection.open(board.address, settings, CLOCK) as connection:
        with pytest.raises(Refused, match=r"opens no further channel: .* raise MaxSessions"):
            await one_more(connection, 12)
        assert await said(connection) == b"still\n"


async def test_a_forwarded_port_reaches_the_boards_loopback(board: SshBoard, settings: SshSettings) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())

    async with (
        listening(shout) as port,
        ssh_shell(board.address, settings, CLOCK) as shell,
        shell.forward(port) as (host, local),
    ):
        assert (host, local != port) == ("127.0.0.1", True)
        reader, writer = await asyncio.open_connection(host, local)
        writer.write(b"hello\n")
        assert await reader.read() == b"HELLO\n"
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, local)


async def test_a_board_that_forwards_nothing_says_so(
    board: SshBoard, settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SshBoard(tmp_path / "closed", "AllowTcpForwarding no") as closed:
        monkeypatch.setenv("HOME", str(closed.person.home))
        async with ssh_shell(closed.address, settings, CLOCK) as shell:
            with pytest.raises(Refused, match="forwards no ports: set AllowTcpForwarding yes"):
                await forward_once(shell, 1)


async def test_a_dropped_link_is_noticed_at_once(board: SshBoard, settings: SshSettings) -> None:
    async with ssh_shell(board.address, settings, CLOCK) as shell, shell.start(["sleep", "1000"]) as process:
        lost_ns = CLOCK.now()
        board.drop()
        with pytest.raises(LinkLost, match=f"the connection to {board.user}@.* is gone"):
            await first_line(process)
        assert CLOCK.now() - lost_ns < 4 * SECOND
        with pytest.raises(LinkLost):
            await shell.run(["true"])


async def test_a_link_that_dies_in_silence_is_noticed_also_by_who_writes(
    board: SshBoard, settings: SshSettings
) -> None:
    """What we send must not count as a sign of life."""
    async with (
        ssh_shell(board.address, settings, CLOCK) as quiet,
        ssh_shell(board.address, settings, CLOCK) as busy,
        quiet.start(["sleep", "1000"]) as sleeping,
        busy.start(["cat"]) as reading,
    ):
        board.stall()
        lost_ns = CLOCK.now()
        ends = await asyncio.gather(first_line(sleeping), write_on(reading), return_exceptions=True)
        assert (CLOCK.now() - lost_ns) / SECOND < NOTICED_S
        assert [type(end) for end in ends] == [LinkLost, LinkLost]
    board.resume()


@pytest.mark.parametrize("argv", [["sleep", "1000"], ["sh", "-c", "trap '' HUP TERM INT; sleep 1000 & wait"]])
async def test_nothing_is_left_when_the_block_is_left(
    board: SshBoard, settings: SshSettings, argv: list[str]
) -> None:
    async with ssh_shell(board.address, settings, CLOCK) as shell:
        async with shell.start(argv) as process:
            assert alive(process.pid)
        await until(lambda: not any("sleep 1000" in line for line in board.commands()))


async def test_nothing_is_left_when_the_servers_process_is_killed(
    board: SshBoard, settings: SshSettings
) -> None:
    async with ssh_shell(board.address, settings, CLOCK) as shell, shell.start(["sleep", "1000"]):
        board.drop()
        await asyncio.to_thread(board.wait_until_empty)


async def test_nothing_is_left_when_the_cable_is_pulled(
    board: SshBoard, settings: SshSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither end is told: the board has to notice by itself that nobody is there."""
    monkeypatch.setattr(sshconnection, "KEEPALIVE_S", 0.4)
    with board.cable() as cable:
        board.person.trust(board.known_host, board.known_host.replace(str(board.port), str(cable.port)))
        address = board.address.replace(str(board.port), str(cable.port))
        with pytest.raises(LinkLost):
            await lose(address, settings, board, cable)
        assert board.sessions() == []


async def lose(address: str, settings: SshSettings, board: SshBoard, cable: Cable) -> None:
    async with SshConnection.open(address, settings, CLOCK, heartbeat_s=0.3) as connection:
        shell = RemoteShell(CLOCK, connection.open_pipe, title="board", directory="leases")
        async with shell.start(["sleep", "1000"]) as process:
            await until(lambda: any("head -c 1" in line for line in board.commands()))
            cable.pull()
            await asyncio.to_thread(board.wait_until_empty)
            await first_line(process)


async def test_a_heartbeat_keeps_the_connection(board: SshBoard, settings: SshSettings) -> None:
    async with SshConnection.open(board.address, settings, CLOCK, heartbeat_s=0.1) as connection:
        await until(lambda: any("head -c 1" in line for line in board.commands()))
        await asyncio.sleep(0.8)
        assert await said(connection) == b"still\n"


CLIENT = """
import asyncio, sys
from pathlib import Path
from drivers.clock import SystemClock
from drivers.links.ssh import SshShell, ssh_shell
from drivers.links.sshroute import SshSettings
async def main():
    async with ssh_shell(sys.argv[1], SshSettings(Path("none")), SystemClock()) as shell:
        async with shell.start(["sh", "-c", "trap '' HUP TERM INT PIPE; sleep 1000; sleep 1000"]) as process:
            print(process.pid, flush=True)
            await process.wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_melt_is_killed(board: SshBoard, number: signal.Signals) -> None:
    command = [sys.executable, "-c", CLIENT, board.address]
    with spawned(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        assert alive(pid)
        os.kill(client.pid, number)
        client.wait()
    board.wait_until_empty()


async def test_who_opens_a_channel_over_a_connection_that_is_left_hears_that_it_is_lost(
    board: SshBoard, settings: SshSettings
) -> None:
    """As a run does whose device is given up at that moment: nobody has cancelled the run."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(SshConnection.open(board.address, settings, CLOCK))
        await said(connection)
        board.stall()
        opening = asyncio.create_task(opened(connection))
        await pause(CLOCK, 0.1)
        await stack.aclose()
        board.resume()
    for waiting in (opening, opened(connection)):
        with pytest.raises(LinkLost, match=f"the connection to {board.user}@.* is gone"):
            await waiting


async def test_a_cancelled_opening_leaves_nothing(board: SshBoard, settings: SshSettings) -> None:
    """Neither when the board has not answered yet, nor at any moment around."""
    async with SshConnection.open(board.address, settings, CLOCK) as connection:

        async def cut(delay_s: float) -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(delay_s), connection.open_pipe("exec cat"):
                    await asyncio.Event().wait()

        await said(connection)
        board.stall()
        await asyncio.gather(*(cut(0.1) for _ in range(12)))
        board.resume()
        for tenth_ms in range(40):
            await cut(tenth_ms / 10_000)
        await until(lambda: not any(line.startswith("cat") for line in board.commands()))
        assert await said(connection) == b"still\n"
