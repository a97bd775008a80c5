"""What conditions speak of: the device's sensors, and those of the meters that feed it."""

import gc
from dataclasses import replace

import pytest

from drivers.clock import SECOND
from drivers.errors import NotSupported
from drivers.events import ChannelsOpened
from drivers.model import Channel, Quantity, Unit, block, reading
from melt_tui.events import Wired
from melt_tui.measures.conditions import Comparison, parse
from melt_tui.session.bus import Bus
from melt_tui.session.sensing import Sensing
from tests.rigs.session_parts import CHANNEL, SteppedClock

SKIN = Channel(device="scale", name="skinC", quantity=Quantity.SKIN_TEMPERATURE, unit=Unit.CELSIUS)
SOC = Comparison("soc", "<=", 40.0)


def opened(clock: SteppedClock, *channels: Channel) -> tuple[Sensing, Bus]:
    sensing = Sensing(clock)
    bus = Bus((), (sensing,))
    for channel in channels:
        bus.publish(ChannelsOpened(t_ns=0, device=channel.device, channels=(channel,)))
    return sensing, bus


def test_a_sensor_that_the_device_has_not_is_refused_with_those_it_has() -> None:
    sensing, bus = opened(SteppedClock(), CHANNEL, SKIN)
    with pytest.raises(NotSupported) as refused:
        sensing.probe("dev", parse("soc<=40 and skin<=30"))
    assert str(refused.value) == "dev has no sensor “skin”: it has soc"
    bus.publish(Wired(t_ns=0, device="scale", feeds="dev", point="usb-input"))
    assert sensing.probe("dev", parse("soc<=40 and skin<=30")).holds() is None


def test_values_are_decoded_and_what_is_no_number_is_no_value() -> None:
    clock = SteppedClock()
    sensing, bus = opened(clock, CHANNEL)
    bus.publish(block(CHANNEL, 0, 1, [41.0, 39.0]))
    probe = sensing.probe("dev", SOC)
    assert (probe.value(SOC), probe.holds()) == (39.0, True)
    clock.t_ns = 9 * SECOND
    bus.publish(reading(CHANNEL, 2, float("nan")))
    assert probe.value(SOC) == 39.0
    clock.t_ns = 10 * SECOND + 1
    assert (probe.value(SOC), probe.holds()) == (None, None)
    assert probe.silent() == ("soc", 10.000000001)
    (sensed,) = probe.sensed()
    assert (sensed.what, sensed.unit, sensed.value, sensed.wanted) == ("soc", "°C", None, "<=40")


def test_a_slow_sensor_is_not_missed_so_soon() -> None:
    clock = SteppedClock()
    sensing, _ = opened(clock, replace(CHANNEL, rate_hz=0.2))
    probe = sensing.probe("dev", SOC)
    clock.t_ns = 25 * SECOND
    assert probe.silent() is None
    clock.t_ns = 26 * SECOND
    assert probe.silent() == ("soc", 26.0)


def test_the_past_is_kept_while_somebody_asks_for_it_and_no_longer() -> None:
    clock = SteppedClock()
    sensing, bus = opened(clock, CHANNEL)
    slope = parse("slope<1/300s")
    assert isinstance(slope, Comparison)
    probe = sensing.probe("dev", slope)
    for second in range(400):
        clock.t_ns = second * SECOND
        bus.publish(block(CHANNEL, 0, 1, [40 + second * 0.01, 40 + second * 0.01]))
    assert probe.value(slope) == pytest.approx(3.0)
    assert 300 <= len(probe.points(slope)) <= 304
    again = sensing.probe("dev", slope)
    assert again.value(slope) == pytest.approx(3.0)
    del probe, again
    gc.collect()
    assert sensing.probe("dev", slope).value(slope) is None
    assert sensing.probe("dev", SOC).value(SOC) == pytest.approx(43.99)
    clock.t_ns += 11 * SECOND
    assert sensing.probe("dev", SOC).value(SOC) is None
