"""A shell on a phone, through the real adb server, to a device end that leaves silent children alive."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from drivers.errors import DriverError, Garbled, LinkError, LinkLost, LinkTimeout, Refused
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer, from_environment
from drivers.links.adbwire import Listed
from drivers.links.asking import converse, find_own_time, measure_offset
from drivers.links.base import Lease, Process
from tests.rigs.adb_phone import Phone, Server, adb_server, free_port, phone
from tests.rigs.adb_shells import CLOCK, bring_back, shell_of
from tests.rigs.spawned import spawned

SILENT = ["sh", "-c", "trap '' HUP INT TERM PIPE; sleep 4711.25 & sleep 4711.25"]
"""It says nothing, and its child neither: a model that loads."""


async def texts(process: Process) -> list[str]:
    return [line.text async for line in process.lines()]


async def test_commands_run_as_on_an_unrooted_phone(shell: AdbShell) -> None:
    done = await shell.run(["sh", "-c", "id -u; echo err >&2; exit 3"])
    assert (done.returncode, done.out, done.err) == (3, "2000\n", "err\n")
    with pytest.raises(Refused, match="there is no command nope"):
        await shell.run(["nope"])
    with pytest.raises(LinkTimeout):
        await shell.run(SILENT, timeout_s=0.3)


async def test_input_output_and_the_end_of_both(shell: AdbShell) -> None:
    async with shell.start(["sh", "-c", "wc -c; echo done >&2; exit 9"]) as process:
        for _ in range(5):
            await process.write(bytes(range(256)) * 1200)
        await process.close_stdin()
        assert sorted(await texts(process)) == ["1536000", "done"]
        assert await process.wait() == 9


async def test_kill_at_once(shell: AdbShell, pixel: Phone) -> None:
    async with shell.start(SILENT) as process:
        assert len(await asyncio.to_thread(pixel.wait_until_there, "sleep 4711.25")) > 1
        before = CLOCK.now()
        await process.kill()
        assert CLOCK.now() - before < 4_000_000_000
        assert await process.wait() == -9


async def test_a_conversation_and_the_phone_s_clock(shell: AdbShell) -> None:
    async with converse(shell, CLOCK) as conversation:
        assert (await conversation.ask("x=7; echo $((x*6)); cat")).text == "42"
        own = await find_own_time(conversation)
        offset = await measure_offset(conversation, own)
    truth = CLOCK.now() - CLOCK.wall()
    assert own.value == "$EPOCHREALTIME"
    assert abs(offset.offset_ns - truth) <= offset.uncertainty_ns + 1_000_000


async def test_answers_are_not_held_back(shell: AdbShell) -> None:
    """The server sends an answer of two processes in two segments; without quick ACKs the second waits 40 ms."""
    async with converse(shell, CLOCK) as conversation:
        asked = quick = 0
        while quick < 6 + asked / 5:
            answer = await conversation.ask("cat /proc/uptime; cat /proc/loadavg")
            asked, quick = asked + 1, quick + (answer.t1_ns - answer.t0_ns < 25_000_000)
            assert asked < 100


@pytest.mark.parametrize("how", ["leave", "cut", "drop", "server"])
async def test_nothing_is_left_however_the_link_ends(how: str) -> None:
    with adb_server() as server, phone(server) as pixel:
        async with shell_of(server, pixel).start(SILENT) as process:
            await asyncio.to_thread(pixel.wait_until_there, "sleep 4711.25")
            if how == "cut":
                await process.close_stdin()
            if how != "leave":
                server.kill() if how == "server" else pixel.cue("drop")
                await noticed(process)
        assert await asyncio.to_thread(pixel.wait_until_gone) == []


async def noticed(process: Process) -> None:
    before = CLOCK.now()
    with pytest.raises(LinkLost):
        await process.wait()
    assert CLOCK.now() - before < 4_000_000_000


PARENT = """
import asyncio, sys
from drivers.clock import SystemClock
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer
async def main():
    shell = AdbShell(AdbServer(port=int(sys.argv[1])), sys.argv[2], SystemClock())
    async with shell.start(sys.argv[3:]) as process:
        print(process.pid, flush=True)
        await process.wait()
