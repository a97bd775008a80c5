"""Four iPhones at once over the real client: what arrives, what it costs, workers included, and how fast one is back.

``python tests/benchmarks/iphones.py [--quick]``. CPU is that of this process and its workers, not the rig's. The phones run as
many processes as real ones; two are of iOS 16, two of iOS 17 through the tunnel.
"""

import argparse
import asyncio
import os
import struct
import tempfile
import time
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from drivers.clock import SECOND, SystemClock
from drivers.devices.ios.channels import BATTERY_HZ, TAP_HZ
from drivers.devices.ios.driver import IosDriver
from drivers.errors import DriverError
from drivers.events import OutputText
from drivers.links import usbmux
from drivers.model import Samples
from drivers.runtimes.ios_app.driver import IosApp
from melt_tui.events import DeviceUp
from melt_tui.timeline import DeviceState
from melt_tui.workbench import SessionSetup, Workbench
from tests.rigs.iphone.rig import Rig, iphones
from tests.rigs.iphone_bench import address, app_spec, opened, workers
from tests.rigs.lab import state_of, until
from tests.rigs.runs import Run, follow

BUNDLE = "com.example.MeltBench"
RATE, TOKENS = 30, 300
DAEMONS = 350
APP = {
    "bundle": BUNDLE,
    "line": '{"melt":1,"event":"token","t":$wall,"text":"$ns "}',
    "rate": RATE,
    "last": ['{"melt":1,"event":"turn","end":"eos"}'],
}


@dataclass
class Measurement:
    """What the phones told while it was counted."""

    phones: int
    up: asyncio.Event = field(default_factory=asyncio.Event)
    counting: bool = False
    samples: Counter[tuple[int, str]] = field(default_factory=Counter)
    ups: list[float] = field(default_factory=list)

    async def follow(self, number: int, started: float) -> None:
        opening = IosDriver().open(address(number), "phone", SystemClock())
        async with opening as device, aclosing(device.stream()) as stream:
            async for item in stream:
                self.take(number, item, started)

    def take(self, number: int, item: object, started: float) -> None:
        if not isinstance(item, Samples):
            return
        if not any(one == number for one, _ in self.samples):
            self.ups.append(time.monotonic() - started)
        self.samples[number, item.channel] += self.counting
        if len({one for one, name in self.samples if name == "cpu"}) == self.phones:
            self.up.set()


def cpu_s(processes: list[psutil.Process]) -> float:
    """Of this process and those."""
    own = time.process_time()
    return own + sum(sum(one.cpu_times()[:2]) for one in processes)


async def cost(phones: int, seconds: float) -> None:
    found, start = Measurement(phones), time.monotonic()
    following = [asyncio.ensure_future(found.follow(number, start)) for number in range(1, phones + 1)]
    await found.up.wait()
    await asyncio.sleep(2)
    running = workers()
    before, begun = cpu_s(running), time.monotonic()
    found.counting = True
    found.samples = Counter(dict.fromkeys(found.samples, 0))
    await asyncio.sleep(seconds)
    found.counting = False
    took = time.monotonic() - begun
    used = (cpu_s(running) - before) / took
    print(f"{phones} phones: first samples after {', '.join(f'{up:.2f}' for up in sorted(found.ups))} s")
    print(f"CPU of melt's side and {len(running)} workers: {100 * used:.1f} % of a core")
    rss = [one.memory_info().rss / 1e6 for one in running]
    print(f"memory of each worker: {', '.join(f'{one:.0f}' for one in sorted(rss))} MB")
    for name, rate in (("cpu", TAP_HZ), ("battery power", BATTERY_HZ)):
        shares = [found.samples[number, name] / (rate * took) for number in range(1, phones + 1)]
        print(f"{name}: {', '.join(f'{100 * share:.1f}' for share in shares)} % of samples")
    for one in following:
        one.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    print(f"workers left: {len(workers())}")


