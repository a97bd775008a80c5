"""HVPMs that are plugged into this computer: what the address ``monsoon:SERIAL`` leads to, by pyusb."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.address import Address
from drivers.clock import Clock
from drivers.links.usb import Wanted, serials, usb_link
from drivers.meters.monsoon.driver import HvpmDriver
from drivers.meters.monsoon.hvpm import PRODUCT, VENDOR
from drivers.meters.monsoon.wires import ControlLink


class MonsoonOverUsb(HvpmDriver):
    """Driver of the HVPMs on USB."""

    def __init__(self) -> None:
        super().__init__(_connect, lambda: serials(_wanted("")))


@asynccontextmanager
async def _connect(address: Address, clock: Clock) -> AsyncIterator[ControlLink]:
    async with usb_link(_wanted(address.target), clock) as link:
        yield link


def _wanted(serial: str) -> Wanted:
    return Wanted(VENDOR, PRODUCT, serial, "the Monsoon")
