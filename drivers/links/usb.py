"""A USB device by its bulk endpoint and control transfers, over pyusb: packets are read by a thread of their own.

::

    async with usb_link(Wanted(0x2AB9, 0x0001, "12345"), clock) as link:
        answer = await link.control_in(request=1, value=0, index=0x42, length=4)
        arrival_ns, packets = await link.read()

Whoever has another way to a device (a test that plays packets) makes a ``UsbLink`` over its own ``UsbEnd``.
"""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import usb.core
import usb.util

from drivers.clock import MILLISECOND, Clock
from drivers.errors import DriverError, LinkLost, LinkTimeout, MissingExtra, Refused
from drivers.foreign import printable
from drivers.links.handover import Handover

PACKET = 64
READ = 32 * PACKET
"""Bytes of one transfer at most."""

READ_MS = 100
HAND_NS = 100 * MILLISECOND
"""Packets are handed over this often."""

CONTROL_MS = 2000
WAITING_LIMIT = 16 << 20
"""Bytes that wait for the loop; past that nothing is read, and the device's own count of what it dropped tells."""

_IN, _OUT = 0xC0, 0x40
"""Vendor requests to the device."""

_GONE = frozenset({errno.ENODEV, errno.EIO, errno.EPIPE, errno.ENOENT, errno.EPROTO, errno.ESHUTDOWN})
_LATE = frozenset({errno.ETIMEDOUT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which device: its ids, and its serial number, blank for the only one that is there."""

    vendor: int
    product: int
    serial: str = ""
    title: str = "the device"


class UsbEnd(Protocol):
    """The blocking calls that a link makes of a device; those of the same kind never at once. Raise LinkError."""

    def bulk_in(self, size: int, timeout_ms: int) -> bytes:
        """One transfer: up to ``size`` bytes, empty when none came in time."""
        ...

    def control_in(self, request: int, value: int, index: int, length: int) -> bytes:
        """Ask by a vendor request."""
        ...

    def control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        """Tell by a vendor request."""
        ...

    def close(self) -> None:
        """Let go of it; harmless when it is gone."""
        ...


class UsbLink:
    """A ``ByteLink`` of whole packets of ``PACKET`` bytes: a short one is filled up with zeros."""

    def __init__(self, end: UsbEnd, clock: Clock) -> None:
        self._end = end
        self._clock = clock
        self._given = Handover()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usb", daemon=True)
        self._thread.start()

    async def read(self) -> tuple[int, bytes]:
        """The packets that have come: ``(arrival of the last in ns, whole packets)``. Raises LinkLost after them."""
        return await self._given.read()

    async def write(self, data: bytes) -> None:
        """Nothing is written to a bulk endpoint here. Raises Refused."""
        raise Refused("this USB device takes control transfers only")

    async def control_in(self, request: int, value: int, index: int, length: int) -> bytes:
        """Ask by a vendor request. Raises LinkLost, LinkTimeout."""
        return await asyncio.to_thread(self._end.control_in, request, value, index, length)

    async def control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        """Tell by a vendor request. Raises LinkLost, LinkTimeout."""
        await asyncio.to_thread(self._end.control_out, request, value, index, data)

    def stop(self) -> None:
        """Return when the thread has ended: within ``READ_MS``."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pieces: list[bytes] = []
        arrival_ns = handed_ns = self._clock.now()
        try:
            while not self._stopping.is_set():
                if self._given.waiting >= WAITING_LIMIT:
                    self._stopping.wait(READ_MS / 1000)
                    continue
                data = self._end.bulk_in(READ, READ_MS)
                now = self._clock.now()
                if data:
                    arrival_ns = now
                    pieces.append(data + bytes(-len(data) % PACKET))
                if pieces and (now - handed_ns >= HAND_NS or not data):
                    handed_ns = now
                    self._given.hand(arrival_ns, pieces)
                    pieces.clear()
        except DriverError as error:
            self._given.hand(arrival_ns, pieces, error)


@asynccontextmanager
async def usb_link(wanted: Wanted, clock: Clock) -> AsyncIterator[UsbLink]:
    """Open the device and read it until the block ends. Raises AskUser, LinkError."""
    end = await asyncio.to_thread(_open, wanted)
    link = UsbLink(end, clock)
    try:
        yield link
    finally:
        await asyncio.to_thread(link.stop)
        await asyncio.to_thread(end.close)


def serials(wanted: Wanted) -> Sequence[str]:
    """Serial numbers of all devices of these ids. Raises MissingExtra, Refused."""
    with _translated(wanted):
        return [printable(str(device.serial_number), 40) for device in _all(wanted)]


class _PyUsb:
    """A device that pyusb has opened."""

    def __init__(self, wanted: Wanted, device: Any) -> None:
        self._wanted = wanted
        self._device = device
        with _translated(wanted):
            with suppress(NotImplementedError):  # libusb has none to detach there
                if device.is_kernel_driver_active(0):
                    device.detach_kernel_driver(0)
            device.set_configuration()
            interface = device.get_active_configuration()[(0, 0)]
            self._endpoint = usb.util.find_descriptor(interface, custom_match=_inward)
        if self._endpoint is None:
            raise Refused(f"{wanted.title} has no endpoint to read from")

    def bulk_in(self, size: int, timeout_ms: int) -> bytes:
        with _translated(self._wanted):
            try:
                return bytes(self._endpoint.read(size, timeout_ms))
            except usb.core.USBTimeoutError:
                return b""

    def control_in(self, request: int, value: int, index: int, length: int) -> bytes:
        with _translated(self._wanted):
            return bytes(self._device.ctrl_transfer(_IN, request, value, index, length, CONTROL_MS))

    def control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        with _translated(self._wanted):
            self._device.ctrl_transfer(_OUT, request, value, index, data, CONTROL_MS)

    def close(self) -> None:
        with suppress(usb.core.USBError):
            usb.util.dispose_resources(self._device)


def _open(wanted: Wanted) -> UsbEnd:
    with _translated(wanted):
        for device in _all(wanted):
            if not wanted.serial or str(device.serial_number) == wanted.serial:
                return _PyUsb(wanted, device)
    raise LinkLost(
        f"{wanted.title} {printable(wanted.serial, 40)} is not plugged in".replace("  ", " "),
        remedy="switch it on and plug it in",
    )


def _all(wanted: Wanted) -> Iterator[Any]:
    yield from usb.core.find(find_all=True, idVendor=wanted.vendor, idProduct=wanted.product)


def _inward(endpoint: Any) -> bool:
    inward: bool = usb.util.endpoint_direction(endpoint.bEndpointAddress) == usb.util.ENDPOINT_IN
    return inward


@contextmanager
def _translated(wanted: Wanted) -> Iterator[None]:
    try:
        yield
    except usb.core.NoBackendError:
        raise MissingExtra(
            "USB devices need the library libusb", remedy="sudo apt install libusb-1.0-0"
        ) from None
    except (usb.core.USBError, ValueError) as error:
        raise _sentence(wanted, error) from error


def _sentence(wanted: Wanted, error: Exception) -> DriverError:
    number = getattr(error, "errno", None)
    if number in _FORBIDDEN or isinstance(error, ValueError):
        return Refused(
            f"{wanted.title} may not be used by this user",
            remedy=f"allow it by a udev rule for the USB id {wanted.vendor:04x}:{wanted.product:04x}",
        )
    if number == errno.EBUSY:
        return Refused(f"{wanted.title} is in use by another program", remedy="close that program")
    if number in _LATE:
        return LinkTimeout(f"{wanted.title} does not answer", remedy="switch it off and on again")
    said = "is gone" if number in _GONE else f"failed ({printable(str(error), 80)})"
    return LinkLost(f"{wanted.title} {said}", remedy="plug it in again")
