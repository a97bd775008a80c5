"""Meters on serial ports: ``serial:PATH?family=…&feeds=DEVICE&point=…&baud=…``, whatever their family."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from urllib.parse import urlencode

from drivers.address import Address, parse
from drivers.base import Device, Driver
from drivers.clock import Clock
from drivers.errors import NotSupported
from drivers.links.base import ByteLink
from drivers.links.fastserial import fast_serial
from drivers.links.serial import serial_link
from drivers.links.serialport import BAUD, Settings
from drivers.links.serialports import Lister, port_at, ports_seen
from drivers.metering.guessing import found, kept
from drivers.model import Found

Connect = Callable[[Address, Clock], AbstractAsyncContextManager[ByteLink]]
Make = Callable[[Connect], Driver]
"""Makes the driver of a family, over the link that it is given."""

FAST = frozenset({"ppk2", "monsoon"})
"""Families that send thousands of samples a second."""

SILENT_S = 8.0
"""Meters that write by themselves and say nothing for so long are given up, unless ``silence`` says otherwise."""

WRITING = frozenset({"csv"})
BAUDS = {"um": 9600}
"""Of families that do not speak at 115200."""

OWN = ("family", "feeds", "baud", "name", "silence")
"""Options that are not the family's business."""


class _Sound(Exception):
    """The port would be opened now."""


class _Judged(AbstractAsyncContextManager[ByteLink]):
    """Instead of a port."""

    def __init__(self, _: Address, __: Clock) -> None:
        """As a port is opened."""

    async def __aenter__(self) -> ByteLink:
        raise _Sound

    async def __aexit__(self, *_: object) -> None:
        """There was nothing."""


class SerialMeters:
    """Driver of every meter on a serial port. ``families`` tells how the driver of each is made."""

    def __init__(self, families: Mapping[str, Callable[[], Make]], lister: Lister = ports_seen) -> None:
        self._families = families
        self._lister = lister

    async def scan(self) -> Sequence[Found]:
        """The ports, each with the meter that may be there."""
        return [found(port) for port in await asyncio.to_thread(self._lister)]

    async def look_at(self, address: Address) -> Sequence[Found]:
        """The meter whose address was named, if its port is there."""
        port = await asyncio.to_thread(port_at, address.target)
        return [kept(port, address)] if port else []

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Open the meter by the driver of its family. Raises AskUser, LinkError."""
        async with self._open(parse(address), name, clock) as device:
            yield device

    async def judge(self, address: Address, clock: Clock) -> None:
        """Raises NotSupported for an address that the driver of its family refuses; no port is opened."""
        with suppress(_Sound):
            async with self._open(address, "", clock, _Judged):
                pass

    @asynccontextmanager
    async def _open(
        self, where: Address, name: str, clock: Clock, instead: Connect | None = None
    ) -> AsyncIterator[Device]:
        family = where.text("family")
        make = self._families.get(family)
        if make is None:
            said = f"has the unknown family {family!r}" if family else "does not say which meter is there"
            raise NotSupported(f"{where.base[:80]} {said}", remedy=f"add family={'|'.join(self._families)}")
        settings = Settings(where.target, where.whole("baud", BAUDS.get(family, BAUD), 300, 4_000_000))
        silent_s = where.number("silence", SILENT_S, 0.1, 86_400) if family in WRITING else None
        rest = {option: text for option, text in where.options.items() if option not in OWN}

        def connect(_: Address, clock: Clock) -> AbstractAsyncContextManager[ByteLink]:
            if family in FAST:
                return fast_serial(settings, clock)
            return serial_link(settings, clock, silent_s=silent_s)

        driver = make()(instead or connect)
        async with driver.open(
            f"{where.base}?{urlencode(rest)}" if rest else where.base, name, clock
        ) as device:
            yield device
