"""Both types at their real rate: a HVPM behind an injected USB end, a LVPM on a pty in a process of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.address import Address
from drivers.base import Item
from drivers.clock import Clock, SystemClock
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.events import LimitEngaged, SamplesLost, SupplySet
from drivers.links.base import ByteLink
from drivers.links.fastserial import fast_serial
from drivers.links.serialport import Settings
from drivers.links.usb import UsbLink
from drivers.meters.monsoon.driver import HvpmDriver, LvpmDriver
from drivers.meters.monsoon.meter import MonsoonMeter
from drivers.meters.monsoon.wires import ControlLink
from drivers.model import DeviceKind, Samples
from melt_tui.timeline.columns import values_of
from tests.rigs.meters.currents import constant, square
from tests.rigs.meters.monsoon_rig import RATE_HZ, VOLTS, Hvpm
from tests.rigs.meters.pty_end import Started, started

RIG = "tests.rigs.meters.monsoon_rig"


@asynccontextmanager
async def port(address: Address, clock: Clock) -> AsyncIterator[ByteLink]:
    async with fast_serial(Settings(address.target), clock) as link:
        yield link


def usb(end: Hvpm) -> HvpmDriver:
    @asynccontextmanager
    async def connect(address: Address, clock: Clock) -> AsyncIterator[ControlLink]:
        assert address.target == "20731"
        link = UsbLink(end, clock)
        try:
            yield link
        finally:
            link.stop()
            end.close()

    return HvpmDriver(connect, lambda: ["20731", "4"])


class Taken:
    """What was measured, until enough was."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.power = 0
        self.meter: MonsoonMeter | None = None

    def take(self, item: Item) -> None:
        self.items.append(item)
        if isinstance(item, Samples) and item.channel == "power":
            self.power += item.n

    @property
    def lost(self) -> int:
        return sum(
            i.count or 0 for i in self.items if isinstance(i, SamplesLost) and i.channel == "lost samples"
        )

    def blocks(self, name: str) -> list[Samples]:
        return [item for item in self.items if isinstance(item, Samples) and item.channel == name]

    def values(self, name: str) -> NDArray[np.float64]:
        assert self.meter is not None
        channel = next(channel for channel in self.meter.channels if channel.name == name)
        return np.concatenate([values_of(b.codes, b.dtype, channel.decoding) for b in self.blocks(name)])


def nothing(taken: Taken) -> None:
    """Let it be."""


async def measure(
    driver: HvpmDriver | LvpmDriver, address: str, samples: int, during: Callable[[Taken], None] = nothing
) -> Taken:
    taken = Taken()
    async with driver.open(address, "m", SystemClock()) as device:
        assert isinstance(device, MonsoonMeter)
        taken.meter = device
        async for item in device.stream():
            taken.take(item)
            during(taken)
            if taken.power >= samples:
                break
    return taken


def once(when: int, act: Callable[[], object]) -> Callable[[Taken], None]:
    """Do something when so many samples are there."""
    due = [act]

    def during(taken: Taken) -> None:
        if due and taken.power >= when:
            due.pop()()

    return during


async def test_the_energy_of_a_square_wave_by_a_hvpm() -> None:
    current = square(0.3, 1.5, 0.05)
    end = Hvpm(current)
    taken = await measure(usb(end), "monsoon:20731?rails=main,usb,aux", RATE_HZ)
    watts = taken.values("power")
    first = 10
    truth = current(np.arange(first, first + len(watts)), RATE_HZ) * VOLTS
    assert watts.sum() == pytest.approx(truth.sum(), rel=1e-3)
    assert taken.values("main voltage").mean() == pytest.approx(VOLTS, abs=2e-4)
    assert taken.values("usb current").mean() == pytest.approx(0.1, abs=1e-4)
    assert taken.values("usb power").mean() == pytest.approx(0.51, abs=1e-3)
    assert taken.values("aux current").mean() == pytest.approx(0.02, abs=1e-4)
    assert taken.lost == 0
    assert not end.sampling, "it was told to stop"
    assert end.closed
    assert [request for request, *_ in end.told] == [3, 2, 3], "its output was not touched"
    assert taken.meter is not None
    info = taken.meter.info
    assert (info.kind, info.model) == (DeviceKind.METER, "Monsoon HVPM")
    assert dict(info.facts)["serial number"] == "20731"
    by_name = {channel.name: channel for channel in taken.meter.channels}
    assert by_name["power"].point == "battery-terminals"
    assert by_name["main current"].limit == pytest.approx(6.508, abs=0.01)


