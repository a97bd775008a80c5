"""What watching this computer costs: CPU time of this process per second of streaming, in percent of one core.

Twice: on this computer as it is, and on a laptop's tree of sensors. Both watch a process that sleeps.
"""

import argparse
import asyncio
import subprocess
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from drivers.clock import SECOND, SystemClock
from drivers.devices.host.driver import HostDriver
from drivers.links.sysfiles import SysFiles
from drivers.model import Samples
from tests.rigs.installed import report
from tests.rigs.sysfs_trees import INTEL_LAPTOP, plant

LIMIT_PERCENT = 2.0


async def cost(root: Path, seconds: float, pid: int) -> tuple[float, float]:
    """Percent of a core, and samples per second."""
    clock, samples = SystemClock(), 0
    driver = HostDriver(SysFiles(root))
    async with driver.open("host", "host", clock) as device, aclosing(device.stream()) as stream:
        device.watch(pid)
        start_ns, start_cpu = clock.now(), time.process_time()
        async for item in stream:
            samples += item.n if isinstance(item, Samples) else 0
            if clock.now() - start_ns > seconds * SECOND:
                break
        elapsed_s = (clock.now() - start_ns) / SECOND
        return 100 * (time.process_time() - start_cpu) / elapsed_s, samples / elapsed_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 s instead of 15 s each")
    seconds, good = (3 if parser.parse_args().quick else 15), True
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(["sleep", "600"]) as child:
        trees = {"this computer": Path("/"), "laptop of files": plant(Path(folder), INTEL_LAPTOP)}
        for name, root in trees.items():
            percent, rate = asyncio.run(cost(root, seconds, child.pid))
            print(f"{name}: {rate:.0f} samples/s")
            good &= report(f"host device on {name}: CPU, % of a core", percent, LIMIT_PERCENT)
        child.kill()
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
