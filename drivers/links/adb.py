"""A shell on an Android phone, through an adb server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from drivers.clock import SECOND, Clock, pause
from drivers.errors import Garbled, LinkError, LinkLost
from drivers.foreign import printable
from drivers.links import wireless
from drivers.links.adbserver import AdbServer, translated
from drivers.links.adbstream import AdbStream, send_parts
from drivers.links.adbsync import AdbFiles
from drivers.links.adbwire import Packet, PacketReader, header, packet
from drivers.links.base import Progress
from drivers.links.output import Chunk
from drivers.links.piping import push_file
from drivers.links.remote import RemoteShell

DIRECTORY = "/data/local/tmp/melt"
"""Where on a phone what we leave there is kept: the one place where the shell's user may write and run programs."""
WIFI_PORT = 5555
WIFI_LIMIT_S = 10.0
"""How long the phone's daemon may take to start anew and be reached."""
WIFI_RETRY_S = 0.25

_LARGE = 256 * 1024


class AdbShell(RemoteShell):
    """A ``ShellLink`` to one phone. Nothing is opened before it is needed, and nothing stays open after."""

    def __init__(
        self, server: AdbServer, serial: str, clock: Clock, *, title: str = "", directory: str = DIRECTORY
    ) -> None:
        super().__init__(clock, self._pipe, title=title or serial, directory=directory)
        self._server = server
        self._serial = serial
        self._open: set[AdbStream] = set()

    def sever(self, reason: str) -> None:
        """The phone is known to be gone: end every stream that is open to it now."""
        for stream in tuple(self._open):
            stream.fail(reason)

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """Copy a file to the phone: resumed where it broke off, checked by sha256, skipped when it is there.

        Raises LinkLost, LinkTimeout, Refused (no space, no permission), Garbled when the copy differs.
        """
        await push_file(self._pipe, self._files, self._title, source, target, progress)

    @asynccontextmanager
    async def forward(self, port: int) -> AsyncIterator[tuple[str, int]]:
        """Reach the phone's loopback ``port``: the host and port to connect to, as long as the block lasts.

        With a server on another computer, that computer's port: it has to be reachable from here.
        """
        prefix = f"host-serial:{self._serial}"
        async with self._server.stream(f"{prefix}:forward:tcp:0;tcp:{port}", about=self._title) as stream:
            local = await _forwarded(stream, self._title)
        try:
            yield (self._server.host, local)
        finally:
            with suppress(LinkError):
                await self._kill_forward(f"{prefix}:killforward:tcp:{local}")

    async def over_wifi(self, port: int = 0) -> str:
        """Move this phone to adb over Wi-Fi and connect to it there; its new serial, ``host:port``.

        The phone has to be in a wireless network that this computer reaches. Raises LinkLost, Refused.
        """
        return await move_to_wifi(self._server, self, self._clock, self._serial, port)

    @asynccontextmanager
    async def _pipe(self, command_line: str) -> AsyncIterator["AdbPipe"]:
        async with self._stream(f"shell,v2,raw:{command_line}") as stream:
            yield AdbPipe(stream, self._clock, self._title)

    @asynccontextmanager
    async def _files(self) -> AsyncIterator[AdbFiles]:
        async with self._stream("sync:") as stream:
            yield AdbFiles(stream, self._title)

    @asynccontextmanager
    async def _stream(self, service: str) -> AsyncIterator[AdbStream]:
        transport = f"host:transport:{self._serial}"
        async with self._server.stream(transport, service, about=self._title) as stream:
            self._open.add(stream)
            try:
                yield stream
            finally:
                self._open.discard(stream)

    async def _kill_forward(self, service: str) -> None:
        async with self._server.stream(service, about=self._title):
            pass


class AdbPipe:
    """A ``Pipe`` over one stream of the ``shell,v2`` service."""

    def __init__(self, stream: AdbStream, clock: Clock, title: str) -> None:
        self._stream = stream
        stream.stamp(clock.now)
        self._title = title
        self._packets = PacketReader()
        self._parts: list[Chunk] = []
        self._exit: int | None = None

    async def read(self) -> Chunk | None:
        """As every pipe. Raises Garbled for what is no packet."""
        while not self._parts:
            if self._exit is not None:
                return None
            await self._receive()
        return self._parts.pop(0)

    async def write(self, data: bytes) -> None:
        """As every pipe. What is large is sent by a thread, straight from ``data``."""
        if len(data) < _LARGE:
            await self._send(packet(Packet.STDIN, data))
        elif self._exit is None:
            await self._send(b"")
            with translated(self._title):
                await asyncio.to_thread(_send_all, self._stream.duplicate(), Packet.STDIN, data)

    async def close_stdin(self) -> None:
        """As every pipe."""
        await self._send(packet(Packet.CLOSE_STDIN))

    async def returncode(self) -> int:
        """As every pipe; what it still had to say is dropped."""
        while self._exit is None:
            await self._receive()
            self._parts.clear()
        return self._exit

    async def _send(self, data: bytes) -> None:
        if self._exit is not None:
            return
        with translated(self._title):
            await self._stream.write(data)

    async def _receive(self) -> None:
        with translated(self._title):
            t_ns, data = await self._stream.take()
        if not data:
            raise LinkLost(f"the connection to {self._title} was cut", told=True)
        for kind, part in self._packets.feed(data):
            if kind is Packet.EXIT:
                self._exit = part[0]
            else:
                self._parts.append((t_ns, "out" if kind is Packet.STDOUT else "err", part))


async def move_to_wifi(
    server: AdbServer, shell: RemoteShell, clock: Clock, serial: str, port: int = 0
) -> str:
    """Have the phone listen on ``port`` of its wireless network, ``WIFI_PORT`` unless told otherwise, and connect to it
    there, once its daemon has started anew; its new serial. Raises LinkLost, Refused."""
    port = port or WIFI_PORT
    address = await _wireless_address(shell, serial)
    async with server.stream(f"host:transport:{serial}", f"tcpip:{port}", about=serial) as stream:
        with translated(serial):
            await stream.take()
    limit_ns = clock.now() + round(WIFI_LIMIT_S * SECOND)
    while True:
        try:
            return await server.connect(f"{address}:{port}")
        except LinkLost as lost:
            if clock.now() > limit_ns:
                lost.remedy = f"check that this computer is in the wireless network of {address}"
                raise
        await pause(clock, WIFI_RETRY_S)


async def _wireless_address(shell: RemoteShell, serial: str) -> str:
    addresses, routes = await shell.run(wireless.ADDRESSES), await shell.run(wireless.ROUTES)
    address = wireless.wireless_address(addresses.out, routes.out)
    if address is None:
        raise LinkLost(
            f"{serial} has no address in a wireless network",
            remedy="switch Wi-Fi on and join this computer's network on it",
        )
    return address


async def _forwarded(stream: AdbStream, title: str) -> int:
    """The port that the server chose: behind a second OKAY, in a block of text."""
    with translated(title):
        async with asyncio.timeout(5):
            answer = await stream.exactly(8)
            digits = await stream.exactly(int(answer[4:], 16))
    if answer[:4] != b"OKAY" or not digits.isdigit():
        raise Garbled(f"the adb server answered a forward with {printable(repr(answer), 40)}")
    return int(digits)


def _send_all(connection: socket.socket, kind: Packet, data: bytes) -> None:
    """Send one packet over a connection that does not block; closes ``connection``. Raises OSError."""
    with connection:
        send_parts(connection, [header(kind, len(data)), data])
