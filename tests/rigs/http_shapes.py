"""What the HTTP rigs share: a tiny HTTP/1.1 server whose answers stream, and a way to run a rig as a process."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Asked:
    method: str
    path: str
    body: Mapping[str, Any]


class Wire:
    """One connection's answers."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    def plain(self, status: int, text: str) -> None:
        body = text.encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)

    def open_stream(self, kind: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.writer.write(head.encode())

    async def send(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    def end_stream(self) -> None:
        self.writer.write(b"0\r\n\r\n")


def _say(port: int) -> None:
    print(f"port {port}", flush=True)


async def serve(
    answer: Callable[[Asked, Wire], Awaitable[None]], say: Callable[[int], None] = _say, port: int = 0
) -> None:
    """Serve on a free port of 127.0.0.1, or that one, which is said; each connection until its client closes it."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split("\r\n", 1)[0].split(" ")
                length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                body = json.loads(await reader.readexactly(int(length[1]))) if length else {}
                await answer(Asked(method, path, body), Wire(writer))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port)
    say(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


@contextmanager
def running(rig: Path, *cues: str) -> Iterator[int]:
    """A rig as a process of its own: yields its port."""
    words = [word for cue in cues for word in ("--cue", cue)]
    with subprocess.Popen([sys.executable, str(rig), *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.kill()
