"""A serial port as an object: opened and configured by pyserial, its faults translated once. Both readers use it.

A port is a path (``/dev/ttyACM0``), or one of another machine: ``rfc2217://host:port`` (RFC 2217, settings included)
or ``socket://host:port`` (its bytes alone).
"""

import asyncio
import errno
import fcntl
import os
import re
import select
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import serial

from drivers.clock import SECOND, SystemClock
from drivers.errors import DriverError, LinkLost, LinkTimeout, NotSupported, Refused
from drivers.foreign import printable
from drivers.links.farserial import FarSerial
from drivers.links.portholders import holders, running

BAUD = 115_200
READ_LIMIT = 1 << 15
"""Bytes of one read. A terminal's buffer gives 4 KiB at most; what is asked for much beyond that is memory that the system
maps and takes back at every read."""

WRITE_S = 2.0
"""A port that takes nothing for so long is silent."""

FRESH_S = 5
"""A device file younger than this may still wait for its group and permissions."""

_FAR = ("rfc2217", "socket")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PROBER = "ModemManager"
_NOTHING_YET = (BlockingIOError, InterruptedError)
_BUSY = frozenset({errno.EBUSY, errno.EAGAIN})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_ABSENT = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO})


@dataclass(frozen=True, slots=True)
class Settings:
    """How to open a port: 8 bits, no parity, one stop bit, for us alone."""

    port: str
    baud: int = BAUD

    @property
    def far(self) -> bool:
        """Whether it is a port of another machine."""
        return _SCHEME.match(self.port) is not None

    def __str__(self) -> str:
        return printable(self.port, 80)


class SerialPort:
    """An open port. ``now`` and ``write`` may be called from different threads; no call of ``now`` during ``close``."""

    def __init__(self, settings: Settings, port: Any) -> None:
        self.settings = settings
        self.fd = _descriptor(port)
        """What a loop can watch; None where this kind of port has none."""
        self._port = port
        self._closed = False
        self._lock = threading.Lock()

    def now(self) -> bytes:
        """What has arrived, up to ``READ_LIMIT``; empty when that is nothing. Raises LinkLost when the other end
        is gone."""
        if self.fd is None:
            with _translated(self.settings, _fault):
                data: bytes = self._port.read(READ_LIMIT)
                return data
        try:
            data = os.read(self.fd, READ_LIMIT)
        except _NOTHING_YET:
            return b""
        except (OSError, ValueError) as error:
            raise _fault(self.settings, error) from error
        if not data:
            raise _gone(self.settings)
        return data

    def write(self, data: bytes) -> None:
        """Send all of ``data``; waits ``WRITE_S`` at most. Raises LinkLost, LinkTimeout when nobody takes it."""
        with self._lock, _translated(self.settings, _fault):
            if self._closed:
                raise LinkLost(f"{self.settings} was closed")
            if self.fd is None:
                self._port.write(data)
            else:
                self._send(self.fd, data)

    def close(self) -> None:
        """Let go of it; harmless when it is gone. Takes a moment for one of another machine."""
        with self._lock:
            self._closed = True
            with suppress(OSError):
                if self.fd is not None and not self.settings.far:
                    fcntl.ioctl(self.fd, termios.TIOCNXCL)
            with suppress(OSError):
                self._port.close()

    def _send(self, fd: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            with suppress(*_NOTHING_YET):
                left = left[os.write(fd, left) :]
            if left and not select.select([], [fd], [], WRITE_S)[1]:
                raise LinkTimeout(f"{self.settings} takes nothing that is sent to it")


def open_port(settings: Settings) -> SerialPort:
    """Open and configure, in a thread: it reads files, and waits seconds for another machine.

    Raises NotSupported for what is no serial port, Refused when it may not be had, LinkLost when it is not there.
    """
    _require_known(settings)
    with _translated(settings):
        port = _unopened(settings)
        if not settings.far:
            port.exclusive = True
        port.open()
    with ExitStack() as unless_settled:
        mine = SerialPort(settings, port)
        unless_settled.callback(mine.close)
        _settle(mine)
        unless_settled.pop_all()
    return mine


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[SerialPort]:
    """The port, opened by a thread and closed with the block. Raises as ``open_port`` does."""
    opening = asyncio.get_running_loop().run_in_executor(None, open_port, settings)
    try:
        port = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_let_go)
        raise
    try:
        yield port
    finally:
        await asyncio.to_thread(port.close)


