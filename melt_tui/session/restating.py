"""What a device is like now, where that may be other than when it was opened."""

import asyncio

from drivers.base import Restating
from drivers.errors import DriverError

LIMIT_S = 5.0
"""A device that takes longer has its run begin without."""


async def restated(device: object) -> tuple[tuple[str, str], ...]:
    """Its facts as they are now; none where it does not tell them anew."""
    if not isinstance(device, Restating):
        return ()
    try:
        async with asyncio.timeout(LIMIT_S):
            return await device.restated()
    except (DriverError, TimeoutError):
        return ()
