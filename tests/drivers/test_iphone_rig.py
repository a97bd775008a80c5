"""The rig of iPhones before an independent client: Debian's libimobiledevice-utils (apt-get install libimobiledevice-utils)."""

import plistlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rigs.iphone.power import AT_REST
from tests.rigs.iphone.rig import Rig, iphones


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with iphones(
        {"name": "Ada’s iPhone", "ios": "17.6.1", "battery": {"CurrentCapacity": 63, "Voltage": 4012}},
        {"name": "Ada’s iPhone", "paired": False, "unsigned": True},
    ) as found:
        yield found


def ask(rig: Rig, number: int, tool: str, *words: str) -> str:
    """What one of the tools says of a phone, both streams."""
    udid = rig.cue("phones")[number - 1]
    program = shutil.which(tool)
    assert program, "apt-get install libimobiledevice-utils"
    run = subprocess.run(
        [program, "-u", udid, *words], env=rig.env, capture_output=True, text=True, timeout=20
    )
    return (run.stdout + run.stderr).strip()


def values(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def registry(rig: Rig, number: int) -> dict[str, Any]:
    found = plistlib.loads(ask(rig, number, "idevicediagnostics", "ioregentry", "AppleSmartBattery").encode())
    assert isinstance(found["IORegistry"], dict)
    return found["IORegistry"]


def test_libimobiledevice_reads_the_same_phone(rig: Rig) -> None:
    listed = subprocess.run(["idevice_id", "-l"], env=rig.env, capture_output=True, text=True, timeout=20)
    assert listed.stdout.split() == rig.cue("phones")
    told = values(ask(rig, 1, "ideviceinfo"))
    assert (told["DeviceName"], told["ProductVersion"]) == ("Ada’s iPhone", "17.6.1")
    assert (told["ProductType"], told["UniqueDeviceID"]) == ("iPhone14,5", rig.cue("phones")[0])
    gauge = values(ask(rig, 1, "ideviceinfo", "-q", "com.apple.mobile.battery"))
    assert gauge["BatteryCurrentCapacity"] == "63"
    found = registry(rig, 1)
    found.pop("UpdateTime")
    assert found == {**AT_REST, "CurrentCapacity": 63, "Voltage": 4012}


def test_it_pairs_and_reads_a_current_without_its_sign(rig: Rig) -> None:
    rig.cue("trust", 2, "pending")
    assert "accept the trust dialog" in ask(rig, 2, "idevicepair", "pair")
    rig.cue("trust", 2, "refused")
    assert "user denied" in ask(rig, 2, "idevicepair", "pair")
    rig.cue("trust", 2, "given")
    rig.cue("set", 2, {"locked": True})
    assert "passcode" in ask(rig, 2, "idevicepair", "pair")
    rig.cue("set", 2, {"locked": False})
    assert "SUCCESS" in ask(rig, 2, "idevicepair", "pair")
    assert registry(rig, 2)["InstantAmperage"] == 2**64 - 742


def test_a_phone_that_forgot_this_computer_lets_it_in_no_more() -> None:
    with iphones({}) as rig:
        assert registry(rig, 1)["Voltage"] == 3985
        rig.cue("forget", 1)
        rig.cue("trust", 1, "refused")
        assert "Invalid HostID" in ask(rig, 1, "ideviceinfo")
        assert rig.cue("open", 1) == 0
