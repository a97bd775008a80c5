"""The link to this computer, with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import LinkLost, LinkTimeout, Refused
from drivers.links.base import PieceProcess, Process, Progress
from drivers.links.local import BACKLOG_LIMIT, OUTPUT_LIMIT, LocalShell, _LocalProcess
from drivers.ticks import ticks
from tests.rigs.llama_runs import alive, gone, processes_with, wait_until_gone
from tests.rigs.spawned import spawned


@pytest.fixture
def shell() -> LocalShell:
    return LocalShell(SystemClock())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def commands_of_children(pid: int) -> list[bytes]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]


async def first_line(process: Process) -> str:
    async for line in process.lines():
        return line.text
    raise AssertionError("it said nothing")


async def test_run_gives_code_and_both_streams(shell: LocalShell) -> None:
    done = await shell.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.returncode, done.out, done.err) == (3, "out\n", "err\n")


async def test_run_does_not_quote_or_expand(shell: LocalShell) -> None:
    assert (await shell.run(["printf", "%s|", "a b", "$HOME", "'", "*"])).out == "a b|$HOME|'|*|"


async def test_run_keeps_a_bounded_part_and_reads_to_the_end(shell: LocalShell) -> None:
    done = await shell.run(["sh", "-c", f"head -c {OUTPUT_LIMIT + 100_000} /dev/zero; echo end >&2"])
    assert (len(done.out), done.err) == (OUTPUT_LIMIT, "end\n")


async def test_run_has_no_input_to_wait_for(shell: LocalShell) -> None:
    assert (await shell.run(["cat"])).returncode == 0


async def test_run_ends_what_takes_too_long(shell: LocalShell) -> None:
    with pytest.raises(LinkTimeout, match=r"sh did not end within 0\.2 s"):
        await shell.run(["sh", "-c", "sleep 1234.5671 & wait"], timeout_s=0.2)
    for pid in processes_with("1234.5671"):
        await gone(pid)


async def test_an_unknown_command_is_refused(shell: LocalShell) -> None:
    with pytest.raises(Refused, match="there is no command no-such-command on this computer"):
        await shell.run(["no-such-command"])
    with pytest.raises(Refused):
        async with shell.start(["/no/such/file"]):
            pass


async def test_too_long_a_command_line_is_refused_and_leaves_no_descriptor(shell: LocalShell) -> None:
    before = descriptors()
    with pytest.raises(Refused, match="could not start echo"):
        await shell.run(["echo", "x" * (1 << 22)])
    assert descriptors() == before


async def test_lines_of_both_streams_come_in_order_with_their_stamps(shell: LocalShell) -> None:
    script = "echo one; read x; echo two >&2; read x; printf 'three\\r\\n'; printf four"
    stamps = []
    async with shell.start(["sh", "-c", script]) as process:
        seen = []
        async for line in process.lines():
            stamps.append(line.t_ns)
            seen.append((line.stream, line.text))
            if line.text in {"one", "two"}:
                await process.write(b"\n")
        assert await process.wait() == 0
    assert seen == [("out", "one"), ("err", "two"), ("out", "three"), ("out", "four")]
    assert stamps == sorted(stamps)


async def test_the_process_itself_has_the_pid_and_its_group(shell: LocalShell) -> None:
    async with shell.start(["sh", "-c", "echo $$; ps -o pgid= -p $$; cat"]) as process:
        lines = process.lines()
        assert [int((await anext(lines)).text) for _ in range(2)] == [process.pid, process.pid]


async def test_the_guard_is_no_child_of_the_process(shell: LocalShell) -> None:
    async with shell.start(["sh", "-c", "echo ready; cat"]) as process:
        await first_line(process)
        commands = commands_of_children(process.pid)
    assert [command for command in commands if b"melt-guard" in command] == []


async def test_environment_is_added_to_ours(shell: LocalShell) -> None:
    async with shell.start(["sh", "-c", 'echo "$MELT_TEST $HOME"'], env={"MELT_TEST": "x y"}) as process:
        assert await first_line(process) == f"x y {os.environ['HOME']}"


async def write_on(process: Process) -> None:
    while True:
        await process.write(b"x" * 4096)


async def test_input_that_nobody_reads_any_more_is_a_lost_link(shell: LocalShell) -> None:
    async with shell.start(["sh", "-c", "exec <&-; echo closed; sleep 60"]) as process:
        await first_line(process)
        with pytest.raises(LinkLost, match="does not read its input"):
            await write_on(process)


async def backlog_in_the_end(shell: LocalShell, process: Process) -> int:
    """Bytes that wait to be read, some time after they became too many."""
    assert isinstance(process, _LocalProcess)
    assert process._lines is not None
    async for _ in ticks(SystemClock(), 10_000_000):
        if process._lines._backlog > BACKLOG_LIMIT:
            break
    await shell.run(["sleep", "0.2"])
    return process._lines._backlog


async def test_a_reader_that_does_not_read_makes_the_process_wait(shell: LocalShell) -> None:
    script = "i=0; while [ $i -lt 400 ]; do head -c 32768 /dev/zero | tr '\\0' x; echo; i=$((i+1)); done; echo done"
    async with shell.start(["sh", "-c", script]) as process:
        lines = process.lines()
        await anext(lines)
        assert await backlog_in_the_end(shell, process) < 2 * BACKLOG_LIMIT
        rest = [len(line.text) async for line in lines]
        assert await process.wait() == 0
    assert rest == [32768] * 399 + [4]
    assert 8 * BACKLOG_LIMIT < 400 * 32768


async def test_kill_ends_the_children_too(shell: LocalShell) -> None:
    async with shell.start(["sh", "-c", "sleep 1234.5672 & echo $!; wait"]) as process:
        child = int(await first_line(process))
        await process.kill()
        assert await process.wait() == -signal.SIGKILL
        await gone(child)


async def test_leaving_ends_what_a_finished_process_left(shell: LocalShell) -> None:
    async with shell.start(["sh", "-c", "sleep 1234.5673 >/dev/null 2>&1 & echo $!"]) as process:
        child = int(await first_line(process))
        assert await process.wait() == 0
        assert alive(child)
    await gone(child)


async def test_a_cancelled_reader_leaves_nothing(shell: LocalShell) -> None:
    pids: asyncio.Queue[int] = asyncio.Queue()

    async def follow() -> None:
        async with shell.start(["sh", "-c", "echo ready; sleep 1234.5674"]) as process:
            async for _ in process.lines():
                pids.put_nowait(process.pid)

    task = asyncio.get_running_loop().create_task(follow())
    pid = await pids.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for left in [pid, *processes_with("1234.5674")]:
        await gone(left)


PARENT = """
import asyncio, sys
from drivers.clock import SystemClock
from drivers.links.local import LocalShell
async def main():
    async with LocalShell(SystemClock()).start(sys.argv[1:]) as process:
        print(process.pid, flush=True)
        await process.wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("script", ["sleep 1234.5675", "trap '' HUP TERM INT PIPE; sleep 1234.5676; sleep 9"])
