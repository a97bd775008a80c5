"""The system log of a phone: one stream that several relays read."""

import asyncio
import datetime as dt
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One line of the log."""

    process: str
    pid: int
    text: str
    wall: float
    thread: int
    level: str = "Notice"


class Logs:
    """Entries as they come, to whoever listens now; nothing is kept."""

    def __init__(self, device: Callable[[], str]) -> None:
        self.device = device
        self.queues: set[asyncio.Queue[Entry]] = set()
        self._threads = itertools.count(0x1F00)

    def write(self, process: str, pid: int, text: str) -> None:
        entry = Entry(process, pid, text, time.time(), next(self._threads))
        for queue in self.queues:
            queue.put_nowait(entry)

    @contextmanager
    def listening(self) -> Iterator["asyncio.Queue[Entry]"]:
        queue: asyncio.Queue[Entry] = asyncio.Queue()
        self.queues.add(queue)
        try:
            yield queue
        finally:
            self.queues.discard(queue)

    def line(self, entry: Entry) -> bytes:
        """As syslog_relay sends it: the phone's local time without a year, its name with dashes, a NUL after the end."""
        when = dt.datetime.fromtimestamp(entry.wall, dt.UTC)
        host = self.device().replace(" ", "-").replace("'", "")
        head = (
            f"{when:%b} {when.day:2d} {when:%H:%M:%S} {host} {entry.process}[{entry.pid}] <{entry.level}>: "
        )
        return head.encode() + visible(entry.text) + b"\n\0"


def visible(text: str) -> bytes:
    """Control characters in a message are shown as ``\\^J`` and the like, as the log daemon does."""
    out = bytearray()
    for byte in text.encode(errors="replace"):
        out += bytes((byte,)) if byte >= 32 or byte == 9 else b"\\^" + bytes((byte + 64,))
    return bytes(out)
