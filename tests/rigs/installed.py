"""The installed ``melt`` as a process: in a pseudo terminal that is read by a thread, or without a screen.

For benchmarks: nothing of the program is reached but by its terminal, its files and what the system tells of it.
"""

import argparse
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PATIENCE_S = 60.0
"""What has not happened after this long will not happen."""

_MODE_ASKED = b"\x1b[?2026$p"
_MODE_TOLD = b"\x1b[?2026;2$y"
"""A terminal that can show a frame at once says so."""


@dataclass(frozen=True, slots=True)
class Home:
    """Folders of one user that nobody else is."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Everything melt keeps goes below ``root``."""
        names = ("CONFIG", "STATE", "DATA", "CACHE")
        own = {f"XDG_{name}_HOME": str(self.root / name.lower()) for name in names}
        return {**os.environ, **own, "TERM": "xterm-256color", "COLORTERM": "truecolor"}

    @property
    def recordings(self) -> list[Path]:
        """Oldest first."""
        return sorted((self.root / "data").rglob("*.melt"), key=lambda path: path.stat().st_mtime)


@contextlib.contextmanager
def home() -> Iterator[Home]:
    """A new one; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="melt-bench-") as folder:
        yield Home(Path(folder))


class Screen:
    """The far end of a pseudo terminal: a thread reads what is drawn and keeps when each piece came."""

    def __init__(self, columns: int, rows: int) -> None:
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._reading = threading.Event()
        self._reading.set()
        self._came = threading.Condition()
        self.pieces: list[tuple[int, bytes]] = []
        """``(monotonic ns, bytes)``."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, keys: str) -> int:
        """Type; the moment at which it was done."""
        now = time.monotonic_ns()
        os.write(self._ours, keys.encode())
        return now

    def hang(self) -> None:
        """Read nothing more, as a terminal does after Ctrl-S."""
        self._reading.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reading.set()

    def wait_for(self, text: str, since_ns: int = 0, patience_s: float = PATIENCE_S) -> int:
        """The moment at which ``text`` was there, of what came from ``since_ns`` on. Raises TimeoutError."""
        wanted, end = text.encode(), time.monotonic() + patience_s
        with self._came:
            while (found := self._drawn_at(wanted, since_ns)) is None:
                if not self._came.wait(end - time.monotonic()):
                    raise TimeoutError(f"{text!r} was not drawn within {patience_s:.0f} s")
        return found

    def since(self, t_ns: int) -> list[tuple[int, bytes]]:
        """The pieces that came from ``t_ns`` on."""
        with self._came:
            return self.pieces[self._first_since(t_ns) :]

    def forget(self) -> None:
        """Keep no longer what came so far."""
        with self._came:
            self.pieces.clear()

    def close(self) -> None:
        """The terminal is gone."""
        os.close(self.theirs)
        self._reading.set()
        self._thread.join(5)
        os.close(self._ours)

    def _drawn_at(self, wanted: bytes, since_ns: int) -> int | None:
        seen = b""
        for t_ns, piece in self.pieces[self._first_since(since_ns) :]:
            seen = seen[-200:] + piece
            if wanted in seen:
                return t_ns
        return None

    def _first_since(self, since_ns: int) -> int:
        for i, (t_ns, _) in enumerate(reversed(self.pieces)):
            if t_ns < since_ns:
                return len(self.pieces) - i
        return 0

    def _read(self) -> None:
        while True:
            self._reading.wait()
            try:
                piece = os.read(self._ours, 1 << 16)
            except OSError:
                return
            if not piece:
                return
            now = time.monotonic_ns()
            if _MODE_ASKED in piece:
                os.write(self._ours, _MODE_TOLD)
            with self._came:
                self.pieces.append((now, piece))
                self._came.notify_all()


@dataclass(slots=True)
class Melt:
    """A running melt, on a screen or without one."""

    process: subprocess.Popen[bytes]
    screen: Screen | None
    known: psutil.Process = field(init=False)

    def __post_init__(self) -> None:
        self.known = psutil.Process(self.process.pid)

    def cpu_s(self) -> float:
        """CPU time of melt alone so far: what it started is not counted."""
        times = self.known.cpu_times()
        return times.user + times.system

    def rss_bytes(self) -> int:
        """Its memory: what it started is not counted."""
        return self.known.memory_info().rss

    def children(self) -> list[psutil.Process]:
        """What it started."""
        return self.known.children(recursive=True)

    def interrupt(self) -> int:
        """Ask it to end in order, as Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def cpu_percent(self, seconds: float) -> float:
        """Percent of one core over the next ``seconds``."""
        before, started = self.cpu_s(), time.monotonic()
        time.sleep(seconds)
        return 100 * (self.cpu_s() - before) / (time.monotonic() - started)

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """Until it has ended; its exit code."""
        return self.process.wait(patience_s)


@contextlib.contextmanager
def started(
    argv: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] | None
) -> Iterator[Melt]:
    """Run a command on a new screen of ``(columns, rows)``, or without one. Nothing of it is left afterwards."""
    screen = None if size is None else Screen(*size)
    ends: int = subprocess.DEVNULL if screen is None else screen.theirs
    process = subprocess.Popen(
        argv, stdin=ends, stdout=ends, stderr=ends, env=dict(environment), start_new_session=True
    )
    melt = Melt(process, screen)
    family = [melt.known]
    try:
        yield melt
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += melt.children()
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()
        if screen is not None:
            screen.close()


def parser(description: str | None) -> argparse.ArgumentParser:
    """Options that all of these benchmarks have."""
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # in the background of a shell: what it starts must hear Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    made.add_argument(
        "--melt",
        default=str(Path(sys.executable).with_name("melt")),
        metavar="PATH",
        help="default: beside the Python that runs this",
    )
    return made


def report(what: str, value: float, limit: float, form: str = "{:.2f}") -> bool:
    """Print a figure beside its limit; whether it holds."""
    good = value <= limit
    print(
        f"{what:<58} {form.format(value):>9}   limit {form.format(limit):>7}   {'ok' if good else 'OVER'}",
        flush=True,
    )
    return good


def report_least(what: str, value: float, limit: float, form: str = "{:.2f}") -> bool:
    """The same of a figure that may not be smaller."""
    good = value >= limit
    print(
        f"{what:<58} {form.format(value):>9}   at least {form.format(limit):>4}   {'ok' if good else 'UNDER'}",
        flush=True,
    )
    return good


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S, step_s: float = 0.005) -> float:
    """Seconds until ``condition`` held. Raises TimeoutError."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > patience_s:
            raise TimeoutError("it did not happen")
        time.sleep(step_s)
    return time.monotonic() - begun
