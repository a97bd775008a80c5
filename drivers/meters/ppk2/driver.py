"""Opens a PPK2 over any link of bytes: ``serial:PATH?family=ppk2&mode=source&point=battery-terminals``.

Opening changes nothing at its terminals but the mode, and that only when the address names another one. This module
imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass

from drivers.address import Address, parse
from drivers.base import Device
from drivers.clock import Clock
from drivers.errors import LinkError, NotSupported
from drivers.links.base import ByteLink
from drivers.meters.ppk2.introduction import introduce
from drivers.meters.ppk2.meter import Ppk2Meter, Setup
from drivers.meters.ppk2.protocol import HIGHEST_MV, LOWEST_MV, STOP, Metadata, Mode, set_mode
from drivers.model import DeviceInfo, DeviceKind, Found

Connect = Callable[[Address, Clock], AbstractAsyncContextManager[ByteLink]]
"""Opens the link that an address names. Raises AskUser or LinkError."""

OPTIONS = ("name", "family", "feeds", "point", "mode", "voltage", "filter", "logic")
MODES = {"source": Mode.SOURCE, "ampere": Mode.AMPERE}
POINT = "battery-terminals"


class Ppk2Driver:
    """Driver of PPK2s. Which link leads to one is said by who makes the driver, and what ports look like one."""

    def __init__(self, connect: Connect, *, found: Sequence[Found] = ()) -> None:
        self._connect = connect
        self._found = found

    async def scan(self) -> Sequence[Found]:
        """What its maker knows to be there."""
        return self._found

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        """Open it; see ``read_stated`` for the options. Raises NotSupported, Garbled, LinkError."""
        return self._open(address, name, clock)

    @asynccontextmanager
    async def _open(self, text: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        address = parse(text).only(OPTIONS)
        stated = read_stated(address)
        async with self._connect(address, clock) as link:
            told = await introduce(link)
            setup = completed(stated, address, told)
            if setup.mode is not told.mode:
                await link.write(set_mode(setup.mode))
            try:
                yield Ppk2Meter(_info(name, address, told, setup), told, setup, link, clock)
            finally:
                with suppress(LinkError):
                    await link.write(STOP)


@dataclass(frozen=True, slots=True)
class Stated:
    """What an address says of how to measure; None and 0 where it leaves that to the meter."""

    mode: Mode | None
    supply_mv: int
    point: str
    filtered: bool
    logic: bool


def read_stated(address: Address) -> Stated:
    """How to measure: ``mode=source|ampere`` (as it stands, if not stated), ``voltage`` in millivolts (of the supply of
    others in ampere mode; in source mode the PPK2 tells its own), ``point``, ``filter=on|off``, ``logic=on|off``.

    Raises NotSupported for what no PPK2 could do, naming what is missing.
    """
    word = address.options.get("mode")
    if word is not None and word not in MODES:
        raise _unsaid(address)
    mode = None if word is None else MODES[word]
    supply_mv = address.whole("voltage", 0, LOWEST_MV, HIGHEST_MV)
    if mode is Mode.AMPERE and not supply_mv:
        raise _unpowered(address)
    return Stated(
        mode, supply_mv, address.point(POINT), _switch(address, "filter"), _switch(address, "logic")
    )


def completed(stated: Stated, address: Address, told: Metadata) -> Setup:
    """With what the meter tells of itself. Raises NotSupported where the two do not agree, or leave something open."""
    mode = stated.mode or told.mode
    if mode is None:
        raise _unsaid(address)
    return Setup(
        mode=mode,
        supply_mv=_supply(stated.supply_mv, address, told, mode),
        point=stated.point,
        filtered=stated.filtered,
        logic=stated.logic,
    )


def _supply(stated: int, address: Address, told: Metadata, mode: Mode) -> int:
    """In source mode what the meter tells counts: the address cannot change it."""
    own = told.supply_mv if mode is Mode.SOURCE else None
    if own and stated and own != stated:
        raise NotSupported(
            f"{address.base} supplies {own} mV, not {stated} mV",
            remedy="leave &voltage out of the address, and set it when the device is open",
        )
    if not (own or stated):
        raise _unpowered(address)
    return own or stated


def _unsaid(address: Address) -> NotSupported:
    return NotSupported(
        f"{address.base} does not say who supplies the device",
        remedy="state &mode=source where the PPK2 does, &mode=ampere where another supply does",
    )


def _unpowered(address: Address) -> NotSupported:
    return NotSupported(
        f"{address.base}: the voltage of the supply is not known",
        remedy="state it as &voltage=MILLIVOLTS",
    )


def _switch(address: Address, option: str) -> bool:
    word = address.text(option, "on")
    if word not in {"on", "off"}:
        raise NotSupported(f"{address.base}: {option}={word} is unknown", remedy="it is on or off")
    return word == "on"


def _info(name: str, address: Address, told: Metadata, setup: Setup) -> DeviceInfo:
    source = setup.mode is Mode.SOURCE
    return DeviceInfo(
        device=name,
        address=address.base,
        kind=DeviceKind.METER,
        model="Nordic PPK2",
        facts=(
            ("mode", "source meter" if source else "ampere meter"),
            ("supply", f"{setup.supply_mv} mV, {'its own' if source else 'as stated'}"),
            ("reference point", setup.point),
            ("hardware", told.hardware),
            ("spike filter", "on" if setup.filtered else "off"),
        ),
    )