async def test_what_a_hvpm_drops_is_counted() -> None:
    end = Hvpm(constant(0.5))
    taken = await measure(usb(end), "monsoon:20731", 7000, once(1000, lambda: end.drop(45)))
    assert taken.lost == 45
    assert taken.values("power").mean() == pytest.approx(0.5 * VOLTS, rel=1e-3)


async def test_its_output_is_set_and_cut() -> None:
    """It takes no setting while it samples: sampling pauses, and nothing of that counts as lost."""
    end = Hvpm(constant(0.5))
    taken = Taken()
    async with usb(end).open("monsoon:20731?point=board-input", "m", SystemClock()) as device:
        assert isinstance(device, MonsoonMeter)
        taken.meter = device
        changes = [lambda: device.set_voltage(4200), lambda: device.switch(on=False)]
        with pytest.raises(NotSupported, match="does not tell which voltage it is set to"):
            await device.switch(on=True)
        async for item in device.stream():
            taken.take(item)
            if changes and taken.power >= 1000 * (3 - len(changes)):
                await changes.pop(0)()
            if taken.power >= 3000:
                break
        with pytest.raises(NotSupported, match=r"0\.8 to 13\.5 V"):
            await device.set_voltage(14_000)
        assert (device.supplied.set_mv, device.supplied.on) == (4200, False)
        await device.switch(on=True)
    outputs = [(value, index, data) for request, value, index, data in end.told if request == 1]
    assert [int.from_bytes(data, "little") for _, _, data in outputs] == [4404019, 0, 4404019]
    said = [(item.volts, item.on) for item in taken.items if isinstance(item, SupplySet)]
    assert said == [(4.2, True), (None, False)]
    assert taken.values("output").tolist() == [4.2, 0.0]
    assert taken.lost == 0


async def test_a_hvpm_whose_voltage_cannot_be_trusted_is_not_set() -> None:
    end = Hvpm(constant(0.5))
    end.settings[0x89] = 0xFFFF
    async with usb(end).open("monsoon:20731", "m", SystemClock()) as device:
        assert isinstance(device, MonsoonMeter)
        with pytest.raises(Refused, match="wrong calibration"):
            await device.set_voltage(4000)
        await device.switch(on=False)


async def test_a_hvpm_that_cuts_its_output_says_so() -> None:
    end = Hvpm(constant(0.5))

    def overload() -> None:
        end.flags = 0x10

    taken = await measure(usb(end), "monsoon:20731", 2500, once(500, overload))
    assert [item.limit for item in taken.items if isinstance(item, LimitEngaged)] == ["output"]


async def test_an_lvpm_on_usb_is_no_hvpm() -> None:
    with pytest.raises(NotSupported, match="no Monsoon HVPM"):
        await measure(usb(Hvpm(constant(0.5), model=1)), "monsoon:20731", 1)


async def test_a_hvpm_that_is_unplugged_or_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "drivers.meters.monsoon.meter.MonsoonMeter.__init__.__kwdefaults__", {"silent_s": 0.4}
    )
    gone = Hvpm(constant(0.5))
    with pytest.raises(LinkLost, match="the Monsoon is gone"):
        await measure(
            usb(gone), "monsoon:20731", 1 << 30, once(500, lambda: setattr(gone, "unplugged", True))
        )
    hushed = Hvpm(constant(0.5))
    with pytest.raises(LinkTimeout, match=r"sent nothing for 0\.4 s"):
        await measure(
            usb(hushed), "monsoon:20731", 1 << 30, once(500, lambda: setattr(hushed, "silent", True))
        )


