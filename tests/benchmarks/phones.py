"""Many phones at once over the real adb server: what arrives, what it costs here, how late the loop is.

``python tests/benchmarks/phones.py [--quick]``. CPU is this process's alone: neither the server's nor the phones'.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, aclosing
from pathlib import Path

from drivers.clock import MILLISECOND, SECOND, SystemClock
from drivers.devices.android.channels import FAST_HZ
from drivers.devices.android.driver import AndroidDriver
from drivers.model import Samples
from tests.rigs import adb_phone
from tests.rigs.phones.pixel import pixel

FAST = "frequency policy0"
LAG_NS = 10 * MILLISECOND


class Measurement:
    """What the phones said between ``start`` and ``end``."""

    def __init__(self) -> None:
        self.counting = False
        self.over = asyncio.Event()
        self.samples: Counter[str] = Counter()
        self.lags_ns: list[int] = []

    async def follow(self, address: str, up: asyncio.Event) -> None:
        opening = AndroidDriver().open(address, "phone", SystemClock())
        async with opening as device, aclosing(device.stream()) as stream:
            up.set()
            async for item in stream:
                if self.counting and isinstance(item, Samples):
                    self.samples[item.channel] += item.n
                if self.over.is_set():
                    return

    async def lag(self) -> None:
        while not self.over.is_set():
            due_ns = time.monotonic_ns() + LAG_NS
            await asyncio.sleep(LAG_NS / SECOND)
            self.lags_ns.append(time.monotonic_ns() - due_ns)


async def measure(addresses: list[str], seconds: float) -> None:
    found = Measurement()
    async with asyncio.TaskGroup() as tasks:
        start = time.monotonic()
        ups = [asyncio.Event() for _ in addresses]
        for address, up in zip(addresses, ups, strict=True):
            tasks.create_task(found.follow(address, up))
        for up in ups:
            await up.wait()
        print(f"{len(addresses)} phones open after {time.monotonic() - start:.2f} s")
        await asyncio.sleep(1.0)
        found.counting, cpu, start = True, time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        passed, spent = time.monotonic() - start, time.process_time() - cpu
        found.counting = False
        lagging = tasks.create_task(found.lag())
        await asyncio.sleep(2.0)
        found.over.set()
        await lagging
    expected = len(addresses) * FAST_HZ * passed
    lags = sorted(found.lags_ns)
    print(f"samples: {found.samples.total() / passed:.0f}/s of {len(found.samples)} channels a phone")
    print(f"fast round: {100 * found.samples[FAST] / expected:.1f} % of {FAST_HZ} Hz arrived")
    print(
        f"client: {100 * spent / passed:.2f} % of a core, {1e6 * spent / found.samples.total():.0f} µs a sample"
    )
    print(f"loop lag p99: {lags[len(lags) * 99 // 100] / MILLISECOND:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="8 phones for 5 s instead of 32 for 20 s")
    quick = parser.parse_args().quick
    with ExitStack() as stack:
        server = stack.enter_context(adb_phone.adb_server())
        profiles = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses = []
        for number in range(8 if quick else 32):
            profile = pixel(profiles / str(number)).plant_profile()
            phone = stack.enter_context(adb_phone.phone(server, profile.root))
            profile.lock(phone.root)
            addresses.append(f"adb:{phone.serial}?server={server.host}:{server.port}")
        asyncio.run(measure(addresses, 5.0 if quick else 20.0))


if __name__ == "__main__":
    main()
