"""A run on llama-server: our own engine, a program of the user's, or a server that already answers."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace

from drivers.base import Item
from drivers.clock import SECOND, Clock, pause
from drivers.errors import DriverError, NotSupported
from drivers.events import Absent, ChannelsOpened, Event, LogLine, ModelLoaded, Preparing, TurnEnd
from drivers.inbox import Ended, Inbox
from drivers.links.base import Line, ShellLink
from drivers.links.http import HttpLink
from drivers.model import ModelFile, RunSpec, Samples, Workload
from drivers.runs.hearing import Cut, Ear, Halt
from drivers.runtimes.llama_server.channels import polled_channel, token_channels
from drivers.runtimes.llama_server.engine import SOURCE, Engine
from drivers.runtimes.llama_server.needs import find_objection, foreseen_objection
from drivers.runtimes.llama_server.protocol import Ready
from drivers.runtimes.llama_server.server import Server
from drivers.runtimes.llama_server.turns import Turns
from drivers.runtimes.llama_server.watch import SlotReader
from drivers.ticks import ticks

SILENCE_S = 600.0
"""How long a server may say nothing in the middle of an answer: a slow device may take minutes for one batch."""
WATCH_PERIOD_NS = SECOND // 8


class LlamaServer:
    """One run: ``spec.url`` attaches to a server and leaves it running, without it an engine is started and ended.

    Without a workload a server is only watched: somebody else drives it.
    """

    def __init__(self, *, silence_s: float = SILENCE_S) -> None:
        self._silence_s = silence_s
        self._stopped = False
        self._inbox: Inbox | None = None

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Flags, threads, context and batch, memory, processor and packages of this computer."""
        return foreseen_objection(spec)

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        """As ``drivers.base.Runtime`` says. Raises RunFailed, AskUser, LinkError or Garbled."""
        items = Inbox()
        self._inbox = Inbox()
        if self._stopped:
            return
        async with items:
            run = _Run(spec, shell, clock, items, self._inbox, self._silence_s)
            items.listen("run", run.whole())
            while (item := _told(await items.take())) is not None:
                yield item

    async def stop(self) -> None:
        """Make ``run`` end within 1 s: the turn in progress ends as ``stopped``."""
        self._stopped = True
        if self._inbox is not None:
            self._inbox.put(Halt(TurnEnd.STOPPED))


def _told(item: object) -> Item | None:
    """What the run tells; None when it is over. Raises what ended it."""
    if isinstance(item, Ended) and item.error is not None:
        raise item.error
    return item if isinstance(item, Samples | Event) else None


