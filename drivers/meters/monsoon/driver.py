"""Opens Monsoons: ``monsoon:SERIAL?rails=main,usb&point=battery-terminals`` (HVPM, over USB) and
``serial:PATH?family=monsoon&rails=main`` (LVPM). Opening changes nothing at their terminals.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from drivers.address import Address, parse
from drivers.base import Device
from drivers.clock import Clock
from drivers.errors import LinkError
from drivers.links.base import ByteLink
from drivers.meters.monsoon import hvpm, lvpm
from drivers.meters.monsoon.channels import POINTS, rails_of
from drivers.meters.monsoon.meter import MonsoonMeter, Setup
from drivers.meters.monsoon.wires import TITLE, ControlLink, HvpmWire, LvpmWire, status_of
from drivers.model import DeviceInfo, DeviceKind, Found
from drivers.wiring import HOW_TO_ADD

OPTIONS = ("name", "family", "feeds", "point", "rails")


Connect = Callable[[Address, Clock], AbstractAsyncContextManager[ByteLink]]
ConnectUsb = Callable[[Address, Clock], AbstractAsyncContextManager[ControlLink]]
"""Opens the link that an address names. Raises AskUser or LinkError."""


class HvpmDriver:
    """Driver of HVPMs. Which link leads to one is said by who makes the driver; ``seen`` lists serial numbers."""

    def __init__(self, connect: ConnectUsb, seen: Callable[[], Sequence[str]] = tuple) -> None:
        self._connect = connect
        self._seen = seen

    async def scan(self) -> Sequence[Found]:
        """Those that are plugged in. Raises MissingExtra, Refused."""
        serials = await asyncio.to_thread(self._seen)
        return [_found(serial) for serial in serials]

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        """Open it. Raises NotSupported for another type of meter, Refused, LinkError."""
        return self._open(address, name, clock)

    @asynccontextmanager
    async def _open(self, text: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        address = parse(text)
        rails = judge(address)
        async with self._connect(address, clock) as link:
            wire = HvpmWire(link)
            await wire.end()
            await wire.introduce()
            setup = Setup(
                rails=rails,
                point=address.point(),
                volts_per_step=dict(hvpm.VOLTS_PER_STEP),
                lowest_v=hvpm.LOWEST_V,
                highest_v=hvpm.HIGHEST_V,
                limit_a=wire.limit_a,
            )
            facts = (("serial number", str(wire.serial)), ("firmware", str(wire.firmware)))
            info = _info(name, address, TITLE, facts, setup)
            try:
                yield MonsoonMeter(info, setup, wire, link, clock)
            finally:
                with suppress(LinkError):
                    await wire.end()


def judge(address: Address) -> tuple[str, ...]:
    """The rails of an HVPM that an address names. Raises NotSupported for one that can never be opened."""
    return rails_of(address.only(OPTIONS), tuple(POINTS))


def _found(serial: str) -> Found:
    address = f"monsoon:{serial}"
    return Found(address=address, kind=DeviceKind.METER, title=f"{TITLE} {serial}", next_step=HOW_TO_ADD)


class LvpmDriver:
    """Driver of LVPMs. Which link leads to one is said by who makes the driver."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def scan(self) -> Sequence[Found]:
        """None: it is found by who knows the ports."""
        return ()

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        """Open it. Raises NotSupported for another family of meter, LinkError."""
        return self._open(address, name, clock)

    @asynccontextmanager
    async def _open(self, text: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        address = parse(text).only(OPTIONS)
        rails = rails_of(address, ("main", "usb"))
        async with self._connect(address, clock) as link:
            wire = LvpmWire(link)
            await wire.end()
            status = await status_of(link)
            setup = Setup(
                rails=rails,
                point=address.point(),
                volts_per_step={"main": status.volts_per_step},
                lowest_v=lvpm.LOWEST_V,
                highest_v=lvpm.HIGHEST_V,
                output_v=status.output_v,
                limit_a=status.limit_a,
            )
            facts = (("serial number", str(status.serial)), ("firmware", str(status.firmware)))
            info = _info(name, address, "Monsoon LVPM", facts, setup)
            try:
                yield MonsoonMeter(info, setup, wire, link, clock)
            finally:
                with suppress(LinkError):
                    await wire.end()


def _info(
    name: str, address: Address, model: str, facts: tuple[tuple[str, str], ...], setup: Setup
) -> DeviceInfo:
    return DeviceInfo(
        device=name,
        address=address.base,
        kind=DeviceKind.METER,
        model=model,
        facts=(
            *facts,
            ("rails", ",".join(setup.rails)),
            ("reference point", setup.point or POINTS["main"]),
        ),
    )
