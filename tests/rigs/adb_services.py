"""What a phone does when adb asks: commands with their pipes, files."""

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from tests.rigs.adb_transport import Exactly, Stream, quietly

SHELL = struct.Struct("<BI")
STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
# As adbd has it. Without TMPDIR a here-document has no place in a root that lacks /tmp, as a phone's does.
ENVIRONMENT = {
    "PATH": "/system/bin",
    "HOME": "/",
    "USER": "shell",
    "TERM": "dumb",
    "TMPDIR": "/data/local/tmp",
    "ANDROID_DATA": "/data",
}


class Children:
    """Who was started and has not ended; and the lie that the next output tells."""

    def __init__(self) -> None:
        self.lie = ""
        self._ends: dict[int, asyncio.Future[int]] = {}

    def add(self, process: "subprocess.Popen[bytes]") -> "asyncio.Future[int]":
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ends[process.pid] = ended
        process.returncode = 0
        self.reap()
        return ended

    def reap(self) -> None:
        for pid, ended in list(self._ends.items()):
            with suppress(ChildProcessError):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found and not ended.done():
                    ended.set_result(os.waitstatus_to_exitcode(status))
                if found:
                    del self._ends[pid]


class Command:
    """One command: its pipes, closed with the stream; its process, left alone."""

    def __init__(self, children: Children, stream: Stream, *, framed: bool) -> None:
        self._children = children
        self._stream = stream
        self._framed = framed
        self._sending = asyncio.Lock()

    async def serve(self, argv: list[str], *, raw: bool) -> None:
        stdin, *outputs, ended = self._spawn(argv) if raw else self._spawn_on_terminal(argv)
        loop = asyncio.get_running_loop()
        readers = [await self._reader(fd) for fd in outputs]
        writer = await self._writer(stdin)
        feeding = loop.create_task(quietly(self._feed(writer)))
        kinds = (STDOUT, STDERR)
        work = [
            loop.create_task(self._drain(kind, reader))
            for kind, (reader, _) in zip(kinds, readers, strict=False)
        ]
        closing = loop.create_task(self._stream.closed.wait())
        try:
            drained: asyncio.Future[Any] = asyncio.gather(*work, return_exceptions=True)
            await asyncio.wait([drained, closing], return_when=asyncio.FIRST_COMPLETED)
            if not self._stream.closed.is_set():
                code = await ended
                if self._framed:
                    await self._send(EXIT, bytes([code if code >= 0 else 128 - code]))
        finally:
            for task in (*work, closing, feeding):
                task.cancel()
            if not writer.is_closing():
                writer.transport.abort()
            for _, transport in readers:
                transport.close()

    def _spawn(self, argv: list[str]) -> Any:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if self._framed else subprocess.STDOUT,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        files = [process.stdin, process.stdout, process.stderr]
        fds = [os.dup(file.fileno()) for file in files if file is not None]
        for file in files:
            if file is not None:
                file.close()
        return (*fds, self._children.add(process))

    def _spawn_on_terminal(self, argv: list[str]) -> Any:
        master, slave = pty.openpty()
        process = subprocess.Popen(
            ["/usr/bin/setsid", "-c", *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=ENVIRONMENT,
            cwd="/",
        )
        os.close(slave)
        return os.dup(master), master, self._children.add(process)

    async def _reader(self, fd: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
        reader = asyncio.StreamReader()
        file = os.fdopen(fd, "rb", 0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), file
        )
        return reader, transport

    async def _writer(self, fd: int) -> asyncio.StreamWriter:
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 18)
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(fd, "wb", 0)
        )
        return asyncio.StreamWriter(transport, protocol, None, loop)

    async def _drain(self, kind: int, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._send(kind, data)

    async def _send(self, kind: int, data: bytes) -> None:
        async with self._sending:
            if not self._framed:
                await self._stream.write(data)
                return
            lie, self._children.lie = self._children.lie, ""
            if lie == "kind":
                await self._stream.write(SHELL.pack(77, 5) + b"lies!")
            elif lie == "exit":
                await self._stream.write(SHELL.pack(EXIT, 4) + b"\0\0\0\0")
            elif lie == "half":
                await self._stream.write(SHELL.pack(kind, 1000) + b"half")
                await self._stream.hang_up()
                raise ConnectionResetError
            await self._stream.write(SHELL.pack(kind, len(data)) + data)

    async def _feed(self, writer: asyncio.StreamWriter) -> None:
        exactly = Exactly(self._stream)
        while not self._framed:
            data = await self._stream.read()
            if data is None:
                return
            writer.write(data)
        while True:
            kind, size = SHELL.unpack(await exactly(SHELL.size))
            if kind == STDIN:
                await self._pass(exactly, size, writer)
            elif kind == CLOSE_STDIN:
                writer.write_eof()
            else:
                await exactly(size)

    async def _pass(self, exactly: Exactly, size: int, writer: asyncio.StreamWriter) -> None:
        """So many bytes to the command, as they come."""
        while size:
            data = await exactly.some(size)
            size -= len(data)
            writer.write(data)
            await writer.drain()


class Receiving:
    """A file that comes; the first trouble with it is told at the end. As adbd it writes on wherever the file is moved."""

    def __init__(self, path: Path) -> None:
        self.trouble = ""
        self._path = path
        self._file: FileIO | None = None
        with self._noting("couldn't create file"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._file = path.open("xb", buffering=0)

    def write(self, data: bytes) -> None:
        if not self.trouble and self._file is not None:
            with self._noting("write failed"):
                written = self._file.write(data)
                if written < len(data):
                    self._file.write(data[written:])

    def finish(self, mode: int, t_s: int) -> None:
        if not self.trouble and self._file is not None:
            os.fchmod(self._file.fileno(), mode)
            with suppress(OSError):
                os.utime(self._path, (t_s, t_s))
        self.close()

    def abort(self) -> None:
        """The end never came: what there is of it goes."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.trouble = f"{what}: {error.strerror}"


class Sync:
    """File transfer."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._take = Exactly(stream)

    @classmethod
    async def serve(cls, stream: Stream) -> None:
        await cls(stream).loop()

    async def loop(self) -> None:
        while True:
            word, size = struct.unpack("<4sI", await self._take(8))
            if word == b"QUIT":
                return
            path = (await self._take(size)).decode()
            await getattr(self, word.decode("ascii").lower())(path)

    async def stat(self, path: str) -> None:
        found = self._found(path, follow=False)
        fields = (found.st_mode, min(found.st_size, 0xFFFFFFFF), int(found.st_mtime)) if found else (0, 0, 0)
        await self._stream.write(b"STAT" + struct.pack("<3I", *fields))

    async def sta2(self, path: str) -> None:
        await self._stream.write(b"STA2" + self._long(path, follow=True))

    async def lst2(self, path: str) -> None:
        await self._stream.write(b"LST2" + self._long(path, follow=False))

    async def list(self, path: str) -> None:
        with suppress(OSError):
            for entry in os.scandir(path):
                found, name = entry.stat(follow_symlinks=False), entry.name.encode()
                head = struct.pack(
                    "<4I", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime), len(name)
                )
                await self._stream.write(b"DENT" + head + name)
        await self._stream.write(b"DONE" + bytes(16))

    async def lis2(self, path: str) -> None:
        with suppress(OSError):
            for entry in os.scandir(path):
                name = entry.name.encode()
                body = self._long(entry.path, follow=False)
                await self._stream.write(b"DNT2" + body + struct.pack("<I", len(name)) + name)
        await self._stream.write(b"DNT2"[:0] + b"DONE" + bytes(72))

    async def recv(self, path: str) -> None:
        try:
            data = await asyncio.to_thread(Path(path).read_bytes)
        except OSError as error:
            await self._fail(f"open failed: {error.strerror}")
            return
        for at in range(0, len(data), 65536):
            piece = data[at : at + 65536]
            await self._stream.write(b"DATA" + struct.pack("<I", len(piece)) + piece)
        await self._stream.write(b"DONE" + bytes(4))

    async def send(self, target: str) -> None:
        path, _, mode = target.rpartition(",")
        receiving = Receiving(Path(path))
        try:
            while True:
                word, size = struct.unpack("<4sI", await self._take(8))
                if word == b"DONE":
                    break
                assert size <= 65536, "adbd takes no more at once"
                receiving.write(await self._take(size))
        except EOFError:
            receiving.abort()
            raise
        receiving.finish(int(mode) & 0o777, size)
        if receiving.trouble:
            await self._fail(receiving.trouble)
        else:
            await self._stream.write(b"OKAY" + bytes(4))

    async def _fail(self, text: str) -> None:
        await self._stream.write(b"FAIL" + struct.pack("<I", len(text)) + text.encode())

    def _found(self, path: str, *, follow: bool) -> os.stat_result | None:
        try:
            return Path(path).stat(follow_symlinks=follow)
        except OSError:
            return None

    def _long(self, path: str, *, follow: bool) -> bytes:
        found = self._found(path, follow=follow)
        if found is None:
            return struct.pack("<IQQIIIIQqqq", 2, *([0] * 10))
        times = (int(found.st_atime), int(found.st_mtime), int(found.st_ctime))
        who = (found.st_mode, found.st_nlink, found.st_uid, found.st_gid, found.st_size)
        return struct.pack("<IQQIIIIQqqq", 0, found.st_dev, found.st_ino, *who, *times)
