# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phone gives to developers: figures of its processes, and apps started."""

import asyncio
import importlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from bpylist2 import archiver
from pymobiledevice3.lockdown import UsbmuxLockdownClient
from pymobiledevice3.services.dvt.instruments.device_info import DeviceInfo
from pymobiledevice3.services.dvt.instruments.dvt_provider import DvtProvider
from pymobiledevice3.services.dvt.instruments.graphics import Graphics
from pymobiledevice3.services.dvt.instruments.process_control import ProcessControl
from pymobiledevice3.services.dvt.instruments.sysmontap import Sysmontap

from drivers.clock import SECOND, pause
from drivers.devices.ios.worker.archives import unpacking
from drivers.devices.ios.worker.faults import Trouble, plain, version_of
from drivers.devices.ios.worker.relaying import Log
from drivers.devices.ios.worker.serving import CLOCK, Tasks, missing, tell, tried
from drivers.foreign import Fields
from drivers.links.splitting import LineSplitter
from drivers.links.usbmuxwire import Do, Fault, Order, Tell
from drivers.ticks import ticks

ANSWER_S = 6.0
TUNNEL_S = 12.0
SILENCE_S = 3.0
UNARCHIVE = archiver.unarchive
LOOK_NS = SECOND // 20
KILL_NS = SECOND
"""How long an app may take to end after it was killed."""
TUNNEL_VERSION = 17
PRESSURE_VERSION = (27, 2)
TAP_PROCESS = ["pid", "cpuUsage", "physFootprint", "memResidentSize"]
TAP_SYSTEM = ["vmFreeCount", "vmExtPageCount", "vmUsedCount", "vmCompressorPageCount", "physMemSize"]