def _let_go(opening: "asyncio.Future[SerialPort]") -> None:
    """Close what was opened after nobody waited for it any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _settle(port: SerialPort) -> None:
    """Nobody may open it after us, nobody has before us, and an empty read means its end, never merely nothing."""
    fd, settings = port.fd, port.settings
    if fd is None or settings.far:
        return
    others = [holder for holder in holders(settings.port) if holder.pid != os.getpid()]
    if others:
        raise _held(settings, str(others[0]))
    with _translated(settings):
        fcntl.ioctl(fd, termios.TIOCEXCL)
        attributes = termios.tcgetattr(fd)
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(fd, termios.TCSANOW, attributes)


def _require_known(settings: Settings) -> None:
    scheme = _SCHEME.match(settings.port)
    if scheme is not None and not (scheme[1].lower() in _FAR and _has_host_and_port(settings.port)):
        raise NotSupported(
            f"{settings} is no serial port",
            remedy="name a path such as /dev/ttyACM0, rfc2217://host:port or socket://host:port",
        )


def _has_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port) and not parts.query and not parts.username
    except ValueError:
        return False


def _unopened(settings: Settings) -> Any:
    if not settings.port.lower().startswith("rfc2217:"):
        return serial.serial_for_url(settings.port, do_not_open=True, baudrate=settings.baud, timeout=0)
    port = FarSerial(baudrate=settings.baud, timeout=0)
    port.port = settings.port
    return port


def _descriptor(port: Any) -> int | None:
    try:
        fd: int = port.fileno()
    except OSError:
        return None
    return fd


def _gone(settings: Settings) -> LinkLost:
    """What was open and is no more."""
    if settings.far:
        return LinkLost(
            f"{settings} is gone: its server has closed it, or is away",
            remedy="it is tried again; start its server if it stays away",
        )
    return LinkLost(f"{settings} is gone", remedy="plug it in again")


def _fault(settings: Settings, error: Exception) -> DriverError:
    """Of a port that was open."""
    return _gone(settings) if settings.far else _sentence(settings, error)


def _sentence(settings: Settings, error: Exception) -> DriverError:
    number = getattr(error, "errno", None)
    if settings.far:
        return _far_sentence(settings, error)
    if number in _BUSY:
        return _busy(settings)
    if number in _FORBIDDEN:
        return _forbidden(settings)
    if number in _ABSENT or not Path(settings.port).exists():
        return LinkLost(
            f"{settings} is not there", remedy="plug the meter in, or name the port that it has now"
        )
    return NotSupported(
        f"{settings} is no serial port, or cannot do {settings.baud} baud",
        remedy="melt devices lists the ports",
    )


@contextmanager
def _translated(
    settings: Settings, told: Callable[[Settings, Exception], DriverError] = _sentence
) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, OverflowError, termios.error) as error:
        raise told(settings, error) from error


def _far_sentence(settings: Settings, error: Exception) -> DriverError:
    said = printable(str(error).rpartition("] ")[2], 80)
    return LinkLost(f"{settings} cannot be reached ({said})", remedy="start the server of that port")


def _busy(settings: Settings) -> DriverError:
    found = holders(settings.port)
    if not found and running(_PROBER):
        return LinkLost(
            f"{settings} is being looked at by {_PROBER}", remedy="it lets go within some seconds"
        )
    if any(holder.pid == os.getpid() for holder in found):
        return Refused(f"{settings} is another device of this bench already", remedy="name each port once")
    return _held(settings, str(found[0]) if found else "another program")


def _held(settings: Settings, holder: str) -> Refused:
    return Refused(
        f"{settings} is in use by {holder}", remedy="close that program, then open the device again"
    )


def _forbidden(settings: Settings) -> DriverError:
    if SystemClock().wall() - _changed(settings.port) < FRESH_S * SECOND:
        return LinkLost(f"{settings} has just come and is not yet ours to read")
    return Refused(
        f"{settings} may not be read by this user",
        remedy="sudo usermod -aG dialout $USER, then log in again",
    )


def _changed(path: str) -> int:
    try:
        return Path(path).stat().st_ctime_ns
    except OSError:
        return 0
