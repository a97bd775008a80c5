"""RFC 2217 at the pace of a fast meter, against a server made with pyserial's own parts."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import serial
from serial.rfc2217 import PortManager

from drivers.clock import SystemClock
from drivers.errors import LinkLost
from drivers.links import farserial
from drivers.links.base import ByteLink
from drivers.links.fastserial import fast_serial
from drivers.links.serialport import SerialPort, Settings, open_port

pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name)")
BLOCK = bytes(range(256)) * 64
DOUBLED = BLOCK.replace(b"\xff", b"\xff\xff")
Play = Callable[[socket.socket], None]


class Server:
    """Negotiates, and begins to play when the first byte of data has come."""

    def __init__(self, peer: socket.socket, play: Play) -> None:
        self._peer = peer
        self._play = play
        self._manager = PortManager(serial.serial_for_url("loop://", timeout=0), self)

    def write(self, data: bytes) -> None:
        self._peer.sendall(data)

    def serve(self) -> None:
        while data := self._peer.recv(1024):
            if b"".join(self._manager.filter(data)):
                self._play(self._peer)
                return


@contextmanager
def served(play: Play) -> Iterator[str]:
    """The port's address."""

    def serve() -> None:
        peer, _ = listening.accept()
        with peer, suppress(OSError):
            Server(peer, play).serve()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve)
        serving.start()
        host, number = listening.getsockname()
        yield f"rfc2217://{host}:{number}"
        serving.join(20)


def flood(peer: socket.socket) -> None:
    while True:
        peer.sendall(DOUBLED)


def blocks(n: int) -> Play:
    def play(peer: socket.socket) -> None:
        for _ in range(n):
            peer.sendall(DOUBLED)

    return play


async def heard(link: ByteLink, n: int) -> bytes:
    data = b""
    async with asyncio.timeout(10):
        while len(data) < n:
            data += (await link.read())[1]
    return data


async def test_a_meter_that_never_pauses_is_heard_at_once_and_whole() -> None:
    with served(flood) as port:
        async with fast_serial(Settings(port), SystemClock()) as link:
            await link.write(b"g")
            data = await heard(link, 4_000_000)
    whole = len(data) // len(BLOCK)
    assert data[: whole * len(BLOCK)] == BLOCK * whole


def drained(port: SerialPort) -> bytes:
    data, until_s = b"", time.monotonic() + 10
    with suppress(LinkLost):
        while time.monotonic() < until_s:
            data += port.now()
    with pytest.raises(LinkLost, match="its server has closed it, or is away: it is tried again"):
        port.now()
    return data


def test_the_last_bytes_of_a_connection_are_read_before_its_end_is_told() -> None:
    with served(blocks(3)) as url:
        port = open_port(Settings(url))
        port.write(b"g")
        assert drained(port) == BLOCK * 3
        port.close()


def test_what_nobody_reads_is_left_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farserial, "PIECES", 2)
    with served(blocks(100)) as url:
        port = open_port(Settings(url))
        port.write(b"g")
        time.sleep(0.2)
        assert port._port._read_buffer.qsize() == 3
        assert drained(port) == BLOCK * 100
        port.close()


def test_a_stream_that_is_no_telnet_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(peer: socket.socket) -> None:
        peer.sendall(b"4.0\xff\xf1\xff\xfa" + b"x" * 2 * farserial.LONGEST_COMMAND)
        peer.recv(1)

    monkeypatch.setattr(farserial, "PIECE", 1024)
    with served(play) as url:
        port = open_port(Settings(url))
        port.write(b"g")
        assert drained(port) == b"4.0"
        port.close()
