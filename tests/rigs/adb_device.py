"""The device end of adb over TCP: what adbd is on a phone. A program of its own, of the standard library and its neighbours here alone.

``python adb_device.py SETTINGS`` with a JSON object (``port``, ``banner``, ``state``) prints the port it listens on, takes
cues on its standard input, one a line, and answers each with a line of JSON. Run inside the phone's private root.

Faithful to what was measured of a real adbd where it hurts: a stream that is closed closes the pipes of its command
and nothing else, so that a silent child of ``shell,v2,raw`` lives on. Terminals are there, but not true to life: the
product uses none.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.rigs.adb_services import Children, Command, Sync
from tests.rigs.adb_transport import (
    A_AUTH,
    A_CNXN,
    A_WRTE,
    HEADER,
    MAX_DATA,
    VERSION,
    Handler,
    Stream,
    Transport,
    quietly,
)


class Device:
    """adbd: its listening socket, its services, and the cues that make it misbehave."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.state: str = settings.get("state", "device")
        self.transports: set[Transport] = set()
        self.children = Children()
        self._servers: list[asyncio.Server] = []
        self._places: dict[int, socket.socket] = {}
        """Hold our ports, also while the cable is out: nobody else may get it then."""
        self._tasks: set[asyncio.Future[None]] = set()
        self.port = int(settings.get("port", 0))

    def keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def listen(self, port: int = 0) -> int:
        if port not in self._places:
            place = socket.socket()
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.bind(("127.0.0.1", port))
            port = place.getsockname()[1]
            self._places[port] = place
        server = await asyncio.start_server(
            self._accept, "127.0.0.1", port, limit=4 << 20, reuse_address=True
        )
        self._servers.append(server)
        return port

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = Transport(self, reader, writer)
        self.transports.add(transport)
        await transport.serve()

    async def welcome(self, transport: Transport) -> None:
        if self.state == "silent":
            return
        if self.state == "unauthorized":
            await transport.send(A_AUTH, 1, 0, os.urandom(20))
            return
        await transport.send(A_CNXN, VERSION, MAX_DATA, self.settings["banner"].encode())

    async def authorise(self, transport: Transport, kind: int) -> None:
        """No key is known here; a public key waits until somebody agrees on the screen."""
        if kind == 2:
            await transport.send(A_AUTH, 1, 0, os.urandom(20))

    def handler(self, service: str) -> Handler | None:
        name, _, rest = service.partition(":")
        kind, *options = name.split(",")
        if kind in {"shell", "exec"}:
            framed, raw = "v2" in options, "raw" in options or kind == "exec"
            return lambda stream: self._command(stream, rest, framed=framed, raw=raw)
        if kind == "sync":
            return Sync.serve
        if kind == "tcp" and rest.isdecimal():
            return lambda stream: self._bridge(stream, int(rest))
        if kind == "tcpip" and rest.isdecimal():
            return lambda stream: self._tcpip(stream, int(rest))
        return None

    async def _tcpip(self, stream: Stream, port: int) -> None:
        """As adbd does: it says so, goes with all that hangs on it, and is there again a while later."""
        await stream.write(f"restarting in TCP mode port: {port}\n".encode())
        self.keep(self._restart(port))

    async def _restart(self, port: int) -> None:
        await asyncio.sleep(0.1)
        self.cue_drop("")
        await asyncio.sleep(0.4)
        self.port = await self.listen(port)

    async def _bridge(self, stream: Stream, port: int) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return

        async def inward() -> None:
            while data := await stream.read():
                writer.write(data)
                await writer.drain()
            writer.close()

        self.keep(quietly(inward()))
        while data := await reader.read(65536):
            await stream.write(data)
        writer.close()

    async def _command(self, stream: Stream, command: str, *, framed: bool, raw: bool) -> None:
        run = Command(self.children, stream, framed=framed)
        await run.serve(["/system/bin/sh", "-c", command] if command else ["/system/bin/sh"], raw=raw)

    # --- cues ---

    async def cue(self, line: str) -> object:
        word, _, rest = line.partition(" ")
        answer = getattr(self, f"cue_{word}")(rest)
        return await answer if asyncio.iscoroutine(answer) else answer

    def cue_drop(self, _: str) -> object:
        """The cable is pulled, and stays out until ``back``."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for transport in list(self.transports):
            transport.end()
        return None

    async def cue_back(self, _: str) -> object:
        return await self.listen(self.port)

    def cue_stall(self, _: str) -> object:
        for transport in self.transports:
            transport.flowing.clear()
        return None

    def cue_resume(self, _: str) -> object:
        for transport in self.transports:
            transport.flowing.set()
        return None

    def cue_lie(self, rest: str) -> object:
        """The next output of a command is no packet, or half a one: ``kind``, ``exit``, ``half``, or '' for none."""
        self.children.lie = rest
        return None

    def cue_garbage(self, _: str) -> object:
        """Bytes that are no message, on every transport."""
        for transport in list(self.transports):
            transport.writer.write(os.urandom(4096))
        return None

    async def cue_half(self, _: str) -> object:
        """Half a message, then the end."""
        for transport in list(self.transports):
            transport.writer.write(HEADER.pack(A_WRTE, 1, 1, 100, 0, A_WRTE ^ 0xFFFFFFFF) + b"x" * 10)
            with suppress(ConnectionError):
                await transport.writer.drain()
            transport.writer.close()
        return None

    def cue_state(self, rest: str) -> object:
        """What the next connection meets: ``device``, ``unauthorized``, ``silent``."""
        self.state = rest
        return None

    async def cue_authorize(self, _: str) -> object:
        """Somebody agreed on the screen."""
        self.state = "device"
        for transport in list(self.transports):
            await self.welcome(transport)
        return None

    def cue_processes(self, _: str) -> object:
        """What lives here beside us: pid and command line."""
        found = [process(folder) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
        return [one for one in found if one is not None and one[0] not in {1, os.getpid()}]

    def cue_streams(self, _: str) -> object:
        return sum(len(transport.streams) for transport in self.transports)


def process(folder: Path) -> tuple[int, str] | None:
    """A process by its folder in /proc; None for one that has ended."""
    with suppress(OSError):
        state = (folder / "stat").read_text().rpartition(") ")[2][0]
        line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return (int(folder.name), line.strip()) if state not in "ZX" else None
    return None


async def main() -> None:
    device = Device(json.loads(sys.argv[1]))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, device.children.reap)
    device.port = await device.listen(device.port)
    print(json.dumps(device.port), flush=True)
    cues = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(cues), sys.stdin)
    while line := await cues.readline():
        try:
            told: object = await device.cue(line.decode().strip())
        except (
            OSError,
            ValueError,
            LookupError,
            AttributeError,
        ) as error:  # a rig that dies of a cue would leave its test waiting for the answer
            told = {"failed": repr(error)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
