"""What a summary says of meters."""

from pathlib import Path

from drivers.accuracy import Accuracy
from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, SamplesLost, SupplySet
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, Unit, reading
from melt_tui.analysis.summary import of_file, text_of_file
from melt_tui.events import SELF, DeviceUp, SessionStarted, Wired
from tests.rigs.written import write

POWER = Channel(
    device="tc66", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0, point="usb-input",
    accuracy=Accuracy(0.0019, 0.0012),
)  # fmt: skip
RAIL = Channel(
    device="tc66", name="other", quantity=Quantity.POWER, unit=Unit.WATT, point="rail:VDD", kind=POWER.kind
)
LIVE = Channel(device="tc66", name="net", quantity=Quantity.POWER, unit=Unit.WATT, derived=True)


def session() -> list[Item]:
    s, info = (
        SECOND,
        DeviceInfo(device="tc66", address="serial:x", kind=DeviceKind.METER, model="RDTech TC66"),
    )
    lost = {"device": "tc66", "channel": "damaged frames", "reason": "damaged frames"}
    return [
        SessionStarted(t_ns=s, device=SELF, wall_ns=s, name="n", version="1", host="h", settings=()),
        DeviceUp(t_ns=s, device="tc66", info=info),
        ChannelsOpened(t_ns=s, device="tc66", channels=(POWER, RAIL, LIVE)),
        Wired(t_ns=s, device="tc66", feeds="pixel-8", point="usb-input"),
        reading(POWER, 2 * s, 1.5),
        SamplesLost(t_ns=2 * s, count=2, **lost),
        SamplesLost(t_ns=3 * s, count=5, **lost),
        SamplesLost(t_ns=3 * s, device="tc66", channel="power", count=None, reason="not received"),
        SupplySet(t_ns=3 * s, device="tc66", volts=4.2, on=True),
        reading(POWER, 4 * s, 1.5),
    ]


def test_what_a_meter_feeds_how_true_it_is_and_what_it_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(), size=4)
    (device,) = of_file(path)["devices"]
    assert device["feeds"] == "pixel-8"
    assert [(one["channel"], one["point"], one["accuracy_gain"]) for one in device["powers"]] == [
        ("power", "usb-input", 0.0019),
        ("other", "rail:VDD", None),
    ]
    assert device["losses"] == (
        {"what": "damaged frames", "count": 7},
        {"what": "samples of power (not received)", "count": None},
    )
    told = text_of_file(path)
    assert "power of pixel-8 at usb-input, ± (0.19 % + 1.20 mW)" in told
    assert "other of pixel-8 at rail:VDD, accuracy not stated" in told
    assert "lost: 7 damaged frames" in told


def test_an_order_to_a_supply_is_told_in_words() -> None:
    said = [
        SupplySet(t_ns=0, device="m", volts=v, on=on).said
        for v, on in ((4.2, None), (None, True), (None, False))
    ]
    assert said == ["supplies 4.2 V", "output switched on", "output cut"]