async def plugging(rig: Rig) -> None:
    """Lost → known, and back → samples, of a phone that is tried again as the sampler does."""
    driver = IosDriver()
    async with opened(driver, address(1)) as phone:
        await phone.until(lambda: bool(phone.times("battery power")))
        cut = time.monotonic()
        rig.cue("detach", 1)
        await phone.until(lambda: phone.error is not None)
        print(f"lost: known after {time.monotonic() - cut:.2f} s")
    back = time.monotonic()
    rig.cue("attach", 1)
    while True:
        try:
            async with opened(driver, address(1)) as phone:
                await phone.until(lambda: bool(phone.times("battery power")))
                break
        except DriverError:
            await asyncio.sleep(0.25)
    print(f"back: samples after {time.monotonic() - back:.2f} s")


def program(rig: Rig, folder: Path) -> None:
    """Plugged in → first samples, lost → shown, back → samples, by a session that runs. The names are as they come."""
    rig.cue("detach", 4)
    with Workbench(SessionSetup(folder=folder, plugged=True)) as bench:
        until(lambda: len(fresh(bench)) == 3)
        for what in ("plugged in", "back"):
            begun = time.monotonic()
            rig.cue("attach", 4)
            until(lambda: len(fresh(bench)) == 4)
            print(f"program: {what} → samples after {time.monotonic() - begun:.2f} s")
            begun = time.monotonic()
            rig.cue("detach", 4)
            until(lambda: len(fresh(bench)) == 3)
            print(f"program: lost → shown after {time.monotonic() - begun:.2f} s")
    print(f"workers left: {len(workers())}")


def fresh(bench: Workbench) -> list[str]:
    """Phones that are up and have told of their battery since they came up."""
    view = bench.timeline.view(bench.now())
    ups = {event.device: event.t_ns for event in bench.timeline.events(0, bench.now(), kinds=(DeviceUp,))}
    told = {name: view.readings.get((name, "battery power")) for name in ups}
    return [
        name
        for name, reading in told.items()
        if reading and reading.t_ns >= ups[name] and state_of(bench, name) is DeviceState.UP
    ]


async def tokens(number: int, count: int) -> None:
    async with opened(IosDriver(), address(number)) as phone:
        run: Run = await follow(IosApp(), app_spec(f"bundle={BUNDLE}"), phone.device.shell)
    printed = [int(word) for item in run.of(OutputText) for word in item.text.split()]
    arrived = [
        (*struct.unpack("<q", one.codes), one.t0_ns)
        for one in run.of(Samples)
        if one.channel == "token_arrivals"
    ]
    late_ms = sorted((t_ns - told) / SECOND * 1000 for (_, t_ns), told in zip(arrived, printed, strict=True))
    ordered = [n for n, _ in arrived] == list(range(1, count + 1))
    print(
        f"phone {number}: {len(arrived)} of {count} tokens, {'in order' if ordered else 'NOT IN ORDER'}, late by "
        f"{late_ms[len(late_ms) // 2]:.1f} ms (median), {late_ms[int(len(late_ms) * 0.99)]:.1f} (p99), {late_ms[-1]:.1f} (worst)"
    )


async def main(rig: Rig, *, quick: bool) -> None:
    await cost(4, 8 if quick else 40)
    await plugging(rig)
    for number in (1, 3):
        await tokens(number, TOKENS // (3 if quick else 1))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true")
    asked = arguments.parse_args()
    app = APP | {"count": TOKENS // (3 if asked.quick else 1)}
    phone = {"apps": [app], "daemons": DAEMONS}
    with (
        tempfile.TemporaryDirectory() as home,
        iphones(phone, phone, phone | {"ios": "17.5"}, phone | {"ios": "17.5"}) as rig,
    ):
        os.environ[usbmux.USBMUXD], os.environ["HOME"] = rig.address, home
        asyncio.run(main(rig, quick=asked.quick))
        program(rig, Path(home))
