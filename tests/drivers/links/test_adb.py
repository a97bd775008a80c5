"""A shell on a phone, through the real adb server, to a device end that leaves silent children alive."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import DriverError, Garbled, LinkError, LinkLost, LinkTimeout, Refused
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer, from_environment
from drivers.links.adbwire import Listed
from drivers.links.asking import converse, find_own_time, measure_offset
from drivers.links.base import Lease, Process, Progress
from drivers.ticks import ticks
from tests.rigs.adb_phone import Phone, Server, adb_server, free_port, phone

CLOCK = SystemClock()
SILENT = ["sh", "-c", "trap '' HUP INT TERM PIPE; sleep 4711.25 & sleep 4711.25"]
"""It says nothing, and its child neither: a model that loads."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with adb_server() as server:
        yield server


@pytest.fixture(scope="module")
def pixel(server: Server) -> Iterator[Phone]:
    with phone(server) as pixel:
        yield pixel


@pytest.fixture
def other(server: Server) -> Iterator[Phone]:
    """One that may be ill-treated."""
    with phone(server, model="Other") as other:
        yield other


def shell_of(server: Server, pixel: Phone) -> AdbShell:
    return AdbShell(AdbServer(port=server.port), pixel.serial, CLOCK)


@pytest.fixture
def shell(server: Server, pixel: Phone) -> Iterator[AdbShell]:
    yield shell_of(server, pixel)
    assert pixel.wait_until_gone() == []


async def bring_back(server: Server, other: Phone) -> None:
    """Plug it in again, and try as the sampler does until it answers."""
    other.cue("back")
    async for _ in ticks(CLOCK, 50_000_000):
        try:
            await AdbServer(port=server.port).reach(other.serial)
            await shell_of(server, other).run(["true"])
        except LinkError:
            continue
        return


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


async def test_kill_within_a_second(shell: AdbShell, pixel: Phone) -> None:
    async with shell.start(SILENT) as process:
        assert len(await asyncio.to_thread(pixel.wait_until_there, "sleep 4711.25")) > 1
        before = CLOCK.now()
        await process.kill()
        assert CLOCK.now() - before < 1_000_000_000
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
        trips = []
        for _ in range(20):
            answer = await conversation.ask("cat /proc/uptime; cat /proc/loadavg")
            trips.append(answer.t1_ns - answer.t0_ns)
    assert sorted(trips)[5] < 25_000_000


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
    assert CLOCK.now() - before < 1_000_000_000


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
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
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


async def test_a_phone_that_is_back_answers_within_three_seconds(server: Server, other: Phone) -> None:
    other.cue("drop")
    with pytest.raises(LinkError):
        await shell_of(server, other).run(["true"])
    before = CLOCK.now()
    await bring_back(server, other)
    assert CLOCK.now() - before < 3_000_000_000


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
    async with aclosing(adb.track()) as lists, asyncio.timeout(10):
        with phone() as guest:
            await adb.connect(guest.serial)
            await next_with(lists, guest.serial, "device")
            guest.cue("drop")
            before = CLOCK.now()
            await next_with(lists, guest.serial, "offline")
            assert CLOCK.now() - before < 1_000_000_000
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
        async with aclosing(AdbServer(port=server.port).track()) as lists, asyncio.timeout(10):
            await next_with(lists, guest.serial, "device")
        assert (await shell.run(["echo", "hi"])).out == "hi\n"


async def test_a_wrong_serial(server: Server) -> None:
    with pytest.raises(LinkLost, match="adb does not see NOSUCH: plug it in"):
        await AdbShell(AdbServer(port=server.port), "NOSUCH", CLOCK).run(["true"])
    with pytest.raises(LinkLost, match="adb does not see NOSUCH"):
        await AdbServer(port=server.port).reach("NOSUCH")


async def test_no_server_on_another_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.links.adbserver._OWN", set())
    with pytest.raises(LinkLost, match="no adb server answers at 127"):
        await AdbServer(port=free_port()).devices()


async def test_a_server_that_hangs_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.links.adbserver.ANSWER_LIMIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        with pytest.raises(LinkTimeout, match="does not answer"):
            await AdbServer(port=deaf.getsockname()[1]).devices()


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


# --- files and ports ------------------------------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    fill(tmp_path / "weights")
    return tmp_path / "weights"


TARGET = "/data/local/tmp/melt/models/a b'c.gguf"


def there(pixel: Phone, suffix: str = "") -> Path:
    return pixel.root / (TARGET.removeprefix("/") + suffix)


def content(pixel: Phone, suffix: str = "") -> bytes:
    path = there(pixel, suffix)
    return path.read_bytes() if path.exists() else b""


def names(pixel: Phone) -> list[str]:
    return sorted(path.name for path in there(pixel).parent.iterdir())


def begin(pixel: Phone, of: str, data: bytes) -> None:
    """An earlier push that broke off: of which file, and what came of it."""
    there(pixel).parent.mkdir(parents=True, exist_ok=True)
    there(pixel).unlink(missing_ok=True)
    there(pixel, ".part.of").write_text(of + "\n")
    there(pixel, ".part").write_bytes(data)


def fill(path: Path, size: int = 3_500_000) -> bytes:
    data = os.urandom(size)
    path.write_bytes(data)
    return data