class _Run:
    def __init__(
        self, spec: RunSpec, shell: ShellLink, clock: Clock, items: Inbox, inbox: Inbox, silence_s: float
    ) -> None:
        self._spec = spec
        self._shell = shell
        self._clock = clock
        self._emit = items.put
        self._inbox = inbox
        self._silence_s = silence_s

    async def whole(self) -> None:
        objection = find_objection(self._spec)
        if objection:
            raise objection
        async with self._inbox, AsyncExitStack() as stack:
            try:
                await self._work(stack)
            except Cut:
                return

    async def _work(self, stack: AsyncExitStack) -> None:
        spec = self._spec
        if spec.url:
            await self._attached(await stack.enter_async_context(self._http(spec.url)))
        elif spec.model is None or spec.workload is None:
            raise NotSupported("a run needs a model and a workload, or the address of a server to watch")
        else:
            await self._own(stack, spec.model, spec.workload)

    async def _own(self, stack: AsyncExitStack, model: ModelFile, workload: Workload) -> None:
        self._open_channels()
        engine = await stack.enter_async_context(
            Engine(self._spec, model, self._shell, self._clock, self._emit)
        )
        ear = Ear(self._inbox, engine)
        self._inbox.listen("engine", engine.listen(self._inbox))
        progress = self._inbox.listen("loading", engine.follow_loading())
        ready, loaded_ns = await self._listening(ear, engine)
        host, port = await stack.enter_async_context(self._shell.forward(ready.port))
        http = await stack.enter_async_context(self._http(f"http://{host}:{port}"))
        server = Server(http, self._clock, ours=True)
        await ear.attend("health", server.until_ready())
        await self._inbox.dismiss(progress)
        if ready.load_s is None:
            loaded_ns = self._clock.now()
        load_s = (loaded_ns - engine.started_ns) / SECOND
        if ready.ignored:
            self._tell(f"this build of the engine does not know: {ready.ignored}")
        loaded = self._loaded(server, load_s, ready.build, ready.backend)
        await self._turns(ear, server, workload, replace(loaded, threads=engine.threads, batch=engine.batch))

    async def _listening(self, ear: Ear, engine: Engine) -> tuple[Ready, int]:
        """Where the engine listens, and when it said so; our own says it when the model is loaded."""
        while True:
            heard = await ear.hear()
            ready = engine.understood(heard) if isinstance(heard, Line) else None
            if isinstance(heard, Line) and ready is not None:
                return ready, heard.t_ns

    async def _attached(self, http: HttpLink) -> None:
        ear = Ear(self._inbox, None)
        server = Server(http, self._clock, ours=False)
        self._emit(self._preparing(f"waiting for {http.url}"))
        await ear.attend("health", server.until_ready())
        if self._spec.workload is None:
            await self._watch(ear, server)
        else:
            self._open_channels()
            await self._turns(ear, server, self._spec.workload, self._loaded(server, None))

    async def _turns(self, ear: Ear, server: Server, workload: Workload, loaded: ModelLoaded) -> None:
        if workload.seconds is not None:
            self._inbox.listen("time", self._time_up(workload.seconds))
        self._emit(loaded)
        channels = token_channels(self._spec.device)
        await Turns(self._spec, workload, server, channels, self._clock, self._emit).run(ear)

    async def _time_up(self, seconds: float) -> None:
        await pause(self._clock, seconds)
        self._inbox.put(Halt(TurnEnd.TIME))

    async def _watch(self, ear: Ear, server: Server) -> None:
        channel = polled_channel(self._spec.device)
        self._emit(
            Absent(
                t_ns=self._clock.now(),
                device=self._spec.device,
                what="token arrivals",
                reason="somebody else drives this server: its answers do not come here",
            )
        )
        self._emit(ChannelsOpened(t_ns=self._clock.now(), device=self._spec.device, channels=(channel,)))
        self._emit(self._loaded(server, None))
        reader = SlotReader(channel, self._spec.run)
        try:
            await ear.attend("watching", self._poll(server, reader))
        finally:
            for item in reader.left(self._clock.now()):
                self._emit(item)

    async def _poll(self, server: Server, reader: SlotReader) -> None:
        async for _ in ticks(self._clock, WATCH_PERIOD_NS):
            slots = await server.slots()
            for item in reader.read(self._clock.now(), slots):
                self._emit(item)

    def _http(self, url: str) -> HttpLink:
        return HttpLink(url, self._clock, silence_s=self._silence_s)

    def _open_channels(self) -> None:
        channels = token_channels(self._spec.device)
        self._emit(
            ChannelsOpened(
                t_ns=self._clock.now(),
                device=self._spec.device,
                channels=(channels.tokens, channels.arrivals),
            )
        )

    def _preparing(self, step: str) -> Preparing:
        return Preparing(
            t_ns=self._clock.now(), device=self._spec.device, run=self._spec.run, step=step, done=0.0
        )

    def _loaded(
        self, server: Server, load_s: float | None, build: str = "", backend: str = ""
    ) -> ModelLoaded:
        return ModelLoaded(
            t_ns=self._clock.now(),
            device=self._spec.device,
            run=self._spec.run,
            load_s=load_s,
            build=build or server.about.build,
            backend=backend,
            context=server.about.context,
            model=server.about.model,
        )

    def _tell(self, text: str) -> None:
        self._emit(
            LogLine(
                t_ns=self._clock.now(), device=self._spec.device, run=self._spec.run, source=SOURCE, text=text
            )
        )
