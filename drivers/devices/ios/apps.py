"""How a runtime reaches an iPhone: apps are started there, their output followed, their ports forwarded.

An iPhone has no shell. ``start([BUNDLE, argument …])`` starts an app; ``start(["log", NAME])`` follows what an app that
somebody opened by hand writes into the system log.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, MutableSet, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path

from drivers.devices.ios import protocol
from drivers.errors import Garbled, NotSupported
from drivers.foreign import count, printable, text
from drivers.links.base import Completed, Lease, Line, Process, Progress
from drivers.links.usbmux import Worker, forwarded, raised
from drivers.links.usbmuxwire import Do, Tell, Told

LOG = "log"
LAUNCH_S = 45.0
KILL_S = 8.0


class IosApps:
    """A ``ShellLink`` to one iPhone, as far as an iPhone has one."""

    def __init__(
        self,
        worker: Worker,
        about: str,
        left: MutableSet[str],
        logged: MutableSet[str],
        change: Callable[[], None],
    ) -> None:
        """``left``: bundles that were started and not seen to end; those that are in it now are to be ended. ``logged``: processes whose lines of the log are told;
        ``change`` says that it has changed."""
        self._worker = worker
        self._about = about
        self._left = left
        self._ending = set(left)
        self._logged = logged
        self._change = change

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        """An iPhone runs no commands: raises NotSupported."""
        raise NotSupported(
            f"{self._about} runs no commands: iOS runs apps alone",
            remedy="take the runtime ios_app, or name the port of a llama-server in an app with --url http://127.0.0.1:PORT",
        )

    def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AbstractAsyncContextManager[Process]:
        """Start an app, or follow a log; leaving the block ends the app."""
        if lease is not None:
            raise NotSupported("an app on an iPhone ends with its run", remedy="take --on-link-loss stop")
        if argv[0] == LOG:
            return self._followed(argv[1])
        return self._launched(argv, env or {})

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """Apps bring their own files: raises NotSupported."""
        raise NotSupported(
            f"files cannot be put on {self._about}", remedy="put the model into the app with its own means"
        )

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Reach a port of the phone from here."""
        return forwarded(self._worker, port)

    async def end_left(self) -> list[str]:
        """End apps that were left running when the link went; the names of those that still ran."""
        ended = []
        while self._ending:
            bundle = self._ending.pop()
            answer = await self._worker.ask(Do.LEAVE, limit_s=KILL_S, bundle=bundle)
            self._left.discard(bundle)
            if answer.get("ran") is True:
                ended.append(bundle)
        return ended

    @asynccontextmanager
    async def _launched(self, argv: Sequence[str], env: Mapping[str, str]) -> AsyncIterator[Process]:
        bundle = argv[0]
        app = App(self._worker, self._about)
        with ExitStack() as stack:
            stack.enter_context(self._worker.heard(app.hear))
            self._left.add(bundle)
            self._ending.discard(bundle)  # starting it anew ends the old one
            answer = await self._worker.ask(
                Do.LAUNCH,
                limit_s=LAUNCH_S,
                bundle=bundle,
                arguments=list(argv[1:]),
                environment=dict(env),
            )
            pid = count(answer, "pid")
            if not pid:
                raise Garbled(f"{self._about} started {printable(bundle, 80)} without a process")
            app.began(pid, stdio=answer.get("stdio") is True)
            try:
                yield app
            finally:
                await app.kill()
                self._left.discard(bundle)

    @asynccontextmanager
    async def _followed(self, name: str) -> AsyncIterator[Process]:
        app = Logged(self._worker, name, self._about)
        with self._worker.heard(app.hear):
            self._logged.add(name)
            self._change()
            try:
                yield app
            finally:
                self._logged.discard(name)
                self._change()


class App:
    """An app that was started."""

    def __init__(self, worker: Worker, about: str) -> None:
        self.pid = 0
        self.stdio = False
        """Whether its lines are its own standard output; otherwise what the system passes on of it."""
        self._worker = worker
        self._about = about
        self._early: list[Told] = []
        self._lines: asyncio.Queue[Line | Exception | None] = asyncio.Queue()
        self._ended = asyncio.Event()

    def hear(self, told: Told) -> None:
        """What the worker tells: also before the app's process id is known."""
        if told.tell is Tell.ENDED:
            self._lines.put_nowait(raised(told, self._about))
        if told.tell not in {Tell.OUTPUT, Tell.EXITED}:
            return
        if self.pid:
            self._take(told)
        else:
            self._early.append(told)

    def began(self, pid: int, *, stdio: bool) -> None:
        """It runs."""
        self.pid, self.stdio = pid, stdio
        early, self._early = self._early, []
        for told in early:
            self._take(told)

    async def lines(self) -> AsyncIterator[Line]:
        """Its output until it ends. Raises LinkLost when the phone is gone."""
        while (line := await self._lines.get()) is not None:
            if isinstance(line, Exception):
                raise line
            yield line

    async def write(self, data: bytes) -> None:
        """Apps are not written to: raises NotSupported."""
        raise NotSupported(f"an app on {self._about} reads no standard input")

    async def close_stdin(self) -> None:
        """It has none."""

    async def wait(self) -> int:
        """0 when it has ended: iOS does not tell how."""
        await self._ended.wait()
        return 0

    async def kill(self) -> None:
        """End it, if it still runs. Raises LinkLost where the phone is away: iOS lets it run on then."""
        if self._ended.is_set():
            return
        await self._worker.ask(Do.KILL, limit_s=KILL_S, pid=self.pid)
        self._end()

    def _take(self, told: Told) -> None:
        if count(told.told, "pid") != self.pid:
            return
        if told.tell is Tell.EXITED:
            self._end()
        else:
            self._lines.put_nowait(Line(told.t_ns, "out", text(told.told, "text")))

    def _end(self) -> None:
        self._ended.set()
        self._lines.put_nowait(None)


class Logged:
    """An app that somebody else opened, as the system log has it."""

    pid = 0

    def __init__(self, worker: Worker, name: str, about: str) -> None:
        self._worker = worker
        self._name = name
        self._about = about
        self._lines: asyncio.Queue[Line | Exception] = asyncio.Queue()

    def hear(self, told: Told) -> None:
        """What the worker tells."""
        if told.tell is Tell.ENDED:
            self._lines.put_nowait(raised(told, self._about))
        entry = protocol.log_entry(text(told.told, "text")) if told.tell is Tell.LOG else None
        if entry is not None and entry.process == self._name:
            self._lines.put_nowait(Line(told.t_ns, "out", entry.message))

    async def lines(self) -> AsyncIterator[Line]:
        """What it writes, without end. Raises LinkLost when the phone is gone."""
        while True:
            line = await self._lines.get()
            if isinstance(line, Exception):
                raise line
            yield line

    async def write(self, data: bytes) -> None:
        """It is not ours: raises NotSupported."""
        raise NotSupported(f"{self._name} on {self._about} was not started from here")

    async def close_stdin(self) -> None:
        """It has none."""

    async def wait(self) -> int:
        """It is not ours to wait for: never returns."""
        never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        return await never

    async def kill(self) -> None:
        """It is left running."""
