import asyncio
import importlib
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from itertools import pairwise
from pathlib import Path

import pytest

from drivers import registry as module
from drivers.base import Device, Item
from drivers.clock import SECOND, Clock
from drivers.errors import MissingExtra, NotSupported, Refused
from drivers.model import Channel, DeviceKind, Found, Samples
from drivers.registry import DEVICES, RUNTIMES, Entry, Registry
from tests.rigs.virtual_clock import VirtualClock

ROOT = Path(__file__).parents[2]


class Broken:
    """A driver whose scan goes wrong in a way of its caller's choice."""

    error: Exception = ValueError("a bug")

    async def scan(self) -> Sequence[Found]:
        raise self.error

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        raise Refused(f"{address} {name} says no")


class Endless(Broken):
    async def scan(self) -> Sequence[Found]:
        await asyncio.Event().wait()
        raise AssertionError


def here(name: str) -> Entry:
    return Entry(__name__, name, "", "broken")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, module))
    monkeypatch.setattr(sys.modules[__name__], "Broken", Broken, raising=False)
    monkeypatch.setattr(sys.modules[__name__], "Endless", Endless, raising=False)


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, drivers.registry as r; from drivers.clock import SystemClock; r.Registry(SystemClock(), seed=1);"
        "print(*sys.modules)"
    )
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert "drivers.registry" in loaded
    heavy = {"numpy", "httpx", "psutil", "zstandard", "textual", "xllamacpp"}
    assert loaded & heavy == set()
    assert not any(
        name.startswith(("drivers.devices", "drivers.meters", "drivers.runtimes")) for name in loaded
    )


