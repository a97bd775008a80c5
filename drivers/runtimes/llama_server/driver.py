"""A run on llama-server: our own engine, a program here or on a device, or a server that already answers."""

import asyncio
from contextlib import AsyncExitStack

from drivers.clock import SECOND, Clock
from drivers.errors import DriverError, NotSupported, RunFailed
from drivers.events import ChannelsOpened
from drivers.links.base import ShellLink
from drivers.links.http import HttpLink
from drivers.model import OnLinkLoss, RunSpec, Sampling
from drivers.runs.apps import log_lines, running
from drivers.runs.args import binary_of, option
from drivers.runs.fitting import check_device
from drivers.runs.hearing import Ear
from drivers.runs.reaching import reached, there
from drivers.runs.sampling import UNASKED
from drivers.runs.stage import Emit, Stage, StagedRuntime
from drivers.runtimes.llama_server.channels import polled_channel, token_channels
from drivers.runtimes.llama_server.needs import foreseen_objection
from drivers.runtimes.llama_server.own import PROGRAM, OwnRun, loaded_event
from drivers.runtimes.llama_server.server import Server
from drivers.runtimes.llama_server.turns import Turns
from drivers.runtimes.llama_server.watch import SlotReader
from drivers.ticks import ticks

SILENCE_S = 600.0
"""How long a server may say nothing in the middle of an answer: a slow device may take minutes for one batch."""
APP_UP_S = 120.0
"""How long a server inside an app may take to listen and to load its model."""
WATCH_PERIOD_NS = SECOND // 8


class LlamaServer(StagedRuntime):
    """One run: ``spec.url`` attaches to a server and leaves it running, without it an engine is started and ended.

    With ``bundle=BUNDLE.ID`` beside the address the app of a phone in which that server is, is started and ended.
    Without a workload a server is only watched: somebody else drives it. With ``spec.home`` the engine is a program of
    the device's. With ``spec.on_link_loss`` keep, ``run`` may be called again after it raised LinkError, with the shell
    that the device has then: the engine is taken up again, and the turns go on with the next one.
    """

    def __init__(self, *, silence_s: float = SILENCE_S) -> None:
        super().__init__()
        self._silence_s = silence_s
        self._own: OwnRun | None = None

    @property
    def holding(self) -> bool:
        """Whether an engine may live on under its lease: calling ``run`` again takes it up, after ``stop`` to end it."""
        return self._own is not None and self._own.holding

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Flags, threads, context and batch; on this computer memory, processor and packages too; keeping a server that is
        not ours."""
        if spec.url and spec.on_link_loss is OnLinkLoss.KEEP:
            return NotSupported(
                "the answers of a server that is there end with the link", remedy="take --on-link-loss stop"
            )
        return foreseen_objection(spec)

    def sampling(self, spec: RunSpec) -> Sampling:
        """Asked with every turn; one that is watched is asked by others."""
        return spec.sampling if spec.workload else UNASKED

    async def look(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> None:
        """Whether a program that is not our own is there and the model fits into memory; a server needs neither."""
        if not spec.url and (spec.home or binary_of(spec.args)):
            await check_device(spec, shell, [PROGRAM])

    async def perform(self, stage: Stage) -> None:
        """The whole run, or what is left of it."""
        if not stage.spec.url:
            await self._own_engine(stage)
            return
        async with AsyncExitStack() as stack:
            await self._attached(stage, stack)

    async def _own_engine(self, stage: Stage) -> None:
        spec = stage.spec
        if self._own is None:
            if spec.model is None or spec.workload is None:
                raise NotSupported("a run needs a model and a workload, or the address of a server to watch")
            _open_channels(stage)
            self._own = OwnRun(spec, spec.model, spec.workload, self._silence_s)
        await self._own.perform(stage)

    async def _attached(self, stage: Stage, stack: AsyncExitStack) -> None:
        spec, bundle = stage.spec, option(stage.spec.args, "bundle")
        if bundle:
            app = await stack.enter_async_context(running(stage, bundle, starts=True))
            stage.inbox.listen("app", log_lines(stage, app))
        url = await stack.enter_async_context(reached(spec.url, stage.shell, remote=bool(spec.home)))
        http = await stack.enter_async_context(
            HttpLink(url, stage.clock, silence_s=self._silence_s, title=there(spec))
        )
        ear = Ear(stage.inbox, None)
        server = Server(http, stage.clock, ours=bool(bundle))
        stage.preparing(f"waiting for {http.title}")
        await ear.attend("health", _until_up(server, bundle))
        if spec.workload is None:
            await _watch(stage, ear, server)
            return
        _open_channels(stage)
        stage.limit_time(spec.workload.seconds)
        stage.emit(loaded_event(stage, server, None))
        turns = Turns(spec, spec.workload, token_channels(spec.device))
        await turns.run(ear, server, stage.clock, stage.emit)


def _open_channels(stage: Stage) -> None:
    channels = token_channels(stage.spec.device)
    stage.emit(
        ChannelsOpened(
            t_ns=stage.clock.now(),
            device=stage.spec.device,
            channels=(channels.tokens, channels.arrivals),
        )
    )


async def _until_up(server: Server, bundle: str) -> None:
    """A server in an app that was only just started has some time to come up; any other answers, or is none."""
    try:
        async with asyncio.timeout(APP_UP_S if bundle else None):
            await server.until_ready()
    except TimeoutError:
        raise RunFailed(
            f"{bundle} runs, and nothing answers at {server.http.title} within {APP_UP_S:g} s",
            remedy="check the port of its llama-server, and that it listens on 127.0.0.1",
        ) from None


async def _watch(stage: Stage, ear: Ear, server: Server) -> None:
    channel = polled_channel(stage.spec.device)
    stage.absent("token arrivals", "somebody else drives this server: its answers do not come here")
    stage.emit(ChannelsOpened(t_ns=stage.clock.now(), device=stage.spec.device, channels=(channel,)))
    stage.emit(loaded_event(stage, server, None))
    reader = SlotReader(channel, stage.spec.run)
    try:
        await ear.attend("watching", _poll(server, reader, stage.clock, stage.emit))
    finally:
        for item in reader.left(stage.clock.now()):
            stage.emit(item)


async def _poll(server: Server, reader: SlotReader, clock: Clock, emit: Emit) -> None:
    async for _ in ticks(clock, WATCH_PERIOD_NS):
        slots = await server.slots()
        for item in reader.read(clock.now(), slots):
            emit(item)
