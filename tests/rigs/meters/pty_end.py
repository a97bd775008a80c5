"""The meter's end of a pty, in a process of its own: bytes wait as they do for a USB port, and what overflows is counted.

A pty holds 20 KiB where Linux holds 640 KiB for a USB serial port, so the rest waits here. Orders come as lines on the
standard input, JSON goes out on the standard output: the port's path first, the truth last.
"""

import json
import os
import pty
import selectors
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

QUEUE = 640 << 10
TICK_S = 0.005


class PtyEnd:
    """What is sent waits for the reader; what is received is given at once."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._waiting = bytearray()
        self.overflowed = 0

    def send(self, data: bytes) -> None:
        room = max(0, QUEUE - len(self._waiting))
        self.overflowed += max(0, len(data) - room)
        self._waiting += data[:room]

    def flush(self) -> None:
        """Write what the pty takes."""
        with suppress(BlockingIOError):
            while self._waiting:
                del self._waiting[: os.write(self._master, self._waiting[: 1 << 14])]

    def forget(self) -> None:
        self._waiting.clear()

    def received(self) -> bytes:
        """All that the other side has written; nothing too when nobody has the port open.

        One read may find what was written first and not yet what was written next, both long since sent.
        """
        heard = b""
        with suppress(OSError):
            while data := os.read(self._master, 4096):
                heard += data
        return heard

    def unplug(self) -> None:
        os.close(self._master)


class Orders:
    """Lines of the standard input, as they come."""

    def __init__(self) -> None:
        os.set_blocking(sys.stdin.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        self._rest = b""
        self.over = False

    def wait(self, seconds: float) -> list[str]:
        """The orders that came until then."""
        end = time.monotonic() + seconds
        while not self.over and self._selector.select(max(0.0, end - time.monotonic())):
            data = os.read(sys.stdin.fileno(), 4096)
            self.over = not data
            *lines, self._rest = (self._rest + data).split(b"\n")
            if lines:
                return [line.decode() for line in lines]
        return []


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


class Started:
    """A rig that runs, as its test sees it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port: str = self.heard()["port"]

    def order(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def truth(self) -> dict[str, Any]:
        """What it did, told at its end."""
        self.order("end")
        return self.heard()


@contextmanager
def started(module: str, *arguments: str) -> Iterator[Started]:
    """Run ``python -m module`` until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Started(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait(60)
        process.stdout.close()
