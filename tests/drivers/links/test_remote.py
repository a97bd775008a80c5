"""Commands under the dead-man's switch, in every shell and userland that a device may have."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.links.base import Lease, Process
from drivers.links.remote import RemoteShell
from tests.rigs.llama_runs import alive, gone, processes_with
from tests.rigs.local_pipes import LocalPipes, userlands

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


@EVERY_USERLAND
async def test_run_gives_code_and_both_streams(shell: RemoteShell) -> None:
    done = await shell.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.returncode, done.out, done.err) == (3, "out\n", "err\n")


async def test_run_does_not_quote_or_expand(shell: RemoteShell) -> None:
    words = ["a b", "$HOME", "'", '"', "*", "\\n", "", "ä\n"]
    assert (await shell.run(["printf", "%s|", *words])).out == "|".join(words) + "|"


async def test_run_has_empty_input(shell: RemoteShell) -> None:
    assert (await shell.run(["cat"])).returncode == 0


async def test_run_tells_the_signal(shell: RemoteShell) -> None:
    assert (await shell.run(["sh", "-c", "kill -9 $$"])).returncode == -9


async def test_run_ends_what_takes_too_long_with_its_children(shell: RemoteShell) -> None:
    with pytest.raises(LinkTimeout, match=r"sh on bench did not end within 0\.3 s"):
        await shell.run(["sh", "-c", "sleep 4321.501 & wait"], timeout_s=0.3)
    for pid in processes_with("4321.501"):
        await gone(pid)


async def test_an_unknown_command_is_refused(shell: RemoteShell) -> None:
    with pytest.raises(Refused, match="there is no command no-such-command on bench"):
        await shell.run(["no-such-command"])
    with pytest.raises(Refused, match="there is no command /no/such/file on bench"):
        async with shell.start(["/no/such/file"]):
            pass


@EVERY_USERLAND
async def test_lines_pid_environment_and_input(shell: RemoteShell) -> None:
    script = (
        'echo "$$ $MELT_TEST"; read x; echo "two $x" >&2; read x; printf "three\\r\\n"; printf four; exit 5'
    )
    async with shell.start(["sh", "-c", script], env={"MELT_TEST": "x 'y'"}) as process:
        assert alive(process.pid)
        seen, stamps = [], []
        async for line in process.lines():
            seen.append((line.stream, line.text))
            stamps.append(line.t_ns)
            if line.text.endswith("y'") or line.text.startswith("two"):
                await process.write(b"go on\n")
        assert await process.wait() == 5
    assert seen == [
        ("out", f"{process.pid} x 'y'"),
        ("err", "two go on"),
        ("out", "three"),
        ("out", "four"),
    ]
    assert stamps == sorted(stamps)


async def test_the_guard_is_no_child_of_the_process(shell: RemoteShell) -> None:
    async with shell.start(["sh", "-c", "echo ready; read x; echo"]) as process:
        await texts(process, "ready")
        assert children_of(process.pid) == ""


def children_of(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


@EVERY_USERLAND
async def test_the_guard_holds_no_stream_open(shell: RemoteShell) -> None:
    """Else the end of the process would not be heard: its streams would stay open."""
    async with shell.start(["true"]) as process:
        async with asyncio.timeout(60):
            assert await process.wait() == 0


@EVERY_USERLAND
async def test_input_is_binary_and_its_end_comes_behind_it(shell: RemoteShell) -> None:
    async with shell.start(["sh", "-c", "cat | wc -c; exit 4"]) as process:
        for _ in range(20):
            await process.write(bytes(range(256)) * 40)
        await process.close_stdin()
        assert (await texts(process))[0].strip() == "204800"
        assert await process.wait() == 4
        with pytest.raises(LinkLost, match="is closed"):
            await process.write(b"x")


@EVERY_USERLAND
async def test_a_process_that_closed_its_input_is_not_ended_by_what_it_is_sent(shell: RemoteShell) -> None:
    async with shell.start(["sh", "-c", "exec <&-; echo closed; while :; do sleep 0.05; done"]) as process:
        await texts(process, "closed")
        for _ in range(3):
            await process.write(b"nobody reads this\n" * 100)
            await shell.run(["sleep", "0.05"])
        assert alive(process.pid)


async def test_kill_ends_the_children_too(shell: RemoteShell) -> None:
    async with shell.start(
        ["sh", "-c", "trap '' HUP INT TERM PIPE; sleep 4321.502 & echo $!; wait"]
    ) as process:
        child = int(await anext(line.text async for line in process.lines()))
        before = CLOCK.now()
        await process.kill()
        assert CLOCK.now() - before < 4_000_000_000
        assert await process.wait() == -9
        await gone(child)
        await process.kill()


async def test_kill_while_another_reads_its_lines(shell: RemoteShell) -> None:
    async with shell.start(["sh", "-c", "echo ready; sleep 4321.503"]) as process:
        await texts(process, "ready")
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(texts(process))
            await asyncio.sleep(0)
            await process.kill()
        assert reading.result() == []


@EVERY_USERLAND
@pytest.mark.parametrize("end", ["leave", "cut", "closed-input"])
async def test_a_silent_process_does_not_outlive_its_link(
    shell: RemoteShell, pipes: LocalPipes, end: str
) -> None:
    script = "trap '' HUP INT TERM PIPE; sleep 4321.504 >/dev/null 2>&1 & echo $!; wait"
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(shell.start(["sh", "-c", script]))
        child = int(await anext(line.text async for line in process.lines()))
        if end == "closed-input":
            await process.close_stdin()
            assert not await has_gone(child)
        if end != "leave":
            pipes.cut()
            await gone(child)
    await gone(child)
    await gone(process.pid)


async def has_gone(pid: int) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await gone(pid)
    except TimeoutError:
        return False
    return True


async def test_what_a_finished_process_left_ends_with_the_block(shell: RemoteShell) -> None:
    async with shell.start(["sh", "-c", "sleep 4321.505 >/dev/null 2>&1 & echo $!"]) as process:
        child = int((await texts(process))[0])
        assert await process.wait() == 0
        assert alive(child)
    await gone(child)


async def test_a_lost_link_is_told_by_the_lines(shell: RemoteShell, pipes: LocalPipes) -> None:
    async with shell.start(["sh", "-c", "echo ready; sleep 4321.506"]) as process:
        following = process.lines()
        assert (await anext(following)).text == "ready"
        pipes.cut()
        with pytest.raises(LinkLost):
            await anext(following)
    with pytest.raises(LinkLost):
        await shell.run(["true"])


async def test_names_that_would_be_script_are_refused(shell: RemoteShell) -> None:
    with pytest.raises(NotSupported, match="no name of an environment variable"):
        async with shell.start(["true"], env={"A;reboot": "1"}):
            pass
    for key in ("", "../x", "a b", "x" * 65):
        with pytest.raises(NotSupported, match="no key of a lease"):
            async with shell.start(["true"], lease=Lease(key, 60)):
                pass
