"""This computer: one device, always there, read on one even grid of ticks."""

import asyncio
import platform
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from drivers.base import Device, Item
from drivers.clock import Clock, SystemClock
from drivers.devices.host import system
from drivers.devices.host.channels import FAST_HZ
from drivers.devices.host.limits import find_frequency, find_throttling
from drivers.devices.host.power import find_battery, find_energy
from drivers.devices.host.probes import Finding, Missing, Probe, period_ns
from drivers.devices.host.processes import ProcessProbe, ProcFiles, PsutilProcesses, RollupProbe, Watched
from drivers.devices.host.system import find_system
from drivers.devices.host.thermal import find as find_thermal
from drivers.errors import NotSupported
from drivers.events import Absent, ChannelsOpened
from drivers.links.base import ShellLink
from drivers.links.local import LocalShell
from drivers.links.sysfiles import SysFiles
from drivers.model import Channel, DeviceInfo, DeviceKind, Found
from drivers.ticks import ticks

ADDRESS = "host"
RUNTIMES = ("llama_server", "llama_cli", "llama_bench", "ollama", "mlc")
"""The first brings its engine along; of the others a program must be on PATH or named, or a server be running."""

_FINDERS: tuple[Callable[[SysFiles, str], Finding], ...] = (
    find_system,
    find_thermal,
    find_frequency,
    find_throttling,
    find_energy,
    find_battery,
)

_UNSPLIT = Missing("anonymous and file memory", "this operating system does not tell them apart")


class HostDriver:
    """Driver of this computer. ``files`` is where the kernel's files are read, ``executor`` what slow rounds run on."""

    def __init__(
        self, files: SysFiles | None = None, executor: Callable[[int], Executor] = ThreadPoolExecutor
    ) -> None:
        self._files = files or SysFiles()
        self._executor = executor

    async def scan(self) -> Sequence[Found]:
        """This computer, always ready."""
        title = await system.model_name(self._files, LocalShell(SystemClock()))
        return (Found(address=ADDRESS, kind=DeviceKind.HOST, title=f"this computer: {title}"),)

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Look what this computer gives. Raises NotSupported for another address than ``host``."""
        if address != ADDRESS:
            raise NotSupported(f"{address} is not this computer", remedy=f"its address is {ADDRESS}")
        finding = await asyncio.to_thread(_find, self._files, name)
        shell = LocalShell(clock)
        info = await _info(self._files, shell, name, finding.facts)
        threads = self._executor(1 + sum(probe.blocking for probe in finding.probes))
        try:
            yield HostDevice(info, finding, self._files, shell, threads, clock)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _find(files: SysFiles, device: str) -> Finding:
    findings = [find(files, device) for find in _FINDERS]
    return Finding(
        [probe for finding in findings for probe in finding.probes],
        [missing for finding in findings for missing in finding.missing],
        [fact for finding in findings for fact in finding.facts],
    )


async def _info(
    files: SysFiles, shell: ShellLink, device: str, found: Sequence[tuple[str, str]]
) -> DeviceInfo:
    return DeviceInfo(
        device=device,
        address=ADDRESS,
        kind=DeviceKind.HOST,
        model=await system.model_name(files, shell),
        os=system.os_name(files),
        runtimes=RUNTIMES,
        facts=(*system.facts(files), *found),
    )


@dataclass(slots=True)
class _Round:
    """A probe on the grid: when it is due next, and the round that a thread is still at."""

    probe: Probe
    due_ns: int = 0
    pending: "Future[list[Item]] | None" = None


class HostDevice:
    """This computer, open."""

    def __init__(
        self,
        info: DeviceInfo,
        finding: Finding,
        files: SysFiles,
        shell: ShellLink,
        threads: Executor,
        clock: Clock,
    ) -> None:
        self.info = info
        self.shell = shell
        self._clock = clock
        self._threads = threads
        linux = platform.system() == "Linux"
        self._missing = (*finding.missing, *(() if linux else (_UNSPLIT,)))
        self._watched = Watched(ProcFiles(files) if linux else PsutilProcesses())
        self._processes = ProcessProbe(self._watched, info.device, psutil.cpu_count() or 1)
        rollup = (RollupProbe(self._watched, files, info.device),) if linux else ()
        self._late = [channel for probe in (self._processes, *rollup) for channel in probe.announced]
        self._probes: Sequence[Probe] = (*finding.probes, self._processes, *rollup)
        self.channels: tuple[Channel, ...] = tuple(c for probe in finding.probes for c in probe.channels)
        self._joining: list[int] = []

    def watch(self, pid: int) -> None:
        """From now on follow the memory and CPU use of this process and its children."""
        self._joining.append(pid)

    def unwatch(self, pid: int) -> None:
        """Follow it no longer."""
        self._joining = [joining for joining in self._joining if joining != pid]
        self._watched.discard(pid)

    async def stream(self) -> AsyncGenerator[Item, None]:
        """What is missing, once; then every probe at its own pace. Slow rounds are handed over when they are done."""
        for missing in self._missing:
            yield self._absent(missing)
        rounds = [_Round(probe) for probe in self._probes]
        opened = False
        grid = ticks(self._clock, period_ns(FAST_HZ))
        async for t_ns in grid:
            if self._joining and not opened:
                opened = True
                yield ChannelsOpened(t_ns=t_ns, device=self.info.device, channels=tuple(self._late))
            if opened:
                self._join()
            for turn in rounds:
                for item in self._turn(turn, t_ns):
                    yield item

    def _join(self) -> None:
        while self._joining:
            self._watched.add(self._joining.pop(0))

    def _turn(self, turn: _Round, t_ns: int) -> list[Item]:
        """What the last round of a probe gave, if it is done; and begin the next one, if it is due."""
        items: list[Item] = []
        if turn.pending is not None and turn.pending.done():
            items = turn.pending.result()
            turn.pending = None
        if turn.pending is not None or t_ns < turn.due_ns:
            return items
        turn.due_ns = t_ns + turn.probe.period_ns - period_ns(FAST_HZ) // 2
        if not turn.probe.blocking:
            return items + turn.probe.read(self._clock)
        turn.pending = self._threads.submit(turn.probe.read, self._clock)
        return items

    def _absent(self, missing: Missing) -> Absent:
        return Absent(
            t_ns=self._clock.now(),
            device=self.info.device,
            what=missing.what,
            reason=missing.reason,
            remedy=missing.remedy,
        )
