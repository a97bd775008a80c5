"""The link over an injected end, and what pyusb's own errors become."""

import asyncio
import errno
import threading
from collections import deque
from types import SimpleNamespace

import pytest
import usb.core
import usb.util

from drivers.clock import SystemClock
from drivers.errors import DriverError, LinkLost, LinkTimeout, MissingExtra, Refused
from drivers.links.usb import PACKET, READ, UsbLink, Wanted, serials, usb_link

WANTED = Wanted(0x2AB9, 0x0001, "7", "the Monsoon")
NO_SUCH_CALL = "Operation not supported or unimplemented on this platform"


class End:
    """Plays transfers, then nothing, or a fault."""

    def __init__(self, *transfers: bytes, fault: DriverError | None = None) -> None:
        self.transfers = deque(transfers)
        self.fault = fault
        self.told: list[tuple[int, int, int, bytes]] = []
        self.sizes: set[int] = set()
        self._quiet = threading.Event()

    def bulk_in(self, size: int, timeout_ms: int) -> bytes:
        self.sizes.add(size)
        if self.transfers:
            return self.transfers.popleft()
        if self.fault:
            raise self.fault
        self._quiet.wait(0.01)
        return b""

    def control_in(self, request: int, value: int, index: int, length: int) -> bytes:
        return bytes((request, value, index, length))

    def control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        self.told.append((request, value, index, data))

    def close(self) -> None:
        self.told.append((0, 0, 0, b"closed"))


async def test_packets_come_whole_and_in_order() -> None:
    end = End(b"a" * 64, b"b" * 40, b"c" * 130)
    link = UsbLink(end, SystemClock())
    try:
        data = b""
        while len(data) < 5 * PACKET:
            arrival_ns, more = await link.read()
            data += more
        assert arrival_ns > 0
    finally:
        link.stop()
    assert data == b"a" * 64 + (b"b" * 40).ljust(64, b"\0") + (b"c" * 130).ljust(192, b"\0")
    assert end.sizes == {READ}


async def test_a_reader_waits_and_can_be_cancelled_without_a_loss() -> None:
    end = End()
    link = UsbLink(end, SystemClock())
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await link.read()
        end.transfers.append(b"x" * 64)
        assert (await link.read())[1] == b"x" * 64
    finally:
        link.stop()


async def test_what_came_before_the_end_is_given_first() -> None:
    link = UsbLink(End(b"x" * 64, fault=LinkLost("gone")), SystemClock())
    try:
        assert (await link.read())[1] == b"x" * 64
        for _ in range(2):
            with pytest.raises(LinkLost, match="gone"):
                await link.read()
    finally:
        link.stop()


async def test_control_transfers() -> None:
    end = End()
    link = UsbLink(end, SystemClock())
    try:
        assert await link.control_in(1, 2, 3, 4) == b"\1\2\3\4"
        await link.control_out(1, 2, 3, b"data")
        with pytest.raises(Refused):
            await link.write(b"x")
    finally:
        link.stop()
    assert end.told == [(1, 2, 3, b"data")]


class Device:
    """As pyusb gives one."""

    def __init__(self, serial: str, error: Exception | None = None) -> None:
        self.serial_number = serial
        self.transfers: list[tuple[object, ...]] = []
        self.error = error
        self.driver = True
        endpoint = SimpleNamespace(bEndpointAddress=0x81, read=self.read)
        self._configuration = {(0, 0): [SimpleNamespace(bEndpointAddress=0x01), endpoint]}

    def is_kernel_driver_active(self, interface: int) -> bool:
        return self.driver

    def detach_kernel_driver(self, interface: int) -> None:
        self.driver = False

    def set_configuration(self) -> None:
        if self.error:
            raise self.error

    def get_active_configuration(self) -> object:
        return self._configuration

    def read(self, size: int, timeout: int) -> bytes:
        raise usb.core.USBTimeoutError("late", error_code=-7, errno=errno.ETIMEDOUT)

    def ctrl_transfer(self, *arguments: object) -> bytes:
        self.transfers.append(arguments)
        return b"\x02\x00\x00\x00"


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    devices: list[Device] = []

    def find(**asked: object) -> list[Device]:
        assert asked == {"find_all": True, "idVendor": 0x2AB9, "idProduct": 1}
        return devices

    monkeypatch.setattr(usb.core, "find", find)
    monkeypatch.setattr(usb.util, "dispose_resources", lambda device: None)
    return devices


async def test_a_device_is_opened_by_its_serial_number(plugged: list[Device]) -> None:
    plugged += [Device("6"), Device("7")]
    async with usb_link(WANTED, SystemClock()) as link:
        assert await link.control_in(1, 0, 0x45, 4) == b"\x02\x00\x00\x00"
        await link.control_out(3, 0, 0, b"")
    assert plugged[1].transfers == [(0xC0, 1, 0, 0x45, 4, 2000), (0x40, 3, 0, 0, b"", 2000)]
    assert not plugged[1].driver
    assert not plugged[0].transfers
    assert list(serials(WANTED)) == ["6", "7"]


async def test_where_libusb_knows_no_kernel_drivers_it_is_opened_all_the_same(
    plugged: list[Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, and on macOS with an older libusb."""

    def unsupported(_: Device, __: int) -> bool:
        raise NotImplementedError(NO_SUCH_CALL)

    monkeypatch.setattr(Device, "is_kernel_driver_active", unsupported)
    plugged.append(Device("7"))
    async with usb_link(WANTED, SystemClock()) as link:
        assert await link.control_in(1, 0, 0x45, 4) == b"\x02\x00\x00\x00"


async def test_one_that_is_not_there(plugged: list[Device]) -> None:
    plugged.append(Device("6"))
    with pytest.raises(LinkLost, match="the Monsoon 7 is not plugged in"):
        async with usb_link(WANTED, SystemClock()):
            pass


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (usb.core.USBError("no", errno=errno.EACCES), Refused, "2ab9:0001"),
        (usb.core.USBError("no", errno=errno.EBUSY), Refused, "another program"),
        (usb.core.USBError("no", errno=errno.ENODEV), LinkLost, "is gone"),
        (usb.core.USBError("no", errno=errno.ETIMEDOUT), LinkTimeout, "does not answer"),
        (usb.core.USBError("strange\x1b", errno=None), LinkLost, "failed"),
        (usb.core.NoBackendError("none"), MissingExtra, "libusb"),
    ],
)
async def test_faults_are_sentences(
    plugged: list[Device], error: Exception, kind: type[DriverError], words: str
) -> None:
    plugged.append(Device("7", error))
    with pytest.raises(kind) as caught:
        async with usb_link(WANTED, SystemClock()):
            pass
    assert words in str(caught.value)
    assert "\x1b" not in str(caught.value)
