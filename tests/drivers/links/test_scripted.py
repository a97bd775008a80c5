from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.clock import SECOND
from drivers.errors import Garbled, LinkLost, LinkTimeout, NotSupported
from drivers.links.base import Completed, Line, Progress
from drivers.links.scripted import Exchange, Expect, Fault, Play, ScriptedLink, ScriptedShell
from tests.rigs.streams import drain
from tests.rigs.virtual_clock import VirtualClock


async def test_bytes_come_at_their_moments(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    link = ScriptedLink(
        virtual_clock, [Play(start + SECOND, b"a"), Play(start + 1, b""), Play(start, b"late")]
    )
    assert await link.read() == (start + SECOND, b"a")
    assert await link.read() == (start + SECOND, b"late")
    with pytest.raises(LinkLost, match="the script is over"):
        await link.read()
    with pytest.raises(LinkLost):
        await link.write(b"x")


async def test_a_poll_is_answered_once_it_was_sent(virtual_clock: VirtualClock) -> None:
    link = ScriptedLink(
        virtual_clock, [Expect(b"getva"), Play(0, b"pac1"), Expect(b"getva"), Play(0, b"pac2")]
    )
    await link.write(b"get")
    await link.write(b"vagetva")
    assert (await link.read())[1] == b"pac1"
    assert link.written == b"getva"
    assert (await link.read())[1] == b"pac2"


async def test_what_was_not_expected_is_told(virtual_clock: VirtualClock) -> None:
    link = ScriptedLink(virtual_clock, [Expect(b"getva")])
    await link.write(b"gex")
    with pytest.raises(Garbled, match="expected b'getva' and was sent b'gex'"):
        await link.read()


async def test_a_fault_stays(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    link = ScriptedLink(
        virtual_clock, [Play(start, b"a"), Fault(start + SECOND, LinkTimeout("no answer")), Play(start, b"b")]
    )
    await link.read()
    for _ in range(2):
        with pytest.raises(LinkTimeout, match="no answer"):
            await link.read()
    assert virtual_clock.now() == start + SECOND


async def test_an_endless_script_is_drawn_on_as_far_as_it_is_read(virtual_clock: VirtualClock) -> None:
    drawn = 0

    def steps() -> Iterator[Play]:
        nonlocal drawn
        while True:
            drawn += 1
            yield Play(0, bytes([drawn]))

    link = ScriptedLink(virtual_clock, steps())
    assert [(await link.read())[1] for _ in range(3)] == [b"\1", b"\2", b"\3"]
    assert drawn == 3


async def test_a_shell_expects_its_commands_in_order(virtual_clock: VirtualClock, tmp_path: Path) -> None:
    shell = ScriptedShell(
        virtual_clock,
        [
            Exchange(argv=("uname", "-r"), answer=Completed(0, "6.1\n", "")),
            Exchange(argv=("cat", "x"), fault=LinkLost("gone")),
            Exchange(argv=("ls",), answer=Completed(2, "", "no")),
        ],
    )
    assert (await shell.run(["uname", "-r"])).out == "6.1\n"
    with pytest.raises(LinkLost, match="gone"):
        await shell.run(["cat", "x"])
    with pytest.raises(Garbled, match="expected 'ls' and was asked 'ls -l'"):
        await shell.run(["ls", "-l"])
    assert shell.left == 0
    with pytest.raises(Garbled, match="nothing more"):
        await shell.run(["ls"])
    file = tmp_path / "f"
    file.write_bytes(b"123")
    seen: list[Progress] = []
    await shell.push(file, "/t", seen.append)
    assert (shell.pushed, seen) == ([(file, "/t")], [Progress(3, 3)])
    with pytest.raises(NotSupported):
        shell.forward(1)


async def test_a_process_writes_its_lines_and_ends(virtual_clock: VirtualClock) -> None:
    exchange = Exchange(
        argv=("run",), lines=((0, "out", "a"), (SECOND, "err", "b")), answer=Completed(3, "", "")
    )
    shell = ScriptedShell(virtual_clock, [exchange, exchange, exchange])
    start = virtual_clock.now()
    async with shell.start(["run"]) as process:
        assert shell.running == {process.pid}
        await process.write(b"hello")
        await process.close_stdin()
        lines = [(line.t_ns - start, line.stream, line.text) async for line in process.lines()]
        assert lines == [(0, "out", "a"), (SECOND, "err", "b")]
        assert await process.wait() == 3
    assert shell.running == set()
    async with shell.start(["run"]) as process:
        assert await process.wait() == 3
        assert virtual_clock.now() == start + 2 * SECOND
    async with shell.start(["run"]) as process:
        await process.kill()
        assert [line async for line in process.lines()] == []
        assert await process.wait() == -9


async def test_a_process_breaks_on_cue(virtual_clock: VirtualClock) -> None:
    exchange = Exchange(argv=("run",), lines=((0, "out", "a"),), fault=LinkLost("cable"))
    async with ScriptedShell(virtual_clock, [exchange]).start(["run"]) as process:
        seen: list[Line] = []
        with pytest.raises(LinkLost, match="cable"):
            await drain(process.lines(), seen.append)
        assert [line.text for line in seen] == ["a"]
