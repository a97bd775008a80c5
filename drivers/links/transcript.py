"""Transcripts: what crossed a link, in a file of JSON lines that ``links.scripted`` plays again.

A line is ``{"t": ns since the start, …}`` with one of: ``"in"`` and ``"out"`` (bytes, base64), ``"fault"`` (a sentence),
``"ran"`` (``argv``, ``returncode``, ``stdout``, ``stderr``). Nothing is cleaned: a transcript holds what was sent.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from drivers.clock import Clock
from drivers.errors import Garbled, LinkError, LinkLost
from drivers.links.base import ByteLink, Completed, Lease, Process, Progress, ShellLink
from drivers.links.scripted import Exchange, Expect, Fault, Play, Step

LINE_LIMIT = 4 << 20
"""Characters of one line of a transcript."""


class Transcript:
    """The file. Entering opens it, leaving closes it; every entry is in the file when ``note`` returns."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._start_ns = 0
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8", buffering=1)
        self._start_ns = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def note(self, t_ns: int, **entry: object) -> None:
        """Write one entry; nothing once the file is closed."""
        if self._file:
            self._file.write(json.dumps({"t": t_ns - self._start_ns, **entry}) + "\n")

    def now(self) -> int:
        """The clock's time."""
        return self._clock.now()


class TranscriptLink:
    """A ``ByteLink`` that writes down what crosses another one."""

    def __init__(self, link: ByteLink, transcript: Transcript) -> None:
        self._link = link
        self._transcript = transcript

    async def read(self) -> tuple[int, bytes]:
        """As the other link; its loss is written down as well."""
        try:
            t_ns, data = await self._link.read()
        except LinkError as error:
            self._transcript.note(self._transcript.now(), fault=error.sentence)
            raise
        self._transcript.note(t_ns, **{"in": base64.b64encode(data).decode()})
        return t_ns, data

    async def write(self, data: bytes) -> None:
        """As the other link."""
        await self._link.write(data)
        self._transcript.note(self._transcript.now(), out=base64.b64encode(data).decode())


class TranscriptShell:
    """A ``ShellLink`` that writes down the commands that another one ran to their end."""

    def __init__(self, shell: ShellLink, transcript: Transcript) -> None:
        self._shell = shell
        self._transcript = transcript

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        """As the other shell."""
        try:
            answer = await self._shell.run(argv, timeout_s=timeout_s)
        except LinkError as error:
            self._note(argv, Completed(0, "", ""), fault=error.sentence)
            raise
        self._note(argv, answer)
        return answer

    def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AbstractAsyncContextManager[Process]:
        """As the other shell; what the process writes is not taken down."""
        return self._shell.start(argv, env=env, lease=lease)

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """As the other shell; files are not taken down."""
        await self._shell.push(source, target, progress)

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """As the other shell."""
        return self._shell.forward(port)

    def _note(self, argv: Sequence[str], answer: Completed, **more: str) -> None:
        ran = {
            "argv": list(argv),
            "returncode": answer.returncode,
            "stdout": answer.out,
            "stderr": answer.err,
            **more,
        }
        self._transcript.note(self._transcript.now(), ran=ran)


def byte_steps(path: Path, start_ns: int) -> Iterator[Step]:
    """The steps of a link's transcript, moved to begin at ``start_ns``. Raises Garbled for a line that is not one."""
    for number, t_ns, entry in _entries(path):
        if "in" in entry:
            yield Play(start_ns + t_ns, _bytes(path, number, entry["in"]))
        elif "out" in entry:
            yield Expect(_bytes(path, number, entry["out"]))
        elif "fault" in entry:
            yield Fault(start_ns + t_ns, LinkLost(str(entry["fault"])[:400]))


def exchanges(path: Path) -> Iterator[Exchange]:
    """The commands of a shell's transcript and their answers. Raises Garbled for a line that is not one."""
    for number, _, entry in _entries(path):
        ran = entry.get("ran")
        if ran is not None:
            yield _exchange(path, number, ran)


def _exchange(path: Path, number: int, ran: Any) -> Exchange:
    try:
        fault = LinkLost(str(ran["fault"])[:400]) if "fault" in ran else None
        answer = Completed(int(ran["returncode"]), str(ran["stdout"]), str(ran["stderr"]))
        return Exchange(argv=tuple(str(word) for word in ran["argv"]), answer=answer, fault=fault)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _damaged(path, number) from None


def _entries(path: Path) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    number = 0
    with path.open("rb") as file:
        while line := file.readline(LINE_LIMIT):
            number += 1
            try:
                entry = json.loads(line)
                t_ns = entry["t"]
            except (ValueError, TypeError, KeyError, RecursionError):
                raise _damaged(path, number) from None
            if not isinstance(entry, dict) or not isinstance(t_ns, int) or abs(t_ns) >= 1 << 62:
                raise _damaged(path, number)
            yield number, t_ns, entry


def _bytes(path: Path, number: int, text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise _damaged(path, number) from None


def _damaged(path: Path, number: int) -> Garbled:
    return Garbled(f"line {number} of {path.name} is not of a transcript", remedy="record it again")
