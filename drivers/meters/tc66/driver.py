"""Asks a TC66 or TC66C over its serial port, ten times a second unless its address says otherwise."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from drivers.address import Address, parse
from drivers.base import Device
from drivers.clock import Clock
from drivers.links.base import ByteLink
from drivers.metering.polling import Asking, PolledMeter, conversing
from drivers.meters.tc66 import protocol
from drivers.meters.tc66.channels import channels
from drivers.model import DeviceInfo, DeviceKind, Found

Connect = Callable[[Address, Clock], AbstractAsyncContextManager[ByteLink]]
"""Opens the link that an address names. Raises AskUser or LinkError."""

RATE_HZ = 10.0
OPTIONS = ("rate", "point")
POINT = "usb-input"


class Tc66Driver:
    """Driver of TC66 meters. Which link leads to one is said by who makes the driver."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def scan(self) -> Sequence[Found]:
        """None: it is found by who knows the ports."""
        return ()

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Open ``…?rate=10&point=usb-input``. Raises NotSupported from another family, LinkError."""
        where = parse(address).only(OPTIONS)
        rate_hz, point = where.number("rate", RATE_HZ, 0.1, 50), where.point(POINT)
        asking = Asking("tc66", protocol.REQUEST, protocol.LENGTH, 1 / rate_hz, protocol.read)
        async with self._connect(where, clock) as link, conversing(link, clock, asking) as conversation:
            who = protocol.identity(protocol.plain(await conversation.identify()) or bytes(protocol.LENGTH))
            info = DeviceInfo(
                device=name,
                address=where.base,
                kind=DeviceKind.METER,
                model=f"RDTech {who.model}".strip(),
                facts=(
                    ("firmware", who.firmware),
                    ("serial number", str(who.serial)),
                    ("reference point", point),
                ),
            )
            yield PolledMeter(info, channels(name, rate_hz, point), conversation)
