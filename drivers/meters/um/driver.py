"""Asks a UM24C, UM25C or UM34C over its serial profile, twice a second unless its address says otherwise."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from drivers.address import Address, parse
from drivers.base import Device
from drivers.clock import Clock
from drivers.errors import Garbled
from drivers.links.base import ByteLink
from drivers.metering.polling import Asking, PolledMeter, conversing
from drivers.meters.um import protocol
from drivers.meters.um.channels import channels
from drivers.model import DeviceInfo, DeviceKind, Found

Connect = Callable[[Address, Clock], AbstractAsyncContextManager[ByteLink]]
"""Opens the link that an address names. Raises AskUser or LinkError."""

RATE_HZ = 2.0
OPTIONS = ("rate", "point")
POINT = "usb-input"


class UmDriver:
    """Driver of UM meters. Which link leads to one is said by who makes the driver."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def scan(self) -> Sequence[Found]:
        """None: it is found by who knows the ports."""
        return ()

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Open ``…?rate=2&point=usb-input``. Raises NotSupported from another family, LinkError."""
        where = parse(address).only(OPTIONS)
        rate_hz, point = where.number("rate", RATE_HZ, 0.1, 10), where.point(POINT)
        asking = Asking("um", protocol.REQUEST, protocol.LENGTH, 1 / rate_hz, protocol.read)
        async with self._connect(where, clock) as link, conversing(link, clock, asking) as conversation:
            model = protocol.model(await conversation.identify())
            if model is None:
                raise Garbled(f"{name} answered with a frame that is none")
            info = DeviceInfo(
                device=name,
                address=where.base,
                kind=DeviceKind.METER,
                model=f"RDTech {model.name}",
                facts=(("reference point", point),),
            )
            yield PolledMeter(info, channels(name, model, rate_hz, point), conversation)