def identity(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


async def test_push_sends_once_and_checks(shell: AdbShell, pixel: Phone, tmp_path: Path) -> None:
    weights, told = tmp_path / "weights", list[Progress]()
    data = fill(weights)
    await shell.push(weights, TARGET, told.append)
    assert content(pixel) == data
    assert [progress.done for progress in told] == [0, 1 << 20, 2 << 20, 3 << 20, 3_500_000]
    assert (await shell.run(["stat", "-c", "%a", TARGET])).out == "755\n"
    told.clear()
    await shell.push(weights, TARGET, told.append)
    await shell.run(["rm", TARGET + ".sha256"])
    await shell.push(weights, TARGET, told.append)
    assert told == [Progress(3_500_000, 3_500_000)] * 2
    other = fill(weights)
    await shell.push(weights, TARGET, told.append)
    assert content(pixel) == other
    assert names(pixel) == ["a b'c.gguf", "a b'c.gguf.sha256"]


async def test_push_goes_on_where_it_broke_off(server: Server, other: Phone, tmp_path: Path) -> None:
    weights, told = tmp_path / "weights", list[Progress]()
    data = fill(weights, 60_000_000)

    def pull(progress: Progress) -> None:
        if progress.done >= 20 << 20 and content(other, ".part"):
            other.cue("drop")

    with pytest.raises(LinkError):
        await shell_of(server, other).push(weights, TARGET, pull)
    assert await asyncio.to_thread(other.wait_until_gone) == []
    present = len(content(other, ".part"))
    assert 0 < present < 60_000_000
    await bring_back(server, other)
    await shell_of(server, other).push(weights, TARGET, told.append)
    assert told[0].done == present
    assert content(other) == data


async def test_a_wrong_beginning_is_found_and_removed(shell: AdbShell, pixel: Phone, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    fill(weights)
    begin(pixel, identity(weights), b"x" * 1000)
    with pytest.raises(Garbled, match="came out different, and was removed"):
        await shell.push(weights, TARGET, lambda _: None)
    assert [name for name in names(pixel) if not name.endswith(".sha256")] == []


async def test_what_was_begun_of_another_file_is_not_gone_on_with(
    shell: AdbShell, pixel: Phone, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    data = fill(weights)
    begin(pixel, "7 7", b"x" * 1000)
    await shell.push(weights, TARGET, lambda _: None)
    assert content(pixel) == data


async def test_an_empty_file(shell: AdbShell, pixel: Phone, tmp_path: Path) -> None:
    fill(tmp_path / "empty", 0)
    await shell.push(tmp_path / "empty", "/data/local/tmp/empty", lambda _: None)
    assert (await shell.run(["stat", "-c", "%s", "/data/local/tmp/empty"])).out == "0\n"


async def test_no_space_and_no_permission_are_told(server: Server, shell: AdbShell, weights: Path) -> None:
    with (
        phone(server, data_bytes=2_000_000) as small,
        pytest.raises(Refused, match=r"has no space for .*\(0\.00 GB\): 0\.00 GB are free: free space on it"),
    ):
        await shell_of(server, small).push(weights, TARGET, lambda _: None)
    with pytest.raises(Refused, match="cannot keep /usr/weights"):
        await shell.push(weights, "/usr/weights", lambda _: None)
    with pytest.raises(Refused, match="no absolute path"):
        await shell.push(weights, "weights", lambda _: None)
    with pytest.raises(Refused, match="No such file"):
        await shell.push(weights.with_name("none"), TARGET, lambda _: None)


async def test_a_forwarded_port(server: Server, shell: AdbShell) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readline())
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as greeter:
        async with shell.forward(greeter.sockets[0].getsockname()[1]) as (host, port):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"you\n")
            assert await reader.read() == b"hello you\n"
            writer.close()
            assert str(port) in server.adb("forward", "--list")
    assert server.adb("forward", "--list").strip() == ""


async def test_moving_to_wifi(server: Server, tmp_path: Path) -> None:
    tools = tmp_path / "system" / "bin"
    tools.mkdir(parents=True)
    (tools / "ip").write_text(
        "#!/system/bin/sh\necho '3: wlan0    inet 127.0.0.1/24 brd 127.0.0.255 scope global wlan0'\n"
    )
    port = free_port()
    with phone(server, tmp_path) as guest:
        assert await shell_of(server, guest).over_wifi(port) == f"127.0.0.1:{port}"
        moved = AdbShell(AdbServer(port=server.port), f"127.0.0.1:{port}", CLOCK)
        assert (await moved.run(["echo", "air"])).out == "air\n"
        server.adb("disconnect", f"127.0.0.1:{port}")


async def test_no_wireless_network(server: Server, shell: AdbShell, tmp_path: Path) -> None:
    tools = tmp_path / "system" / "bin"
    tools.mkdir(parents=True)
    (tools / "ip").write_text("#!/system/bin/sh\necho 'Device \"wlan0\" does not exist.' >&2; exit 1\n")
    with phone(server, tmp_path) as guest:
        with pytest.raises(LinkLost, match="has no wireless address: join a wireless network"):
            await shell_of(server, guest).over_wifi()


def test_a_phone_denies_what_it_denies(server: Server, tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "secret").write_text("7")
    (tmp_path / "sys" / "secret").chmod(0)
    with phone(server, tmp_path) as guest:
        assert "Permission denied" in server.adb("-s", guest.serial, "shell", "cat /sys/secret")
