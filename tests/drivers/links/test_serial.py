"""Serial ports over ptys, sockets and RFC 2217; who holds them; which there are."""

import asyncio
import os
import pty
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import serial
from serial.rfc2217 import PortManager

from drivers.clock import Clock, SystemClock
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.links import serialport
from drivers.links.base import ByteLink
from drivers.links.fastserial import WAITING_LIMIT, FastSerial, fast_serial
from drivers.links.portholders import Holder, holders, running
from drivers.links.serial import serial_link
from drivers.links.serialport import Settings, open_port
from drivers.links.serialports import PortSeen, ports_seen
from tests.rigs.spawned import spawned

CLOCK = SystemClock()
Opener = Callable[[Settings, Clock], AbstractAsyncContextManager[ByteLink]]
BOTH = pytest.mark.parametrize("opener", [serial_link, fast_serial])


@dataclass
class End:
    """The other end of a pty, and the port's path."""

    fd: int
    path: str

    def hang_up(self) -> None:
        os.close(self.fd)
        self.fd = -1


@pytest.fixture
def end() -> Iterator[End]:
    master, slave = pty.openpty()
    end = End(master, os.ttyname(slave))
    os.close(slave)
    yield end
    if end.fd >= 0:
        os.close(end.fd)


@BOTH
async def test_bytes_go_both_ways_and_are_stamped(end: End, opener: Opener) -> None:
    async with opener(Settings(end.path), CLOCK) as link:
        before_ns = CLOCK.now()
        os.write(end.fd, b"\x00\x03\r\n\xff\x11")
        arrival_ns, data = await link.read()
        assert data == b"\x00\x03\r\n\xff\x11"
        assert before_ns <= arrival_ns <= CLOCK.now()
        await link.write(b"\n\x00ask")
        assert os.read(end.fd, 100) == b"\n\x00ask"


@BOTH
async def test_a_port_that_goes_is_lost_after_its_last_bytes(end: End, opener: Opener) -> None:
    async with opener(Settings(end.path), CLOCK) as link:
        os.write(end.fd, b"last")
        assert (await link.read())[1] == b"last"
        end.hang_up()
        with pytest.raises(LinkLost, match="is gone: plug it in again"):
            await link.read()
        with pytest.raises(LinkLost):
            await link.write(b"x")


@BOTH
async def test_waiting_can_be_given_up(end: End, opener: Opener) -> None:
    async with opener(Settings(end.path), CLOCK) as link:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await link.read()
        os.write(end.fd, b"later")
        assert (await link.read())[1] == b"later"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("serial ")]


async def test_a_fast_reader_loses_nothing_and_gathers(end: End) -> None:
    sent = bytes(range(256)) * 1024

    def play() -> None:
        left = memoryview(sent)
        while left:
            left = left[os.write(end.fd, left[:4096]) :]

    async with fast_serial(Settings(end.path), CLOCK, wake_s=0.005, hand_s=0.02) as link:
        player = asyncio.ensure_future(asyncio.to_thread(play))
        heard, stamps = b"", []
        while len(heard) < len(sent):
            t_ns, data = await link.read()
            heard += data
            stamps.append(t_ns)
        await player
    assert heard == sent
    assert stamps == sorted(stamps)
    assert len(stamps) < 64


