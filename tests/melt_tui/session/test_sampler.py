"""The sampler opens, loses, waits and opens again."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.errors import LinkLost, Refused
from drivers.events import Absent, ChannelsOpened
from drivers.model import DeviceKind, Quantity, Samples, reading
from melt_tui.events import (
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    Wired,
)
from melt_tui.session.bus import Bus
from melt_tui.session.sampler import Sampler
from tests.rigs.session_parts import CHANNEL, INFO, Collected, ScriptedDevice, SteppedClock, opener, settle


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def bus(collected: Collected) -> Bus:
    return Bus((collected,))


async def test_sampler_says_up_channels_and_wiring_before_the_first_sample(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    sample = reading(CHANNEL, 1, 40.0)
    later = replace(CHANNEL, name="later")
    device = ScriptedDevice([sample, ChannelsOpened(t_ns=1, device="dev", channels=(later,))])
    sampler = Sampler("dev", "test:dev", opener(device), clock, wire=("phone", "battery-terminals"))
    task = asyncio.ensure_future(sampler.run(bus))
    await settle()
    assert [type(item) for item in collected.items] == [
        DeviceConnecting,
        DeviceUp,
        ChannelsOpened,
        Wired,
        Samples,
        ChannelsOpened,
    ]
    assert sampler.channels == (CHANNEL, later)
    assert collected.of(Wired) == [Wired(t_ns=0, device="dev", feeds="phone", point="battery-terminals")]
    assert sampler.device is device
    task.cancel()
    await asyncio.wait([task])
    assert device.closed


@pytest.mark.parametrize(
    ("kind", "quantity", "wire", "said"),
    [
        (DeviceKind.METER, Quantity.POWER, None, 1),
        (DeviceKind.METER, Quantity.ENERGY, None, 1),
        (DeviceKind.METER, Quantity.POWER, ("phone", "usb-input"), 0),
        (DeviceKind.METER, Quantity.AMBIENT_TEMPERATURE, None, 0),
        (DeviceKind.BOARD, Quantity.POWER, None, 0),
    ],
)
async def test_a_meter_of_no_device_is_remarked_on_once(
    kind: DeviceKind,
    quantity: Quantity,
    wire: tuple[str, str] | None,
    said: int,
    clock: SteppedClock,
    bus: Bus,
    collected: Collected,
) -> None:
    """Also after it was lost and came back."""
    about = {"info": replace(INFO, kind=kind), "channels": [replace(CHANNEL, quantity=quantity)]}
    first = ScriptedDevice(end=LinkLost("dev: the cable was pulled"), **about)  # type: ignore[arg-type]
    again = ScriptedDevice(**about)  # type: ignore[arg-type]
    task = asyncio.ensure_future(Sampler("dev", "test:dev", opener(first, again), clock, wire=wire).run(bus))
    await clock.run_until(20 * SECOND)
    task.cancel()
    await asyncio.wait([task])
    assert len(collected.of(DeviceUp)) == 2
    told = collected.of(Absent)
    assert len(told) == said
    for event in told:
        words = f"energy of a device: {event.reason}: {event.remedy}"
        assert words == (
            "energy of a device: which device this meter feeds is not told: add feeds=DEVICE and point=POINT to its"
            " address; of a recording, melt edit FILE --meter dev --feeds DEVICE --point POINT tells it"
        )


async def test_sampler_opens_a_lost_device_again_and_says_so_once(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    gone = LinkLost("dev: the cable was pulled")
    steps = (ScriptedDevice(end=gone), gone, gone, gone, ScriptedDevice())
    sampler = Sampler("dev", "test:dev", opener(*steps), clock)
    task = asyncio.ensure_future(sampler.run(bus))
    await clock.run_until(10 * SECOND)
    assert [lost.reason for lost in collected.of(DeviceLost)] == ["dev: the cable was pulled"]
    # A quarter, a half, one and two seconds after the loss: up again 3.75 s later.
    assert [up.t_ns for up in collected.of(DeviceUp)] == [0, 3750 * MILLISECOND]
    reasons = [event.reason for event in collected.of(DeviceConnecting)]
    assert reasons == ["", "dev: the cable was pulled"]
    task.cancel()


async def test_sampler_starts_its_delays_afresh_after_every_time_up(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    steps = [ScriptedDevice(end=LinkLost("gone")) for _ in range(4)]
    task = asyncio.ensure_future(Sampler("dev", "test:dev", opener(*steps, ScriptedDevice()), clock).run(bus))
    await clock.run_until(2 * SECOND)
    assert [up.t_ns // MILLISECOND for up in collected.of(DeviceUp)] == [0, 250, 500, 750, 1000]
    task.cancel()


async def test_sampler_gives_up_what_somebody_has_to_mend(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    refused = Refused("dev said no", remedy="accept the prompt on its screen")
    await Sampler("dev", "test:dev", opener(refused), clock).run(bus)
    assert collected.of(DeviceFailed) == [
        DeviceFailed(t_ns=0, device="dev", reason="dev said no", remedy="accept the prompt on its screen")
    ]


async def test_a_bug_in_one_driver_ends_that_device_with_a_sentence(
    clock: SteppedClock, bus: Bus, collected: Collected, caplog: pytest.LogCaptureFixture
) -> None:
    await Sampler("dev", "test:dev", opener(ScriptedDevice(end=ZeroDivisionError("x"))), clock).run(bus)
    (failed,) = collected.of(DeviceFailed)
    assert "bug of melt (ZeroDivisionError)" in failed.reason
    assert "Traceback" in caplog.text


async def test_a_stream_that_ends_is_a_lost_link(clock: SteppedClock, bus: Bus, collected: Collected) -> None:
    class Ending(ScriptedDevice):
        async def stream(self) -> AsyncGenerator[Item, None]:
            yield reading(CHANNEL, 1, 40.0)

    task = asyncio.ensure_future(Sampler("dev", "a", opener(Ending(), ScriptedDevice()), clock).run(bus))
    await clock.run_until(SECOND)
    assert len(collected.of(DeviceLost)) == 1
    assert len(collected.of(DeviceUp)) == 2
    task.cancel()


async def test_waiting_for_a_device_ends_when_it_is_up_or_given_up(clock: SteppedClock, bus: Bus) -> None:
    late = Sampler("dev", "a", opener(LinkLost("not yet"), ScriptedDevice()), clock)
    task = asyncio.ensure_future(late.run(bus))
    waiting = asyncio.ensure_future(late.until_up())
    await settle()
    assert not waiting.done()
    await clock.run_until(SECOND)
    await waiting
    task.cancel()
    refused = Sampler("dev", "a", opener(Refused("no", remedy="ask")), clock)
    await refused.run(bus)
    with pytest.raises(Refused, match="no: ask"):
        await refused.until_up()
