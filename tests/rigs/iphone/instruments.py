"""What the developer's image brings: processes, launching, counters of processes, system and GPU."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from tests.rigs.iphone.apps import Running
from tests.rigs.iphone.archiving import Thing, archive, date
from tests.rigs.iphone.counting import PROCESS_ATTRIBUTES, SYSTEM_ATTRIBUTES, mach_now, rows
from tests.rigs.iphone.dtx import Channel, Connection, Failed, Int32, Int64, Opening, Unknown, gently
from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.wire import Wire

SERVICE = "com.apple.instruments.server.services."
LAUNCH = "launchSuspendedProcessWithDevicePath:bundleIdentifier:environment:arguments:options:"
MOMENT = 0x7A5AC3B1D2E4F607
"""Stands for the moment in a sample that was coded before."""
DOMAIN = "com.apple.dt.deviceprocesscontrolservice"


async def remote_server(phone: Phone, wire: Wire) -> None:
    """com.apple.instruments.remoteserver.DVTSecureSocketProxy, and dtservicehub in the tunnel."""
    capabilities = {
        "com.apple.private.DTXBlockCompression": 2,
        "com.apple.private.DTXConnection": 1,
        **dict.fromkeys(INSTRUMENTS, 1),
    }
    await Connection(phone, wire, INSTRUMENTS, capabilities).run()


class Answers:
    """A service of calls that answer at once: by selector."""

    def __init__(self, phone: Phone, channel: Channel) -> None:
        self.phone = phone
        self.channel = channel
        self.calls: dict[str, Callable[..., Any]] = {}

    async def call(self, selector: str, arguments: list[Any]) -> Any:
        found = self.calls.get(selector)
        if found is None or len(arguments) != selector.count(":"):
            raise Unknown
        value = found(*arguments)
        return await value if isinstance(value, Awaitable) else value

    def end(self) -> None:
        """Nothing is kept."""


class DeviceInfo(Answers):
    """deviceinfo."""

    def __init__(self, phone: Phone, channel: Channel) -> None:
        super().__init__(phone, channel)
        self.calls = {
            "runningProcesses": self.running,
            "isRunningPid:": lambda pid: int(pid) in phone.processes.running,
            "execnameForPid:": self.executable,
            "sysmonProcessAttributes": lambda: list(PROCESS_ATTRIBUTES),
            "sysmonSystemAttributes": lambda: list(SYSTEM_ATTRIBUTES),
            "machTimeInfo": lambda: [mach_now(), 125, 3, mach_now(), 125, 3],
            "machKernelName": lambda: "/mach.release.t8110",
            "systemInformation": self.system,
            "hardwareInformation": lambda: {"numberOfPhysicalCpus": 6, "numberOfCpus": 6},
            "networkInformation": lambda: {"lo0": "Loopback", "en0": "Wi-Fi"},
        }

    def running(self) -> list[dict[str, Any]]:
        return [described(one) for one in self.phone.processes.running.values()]

    def executable(self, pid: int) -> str:
        found = self.phone.processes.running.get(int(pid))
        return path_of(found) if found is not None else ""

    def system(self) -> dict[str, Any]:
        state = self.phone.state
        return {
            "_deviceDisplayName": state.name,
            "_deviceIdentifier": self.phone.udid,
            "_productVersion": state.ios,
            "_buildVersion": state.build,
        }


def described(process: Running) -> dict[str, Any]:
    return {
        "name": process.name,
        "pid": process.pid,
        "realAppName": path_of(process),
        "isApplication": process.app is not None,
        "startDate": date(process.began),
        **({"bundleIdentifier": process.app.bundle} if process.app else {}),
    }


def path_of(process: Running) -> str:
    if process.app is not None:
        where = "/private/var/containers/Bundle/Application/1A2B3C4D-0000-4000-8000-000000000001"
        return f"{where}/{process.name}.app/{process.name}"
    return f"/usr/libexec/{process.name}"


class ProcessControl(Answers):
    """processcontrol: what it has launched prints to it as long as it is open, and lives on after it."""

    def __init__(self, phone: Phone, channel: Channel) -> None:
        super().__init__(phone, channel)
        self.watched: dict[
            int, tuple[Running, Callable[[str], Awaitable[None]], Callable[[int, int], None]]
        ] = {}
        self.telling: set[asyncio.Task[None]] = set()
        self.calls = {
            LAUNCH: self.launch,
            "killPid:": lambda pid: self.signal(9, pid, strict=False),
            "sendSignal:toPid:": self.signal,
            "suspendPid:": lambda pid: self.found(pid).suspended.clear(),
            "resumePid:": lambda pid: self.found(pid).suspended.set(),
            "startObservingPid:": self.observe,
            "stopObservingPid:": self.forget,
            "isPidDebuggable:": lambda pid: self.found(pid).app is not None,
            "requestDisableMemoryLimitsForPid:": lambda pid: self.found(pid).app is not None,
            "processIdentifierForBundleIdentifier:": self.pid_of,
        }

    def launch(self, _: Any, bundle: Any, environment: Any, arguments: Any, options: Any) -> int:
        """The new process; SpringBoard's own refusals for a locked phone and an unknown app."""
        processes = self.phone.processes
        bundle, options = str(bundle), options or {}
        refuse_launch(self.phone, bundle)
        there = processes.of(bundle)
        if there is not None and not options.get("KillExisting"):
            return there.pid
        if there is not None:
            processes.end(there)
        process = processes.launch(
            bundle,
            [str(one) for one in arguments or []],
            {str(key): str(value) for key, value in (environment or {}).items()},
            suspended=bool(options.get("StartSuspendedKey")),
        )
        self.watch(process)
        return process.pid

    def watch(self, process: Running) -> None:
        async def output(text: str) -> None:
            selector = "outputReceived:fromProcess:atTime:"
            if self.phone.fault(self.channel.name) == "empty":
                await gently(self.channel.dispatch(selector))
            arguments = (text, Int32(process.pid), Int64(mach_now()))
            await gently(self.channel.dispatch(selector, *arguments))

        def ended(code: int, signal: int) -> None:
            selector = "processWithPID:terminatedWithExitCode:orCrashingSignal:"
            told = self.channel.dispatch(selector, process.pid, code or None, signal or None)
            task = asyncio.create_task(gently(told))
            self.telling.add(task)
            task.add_done_callback(self.telling.discard)

        process.outputs.add(output)
        process.ended.add(ended)
        self.watched[process.pid] = (process, output, ended)

    def observe(self, pid: Any) -> None:
        if int(pid) not in self.watched:
            self.watch(self.found(pid))

    def forget(self, pid: Any) -> None:
        process, output, ended = self.watched.pop(int(pid), (None, None, None))
        if process is not None and output is not None and ended is not None:
            process.outputs.discard(output)
            process.ended.discard(ended)

    def found(self, pid: Any) -> Running:
        process = self.phone.processes.running.get(int(pid))
        if process is None:
            raise Failed(DOMAIN, 4, f"No such process: {int(pid)}")
        return process

    def signal(self, number: Any, pid: Any, *, strict: bool = True) -> None:
        if not strict and int(pid) not in self.phone.processes.running:
            return
        process = self.found(pid)
        if process.app is None:
            raise Failed(DOMAIN, 1, f"Operation not permitted: {process.name}")
        if int(number) in {2, 3, 6, 9, 15}:
            self.phone.processes.kill(process)

    def pid_of(self, bundle: Any) -> int:
        process = self.phone.processes.of(str(bundle))
        return process.pid if process is not None else 0

    def end(self) -> None:
        for pid in list(self.watched):
            self.forget(pid)