class Developer:
    """What a phone gives to developers: figures of its processes, and apps started."""

    def __init__(
        self, dvt: DvtProvider, tunnel: Any, log: Log, control: ProcessControl, info: DeviceInfo
    ) -> None:
        self.tunnel = tunnel
        """None for a phone that needs none."""
        self._dvt = dvt
        self._log = log
        self._control = control
        self._info = info
        self._launched: dict[int, asyncio.Task[None] | None] = {}
        """Each with what reads its standard output."""

    @classmethod
    async def reach(
        cls, udid: str, lockdown: UsbmuxLockdownClient, log: Log, stack: AsyncExitStack
    ) -> "Developer":
        """Through the tunnel where the phone wants one."""
        tunnel = None
        if version_of(lockdown.product_version) >= (TUNNEL_VERSION,):
            loaded = importlib.import_module("drivers.devices.ios.worker.tunnel")  # heavy
            tunnel = loaded.Tunnel(await stack.enter_async_context(loaded.opened(udid)))
        dvt = await stack.enter_async_context(DvtProvider(tunnel.rsd if tunnel else lockdown))
        control = await stack.enter_async_context(ProcessControl(dvt))
        return cls(dvt, tunnel, log, control, await stack.enter_async_context(DeviceInfo(dvt)))

    async def do(self, order: Order) -> Fields:
        """Do it."""
        given = order.given
        if order.do is Do.LAUNCH:
            return await self.launch(given)
        if order.do is Do.KILL:
            return await self.kill(int(given["pid"]))
        if order.do is Do.LEAVE:
            return await self.leave(str(given["bundle"]))
        return await self.processes()

    async def follow(self, tap_ms: int, tasks: Tasks, version: tuple[int, ...]) -> None:
        """Tell figures until the phone gives no more."""
        works = [self._follow_graphics(), self._follow_output(), self._look_after()]
        works += [self._follow_pressure()] if self.tells_pressure(version) else []
        running = [tasks.begin(work) for work in works]
        try:
            await self._follow_tap(tap_ms)
        finally:
            for task in running:
                task.cancel()

    def tells_pressure(self, version: tuple[int, ...]) -> bool:
        """Whether its notifications have states that a computer is told."""
        return bool(self.tunnel) and version >= PRESSURE_VERSION

    async def launch(self, given: Fields) -> Fields:
        """Start an app, its standard output told; one that ran is ended before."""
        bundle, arguments = str(given["bundle"]), [str(word) for word in given.get("arguments", ())]
        environment = {str(key): str(value) for key, value in dict(given.get("environment", {})).items()}
        stdio = await tried(self._launch_with_stdio(bundle, arguments, environment)) if self.tunnel else None
        if isinstance(stdio, int):
            return {"pid": stdio, "stdio": True}
        try:
            pid = int(await self._control.launch(bundle, arguments, environment=environment))
        except AssertionError:
            raise Trouble(Fault.NO_APP, bundle) from None
        self._launched[pid] = None
        return {"pid": pid, "stdio": False}

    async def kill(self, pid: int) -> Fields:
        """End a process, and see that it has ended."""
        self._launched.pop(pid, None)
        until = 0
        async for now in ticks(CLOCK, LOOK_NS):
            if not await self._info.is_running_pid(pid):
                break
            if not until:
                until = now + KILL_NS
                await self._control.kill(pid)
            elif now > until:
                raise Trouble(Fault.FAILED, "the app does not end")
        tell(Tell.EXITED, pid=pid)
        return {}

    async def leave(self, bundle: str) -> Fields:
        """End an app if it runs."""
        pid = int(await self._control.process_identifier_for_bundle_identifier(bundle))
        if pid > 0:
            await self.kill(pid)
        return {"ran": pid > 0}

    async def processes(self) -> Fields:
        """What runs."""
        listed = await self._info.proclist()
        return {"processes": [plain(one, ["pid", "name", "realAppName", "isApplication"]) for one in listed]}

    async def end(self) -> None:
        """End what was launched here."""
        await asyncio.gather(*map(self.kill, tuple(self._launched)), return_exceptions=True)

    async def _launch_with_stdio(self, bundle: str, arguments: list[str], environment: dict[str, str]) -> int:
        pid, stdio = await self.tunnel.launch(bundle, arguments, environment)
        self._launched[pid] = asyncio.get_running_loop().create_task(self._read_stdio(pid, stdio))
        return int(pid)

    async def _read_stdio(self, pid: int, stdio: Any) -> None:
        lines = LineSplitter()
        try:
            while isinstance(data := await tried(stdio.read()), bytes) and data:
                for line in lines.feed(data):
                    tell(Tell.OUTPUT, pid=pid, text=line.decode("utf-8", "replace"))
        finally:
            await stdio.close()
        self._launched.pop(pid, None)
        tell(Tell.EXITED, pid=pid)

    async def _follow_output(self) -> None:
        async for said in self._control:
            if self._launched.get(said.pid) is None:
                for line in str(said.message).splitlines():
                    tell(Tell.OUTPUT, pid=said.pid, text=line)

    async def _look_after(self) -> None:
        """Notice the end of apps without a standard output that would end with them."""
        while True:
            await pause(CLOCK, 1)
            await self._look_at([pid for pid, stdio in self._launched.items() if stdio is None])

    async def _look_at(self, pids: list[int]) -> None:
        for pid in pids:
            if not await self._info.is_running_pid(pid):
                self._launched.pop(pid, None)
                tell(Tell.EXITED, pid=pid)

    async def _follow_tap(self, tap_ms: int) -> None:

        async with asyncio.timeout(ANSWER_S):
            known = set(await self._info.sysmon_process_attributes())
            known_of_all = set(await self._info.sysmon_system_attributes())
        process = [name for name in TAP_PROCESS if name in known]
        system = [name for name in TAP_SYSTEM if name in known_of_all]
        archiver.unarchive = unpacking(UNARCHIVE, self._log.pids)
        tap: Any = Sysmontap(self._dvt, process, system, interval_ms=tap_ms)
        async with asyncio.timeout(ANSWER_S):
            await tap.__aenter__()
        while True:
            async with asyncio.timeout(SILENCE_S):
                message = await tap.channel.receive_plist()
            self._tell_tap(message, process, system)

    def _tell_tap(self, message: Any, process: list[str], system: list[str]) -> None:
        told: dict[str, Any] = {}
        for row in message if isinstance(message, list) else ():
            if "System" in row:
                told["system"] = plain(dict(zip(system, row["System"], strict=False)))
            if "SystemCPUUsage" in row:
                told["cpu"] = {**plain(row["SystemCPUUsage"]), **plain(row, ["CPUCount", "EnabledCPUs"])}
            if "Processes" in row:
                watched = [values for pid, values in row["Processes"].items() if pid in self._log.pids]
                told["processes"] = [plain(dict(zip(process, values, strict=False))) for values in watched]
        if told:
            tell(Tell.TAP, **told)

    async def _follow_graphics(self) -> None:

        error = await tried(self._read_graphics(Graphics(self._dvt)))
        if isinstance(error, BaseException):
            missing("GPU", error)

    async def _read_graphics(self, graphics: Any) -> None:
        async with graphics:
            async for sample in graphics:
                if isinstance(sample, Mapping):
                    tell(Tell.GRAPHICS, graphics=plain(sample))

    async def _follow_pressure(self) -> None:
        error = await tried(self._read_pressure())
        if isinstance(error, BaseException):
            missing("thermal state", error)

    async def _read_pressure(self) -> None:
        async with self.tunnel.notifications() as proxy:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    tell(Tell.THERMAL, pressure=await self.tunnel.pressure(proxy))
                await pause(CLOCK, 1)
