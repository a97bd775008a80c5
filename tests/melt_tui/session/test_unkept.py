"""Which gaps of a device stay although it kept the rest."""

from dataclasses import replace

from drivers.events import ChannelsOpened
from drivers.model import Channel, Quantity, Unit
from melt_tui.session.unkept import Unkept

RSS = Channel(device="p", name="rss", quantity=Quantity.RSS, unit=Unit.BYTES)
GPU = replace(RSS, name="gpu frequency", quantity=Quantity.FREQUENCY, unit=Unit.HERTZ)
ZONE = replace(RSS, name="zone battery", quantity=Quantity.BATTERY_TEMPERATURE, unit=Unit.CELSIUS)
SENSOR = replace(ZONE, name="battery")
CPU = replace(RSS, name="cpu", quantity=Quantity.CPU_USE, unit=Unit.PERCENT)
CORES = tuple(replace(ZONE, name=name) for name in ("zone cpu-0", "zone cpu-0 2"))


def opened(*channels: Channel) -> ChannelsOpened:
    return ChannelsOpened(t_ns=1, device="p", channels=channels)


def kept(channel: Channel, *fills: str) -> Channel:
    return replace(channel, name=f"kept {channel.name}", fills=fills)


def test_what_nothing_fills_is_told_once() -> None:
    unkept = Unkept()
    assert unkept.take(opened(GPU), [RSS, GPU]) == (), "a run's own channels say nothing of what was kept"
    assert unkept.take(opened(kept(RSS, "rss")), [RSS, GPU, CPU]) == ("gpu frequency", "cpu")
    assert unkept.take(opened(kept(ZONE, "zone battery")), [RSS, GPU, CPU, SENSOR]) == ("battery",)
    assert unkept.take(opened(kept(CPU, "cpu")), [RSS, GPU, CPU, SENSOR]) == ()


def test_one_sensor_fills_one_channel_of_its_unit() -> None:
    one = kept(ZONE, "zone battery", "battery")
    assert Unkept().take(opened(one), [ZONE, SENSOR]) == ("battery",), "the first alone"
    assert Unkept().take(opened(one), [SENSOR]) == ()
    assert Unkept().take(opened(replace(one, fills=("cpu",))), [CPU]) == ("cpu",), "°C are no percent"


def test_several_sensors_of_one_name_are_kept_without_knowing_which_is_which() -> None:
    both = [replace(ZONE, name=name) for name in ("kept cpu-0", "kept cpu-0 2")]
    assert Unkept().take(opened(*both), [*CORES, GPU]) == ("gpu frequency",)