async def test_those_that_are_plugged_in_are_found() -> None:
    found = await usb(Hvpm(constant(0.5))).scan()
    assert [(one.address, one.title) for one in found] == [
        ("monsoon:20731", "Monsoon HVPM 20731"),
        ("monsoon:4", "Monsoon HVPM 4"),
    ]


@pytest.mark.parametrize("options", ["rails=main,bus", "rails=main,main", "columns=V"])
async def test_what_cannot_be_is_refused(options: str) -> None:
    with pytest.raises(NotSupported, match=r"rails|option"):
        await measure(usb(Hvpm(constant(0.5))), f"monsoon:20731?{options}", 1)


def on(rig: Started) -> str:
    return f"serial:{rig.port}"


async def test_the_energy_of_a_square_wave_by_an_lvpm() -> None:
    with started(RIG, "--current", "square:0.3:1.5:0.05") as rig:
        taken = await measure(LvpmDriver(port), on(rig) + "?rails=main,usb", RATE_HZ)
        truth = rig.truth()
    watts = taken.values("power")
    amperes = square(0.3, 1.5, 0.05)(np.arange(len(watts)), RATE_HZ)
    assert watts.sum() == pytest.approx((amperes * VOLTS).sum(), rel=1e-3)
    assert taken.values("usb current").mean() == pytest.approx(0.01, abs=1e-5)
    assert taken.values("output").tolist() == [3.9]
    assert (taken.lost, truth["overflowed"], truth["sampling"], truth["output"]) == (0, 0, False, 190)
    assert taken.meter is not None
    assert taken.meter.info.model == "Monsoon LVPM"


async def test_every_frame_that_is_lost_is_counted() -> None:
    orders = ["drop 3", "half", "drop 1", "garbage 30"]
    with started(RIG, "--current", "constant:0.8") as rig:

        def disturb(taken: Taken) -> None:
            if orders and taken.power >= 1000 * (5 - len(orders)):
                rig.order(orders.pop(0))

        taken = await measure(LvpmDriver(port), on(rig), 11_000, disturb)
        truth = rig.truth()
    assert truth["dropped"] == 5 * 5
    assert 25 <= taken.lost <= 35, "garbage may cost the frame behind it"
    assert taken.values("power").mean() == pytest.approx(0.8 * VOLTS, rel=1e-3)
    assert taken.blocks("damaged frames")[-1].last_code >= 1


async def test_an_lvpm_is_set() -> None:
    with started(RIG, "--current", "constant:0.8") as rig:
        async with LvpmDriver(port).open(on(rig), "m", SystemClock()) as device:
            assert isinstance(device, MonsoonMeter)
            await device.set_voltage(4200)
            with pytest.raises(NotSupported, match=r"2\.01 to 4\.55 V"):
                await device.set_voltage(5000)
        assert rig.truth()["output"] == 220


async def test_an_lvpm_that_is_unplugged() -> None:
    with started(RIG) as rig, pytest.raises(LinkLost):
        await measure(LvpmDriver(port), on(rig), 1 << 30, once(1000, lambda: rig.order("unplug")))


async def test_an_lvpm_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.meters.monsoon.wires.ANSWER_S", 0.3)
    with started(RIG) as rig:
        rig.order("silence 10")
        with pytest.raises(LinkTimeout, match="does not answer"):
            await measure(LvpmDriver(port), on(rig), 1)


async def test_another_meter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.meters.monsoon.wires.STOP_S", 0.5)
    sentence = r"no Monsoon: it says .*3\.9,0\.5"
    with started("tests.rigs.meters.line_rig") as rig, pytest.raises(NotSupported, match=sentence):
        await measure(LvpmDriver(port), on(rig), 1)
