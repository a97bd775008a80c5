# SPDX-License-Identifier: GPL-3.0-or-later
"""One phone, spoken to: what it gives to whom it trusts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial

from pymobiledevice3 import usbmux
from pymobiledevice3.lockdown import UsbmuxLockdownClient, create_using_usbmux
from pymobiledevice3.services.diagnostics import DiagnosticsService
from pymobiledevice3.services.heartbeat import HeartbeatService
from pymobiledevice3.services.syslog import SyslogService

from drivers.clock import SECOND, pause
from drivers.devices.ios.worker.developer import TUNNEL_S, Developer
from drivers.devices.ios.worker.facts import facts_of
from drivers.devices.ios.worker.faults import Trouble, judged, plain, version_of
from drivers.devices.ios.worker.relaying import Log, pump
from drivers.devices.ios.worker.serving import CLOCK, Result, Tasks, missing, tell, tried
from drivers.foreign import Fields
from drivers.links.splitting import LineSplitter
from drivers.links.usbmuxwire import Do, Fault, Order, Tell
from drivers.ticks import ticks

ANSWER_S = 6.0
LAUNCH_S = 25.0
SILENCE_S = 3.0
LOOK_S = 0.5
PASSING = frozenset({Fault.GONE, Fault.LOCKED, Fault.TRUST_PENDING})
"""What may be otherwise in a moment."""
LOG_CHUNK = 65536
AGAIN_S = 10.0
"""After what could not be had is tried again: a locked phone is unlocked, an image mounted."""


class Phone:
    """One phone, spoken to."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._stack = AsyncExitStack()
        self._forwards: dict[int, asyncio.Server] = {}
        self._udid = ""
        self._given: Fields = {}
        self._client: UsbmuxLockdownClient | None = None
        self._developer: Developer | None = None
        self._fault: tuple[Fault, str] | None = None
        self._settled = asyncio.Event()
        self._log = Log("")

    async def _reached(self, patience_s: float) -> UsbmuxLockdownClient:
        """The phone, paired. One that is away, locked or asks its owner is waited for so long, as long as that is so."""
        end_ns, first = CLOCK.now() + round(patience_s * SECOND), None
        while True:
            client = await tried(self._pair())
            if not isinstance(client, BaseException):
                return client
            fault, _ = judged(client)
            first = first or fault
            if fault is not first or fault not in PASSING or CLOCK.now() >= end_ns:
                raise client
            await pause(CLOCK, LOOK_S)

    async def _pair(self) -> UsbmuxLockdownClient:
        async with asyncio.timeout(ANSWER_S):
            if await usbmux.select_device(self._udid) is None:
                raise Trouble(Fault.GONE)
            return await self._here(create_using_usbmux(serial=self._udid, pair_timeout=0))

    async def _here(self, work: Awaitable[Result]) -> Result:
        """What it gives. One that breaks off and is on the cable all the same is silent, not gone."""
        done = await tried(work)
        if not isinstance(done, BaseException):
            return done
        if judged(done)[0] is Fault.GONE and await usbmux.select_device(self._udid) is not None:
            raise Trouble(Fault.SILENT) from done
        raise done

    async def do(self, order: Order) -> Fields:
        """Do it, in a limited time."""
        does: Mapping[Do, Callable[[Fields], Awaitable[Fields]]] = {
            Do.OPEN: self.open,
            Do.WATCH: self.watch,
            Do.FORWARD: self.forward,
            Do.UNFORWARD: self.unforward,
        }
        if order.do in does:
            return await does[order.do](order.given)
        developer = await self.developer()
        async with asyncio.timeout(LAUNCH_S if order.do is Do.LAUNCH else ANSWER_S):
            return await developer.do(order)

    async def open(self, given: Fields) -> Fields:
        """Pair where that is needed, and begin to tell."""
        self._given, self._udid = given, str(given["udid"])
        self._client = await self._reached(float(given.get("patience_s", 0)))
        self._stack.push_async_callback(self._client.close)
        self._log = Log(str(given.get("log", "")))
        for work in (self._follow_battery(), self._follow_log(), self._heartbeat(), self._follow_developer()):
            self._tasks.begin(work)
        return {"facts": facts_of(self._lockdown)}

    @property
    def _lockdown(self) -> UsbmuxLockdownClient:
        if self._client is None:
            raise Trouble(Fault.GONE)
        return self._client

    async def watch(self, given: Fields) -> Fields:
        """Whose figures and lines are told."""
        self._log.watch({int(pid) for pid in given.get("pids", ())})
        self._log.names = {str(name) for name in given.get("names", ()) if name}
        return {}

    async def forward(self, given: Fields) -> Fields:
        """Carry connections to a port of the phone."""
        server = await asyncio.start_server(partial(self._carry, int(given["port"])), "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        self._forwards[port] = server
        return {"port": port}

    async def unforward(self, given: Fields) -> Fields:
        """No longer."""
        server = self._forwards.pop(int(given["port"]), None)
        if server is not None:
            server.close()
        return {}

    async def developer(self) -> Developer:
        """What needs developer mode, once it is known whether it is there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TUNNEL_S):
                await self._settled.wait()
        if self._developer is None:
            raise Trouble(*(self._fault or (Fault.NO_DEVELOPER, "")))
        return self._developer

    async def close(self) -> None:
        """End what was launched, and let go."""
        if self._developer is not None:
            await tried(self._developer.end())
        await tried(self._stack.aclose())

    # --- what comes by itself

    async def _follow_battery(self) -> None:
        while True:
            error = await tried(self._read_battery())
            alive = await tried(self._prove_alive())
            if isinstance(alive, BaseException):
                fault, said = judged(alive)
                tell(Tell.ENDED, fault=fault, text=said)
                return
            if isinstance(error, BaseException):
                missing("battery", error)
            await pause(CLOCK, AGAIN_S)

    async def _read_battery(self) -> None:

        async with asyncio.timeout(ANSWER_S):
            diagnostics = await self._stack.enter_async_context(DiagnosticsService(self._lockdown))
        async for _ in ticks(CLOCK, round(float(self._given["battery_s"]) * SECOND)):
            async with asyncio.timeout(SILENCE_S):
                power = await diagnostics.get_battery()
            tell(Tell.BATTERY, power=plain(power))

    async def _unplugged(self) -> bool:
        """Whether usbmuxd lists it no longer: that is the end, and told at once."""
        listed = await tried(usbmux.select_device(self._udid))
        if listed is None:
            tell(Tell.ENDED, fault=Fault.GONE, text="")
        return listed is None

    async def _prove_alive(self) -> None:
        async with asyncio.timeout(SILENCE_S):
            if await usbmux.select_device(self._udid) is None:
                raise Trouble(Fault.GONE)
            await self._here(self._lockdown.get_value(key="DeviceName"))

    async def _follow_log(self) -> None:
        if self._given.get("log") == "off":
            return
        while True:
            error = await tried(self._here(self._read_log(SyslogService(self._lockdown))))
            if await self._unplugged():
                return
            if isinstance(error, BaseException):
                missing("log", error)
            await pause(CLOCK, AGAIN_S)

    async def _read_log(self, service: SyslogService) -> None:
        """Lines end in a line feed and a zero. They are cut here: pymobiledevice3 11.45 repeats lines of chunks that end whole."""
        lines = LineSplitter()
        async with service:
            while data := await service.service.recv_any(LOG_CHUNK):
                for line in lines.feed(data):
                    self._log.take(line.lstrip(b"\0").decode("utf-8", "replace"))
        raise Trouble(Fault.GONE)

    async def _heartbeat(self) -> None:

        await tried(HeartbeatService(self._lockdown).start())

    async def _follow_developer(self) -> None:
        """Try until it works, and again when it ends; a reason is told once."""
        while True:
            error = await tried(self._use_developer())
            self._developer = None
            if await self._unplugged():
                return
            reason = judged(error if isinstance(error, BaseException) else Trouble(Fault.GONE))
            if reason != self._fault:
                tell(Tell.DEVELOPER, ready=False, fault=reason[0], text=reason[1])
            self._fault = reason
            self._settled.set()
            await pause(CLOCK, AGAIN_S)

    async def _use_developer(self) -> None:
        version = version_of(self._lockdown.product_version)
        if version >= (16,) and not await self._lockdown.get_developer_mode_status():
            raise Trouble(Fault.DEVELOPER_OFF)
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(TUNNEL_S):
                developer = await Developer.reach(self._udid, self._lockdown, self._log, stack)
            self._developer, self._fault = developer, None
            self._settled.set()
            over = "tunnel" if developer.tunnel else "usbmux"
            tell(Tell.DEVELOPER, ready=True, over=over, pressure=developer.tells_pressure(version))
            await developer.follow(int(self._given["tap_ms"]), self._tasks, version)

    async def _carry(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await tried(self._dial(port))
        if isinstance(there, BaseException):
            writer.close()
            return
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer), return_exceptions=True)

    async def _dial(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(ANSWER_S):
            device = await usbmux.select_device(self._udid)
            if device is None:
                raise Trouble(Fault.GONE)
            return await asyncio.open_connection(sock=await device.connect(port))
