# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve until the input ends."""

import asyncio
import importlib
import logging
import resource
import sys
from typing import Any

from drivers.devices.ios.worker.faults import Trouble
from drivers.devices.ios.worker.serving import Tasks, Unused, serve
from drivers.foreign import Fields
from drivers.links.usbmuxwire import Do, Fault, Order

ROOM = "drivers.devices.ios.worker"
MEMORY_LIMIT = 1 << 30
"""Bytes of data: what a hostile answer unfolds to ends this process, not the computer."""
UNUSED = frozenset({"requests", "questionary", "pygments", "rich"})
"""Packages that pymobiledevice3 imports for its command line: 18 MB in each of these processes."""


class Worker:
    """Everything that can be ordered. What an order needs is loaded with the first that needs it."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._phone: Any = None

    async def do(self, order: Order) -> Fields:
        """Do it."""
        if order.do is Do.FOLLOW:
            listing: Any = importlib.import_module(f"{ROOM}.listing")
            return dict(await listing.Listing(self._tasks).follow())
        if order.do is Do.OPEN:
            self._phone = importlib.import_module(f"{ROOM}.phone").Phone(self._tasks)
        if self._phone is None:
            raise Trouble(Fault.UNSUPPORTED, "no phone was opened")
        done: Fields = await self._phone.do(order)
        return done

    async def close(self) -> None:
        """End what was started."""
        if self._phone is not None:
            await self._phone.close()
        await self._tasks.end()


def main() -> None:
    """Serve until the input ends."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))
    sys.meta_path.insert(0, Unused(UNUSED))
    logging.disable(logging.CRITICAL)
    asyncio.run(serve(Worker()))


if __name__ == "__main__":
    main()