def test_simulated_phones_load_no_numpy() -> None:
    code = (
        "import sys, asyncio\n"
        "from drivers.registry import Registry; from drivers.clock import SystemClock\n"
        "async def main():\n"
        "    registry = Registry(SystemClock(), seed=1)\n"
        "    for address in ('sim:phone', 'sim:jetson', 'sim:meter'):\n"
        "        async with registry.open(address, 'x') as device:\n"
        "            await anext(device.stream())\n"
        "    registry.runtime('simulated')\n"
        "asyncio.run(main()); print('numpy' in sys.modules, 'httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("entry", [*DEVICES.values(), *RUNTIMES.values()], ids=lambda entry: entry.name)
def test_every_name_leads_to_a_class(entry: Entry) -> None:
    assert isinstance(getattr(importlib.import_module(entry.module), entry.name), type)


def test_names_and_wiring(virtual_clock: VirtualClock) -> None:
    one = Registry(virtual_clock, seed=1)
    names = {
        address: one.default_name(address) for address in ("host", "sim:phone", "sim:jetson", "sim:meter")
    }
    assert names == {
        "host": "host",
        "sim:phone": "sim-phone",
        "sim:jetson": "sim-jetson",
        "sim:meter": "sim-meter",
    }
    assert one.default_name("sim:phone?name=p7&rate=10") == "p7"
    own = {
        "adb:39121FDJH00A2B": "39121FDJH00A2B",
        "adb:192.168.1.7:5555?server=10.0.0.1:5037": "192.168.1.7-5555",
        "adb:---": "phone",
        "ssh://nvidia@orin.local:2222": "orin.local",
        "ssh://orin": "orin",
        "ssh://u@[fe80::1%eth0]:22": "fe80-1-eth0",
        "ssh://u@orin?name=left": "left",
    }
    assert {address: one.default_name(address) for address in own} == own


@pytest.mark.parametrize("address", ["adb:", "ios:", "ssh:", "ssh://", "wii:1", "serial:", "sim:tv", "", "x"])
async def test_an_unknown_address_is_refused_with_the_known(
    virtual_clock: VirtualClock, address: str
) -> None:
    one = Registry(virtual_clock, seed=1)
    sentence = "unknown address: known are host, sim:phone, sim:jetson, sim:meter, "
    sentence += "adb:SERIAL, ios:UDID, ssh://user@host:port, serial:PATH.family=…, monsoon:SERIAL$"
    with pytest.raises(NotSupported, match=sentence):
        one.default_name(address)
    with pytest.raises(NotSupported, match=sentence):
        async with one.open(address, "x"):
            pass


def test_runtimes_are_new_each_time(virtual_clock: VirtualClock) -> None:
    one = Registry(virtual_clock, seed=1)
    assert one.runtime("simulated") is not one.runtime("simulated")
    with pytest.raises(NotSupported, match="no runtime 'mlx': there are llama_server, llama_cli, "):
        one.runtime("mlx")


async def test_a_missing_package_is_named_with_the_command(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "needy_driver.py").write_text("import no_such_package.inside\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(DEVICES, "host", Entry("needy_driver", "Needy", "android"))
    with pytest.raises(
        MissingExtra,
        match=r"host needs the Python package no_such_package: pip install 'melt-tui\[android\]'",
    ):
        async with Registry(virtual_clock, seed=1).open("host", "x"):
            pass
    found = await Registry(virtual_clock, seed=1).scan()
    assert found[0].ready is False
    assert found[0].next_step == "pip install 'melt-tui[android]'"


async def test_our_own_missing_module_is_a_bug_and_looks_like_one(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEVICES, "host", Entry("drivers.devices.nothing", "Nothing"))
    with pytest.raises(ModuleNotFoundError):
        async with Registry(virtual_clock, seed=1).open("host", "x"):
            pass


async def test_a_scan_finds_what_is_simulated(virtual_clock: VirtualClock) -> None:
    found = await Registry(virtual_clock, seed=1).scan()
    assert [one.address for one in found][:4] == ["host", "sim:phone", "sim:jetson", "sim:meter"]
    assert all(one.ready for one in found)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("no permission for the bus", remedy="join the group"), "no permission for the bus"),
        (ValueError("a bug"), "looking failed: ValueError('a bug')"),
    ],
)
async def test_a_failing_scheme_hides_no_other(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    monkeypatch.setattr(Broken, "error", error)
    monkeypatch.setitem(DEVICES, "host", here("Broken"))
    first, *others = await Registry(virtual_clock, seed=1).scan()
    assert (first.address, first.ready, first.reason) == ("host", False, reason)
    assert [one.address for one in others] == ["sim:phone", "sim:jetson", "sim:meter"]


async def test_a_late_scheme_is_given_up(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCAN_LIMIT_S", 0.01)
    monkeypatch.setitem(DEVICES, "host", here("Endless"))
    first, *others = await Registry(virtual_clock, seed=1).scan()
    assert (first.ready, first.reason) == (False, "did not answer within 0.01 s")
    assert {one.address for one in others if one.ready} == {"sim:phone", "sim:jetson", "sim:meter"}


async def watch(
    one: Registry, address: str, clock: VirtualClock, seconds: float
) -> tuple[Device, list[Item]]:
    until_ns = clock.now() + round(seconds * SECOND)
    items: list[Item] = []
    async with one.open(address, one.default_name(address)) as device, aclosing(device.stream()) as stream:
        async for item in stream:
            if clock.now() > until_ns:
                break
            items.append(item)
    return device, items


def watts(device: Device, items: list[Item], name: str) -> list[float]:
    channels: dict[str, Channel] = {channel.name: channel for channel in device.channels}
    blocks = [item for item in items if isinstance(item, Samples) and item.channel == name]
    return [channels[name].decoding.value(block.last_code) for block in blocks]


async def test_the_meter_measures_what_the_phone_draws(virtual_clock: VirtualClock) -> None:
    one = Registry(virtual_clock, seed=1)
    meter, seen = await watch(one, "sim:meter", virtual_clock, 20)
    assert meter.info.simulated
    assert meter.info.kind is DeviceKind.METER
    power = [channel for channel in meter.channels if channel.name == "power"]
    assert [(c.point, c.rate_hz) for c in power] == [("battery-terminals", 100.0)]
    samples = [item for item in seen if isinstance(item, Samples) and item.channel == "power"]
    assert sum(block.n for block in samples) == pytest.approx(2000, abs=10)
    measured = watts(meter, seen, "power")
    phone, told = await watch(one, "sim:phone", virtual_clock, 20)
    gauge = watts(phone, told, "battery gauge")
    assert sum(measured) / len(measured) == pytest.approx(sum(gauge) / len(gauge), rel=0.03)


async def test_with_its_script_the_phone_is_away_and_the_meter_goes_on(virtual_clock: VirtualClock) -> None:
    one = Registry(virtual_clock, seed=1, script=True)
    start = virtual_clock.now()
    _, seen = await watch(one, "sim:meter", virtual_clock, 80)
    times = [item.t1_ns for item in seen if isinstance(item, Samples) and item.channel == "power"]
    assert max(b - a for a, b in pairwise(times)) <= SECOND // 10
    assert times[-1] - start > 79 * SECOND


async def test_opening_says_what_the_driver_says(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEVICES, "host", here("Broken"))
    with pytest.raises(Refused, match="host there says no"):
        async with Registry(virtual_clock, seed=1).open("host", "there"):
            pass