asyncio.run(main())
"""


def test_a_silent_process_dies_with_us_when_we_are_killed(server: Server, pixel: Phone) -> None:
    arguments = [sys.executable, "-c", PARENT, str(server.port), pixel.serial, *SILENT]
    with spawned(arguments, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert pixel.wait_until_there("sleep 4711.25")
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert pixel.wait_until_gone() == []


def test_the_rig_leaves_silent_children_alive_as_phones_do(server: Server, other: Phone) -> None:
    """Without the guard they would be orphans: this is what every other test here rests on."""
    client = subprocess.Popen(
        [server.program, "-P", str(server.port), "-s", other.serial, "shell", "-T", "sleep 4711.26"],
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.wait_until_there("sleep 4711.26")
    client.kill()
    client.communicate()
    assert other.wait_until_gone(limit_s=0.5) != []


async def test_a_lease_survives_the_cable(server: Server, other: Phone) -> None:
    shell, lease, seen = shell_of(server, other), Lease("night", 60), list[str]()
    script = "i=0; while [ $i -lt 60 ]; do echo $i; sleep 0.02; i=$((i+1)); done; exit 3"

    async def watch() -> None:
        async with shell.start(["sh", "-c", script], lease=lease) as process:
            seen.append(str(process.pid))
            async for line in process.lines():
                seen.append(line.text)
                other.cue("drop") if line.text == "7" else None

    with pytest.raises(LinkLost):
        await watch()
    await bring_back(server, other)
    async with shell_of(server, other).start(["false"], lease=lease) as again:
        assert seen.pop(0) == str(again.pid)
        seen += await texts(again)
        assert await again.wait() == 3
    assert seen == [str(i) for i in range(60)]
    assert await asyncio.to_thread(other.wait_until_gone) == []


async def test_a_phone_that_is_back_answers_soon(server: Server, other: Phone) -> None:
    other.cue("drop")
    with pytest.raises(LinkError):
        await shell_of(server, other).run(["true"])
    before = CLOCK.now()
    await bring_back(server, other)
    assert CLOCK.now() - before < 10_000_000_000


@pytest.mark.parametrize("lie", ["kind", "exit"])
async def test_lies_are_garbled(server: Server, other: Phone, lie: str) -> None:
    other.cue(f"lie {lie}")
    with pytest.raises(Garbled, match="the phone's shell sent"):
        await shell_of(server, other).run(["echo", "x"])


@pytest.mark.parametrize("cue", ["lie half", "garbage", "half"])
async def test_half_of_it_is_a_lost_link(server: Server, other: Phone, cue: str) -> None:
    shell = shell_of(server, other)
    if cue.startswith("lie"):
        other.cue(cue)
    with pytest.raises(LinkLost):
        await running_through(shell, other, cue)


async def running_through(shell: AdbShell, other: Phone, cue: str) -> None:
    async with shell.start(["cat"]) as process:
        if not cue.startswith("lie"):
            other.cue(cue)
        await process.wait()


async def test_a_stalled_phone_is_a_timeout_and_delays_no_other(
    server: Server, other: Phone, shell: AdbShell
) -> None:
    other.cue("stall")
    async with asyncio.TaskGroup() as tasks:
        late = tasks.create_task(outcome(shell_of(server, other)))
        assert (await shell.run(["echo", "quick"])).out == "quick\n"
    other.cue("resume")
    assert isinstance(late.result(), LinkTimeout)


async def outcome(shell: AdbShell) -> DriverError | None:
    try:
        await shell.run(["true"], timeout_s=0.8)
    except DriverError as error:
        return error
    return None


# --- the server -----------------------------------------------------------------------------------------------------


async def next_with(lists: AsyncGenerator[tuple[Listed, ...], None], serial: str, state: str) -> None:
    async for devices in lists:
        if {device.serial: device.state for device in devices}.get(serial, "") == state:
            return
    raise AssertionError("it ended")


async def test_coming_and_going_is_noticed_at_once(server: Server) -> None:
    adb = AdbServer(port=server.port)
    async with aclosing(adb.track()) as lists, asyncio.timeout(60):
        with phone() as guest:
            await adb.connect(guest.serial)
            await next_with(lists, guest.serial, "device")
            guest.cue("drop")
            before = CLOCK.now()
            await next_with(lists, guest.serial, "offline")
            assert CLOCK.now() - before < 4_000_000_000
            await adb.ask(f"host:disconnect:{guest.serial}")
            await next_with(lists, guest.serial, "")


async def test_an_unauthorised_phone_says_what_to_do(server: Server) -> None:
    with phone(server, state="unauthorized") as guest:
        shell = shell_of(server, guest)
        with pytest.raises(Refused, match="does not trust this computer: unlock it and allow USB debugging"):
            await shell.run(["true"])
        with pytest.raises(Refused, match="does not trust"):
            await AdbServer(port=server.port).reach(guest.serial)
        guest.cue("authorize")
        async with aclosing(AdbServer(port=server.port).track()) as lists, asyncio.timeout(60):
            await next_with(lists, guest.serial, "device")
        assert (await shell.run(["echo", "hi"])).out == "hi\n"


async def test_a_wrong_serial(server: Server) -> None:
    with pytest.raises(LinkLost, match="adb does not see NOSUCH: plug it in"):
        await AdbShell(AdbServer(port=server.port), "NOSUCH", CLOCK).run(["true"])
    with pytest.raises(LinkLost, match="adb does not see NOSUCH"):
        await AdbServer(port=server.port).reach("NOSUCH")


async def test_no_server_on_another_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.links.adbserver.OWN", set())
    with pytest.raises(LinkLost, match="no adb server answers at 127"):
        await AdbServer(port=free_port()).devices()


async def test_a_server_that_hangs_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.links.adbserver.ANSWER_LIMIT_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        pytest.raises(LinkTimeout, match="does not answer"),
    ):
        await AdbServer(port=deaf.getsockname()[1]).devices()


async def test_a_phone_that_hangs_is_named_and_not_its_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.links.adbserver.ANSWER_LIMIT_S", 0.2)
    with phone(server) as guest:
        guest.cue("stall")
        with pytest.raises(LinkTimeout, match=rf"^{guest.serial} does not answer"):
            await shell_of(server, guest).run(["true"])
        guest.cue("resume")


async def test_no_server_means_the_bundled_one_and_a_word_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ADB_MDNS", "0")
    monkeypatch.setenv("ADB_EMU", "0")
    told: list[str] = []
    adb = AdbServer(port=free_port(), told=told.append)
    try:
        assert [*await asyncio.gather(adb.devices(), adb.devices())] == [(), ()]
        assert len(told) == 1
        assert "was started and stays" in told[0]
    finally:
        async with adb.stream("host:kill"):
            pass


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({}, ("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "5040"}, ("127.0.0.1", 5040)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "lab", "ANDROID_ADB_SERVER_PORT": "x"}, ("lab", 5037)),
        ({"ADB_SERVER_SOCKET": "tcp:10.0.0.7:5099"}, ("10.0.0.7", 5099)),
        ({"ADB_SERVER_SOCKET": "tcp:5099"}, ("127.0.0.1", 5099)),
    ],
)
def test_the_server_that_adb_would_use(env: dict[str, str], place: tuple[str, int]) -> None:
    server = from_environment(env)
    assert (server.host, server.port) == place
