"""Getting to know the PPK2 at the other end of a link: it is stopped, and asked for its calibration."""

import asyncio

from drivers.errors import LinkTimeout, NotSupported
from drivers.foreign import printable
from drivers.links.base import ByteLink
from drivers.meters.ppk2.protocol import ASK, REPLY_LIMIT, STOP, Metadata, complete, parse_metadata

QUIET_S = 0.3
"""Nothing came for so long: it has stopped. Fast readers hand over every 0.1 s."""

STOP_S = 3.0
ANSWER_S = 2.0
_SHOWN = 40


async def introduce(
    link: ByteLink, *, quiet_s: float = QUIET_S, stop_s: float = STOP_S, answer_s: float = ANSWER_S
) -> Metadata:
    """What the PPK2 tells about itself; it does not measure afterwards, and what it supplies was not touched.

    Raises NotSupported for something that is no PPK2, LinkTimeout for silence, Garbled for a calibration that cannot be
    read, LinkLost.
    """
    await link.write(STOP)
    await _quiet(link, quiet_s, stop_s)
    await link.write(ASK)
    reply = bytearray()
    try:
        async with asyncio.timeout(answer_s):
            while not complete(bytes(reply)):
                reply += (await link.read())[1]
                del reply[:-REPLY_LIMIT]
    except TimeoutError:
        raise (
            _other(bytes(reply))
            if reply
            else LinkTimeout(
                "the PPK2 does not answer",
                remedy="switch it on, and check that family=ppk2 is what is plugged in",
            )
        ) from None
    return parse_metadata(bytes(reply))


async def _quiet(link: ByteLink, quiet_s: float, stop_s: float) -> None:
    """Return when nothing comes any more."""
    last = b""
    try:
        async with asyncio.timeout(stop_s):
            while (data := await _soon(link, quiet_s)) is not None:
                last = data
    except TimeoutError:
        raise _other(last) from None


async def _soon(link: ByteLink, within_s: float) -> bytes | None:
    """What comes within that time, if anything does."""
    try:
        async with asyncio.timeout(within_s):
            return (await link.read())[1]
    except TimeoutError:
        return None


def _other(said: bytes) -> NotSupported:
    return NotSupported(
        f"this is no PPK2: it says {printable(said[:_SHOWN].decode('latin-1'), _SHOWN)!r}",
        remedy="name the family of the meter that is plugged in",
    )