def refuse_launch(phone: Phone, bundle: str) -> None:
    """Failed when that app cannot be opened now."""
    if phone.state.locked:
        why = "Unable to launch because the device was not, or could not be, unlocked."
        raise Failed(DOMAIN, 2, f"Failed to launch process with bundle identifier '{bundle}'. {why}")
    if bundle not in phone.processes.installed:
        why = "The operation couldn’t be completed. Application is unknown to FrontBoard."
        raise Failed(DOMAIN, 2, f"Failed to launch process with bundle identifier '{bundle}'. {why}")


class Pushing:
    """A service that pushes at a pace once it has been started."""

    def __init__(self, phone: Phone, channel: Channel) -> None:
        self.phone = phone
        self.channel = channel
        self.task: asyncio.Task[None] | None = None

    def start(self, work: Awaitable[None]) -> None:
        self.end()
        self.task = asyncio.ensure_future(gently(work))

    def end(self) -> None:
        if self.task is not None:
            self.task.cancel()


class SysmonTap(Pushing):
    """sysmontap: a heartbeat first, then rows; process CPU use is not known in the first of them."""

    def __init__(self, phone: Phone, channel: Channel) -> None:
        super().__init__(phone, channel)
        self.config: dict[str, Any] = {}
        self.key: tuple[Any, ...] = ()
        self.template = b""

    async def call(self, selector: str, arguments: list[Any]) -> Any:
        if selector == "setConfig:":
            self.config = arguments[0]
        elif selector == "start":
            self.start(self.sample())
        elif selector == "stop":
            self.end()
        else:
            raise Unknown

    async def sample(self) -> None:
        config = self.config
        await self.channel.push(Thing("DTTapHeartbeatMessage", {"DTTapMessagePlist": {"hv": 8, "k": 0}}))
        every = max(float(config.get("ur", 500)) / 1e3, float(config.get("sampleInterval", 0)) / 1e9, 0.001)
        began, turn = time.monotonic(), 0
        while True:
            await self.channel.push_archived(self.archived(first=turn == 0))
            turn = max(turn + 1, int((time.monotonic() - began) / every))
            await asyncio.sleep(max(0.0, began + turn * every - time.monotonic()))

    def archived(self, *, first: bool) -> bytes:
        """A sample. What nobody changed is coded once a second, but for the moment that it bears: coding the processes of a
        whole phone costs more than reading them."""
        state = self.phone.state
        key = (
            first,
            list(self.phone.processes.running),
            dict(state.cpu),
            dict(state.memory),
            int(time.monotonic()),
        )
        if key != self.key:
            self.key = key
            found = rows(self.phone, self.config, first=first, now=MOMENT)
            self.template = archive(Thing("DTSysmonTapMessage", {"DTTapMessagePlist": found}))
        return self.template.replace(MOMENT.to_bytes(8, "big"), mach_now().to_bytes(8, "big"))


