"""A file to be sent, and its sha256, worked out while it is sent: of the very bytes, or by a thread that reads it, too."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

STOP_CHECK_S = 0.1
_PIECE = 1 << 20


class Stopped(Exception):
    """Nothing more is to be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it is now."""

    path: Path
    total: int
    modified_ns: int

    @asynccontextmanager
    async def summing(self, *, carried: bool = False) -> AsyncIterator["Summing"]:
        """Its sha256: of what is ``carried`` past ``Summing.take`` if that is all of it, else worked out by a thread; leaving
        the block before ends that."""
        shared = _sum(self.path, self.total, self.modified_ns)
        if carried and not shared.known:
            yield _Carried(self, shared)
            return
        stopped = threading.Event()
        digest = asyncio.get_running_loop().run_in_executor(None, shared.hexdigest, stopped)
        try:
            yield _Read(digest)
        finally:
            stopped.set()
            await asyncio.gather(digest, return_exceptions=True)


class Summing(Protocol):
    """A sha256 in the making."""

    def take(self, piece: memoryview) -> None:
        """The next bytes that are read of the file to be sent."""
        ...

    async def digest(self) -> str:
        """It, after the last of them; empty of a file that changed meanwhile. Raises OSError."""
        ...


class _Carried:
    """Of what is carried past."""

    def __init__(self, source: Source, shared: "_Sum") -> None:
        self._source = source
        self._shared = shared
        self._summed = hashlib.sha256()

    def take(self, piece: memoryview) -> None:
        self._summed.update(piece)

    async def digest(self) -> str:
        stat = await asyncio.to_thread(self._source.path.stat)
        if (stat.st_size, stat.st_mtime_ns) != (self._source.total, self._source.modified_ns):
            return ""
        self._shared.learn(self._summed.hexdigest())
        return self._summed.hexdigest()


class _Read:
    """Worked out elsewhere."""

    def __init__(self, digest: Awaitable[str]) -> None:
        self._digest = digest

    def take(self, piece: memoryview) -> None:
        pass

    async def digest(self) -> str:
        return await self._digest


class _Sum:
    """The sha256 of a file: worked out once, by the first thread that asks; others wait for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._digest = ""

    def learn(self, digest: str) -> None:
        """It was worked out before, by somebody else."""
        self._digest = self._digest or digest

    @property
    def known(self) -> bool:
        """Whether somebody has worked it out."""
        return bool(self._digest)

    def hexdigest(self, stopped: threading.Event) -> str:
        """It. Raises OSError, and Stopped soon after ``stopped`` is set."""
        while not self._lock.acquire(timeout=STOP_CHECK_S):
            check(stopped)
        try:
            self._digest = self._digest or self._work_out(stopped)
            return self._digest
        finally:
            self._lock.release()

    def _work_out(self, stopped: threading.Event) -> str:
        summed = hashlib.sha256()
        held = memoryview(bytearray(_PIECE))
        with self._path.open("rb", buffering=0) as file:
            while n := file.readinto(held):
                check(stopped)
                summed.update(held[:n])
        return summed.hexdigest()


def remember(path: Path, sha256: str) -> None:
    """What somebody read a file for already: it need not be read a second time to be sent. A file that is not there, or of
    which the sum is not known, is passed over."""
    with suppress(OSError):
        stat = path.stat()
        if sha256:
            _sum(path, stat.st_size, stat.st_mtime_ns).learn(sha256)


def check(stopped: threading.Event) -> None:
    """Raises Stopped when it is set."""
    if stopped.is_set():
        raise Stopped


@lru_cache(maxsize=64)
def _sum(source: Path, size: int, modified_ns: int) -> _Sum:
    """Of a file as it was then: a model is read for it once however many devices get it."""
    del size, modified_ns
    return _Sum(source)
