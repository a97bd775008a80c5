"""What runs on a phone: the system's own, and apps that print what their script says."""

import asyncio
import itertools
import json
import string
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.rigs.iphone.logs import Logs

Printing = Callable[[str], Awaitable[None]]
THERMAL = ("nominal", "fair", "serious", "critical")
SYSTEM = (
    ("kernel_task", 0),
    ("launchd", 1),
    ("logd", 28),
    ("lockdownd", 41),
    ("backboardd", 67),
    ("SpringBoard", 68),
    ("mediaserverd", 89),
    ("thermalmonitord", 97),
    ("DTServiceHub", 214),
)


FIRST_DAEMON = 10_000
"""Pids below are of apps and the few that are always there."""


@dataclass(frozen=True)
class App:
    """An installed app. Lines are templates: $n (from 0), $ns (the rig's monotonic time as it is printed), $wall (Unix
    seconds), $thermal, $args and $env (JSON), $name."""

    bundle: str
    name: str = "MeltBench"
    first: list[str] = field(default_factory=list)
    """At once."""
    line: str = '{"melt": 1, "event": "token", "n": $n, "t": $wall, "rig_ns": $ns}'
    rate: float = 30.0
    """A second; 0 for none."""
    count: int = 0
    """How many of them; 0 for no end."""
    last: list[str] = field(default_factory=list)
    exits: bool = False
    """Ends after its last line, else it stays."""
    prints: list[str] = field(default_factory=lambda: ["stdio", "log"])
    torn: bool = False
    """Output comes in pieces that end anywhere, not at line ends."""
    listens: dict[str, int] = field(default_factory=dict)
    """Ports it listens on while it runs, and the port of this computer that stands for each."""
    refuses_to_die: bool = False
    """No signal ends it."""


class Running:
    """A process."""

    def __init__(self, name: str, pid: int, app: App | None = None) -> None:
        self.name = name
        self.pid = pid
        self.app = app
        self.began = time.time()
        self.began_at = time.monotonic()
        self.outputs: set[Printing] = set()
        self.ended: set[Callable[[int, int], None]] = set()
        """Called with exit code and signal."""
        self.task: asyncio.Task[None] | None = None
        self.suspended = asyncio.Event()
        self.suspended.set()


class Processes:
    """All that runs on a phone."""

    def __init__(self, logs: Logs, thermal: Callable[[], int]) -> None:
        self.logs = logs
        self.thermal = thermal
        self.installed: dict[str, App] = {}
        self.running = {pid: Running(name, pid) for name, pid in SYSTEM}
        self.over: Callable[[Running], None] = lambda _: None
        """Called for each that ends."""
        self._pids = itertools.count(300)

    def install(self, settings: dict[str, Any]) -> None:
        app = App(**settings)
        self.installed[app.bundle] = app

    def keep_daemons(self, count: int) -> None:
        """Have that many more of the system's processes."""
        for pid in [pid for pid in self.running if pid >= FIRST_DAEMON + count]:
            del self.running[pid]
        for pid in range(FIRST_DAEMON, FIRST_DAEMON + count):
            self.running.setdefault(pid, Running(f"daemon{pid}", pid))

    def of(self, bundle: str) -> Running | None:
        """That app's process, when it runs."""
        return next((one for one in self.running.values() if one.app and one.app.bundle == bundle), None)

    def launch(
        self, bundle: str, arguments: list[str], environment: dict[str, str], *, suspended: bool = False
    ) -> Running:
        """KeyError for an app that is not installed."""
        app = self.installed[bundle]
        process = Running(app.name, next(self._pids), app)
        if suspended:
            process.suspended.clear()
        self.running[process.pid] = process
        words = {"args": json.dumps(arguments), "env": json.dumps(environment), "name": app.name}
        process.task = asyncio.create_task(self._perform(process, app, words))
        return process

    def end(self, process: Running, *, code: int = 0, signal: int = 9) -> None:
        """Gone from the table, its watchers told."""
        if self.running.pop(process.pid, None) is None:
            return
        if process.task is not None:
            process.task.cancel()
        for told in list(process.ended):
            told(code, signal)
        self.over(process)

    def kill(self, process: Running) -> None:
        if process.app is None or not process.app.refuses_to_die:
            self.end(process)

    async def _perform(self, process: Running, app: App, words: dict[str, str]) -> None:
        await process.suspended.wait()
        await asyncio.sleep(0)
        for line in app.first:
            await self._print(process, app, filled(line, 0, words, self.thermal()))
        start = time.monotonic()
        numbers = range(app.count) if app.count else itertools.count()
        for number in numbers if app.rate else ():
            await asyncio.sleep(max(0.0, start + (number + 1) / app.rate - time.monotonic()))
            await process.suspended.wait()
            await self._print(process, app, filled(app.line, number, words, self.thermal()))
        for line in app.last:
            await self._print(process, app, filled(line, app.count, words, self.thermal()))
        if app.exits:
            process.task = None
            self.end(process, signal=0)
        else:
            await asyncio.Event().wait()

    async def _print(self, process: Running, app: App, line: str) -> None:
        if "log" in app.prints:
            self.logs.write(f"{app.name}(Foundation)", process.pid, line)
        if "stdio" in app.prints:
            cut = len(line) // 2
            for piece in (line[:cut], line[cut:] + "\n") if app.torn else (line + "\n",):
                for output in list(process.outputs):
                    await printed(output, piece)


async def printed(output: Printing, text: str) -> None:
    with suppress(ConnectionError):
        await output(text)


def filled(template: str, number: int, words: dict[str, str], thermal: int) -> str:
    return string.Template(template).safe_substitute(
        words, n=number, ns=time.monotonic_ns(), wall=f"{time.time():.6f}", thermal=THERMAL[thermal]
    )
