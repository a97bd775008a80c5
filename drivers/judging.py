"""Whether an address can ever be opened, as far as it tells by itself: judged before it is kept. Nothing is opened.

A link whose package is not installed is not judged: that is told when it is opened.
"""

import asyncio
import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from drivers.address import Address
from drivers.clock import Clock
from drivers.errors import MissingExtra


async def judge(address: Address, clock: Clock, serial: Callable[[], Any]) -> None:
    """Raises NotSupported, as opening would. ``serial`` gives the driver of serial ports."""
    with suppress(ModuleNotFoundError, MissingExtra):
        if address.scheme == "serial":
            await serial().judge(address, clock)
        elif address.scheme == "monsoon":
            monsoon = await asyncio.to_thread(importlib.import_module, "drivers.meters.monsoon.driver")
            monsoon.judge(address)
        elif address.scheme == "ssh":
            route = await asyncio.to_thread(importlib.import_module, "drivers.links.sshroute")
            route.parse(address.base)
        elif address.scheme == "adb":
            phones = importlib.import_module("drivers.devices.android.phones")
            phones.adb_server(address.only(("server", "name")).options.get("server", ""), lambda _: None)