class Graphics(Pushing):
    """graphics.opengl: the GPU's load and the frame rate."""

    every = 1.0

    async def call(self, selector: str, arguments: list[Any]) -> Any:
        if selector == "startSamplingAtTimeInterval:":
            self.every = max(float(arguments[0] or 0.0), 0.05) if arguments[0] else 1.0
            self.start(self.sample())
            return 0
        if selector == "stopSampling":
            self.end()
            return 0
        if selector in {"availableStatistics", "driverNames"}:
            return ["Device Utilization %", "Renderer Utilization %", "Tiler Utilization %"]
        raise Unknown

    async def sample(self) -> None:
        began = time.monotonic_ns()
        while True:
            gpu = self.phone.state.gpu
            await self.channel.push(
                {
                    "Alloc system memory": 421_380_096,
                    "Allocated PB Size": 1_048_576,
                    "CoreAnimationFramesPerSecond": 60,
                    "Device Utilization %": gpu,
                    "IOGLBundleName": "Built-In",
                    "In use system memory": 118_259_712,
                    "Renderer Utilization %": max(0, gpu - 2),
                    "SplitSceneCount": 0,
                    "TiledSceneBytes": 0,
                    "Tiler Utilization %": gpu // 3,
                    "XRVideoCardRunTimeStamp": (time.monotonic_ns() - began) // 1000,
                    "recoveryCount": 0,
                }
            )
            await asyncio.sleep(self.every)


class Notifications(Answers):
    """mobilenotifications: taken, and never anything told."""

    def __init__(self, phone: Phone, channel: Channel) -> None:
        super().__init__(phone, channel)
        self.calls = {
            "setApplicationStateNotificationsEnabled:": lambda _: None,
            "setMemoryNotificationsEnabled:": lambda _: None,
        }


INSTRUMENTS: Mapping[str, Opening] = MappingProxyType(
    {
        SERVICE + "deviceinfo": DeviceInfo,
        SERVICE + "processcontrol": ProcessControl,
        SERVICE + "sysmontap": SysmonTap,
        SERVICE + "graphics.opengl": Graphics,
        SERVICE + "mobilenotifications": Notifications,
    }
)
