"""The battery service of a phone: which channels it has by what it tells."""

from drivers.clock import SECOND
from drivers.devices.android.batteries import BatteryService
from drivers.links.asking import Answer
from drivers.model import Samples

LEVEL = "  level: 80\n  scale: 100\n"
WHOLE = f"  status: 3\n{LEVEL}  voltage: 4100\n  temperature: 301\n@ current\n812500\n@ end\n"
UNTOLD = "the battery service does not tell it"


def names(service: BatteryService) -> set[str]:
    return {channel.name for channel in service.channels}


def test_a_service_that_tells_only_the_level() -> None:
    service = BatteryService("phone")
    missing = {one.what: one.reason for one in service.settle(f"{LEVEL}@ current\n\n@ end\n")}
    assert missing.pop("battery current")
    assert missing == dict.fromkeys(("battery voltage", "battery temperature", "charging"), UNTOLD)
    assert names(service) == {"battery level"}
    items = service.take(Answer(SECOND, SECOND, f"{LEVEL}@ current\n\n@ end\n"))
    assert [item.channel for item in items if isinstance(item, Samples)] == ["battery level"]


def test_what_is_told_later_is_opened_then() -> None:
    service = BatteryService("phone")
    service.settle(f"{LEVEL}@ current\n\n@ end\n")
    service.take(Answer(SECOND, SECOND, WHOLE))
    assert {"battery level", "battery voltage", "battery temperature", "charging"} <= names(service)


def test_a_service_that_tells_all() -> None:
    service = BatteryService("phone")
    assert service.settle(WHOLE) == ()
    assert len(service.channels) == 7
