"""Net device power: the input less what goes into the battery, over each reading of the gauge."""

from typing import Any

import pytest

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, DType, Kind, Quantity, Samples, Unit, block, code_struct, linear, reading
from melt_tui.detectors.net_power import NetPower
from melt_tui.events import Wired

S = 1_000_000_000
GAUGE = Channel(
    device="phone", name="battery power", quantity=Quantity.POWER, unit=Unit.WATT, dtype=DType.I32,
    decoding=linear(1e-3), point="battery-gauge", rate_hz=0.5,
)  # fmt: skip
USB = Channel(
    device="tc66", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0, point="usb-input"
)
OPENED = (
    ChannelsOpened(t_ns=0, device="phone", channels=(GAUGE,)),
    ChannelsOpened(t_ns=0, device="tc66", channels=(USB,)),
)
WIRED = Wired(t_ns=0, device="tc66", feeds="phone", point="usb-input")


def fed(*items: Item) -> list[Item]:
    transform = NetPower()
    return [found for item in items for found in transform.feed(item)]


def told(items: list[Item]) -> list[tuple[int, Any]]:
    return [
        (item.t0_ns, code_struct(item.dtype).unpack(item.codes)[0])
        for item in items
        if isinstance(item, Samples)
    ]


def usb(t_s: float, watts: float) -> Samples:
    """A second of it."""
    t_ns = round(t_s * S)
    return block(USB, t_ns, t_ns + 9 * S // 10, [watts] * 10)


def gauge(t_s: float, milliwatts: int) -> Samples:
    return reading(GAUGE, round(t_s * S), milliwatts)


def test_what_goes_into_the_battery_is_not_the_devices() -> None:
    inputs = [usb(t, 8.0 if t < 4 else 6.0) for t in range(8)]
    items = fed(
        *OPENED, WIRED, gauge(0.5, -5000), *inputs[:3], gauge(2.5, -5000), *inputs[3:], gauge(5, -1000)
    )
    opened = next(item for item in items if isinstance(item, ChannelsOpened))
    (channel,) = opened.channels
    assert (channel.device, channel.point, channel.kind) == ("phone", "net-device", Kind.INTERVAL_MEAN)
    assert "upper bound" in channel.provenance
    assert (channel.derived, channel.rate_hz) == (True, None)
    seen = (1.4 * 8.0 + 0.1 * 7.0 + 1.0 * 6.0) / 2.5
    assert told(items)[0] == (5 * S // 2, pytest.approx(8.0 - 5.0))
    assert told(items)[1] == (5 * S, pytest.approx(seen - 3.0))


def test_what_leaves_the_battery_is_added_and_readings_wait_for_the_input() -> None:
    items = fed(*OPENED, WIRED, usb(0, 2.0), gauge(0.2, 1500), gauge(2.2, 1500))
    assert told(items) == []
    items = fed(*OPENED, WIRED, usb(0, 2.0), gauge(0.2, 1500), gauge(2.2, 1500), usb(1, 2.0), usb(2, 2.0))
    assert told(items) == [(11 * S // 5, pytest.approx(3.5))]


@pytest.mark.parametrize("missing", ["wire", "input", "gauge"])
def test_without_both_there_is_none(missing: str) -> None:
    opened = [o for o in OPENED if (o.device == "tc66") != (missing == "input") or missing == "wire"]
    wires = [] if missing == "wire" else [WIRED]
    assert fed(*opened[: 1 if missing == "gauge" else 2], *wires) == []
    items: list[Item] = [usb(0, 2.0), usb(1, 2.0), usb(2, 2.0), gauge(0.2, 1500), gauge(2.2, 1500)]
    kept = [
        i
        for i in items
        if isinstance(i, Samples) and i.device != {"input": "tc66", "gauge": "phone"}.get(missing)
    ]
    assert fed(*OPENED, *wires, *kept) == []


def test_nothing_is_told_over_a_hole() -> None:
    first = [usb(0, 2.0), gauge(0.2, 1500), usb(3, 2.0), usb(4, 2.0)]
    assert told(fed(*OPENED, WIRED, *first, gauge(3.5, 1500), usb(5, 2.0))) == []
    far = [*(usb(t, 2.0) for t in range(60)), gauge(0.2, 1500), gauge(50.2, 1500), gauge(52.2, 1500)]
    assert [t for t, _ in told(fed(*OPENED, WIRED, *far))] == [round(52.2 * S)]
    two = Channel(
        device="um", name="p", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0, point="usb-input"
    )
    second = [
        ChannelsOpened(t_ns=0, device="um", channels=(two,)),
        Wired(t_ns=0, device="um", feeds="phone", point="usb-input"),
    ]
    fine = [usb(0, 2.0), gauge(0.2, 1500), usb(1, 2.0), usb(2, 2.0), gauge(2.2, 1500)]
    assert told(fed(*OPENED, WIRED, *fine))
    assert told(fed(*OPENED, WIRED, *second, *fine)) == []
