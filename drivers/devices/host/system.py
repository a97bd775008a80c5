"""The computer as a whole: CPU use, memory, memory pressure, and who it is."""

import os
import platform

import psutil

from drivers import linux
from drivers.base import Item
from drivers.clock import Clock
from drivers.devices.host import protocol
from drivers.devices.host.channels import CPU, FAST_HZ, MEMORY_AVAILABLE, MEMORY_PRESSURE, SENSOR_HZ, SLOW_HZ
from drivers.devices.host.probes import Finding, Gauge, GaugeProbe, Missing, period_ns, readable
from drivers.errors import DriverError
from drivers.links.base import ShellLink
from drivers.links.sysfiles import SysFiles
from drivers.model import reading

_PRESSURE = "/proc/pressure/memory"


class CpuProbe:
    """CPU use of everything, over the time since the reading before."""

    blocking = False
    period_ns = period_ns(FAST_HZ)

    def __init__(self, device: str) -> None:
        self._channel = CPU.of(device)
        self._before: dict[str, float] | None = None
        self.channels = (self._channel,)

    def read(self, clock: Clock) -> list[Item]:
        """The mean since the last round; nothing in the first."""
        t_ns = clock.now()
        times = psutil.cpu_times()._asdict()
        before, self._before = self._before, times
        share = None if before is None else protocol.busy_percent(before, times)
        return [] if share is None else [reading(self._channel, t_ns, share)]


class MemoryProbe:
    """Memory that new work could have without swapping."""

    blocking = False
    period_ns = period_ns(SENSOR_HZ)

    def __init__(self, device: str) -> None:
        self._channel = MEMORY_AVAILABLE.of(device)
        self.channels = (self._channel,)

    def read(self, clock: Clock) -> list[Item]:
        """The kernel's own estimate."""
        return [reading(self._channel, clock.now(), psutil.virtual_memory().available)]


def find_system(files: SysFiles, device: str) -> Finding:
    """What every computer gives, and memory pressure where the kernel tells it."""
    probes = (CpuProbe(device), MemoryProbe(device))
    if linux.pressure(readable(files, _PRESSURE)) is None:
        remedy = "" if platform.system() == "Darwin" else "start the kernel with psi=1"
        return Finding(probes, (Missing("memory pressure", "this host's kernel does not tell it", remedy),))
    gauge = Gauge(MEMORY_PRESSURE.of(device), _PRESSURE, linux.pressure)
    return Finding((*probes, GaugeProbe(files, (gauge,), SLOW_HZ)))


async def model_name(files: SysFiles, shell: ShellLink) -> str:
    """What the board or the processor calls itself."""
    board = linux.name(readable(files, "/proc/device-tree/model"))
    processor = linux.cpuinfo(readable(files, "/proc/cpuinfo"), "model name", "Model", "Hardware")
    return board or processor or await _brand(shell) or platform.processor() or platform.machine()


async def _brand(shell: ShellLink) -> str:
    """macOS: what ``sysctl`` says of the processor; empty elsewhere."""
    if platform.system() != "Darwin":
        return ""
    try:
        done = await shell.run(("sysctl", "-n", "machdep.cpu.brand_string"))
    except DriverError:
        return ""
    return linux.name(done.out)


def os_name(files: SysFiles) -> str:
    """The operating system and its version, as it calls itself."""
    told = linux.os_name(readable(files, "/etc/os-release"))
    return told or f"{platform.system()} {platform.mac_ver()[0] or platform.release()}"


def facts(files: SysFiles) -> list[tuple[str, str]]:
    """The set-up of the computer, for the recording's reader."""
    vendor = linux.name(readable(files, "/sys/class/dmi/id/sys_vendor"))
    product = linux.name(readable(files, "/sys/class/dmi/id/product_name"))
    told = [
        ("machine", platform.machine()),
        ("product", f"{vendor} {product}".strip()),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("cores", _cores()),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.1f} GiB"),
    ]
    return [(what, value) for what, value in told if value]


def _cores() -> str:
    logical, physical = os.cpu_count(), psutil.cpu_count(logical=False)
    if physical is None or physical == logical:
        return str(logical or "")
    return f"{physical} ({logical} logical)"
