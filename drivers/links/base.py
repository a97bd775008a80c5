"""The two shapes of a link: one that runs commands, one that carries bytes."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended."""

    returncode: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a process's output, without its line end, stamped on arrival."""

    t_ns: int
    stream: Literal["out", "err"]
    text: str
    own_ns: int | None = None
    """Of a line that waited on the device for somebody to come back: when it was written, by the device's own clock,
    or shortly before. None for one that came as it was written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Lets a process outlive the link, for as long as somebody comes back in time."""

    key: str
    """Names it on the device: letters, digits and dashes. Starting again under a key that lives takes it up again."""
    seconds: float
    """How long after it was last renewed the process ends itself, its children too."""
    beside: str = ""
    """A shell script that runs beside the process, as long as that lives, and has ``d`` (the lease's directory, where
    ``$d/pid`` tells the process), ``now`` (sets ``t`` to the device's time) and ``nap SECONDS``. What it writes is kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes that have crossed, of how many."""

    done: int
    total: int


class Process(Protocol):
    """A process on the device that dies with us: its guard ends it when the link or this program goes."""

    @property
    def pid(self) -> int:
        """Its process id on the device."""
        ...

    def lines(self) -> AsyncIterator[Line]:
        """Lines of both streams in order of arrival, until both are closed; a line is cut at 64 KiB."""
        ...

    async def write(self, data: bytes) -> None:
        """Write to its standard input."""
        ...

    async def close_stdin(self) -> None:
        """Close its standard input."""
        ...

    async def wait(self) -> int:
        """Its return code; negative for the signal that ended it."""
        ...

    async def kill(self) -> None:
        """End it now, its children too, and return when it is gone."""
        ...


@runtime_checkable
class PieceProcess(Process, Protocol):
    """A process whose output can also be followed as it comes, before its lines end."""

    def pieces(self) -> AsyncIterator[Line]:
        """Instead of ``lines``, and asked for before anything was read: every piece of output when it arrives, line
        ends included, never half a character. Of a leased process that is taken up, from the first piece not given.
        """
        ...


class Pipe(Protocol):
    """One command line running at the far end of a remote link, its streams as bytes. Closed by its context."""

    async def read(self) -> tuple[int, Literal["out", "err"], bytes] | None:
        """Wait for bytes: ``(arrival in ns, stream, at least one byte)``; None when both streams have ended.

        Raises LinkLost when the link is gone.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Write all of ``data`` to its standard input. Raises LinkLost."""
        ...

    async def close_stdin(self) -> None:
        """Close its standard input."""
        ...

    async def returncode(self) -> int:
        """How the command line ended, as its shell tells it: 128 + n for signal n. Raises LinkLost."""
        ...


class ShellLink(Protocol):
    """A link that can run commands. Arguments are a list: quoting for a remote shell is the link's matter."""

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        """Run to the end. Raises LinkTimeout, LinkLost, or Refused when there is no such command."""
        ...

    def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AbstractAsyncContextManager[Process]:
        """Start and follow; leaving the block ends the process if it still runs.

        With ``lease`` a link that is lost ends nothing: the process goes on, its output is kept on the device, and
        starting under the same key goes on with the first line that was not yet given. Raises NotSupported where a
        link cannot do that.
        """
        ...

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """Copy a file to the device, resumed and checked; nothing is sent when it is already there."""
        ...

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Reach the device's loopback ``port`` from here: yields the ``(host, port)`` to connect to."""
        ...


@runtime_checkable
class SeverableLink(ShellLink, Protocol):
    """A link whose far end may fall silent without a word."""

    def sever(self, reason: str) -> None:
        """It is known to be gone: whoever waits for something that is open over it gets LinkLost now, with that reason."""
        ...


class ByteLink(Protocol):
    """A link that carries bytes both ways: a serial port, a bulk endpoint, a script."""

    async def read(self) -> tuple[int, bytes]:
        """Wait for bytes: ``(arrival in ns, at least one byte)``. Raises LinkLost when the other end is gone."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        ...