def test_a_silent_process_dies_with_us_when_we_are_killed(script: str) -> None:
    with spawned([sys.executable, "-c", PARENT, "sh", "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        parent.wait()
    wait_until_gone(pid)
    for left in processes_with("1234.567"):
        wait_until_gone(left)


def test_no_other_process_of_ours_keeps_one_alive() -> None:
    """A second process must not hold the pipe that the first one's guard waits on."""
    with spawned(
        [
            sys.executable,
            "-c",
            PARENT.replace(
                "print(",
                "other = await asyncio.create_subprocess_exec('sleep', '100', close_fds=True); print(other.pid, ",
            ),
            "sleep",
            "1234.5677",
        ],
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        other, pid = map(int, parent.stdout.readline().split())
        parent.kill()
        parent.wait()
        assert alive(other)
        wait_until_gone(pid)
        os.kill(other, signal.SIGKILL)


async def test_forward_is_the_port_itself(shell: LocalShell) -> None:
    async with AsyncExitStack() as stack:
        assert await stack.enter_async_context(shell.forward(4711)) == ("127.0.0.1", 4711)


async def test_push_copies(shell: LocalShell, tmp_path: Path) -> None:
    source, target, told = tmp_path / "a", tmp_path / "b", list[Progress]()
    source.write_bytes(b"weights")
    await shell.push(source, str(target), told.append)
    assert target.read_bytes() == b"weights"
    assert told[-1] == Progress(7, 7)


def test_it_works_on_a_loop_of_another_thread() -> None:
    """The session's loop is not the main thread's."""

    async def run() -> str:
        return (await LocalShell(SystemClock()).run(["echo", "here"])).out

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(asyncio.run, run()).result(10) == "here\n"


async def test_pieces_come_before_their_line_ends(shell: LocalShell) -> None:
    script = "printf 'Gr\\303'; read _; printf '\\274\\303'; read _; printf '\\237e'; echo; echo x >&2"
    async with shell.start(["sh", "-c", script]) as process:
        assert isinstance(process, PieceProcess)
        await asyncio.sleep(0)
        pieces, got = process.pieces(), []
        for _ in range(2):
            got.append(await anext(pieces))
            await process.write(b"\n")
        assert [piece.text for piece in got] == ["Gr", "ü"]
        rest = [piece async for piece in pieces]
    whole = [*got, *rest]
    assert "".join(piece.text for piece in whole if piece.stream == "out") == "Grüße\n"
    assert "".join(piece.text for piece in whole if piece.stream == "err") == "x\n"
    assert [piece.t_ns for piece in whole] == sorted(piece.t_ns for piece in whole)


async def test_pieces_that_came_before_they_were_asked_for_are_whole(shell: LocalShell) -> None:
    async with shell.start(["sh", "-c", "printf 'a\\nhalf'; cat"]) as process:
        assert isinstance(process, _LocalProcess)
        assert process._lines is not None
        while not process._lines._came:
            await process._next_change()
        await process.close_stdin()
        assert "".join([piece.text async for piece in process.pieces()]) == "a\nhalf"
