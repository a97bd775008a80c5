"""Files and ports of a phone on adb."""

import asyncio
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.clock import pause
from drivers.errors import Garbled, LinkError, LinkLost, Refused
from drivers.links import adbsync, piping
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer
from drivers.links.adbstream import send_parts
from drivers.links.base import Progress
from drivers.links.http import HttpLink
from drivers.links.summing import Source
from tests.rigs.adb_phone import Phone, Server, free_port, phone
from tests.rigs.adb_shells import CLOCK, bring_back, shell_of
from tests.rigs.listening import listening
from tests.rigs.phone_network import MOBILE, MOBILE_ROUTE, ON_WLAN0, write_ip


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


async def test_push_goes_on_where_it_broke_off(
    server: Server, other: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, told, sent = tmp_path / "weights", list[Progress](), list[int]()
    data = fill(weights, 30_000_000)

    def send(connection: socket.socket, parts: Sequence[bytes | memoryview]) -> None:
        send_parts(connection, parts)
        sent.append(sum(map(len, parts)))
        if sum(sent) > 20_000_000 >= sum(sent[:-1]):  # once: this thread may go on when the phone is back
            other.wait_for(lambda: bool(content(other, ".part")))
            other.cue("drop")

    monkeypatch.setattr(adbsync, "send_parts", send)
    with pytest.raises(LinkError):
        await shell_of(server, other).push(weights, TARGET, lambda _: None)
    monkeypatch.undo()
    assert await asyncio.to_thread(other.wait_until_gone) == []
    present = len(content(other, ".part"))
    assert 0 < present < 30_000_000
    await bring_back(server, other)
    await shell_of(server, other).push(weights, TARGET, told.append)
    assert told[0].done == present
    assert content(other) == data


async def test_the_rest_comes_in_parts_that_are_joined(
    shell: AdbShell, pixel: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piping, "PART", 1 << 20)
    data = fill(tmp_path / "weights", 6_500_000)
    begin(pixel, identity(tmp_path / "weights"), data[:1000])
    there(pixel, ".part.1").write_bytes(b"left by another")
    await shell.push(tmp_path / "weights", TARGET, lambda _: None)
    assert content(pixel) == data
    assert names(pixel) == ["a b'c.gguf", "a b'c.gguf.sha256"]


def test_a_file_that_became_shorter_comes_to_an_end(weights: Path) -> None:
    source = Source(weights, 5_000_000, 0)
    parts = piping._Parts(source, TARGET, 0, 5_000_000, lambda _: None, lambda _: None)
    assert sum(len(piece) for _, pieces in parts.files() for piece in pieces) == 3_500_000


async def test_a_cancelled_push_leaves_nothing_at_work(shell: AdbShell, pixel: Phone, tmp_path: Path) -> None:
    fill(tmp_path / "weights", 60_000_000)
    begun = asyncio.Event()
    pushing = asyncio.create_task(shell.push(tmp_path / "weights", TARGET, lambda _: begun.set()))
    await begun.wait()
    pushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pushing
    assert await asyncio.to_thread(pixel.wait_until_gone) == []
    assert not [name for name in names(pixel) if name.endswith((".part.0", ".part.1"))]


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
        pytest.raises(
            Refused, match=r"has no space for .*\(\d+\.\d MB\): \d\.\d MB are free: free space on it"
        ),
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

    async with listening(greet) as far, shell.forward(far) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"you\n")
        assert await reader.read() == b"hello you\n"
        writer.close()
        assert str(port) in server.adb("forward", "--list")
    assert server.adb("forward", "--list").strip() == ""


@pytest.mark.parametrize("name", ["wlan0", "wlan1", "swlan0"])
async def test_moving_to_wifi(server: Server, tmp_path: Path, name: str) -> None:
    write_ip(tmp_path / "system" / "bin", MOBILE, ON_WLAN0.replace("wlan0", name), routes=(MOBILE_ROUTE,))
    port = free_port()
    with phone(server, tmp_path) as guest:
        assert await shell_of(server, guest).over_wifi(port) == f"127.0.0.1:{port}"
        moved = AdbShell(AdbServer(port=server.port), f"127.0.0.1:{port}", CLOCK)
        assert (await moved.run(["echo", "air"])).out == "air\n"
        server.adb("disconnect", f"127.0.0.1:{port}")


async def test_no_wireless_network(server: Server, tmp_path: Path) -> None:
    """The mobile network leads nowhere, although the phone reaches all else over it."""
    write_ip(tmp_path / "system" / "bin", MOBILE, routes=(MOBILE_ROUTE,))
    with (
        phone(server, tmp_path) as guest,
        pytest.raises(LinkLost, match="has no address in a wireless network: switch Wi-Fi on and join"),
    ):
        await shell_of(server, guest).over_wifi()


def test_a_phone_denies_what_it_denies(server: Server, tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "secret").write_text("7")
    (tmp_path / "sys" / "secret").chmod(0)
    with phone(server, tmp_path) as guest:
        assert "Permission denied" in server.adb("-s", guest.serial, "shell", "cat /sys/secret")


async def test_what_an_engine_sends_over_a_forwarded_port_is_not_kept_back(shell: AdbShell) -> None:
    # the server gathers small pieces until the last one is acknowledged, which takes 40 ms unless one asks for more haste
    sent: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(8):
            await pause(CLOCK, 0.005)
            sent.append(CLOCK.now())
            writer.write(b"token\n")

    came: list[int] = []
    async with listening(serve) as engine, shell.forward(engine) as (host, port):
        for _ in range(5):
            came += await arrivals(f"http://{host}:{port}")
    assert len(came) == len(sent) == 40
    late = sorted(there - gone for gone, there in zip(sent, came, strict=True))
    assert late[len(late) // 2] < 10_000_000, late


async def arrivals(url: str) -> list[int]:
    """Of the lines of an answer, over a connection that was used before."""
    async with HttpLink(url, CLOCK) as way:
        assert [(await way.get("/health")).text for _ in range(4)] == ["ok"] * 4
        async with way.stream("/completion", {}) as answer:
            return [batch.t_ns async for batch in answer.lines() for _ in batch.lines]
