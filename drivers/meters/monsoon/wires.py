"""How each type of Monsoon is told what to do, and asked who it is.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

import asyncio
from typing import Protocol

from drivers.errors import LinkTimeout, NotSupported, Refused
from drivers.foreign import printable
from drivers.links.base import ByteLink
from drivers.meters.monsoon import hvpm, lvpm
from drivers.meters.monsoon.protocol import Heard

TITLE = "Monsoon HVPM"
ANSWER_S = 2.0
STOP_S = 3.0
QUIET_S = 0.3
"""Nothing came for so long: it has stopped. Fast readers hand over every 0.1 s."""

_SHOWN = 40


class ControlLink(ByteLink, Protocol):
    """A link that also carries control transfers. They raise LinkLost, LinkTimeout."""

    async def control_in(self, request: int, value: int, index: int, length: int) -> bytes:
        """Ask by a vendor request."""
        ...

    async def control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        """Tell by a vendor request."""
        ...


class HvpmWire:
    """How a HVPM is told, and how its packets are read."""

    def __init__(self, link: ControlLink) -> None:
        self._link = link
        self._constants: dict[str, tuple[int, int]] = {}
        self.serial = self.firmware = 0
        self.limit_a = 0.0
        self.restart()

    async def introduce(self) -> None:
        """Ask who it is and for its calibration. Raises NotSupported for another type."""
        model = await self._setting(hvpm.HARDWARE)
        if model != hvpm.MODEL:
            raise NotSupported(
                f"this is no {TITLE}: it tells the model {model}",
                remedy="a white LVPM is opened over its serial port: serial:PATH?family=monsoon",
            )
        self.serial = await self._setting(hvpm.SERIAL)
        self.firmware = await self._setting(hvpm.FIRMWARE) & 0xFF
        self.limit_a = hvpm.limit_of(await self._setting(hvpm.LIMIT))
        for gain, (scale, offset) in hvpm.CONSTANTS.items():
            zero = await self._setting(offset) if offset is not None else 0
            self._constants[gain] = await self._setting(scale), zero - (zero >= 1 << 15) * (1 << 16)
        self.restart()

    async def begin(self) -> None:
        """Sample from now on. Raises LinkError."""
        await self._link.control_out(hvpm.BEGIN, hvpm.CALIBRATE_MS, 0, hvpm.FOR_EVER)

    async def end(self) -> None:
        """Sample no more. Raises LinkError."""
        await self._link.control_out(hvpm.END, 0, 0, b"")

    async def set_output(self, volts: float) -> None:
        """Supply this voltage; 0 cuts it. Raises Refused, LinkError."""
        dac_low, dac_high = await self._setting(hvpm.DAC_LOW), await self._setting(hvpm.DAC_HIGH)
        if volts and not hvpm.trusted(dac_low, dac_high):
            raise Refused(
                f"this {TITLE} left the factory with a wrong calibration of its voltage",
                remedy="calibrate its voltage with Monsoon's own program",
            )
        await self._link.control_out(hvpm.SETTING, *hvpm.written(hvpm.OUTPUT, hvpm.output(volts)))

    def feed(self, data: bytes) -> Heard:
        """Read what ``data`` completes."""
        return self._reader.feed(data)

    def restart(self) -> None:
        """What comes now does not follow on from what came before."""
        self._reader = hvpm.PacketReader(self._constants)

    async def _setting(self, operation: int) -> int:
        answer = await self._link.control_in(hvpm.SETTING, 0, operation, 4)
        return int.from_bytes(answer[:2], "little")


class LvpmWire:
    """How a LVPM is told, and how its frames are read."""

    def __init__(self, link: ByteLink) -> None:
        self._link = link
        self.restart()

    async def begin(self) -> None:
        """Sample from now on. Raises LinkError."""
        await self._link.write(lvpm.BEGIN)

    async def end(self) -> None:
        """Sample no more. Raises LinkError."""
        await self._link.write(lvpm.END)

    async def set_output(self, volts: float) -> None:
        """Supply this voltage; 0 cuts it. Raises Refused, LinkError."""
        await self._link.write(lvpm.output(volts))

    def feed(self, data: bytes) -> Heard:
        """Read what ``data`` completes."""
        return self._reader.feed(data)

    def restart(self) -> None:
        """What comes now does not follow on from what came before."""
        self._reader = lvpm.SampleReader()


async def status_of(link: ByteLink) -> lvpm.Status:
    """What a LVPM that was stopped tells about itself. Raises NotSupported for something else, LinkTimeout."""
    await _quiet(link)
    await link.write(lvpm.STATUS)
    cutter, said = lvpm.FrameCutter(), bytearray()
    try:
        async with asyncio.timeout(ANSWER_S):
            status = None
            while status is None:
                data = (await link.read())[1]
                said += data[:_SHOWN]
                told = (lvpm.read_status(body) for body in cutter.feed(data)[0])
                status = next((one for one in told if one is not None), None)
            return status
    except TimeoutError:
        raise (
            _other(bytes(said))
            if said
            else LinkTimeout(
                "the Monsoon does not answer",
                remedy="switch it on, and check that family=monsoon is what is plugged in",
            )
        ) from None


async def _quiet(link: ByteLink) -> None:
    """Return when nothing comes any more."""
    last = b""
    try:
        async with asyncio.timeout(STOP_S):
            while (data := await _soon(link)) is not None:
                last = data
    except TimeoutError:
        raise _other(last) from None


async def _soon(link: ByteLink) -> bytes | None:
    """What comes within ``QUIET_S``, if anything does."""
    try:
        async with asyncio.timeout(QUIET_S):
            return (await link.read())[1]
    except TimeoutError:
        return None


def _other(said: bytes) -> NotSupported:
    return NotSupported(
        f"this is no Monsoon: it says {printable(said[:_SHOWN].decode('latin-1'), _SHOWN)!r}",
        remedy="name the family of the meter that is plugged in",
    )
