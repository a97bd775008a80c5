"""What a meter supplies: what is asked, what is refused, what reaches the meter."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drivers.errors import NotSupported, Refused
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, Unit
from drivers.supply import Supplied
from melt_tui.timeline import DeviceState, DeviceView, Reading, RunPhase, View
from melt_tui.workbench.devices import Devices
from melt_tui.workbench.supply import SupplyRequest
from melt_tui.workbench.supplying import Supplying
from tests.rigs.virtual_clock import VirtualClock

GAUGE = Channel(
    device="phone", name="battery voltage", quantity=Quantity.VOLTAGE, unit=Unit.VOLT, point="battery-gauge"
)


class Meter:
    """Notes what it is told."""

    def __init__(self, supplied: Supplied) -> None:
        self.info = DeviceInfo(device="ppk2", address="serial:x", kind=DeviceKind.METER)
        self.supplied = supplied
        self.told: list[Any] = []

    async def set_voltage(self, millivolts: int) -> None:
        self.told.append(millivolts)

    async def switch(self, *, on: bool) -> None:
        self.told.append(on)


class Lab:
    """A meter that feeds a phone, and a phone's battery."""

    def __init__(self, clock: VirtualClock) -> None:
        self.meter = Meter(Supplied(low_mv=800, high_mv=5000, set_mv=3700))
        known = {
            "ppk2": SimpleNamespace(device=self.meter),
            "phone": SimpleNamespace(
                device=SimpleNamespace(info=DeviceInfo(device="phone", address="x", kind=DeviceKind.PHONE))
            ),
            "gone": SimpleNamespace(device=None),
        }
        self.view = View(
            t_ns=0,
            devices={
                "ppk2": DeviceView(device="ppk2", state=DeviceState.UP, since_ns=0, feeds="phone"),
            },
            channels={GAUGE.key: GAUGE},
            readings={GAUGE.key: Reading(t_ns=0, value=3.85)},
        )
        devices = SimpleNamespace(samplers=known, sampler=lambda name: known[name])
        self.supplying = Supplying(cast("Devices", devices), clock, lambda: self.view)


@pytest.fixture
def lab(virtual_clock: VirtualClock) -> Lab:
    return Lab(virtual_clock)


def test_the_question_names_the_device_and_the_voltage(lab: Lab) -> None:
    check = lab.supplying.check
    asked = check(SupplyRequest(meter="ppk2", millivolts=3805))
    assert (asked.question, asked.warnings, asked.cuts) == ("Supply phone with 3.805 V from ppk2?", (), False)
    asked = check(SupplyRequest(meter="ppk2", millivolts=4200))
    assert asked.warnings == ("4.2 V is above the 3.85 V that phone tells of its battery",)
    asked = check(SupplyRequest(meter="ppk2", on=True))
    assert (asked.question, asked.warnings) == ("Switch ppk2 on, so that phone gets 3.7 V?", ())
    asked = check(SupplyRequest(meter="ppk2", on=False))
    assert asked.question == "Cut the power of phone? ppk2 supplies nothing from then on."
    assert asked.cuts


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"on": True}, "Now: on, set to 3.7 V. It supplies 0.8 to 5 V."),
        ({"on": False, "set_mv": None}, "Now: off. It supplies 0.8 to 5 V."),
        ({}, "Now: set to 3.7 V. It supplies 0.8 to 5 V."),
        ({"set_mv": None}, "Now: not told. It supplies 0.8 to 5 V."),
        ({"settable": False, "on": True}, "Another supply gives the voltage; it is on."),
        ({"settable": False}, "Another supply gives the voltage."),
    ],
)
def test_what_it_supplies_now_and_can_is_told_before(lab: Lab, told: dict[str, Any], sentence: str) -> None:
    lab.meter.supplied = replace(lab.meter.supplied, **told)
    assert lab.supplying.check(SupplyRequest(meter="ppk2", on=False)).supplied == sentence


def test_what_is_not_known_is_said(lab: Lab) -> None:
    running = cast("Any", SimpleNamespace(phase=RunPhase.DECODE))
    lab.view = replace(lab.view, readings={}, runs={"phone": running})
    asked = lab.supplying.check(SupplyRequest(meter="ppk2", on=False))
    assert asked.warnings == ("a run is in progress on phone",)
    lab.view = replace(lab.view, devices={}, runs={})
    asked = lab.supplying.check(SupplyRequest(meter="ppk2", millivolts=4000))
    assert asked.question.startswith("Supply the device that ppk2 feeds (which one is not told) with 4 V")
    assert asked.warnings == ("the device tells no battery voltage to compare with",)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            SupplyRequest(meter="ppk2", millivolts=5001),
            r"ppk2 cannot supply 5\.001 V: it supplies 0\.8 to 5 V",
        ),
        (SupplyRequest(meter="ppk2", millivolts=0), "cannot supply 0 V"),
        (SupplyRequest(meter="ppk2"), "state a voltage, on or off"),
        (SupplyRequest(meter="phone", on=False), "phone is no power meter: a PPK2 and a Monsoon can"),
    ],
)
async def test_what_cannot_be_is_refused_and_reaches_nobody(
    lab: Lab, request_: SupplyRequest, sentence: str
) -> None:
    with pytest.raises(NotSupported, match=sentence):
        lab.supplying.check(request_)
    with pytest.raises(NotSupported, match=sentence):
        await lab.supplying.carry_out(request_)
    assert lab.meter.told == []


async def test_what_depends_on_the_meter_is_refused(lab: Lab) -> None:
    with pytest.raises(Refused, match="gone is away"):
        lab.supplying.check(SupplyRequest(meter="gone", on=False))
    lab.meter.supplied = replace(lab.meter.supplied, set_mv=None, settable=False)
    with pytest.raises(NotSupported, match="measures what another supply gives"):
        lab.supplying.check(SupplyRequest(meter="ppk2", millivolts=4000))
    with pytest.raises(NotSupported, match="does not tell which voltage"):
        lab.supplying.check(SupplyRequest(meter="ppk2", on=True))


async def test_it_is_carried_out(lab: Lab) -> None:
    await lab.supplying.carry_out(SupplyRequest(meter="ppk2", millivolts=3800, on=True))
    await lab.supplying.carry_out(SupplyRequest(meter="ppk2", on=False))
    assert lab.meter.told == [3800, True, False]