async def test_what_waits_for_the_loop_is_bounded(end: End, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WAITING_LIMIT > 400_000 * 60
    monkeypatch.setattr("drivers.links.fastserial.WAITING_LIMIT", 5000)
    monkeypatch.setattr(serialport, "READ_LIMIT", 1000)
    os.set_blocking(end.fd, False)
    async with fast_serial(Settings(end.path), CLOCK, wake_s=0.001, hand_s=0) as link:
        async with asyncio.timeout(20):
            while link._given.waiting < 5000:
                fill(end.fd)
                await asyncio.sleep(0.001)
        for _ in range(20):
            fill(end.fd)
            await asyncio.sleep(0.005)
        assert 5000 <= link._given.waiting < 5000 + 1000
        heard = 0
        while heard < 8000:
            heard += len((await link.read())[1])


class Endless:
    """A port that is never empty: its bytes come as fast as they are read."""

    settings = Settings("endless")

    def now(self) -> bytes:
        return b"x" * 4096


async def test_a_port_that_is_never_empty_is_handed_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.links.fastserial.WAITING_LIMIT", 1 << 40)
    link = FastSerial(Endless(), CLOCK, wake_s=0.001, hand_s=0)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(5):
            _, data = await link.read()
    finally:
        monkeypatch.setattr("drivers.links.fastserial.WAITING_LIMIT", 0)
        link.stop()
    assert len(data) <= 1 << 20


def fill(fd: int) -> None:
    """Write until nobody takes any more."""
    with suppress(BlockingIOError):
        while os.write(fd, b"x" * 1000):
            pass


def test_a_port_that_takes_nothing_is_told(end: End, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialport, "WRITE_S", 0.05)
    port = open_port(Settings(end.path))
    with pytest.raises(LinkTimeout, match="takes nothing"):
        port.write(b"x" * 100_000)
    port.close()
    with pytest.raises(LinkLost, match="was closed"):
        port.write(b"x")


@pytest.mark.parametrize(
    ("port", "error", "sentence"),
    [
        ("/dev/there-is-none", LinkLost, "is not there: plug the meter in"),
        ("/dev/null", NotSupported, "is no serial port"),
        ("/etc", NotSupported, "is no serial port"),
        ("spy:///dev/null", NotSupported, "rfc2217://host:port or socket://host:port"),
        ("socket://localhost", NotSupported, "is no serial port"),
        ("socket://localhost:99999", NotSupported, "is no serial port"),
        ("socket://localhost:1?logging=debug", NotSupported, "is no serial port"),
        ("socket://127.0.0.1:1", LinkLost, r"cannot be reached \(Connection refused\): start the server"),
        ("rfc2217://127.0.0.1:1", LinkLost, r"cannot be reached \(Connection refused\)"),
    ],
)
def test_what_cannot_be_opened_is_named(port: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        open_port(Settings(port))


@pytest.mark.parametrize("number", [13, 1])
def test_no_permission_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    path = tmp_path / "ttyACM0"
    path.touch()
    settings = Settings(str(path))
    fault = OSError(number, "no")
    assert isinstance(serialport._sentence(settings, fault), LinkLost)
    monkeypatch.setattr(serialport, "FRESH_S", 0)
    refused = serialport._sentence(settings, fault)
    assert isinstance(refused, Refused)
    assert refused.remedy == "sudo usermod -aG dialout $USER, then log in again"


def test_another_program_at_the_port_is_named(end: End) -> None:
    code = f"import os; fd = os.open({end.path!r}, os.O_RDWR | os.O_NOCTTY); print(1, flush=True); input()"
    with spawned([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        with pytest.raises(
            Refused, match=rf"in use by python[0-9.]* \(process {other.pid}\): close that program"
        ):
            open_port(Settings(end.path))
        other.stdin.close()
    open_port(Settings(end.path)).close()
    open_port(Settings(end.path)).close()


def test_a_port_that_is_probed_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialport, "holders", lambda _: [])
    monkeypatch.setattr(serialport, "running", lambda name: name == "ModemManager")
    assert "ModemManager" in str(serialport._sentence(Settings("/dev/ttyACM0"), OSError(16, "busy")))
    assert isinstance(serialport._busy(Settings("/dev/ttyACM0")), LinkLost)


def test_holders_are_read_from_proc(tmp_path: Path) -> None:
    for pid, name, target in (
        (7, "minicom", "/dev/ttyACM0"),
        (8, "sh", "/dev/null"),
        (9, "a\x1b[b", "/dev/ttyACM0"),
    ):
        (tmp_path / f"{pid}/fd").mkdir(parents=True)
        (tmp_path / f"{pid}/comm").write_text(f"{name}\n")
        (tmp_path / f"{pid}/fd/3").symlink_to(target)
    (tmp_path / "uptime").touch()
    assert sorted(holders("/dev/ttyACM0", tmp_path), key=lambda one: one.pid) == [
        Holder(7, "minicom"),
        Holder(9, "a?[b"),
    ]
    assert (running("sh", tmp_path), running("zsh", tmp_path)) == (True, False)
    assert holders("/dev/ttyACM0", tmp_path / "none") == []


@BOTH
async def test_a_port_of_another_machine(opener: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, number = server.getsockname()
        async with opener(Settings(f"socket://{host}:{number}"), CLOCK) as link:
            peer, _ = await asyncio.to_thread(server.accept)
            with peer:
                peer.sendall(b"4.0,0.5\n")
                assert (await link.read())[1] == b"4.0,0.5\n"
                await link.write(b"ask")
                assert peer.recv(10) == b"ask"
            with pytest.raises(LinkLost, match="its server has closed it, or is away: it is tried again"):
                await link.read()


@BOTH
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in"
)  # pyserial leaves closing a broken socket to its collection
async def test_a_port_of_another_machine_whose_connection_breaks(opener: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, number = server.getsockname()
        async with opener(Settings(f"socket://{host}:{number}"), CLOCK) as link:
            peer, _ = await asyncio.to_thread(server.accept)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            peer.close()
            with pytest.raises(LinkLost, match="is gone: its server has closed it"):
                await link.read()
            with pytest.raises(LinkLost, match="is gone: its server has closed it"):
                await link.write(b"x")


@dataclass
class Far:
    """A server of RFC 2217, made with pyserial's own parts, whose port gives back what it is sent."""

    peer: socket.socket

    def write(self, data: bytes) -> None:
        self.peer.sendall(data)

    def serve(self) -> None:
        port = serial.serial_for_url("loop://", timeout=0)
        manager = PortManager(port, self)
        while data := self.peer.recv(1024):
            port.write(b"".join(manager.filter(data)))
            while back := port.read(1024):
                self.write(b"".join(manager.escape(back)))


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)")
async def test_a_port_of_another_machine_with_its_settings() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, number = server.getsockname()

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                Far(peer).serve()

        served = asyncio.ensure_future(asyncio.to_thread(serve))
        async with serial_link(Settings(f"rfc2217://{host}:{number}", 9600), CLOCK) as link:
            await link.write(b"4.0,0.5\xff\n")
            heard = b""
            while not heard.endswith(b"\n"):
                heard += (await link.read())[1]
            assert heard == b"4.0,0.5\xff\n"
        await served


def listed(device: str, vid: int | None, pid: int | None, product: str | None) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid, product=product)


def test_ports_bear_names_that_last(tmp_path: Path) -> None:
    device = tmp_path / "ttyACM3"
    device.touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Nordic_PPK2_C6-if01").symlink_to(device)
    (by_id / "usb bad&name").symlink_to(device)
    found = ports_seen(
        lambda: [
            listed("/dev/ttyS0", None, None, None),
            listed(str(device), 0x1915, 0xC00A, "PPK2\x1b[2J"),
            listed("/dev/rfcomm0", None, None, None),
        ],
        by_id,
    )
    assert found == [
        PortSeen("/dev/rfcomm0", allowed=False),
        PortSeen(str(by_id / "usb-Nordic_PPK2_C6-if01"), 0x1915, 0xC00A, "PPK2?[2J"),
    ]
