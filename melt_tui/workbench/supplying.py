"""What a meter supplies: checked, asked about, set. Nothing is set without its limits being looked at again."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from drivers.base import Device
from drivers.clock import MILLISECOND, Clock
from drivers.errors import NotSupported, Refused
from drivers.model import DeviceKind, Quantity
from drivers.supply import Supplied, Supply, require_range
from drivers.ticks import ticks
from melt_tui.timeline import RunPhase, View
from melt_tui.workbench.devices import Devices
from melt_tui.workbench.supply import SupplyCheck, SupplyRequest

GAUGE = "battery-gauge"
GAUGE_S = 5.0
LOOK_NS = 100 * MILLISECOND
_ON = {True: "on", False: "off"}


@dataclass(frozen=True, slots=True)
class _Order:
    """A request with the meter that it is for."""

    request: SupplyRequest
    meter: Supply
    fed: str
    """The device that it feeds; empty where nobody has said."""

    @property
    def supplied(self) -> Supplied:
        return self.meter.supplied


class Supplying:
    """The meters of the session that supply. ``look`` tells what is known now."""

    def __init__(self, devices: Devices, clock: Clock, look: Callable[[], View]) -> None:
        self._devices = devices
        self._clock = clock
        self._look = look

    async def settle(self, request: SupplyRequest) -> None:
        """Give the device that a meter feeds some time to tell what its battery has, if it is opened here and gets more."""
        seen = self._look().devices.get(request.meter) if request.on is not False else None
        sampler = self._devices.samplers.get(seen.feeds) if seen else None
        if seen is None or sampler is None:
            return
        with suppress(TimeoutError, Refused):
            async with asyncio.timeout(GAUGE_S):
                await sampler.until_up()
                await self._gauge(seen.feeds)

    async def _gauge(self, fed: str) -> None:
        async for _ in ticks(self._clock, LOOK_NS):
            if battery_volts(self._look(), fed) is not None:
                return

    def check(self, request: SupplyRequest) -> SupplyCheck:
        """What to ask before it is done. Raises NotSupported for what can never be done, Refused."""
        order = self._order(request)
        return SupplyCheck(
            question=_question(order),
            warnings=tuple(self._warnings(order)),
            cuts=request.on is False,
            supplied=_told(order.supplied),
        )

    async def carry_out(self, request: SupplyRequest) -> None:
        """Do it: somebody has agreed. Raises NotSupported, Refused, LinkError."""
        order = self._order(request)
        if request.millivolts is not None:
            await order.meter.set_voltage(request.millivolts)
        if request.on is not None:
            await order.meter.switch(on=request.on)

    def _order(self, request: SupplyRequest) -> _Order:
        sampler = self._devices.sampler(request.meter)
        device: Device | None = sampler.device
        if device is None:
            raise Refused(f"{request.meter} is away", remedy="plug it in, and wait until it is up")
        if not isinstance(device, Supply):
            said = "only measures" if device.info.kind is DeviceKind.METER else "is no power meter"
            raise NotSupported(f"{request.meter} {said}", remedy="a PPK2 and a Monsoon can supply a device")
        if request.millivolts is not None:
            require_range(request.meter, device.supplied, request.millivolts)
        elif request.on is None:
            raise NotSupported(f"nothing was said of {request.meter}", remedy="state a voltage, on or off")
        elif request.on and device.supplied.set_mv is None:
            raise NotSupported(
                f"{request.meter} does not tell which voltage it is set to", remedy="state the voltage"
            )
        view = self._look().devices.get(request.meter)
        return _Order(request, device, view.feeds if view else "")

    def _warnings(self, order: _Order) -> Iterator[str]:
        view, fed = self._look(), order.fed
        run = view.runs.get(fed)
        if run is not None and run.phase is not RunPhase.ENDED:
            yield f"a run is in progress on {fed}"
        millivolts = _reaching(order)
        if millivolts is None:
            return
        battery = battery_volts(view, fed)
        if battery is None:
            yield f"{fed or 'the device'} tells no battery voltage to compare with"
        elif millivolts / 1000 > battery:
            yield f"{_volts(millivolts)} is above the {battery:.3g} V that {fed} tells of its battery"


def battery_volts(view: View, device: str) -> float | None:
    """What the device's own gauge says of its battery, last."""
    told = [
        view.readings[key].value
        for key, channel in view.channels.items()
        if channel.device == device
        and channel.quantity is Quantity.VOLTAGE
        and channel.point == GAUGE
        and key in view.readings
    ]
    return told[0] if told else None


def _reaching(order: _Order) -> int | None:
    """The voltage that the device gets from it; None for one that is cut."""
    if order.request.on is False:
        return None
    return order.request.millivolts or order.supplied.set_mv


def _question(order: _Order) -> str:
    request, fed = order.request, order.fed
    whom = fed or f"the device that {request.meter} feeds (which one is not told)"
    if request.on is False:
        return f"Cut the power of {whom}? {request.meter} supplies nothing from then on."
    volts = _volts(_reaching(order) or 0)
    if request.millivolts is None:
        return f"Switch {request.meter} on, so that {whom} gets {volts}?"
    return f"Supply {whom} with {volts} from {request.meter}?"


def _told(supplied: Supplied) -> str:
    """What is supplied, as far as the meter tells, and within which bounds another voltage can be set."""
    if not supplied.settable:
        return "Another supply gives the voltage" + (
            "." if supplied.on is None else f"; it is {_ON[supplied.on]}."
        )
    volts = "" if supplied.set_mv is None else f"set to {_volts(supplied.set_mv)}"
    switch = "" if supplied.on is None else _ON[supplied.on]
    now = ", ".join(filter(None, (switch, volts))) or "not told"
    return f"Now: {now}. It supplies {supplied.low_mv / 1000:g} to {_volts(supplied.high_mv)}."


def _volts(millivolts: int) -> str:
    return f"{millivolts / 1000:g} V"
