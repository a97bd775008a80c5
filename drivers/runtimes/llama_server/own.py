"""A run on an engine that we start: on this computer, or on a device, where it may outlive its link."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from drivers.clock import SECOND
from drivers.errors import LinkError
from drivers.events import ModelLoaded, TurnEnd
from drivers.links.base import Line
from drivers.links.http import HttpLink
from drivers.model import RunSpec, Workload
from drivers.modelfile import ModelFile
from drivers.runs.fitting import fit, lease_of
from drivers.runs.hearing import Ear, Halt
from drivers.runs.kept import Kept
from drivers.runs.program import Launch
from drivers.runs.reaching import engine_on
from drivers.runs.stage import Stage
from drivers.runtimes.llama_server.channels import token_channels
from drivers.runtimes.llama_server.engine import SOURCE, Engine, local_launch, local_threads
from drivers.runtimes.llama_server.flags import binary_command
from drivers.runtimes.llama_server.needs import find_objection
from drivers.runtimes.llama_server.protocol import Ready
from drivers.runtimes.llama_server.server import Server
from drivers.runtimes.llama_server.turns import Turns

PROGRAM = "llama-server"


@dataclass(frozen=True, slots=True)
class _Started:
    """How the engine was started."""

    launch: Launch
    threads: int


@dataclass(frozen=True, slots=True)
class _Living:
    """An engine that is ready, and may be taken up again."""

    port: int
    until_ns: int | None
    """When its workload's time is up."""


class OwnRun:
    """From looking at the device to the engine's end. Performed anew after its link was lost under a lease, it takes
    the engine up again and goes on with the next turn.
    """

    def __init__(self, spec: RunSpec, model: ModelFile, workload: Workload, silence_s: float) -> None:
        self._spec = spec
        self._model = model
        self._workload = workload
        self._silence_s = silence_s
        self._turns = Turns(spec, workload, token_channels(spec.device))
        self._started: _Started | None = None
        self._pid: int | None = None
        self._living: _Living | None = None
        self._kept = Kept(spec)
        self.holding = False
        """Whether an engine may live on the device under its lease."""

    async def perform(self, stage: Stage) -> None:
        """All of it, or what is left of it. Raises as ``drivers.base.Runtime.run`` does, and Cut."""
        self.holding = False
        try:
            async with AsyncExitStack() as stack:
                await self._perform(stage, stack)
        except LinkError as error:
            self.holding = self._started is not None and self._started.launch.lease is not None
            self._kept.lose(stage.clock.now(), error)
            raise

    async def _perform(self, stage: Stage, stack: AsyncExitStack) -> None:
        if self._started is None:
            self._started = await self._prepared(stage)
        engine = await stack.enter_async_context(self._engine(stage, self._started))
        self._pid = engine.process.pid
        ear = Ear(stage.inbox, engine)
        await self._listen(stage, ear, engine, leased=self._started.launch.lease is not None)
        if self._living is None:
            server = await self._loaded(stage, stack, ear, engine)
        else:
            server = await self._reached(stage, stack, self._living.port)
            await ear.attend("health", server.until_ready())
            self._limit_time(stage, self._living)
        await self._turns.run(ear, server, stage.clock, self._kept.hearing(stage.emit))

    async def _listen(self, stage: Stage, ear: Ear, engine: Engine, *, leased: bool) -> None:
        """Hear the engine from now on: what was missed first; whoever stopped the run meanwhile ends it after that."""
        stopped = stage.inbox.drop(Halt) > 0
        await ear.attend("kept", self._kept.take_up(stage, engine.process))
        if leased:
            self._kept.keep_time(stage, engine.process)

        def caught_up() -> None:
            if stopped:
                stage.inbox.put(Halt(TurnEnd.STOPPED))

        output = self._kept.ordered(engine.process, engine.process.lines(), caught_up)
        stage.inbox.listen("engine", engine.listen(stage.inbox, output))

    async def _prepared(self, stage: Stage) -> _Started:
        spec = self._spec
        if not spec.home:
            objection = find_objection(spec)
            if objection:
                raise objection
            return _Started(local_launch(spec, self._model.path), local_threads(spec))
        fitted = await fit(stage, self._model, [PROGRAM])
        argv = binary_command(spec, fitted.program.path, fitted.model_path, fitted.threads)
        return _Started(Launch(tuple(argv), fitted.env, lease_of(stage, PROGRAM)), fitted.threads)

    def _engine(self, stage: Stage, started: _Started) -> Engine:
        return Engine(
            self._spec,
            self._model,
            stage.shell,
            stage.clock,
            stage.emit,
            started.launch if self._spec.home else None,
            threads=started.threads,
            taken_up=self._pid,
        )

    async def _loaded(self, stage: Stage, stack: AsyncExitStack, ear: Ear, engine: Engine) -> Server:
        progress = stage.inbox.listen("loading", engine.follow_loading())
        ready, loaded_ns = await _listening(ear, engine)
        server = await self._reached(stage, stack, ready.port)
        await ear.attend("health", server.until_ready())
        await stage.inbox.dismiss(progress)
        if ready.load_s is None:
            loaded_ns = stage.clock.now()
        if ready.ignored:
            stage.log(SOURCE, f"this build of the engine does not know: {ready.ignored}")
        seconds = self._workload.seconds
        until_ns = None if seconds is None else stage.clock.now() + round(seconds * SECOND)
        self._living = _Living(ready.port, until_ns)
        stage.limit_time(seconds)
        loaded = loaded_event(stage, server, (loaded_ns - engine.started_ns) / SECOND, ready)
        backend = ready.backend or engine.backend
        stage.emit(replace(loaded, threads=engine.threads, batch=engine.batch, backend=backend))
        return server

    async def _reached(self, stage: Stage, stack: AsyncExitStack, port: int) -> Server:
        host, forwarded = await stack.enter_async_context(stage.shell.forward(port))
        http = HttpLink(
            f"http://{host}:{forwarded}", stage.clock, silence_s=self._silence_s, title=engine_on(stage.spec)
        )
        return Server(await stack.enter_async_context(http), stage.clock, ours=True)

    def _limit_time(self, stage: Stage, living: _Living) -> None:
        if living.until_ns is not None:
            stage.limit_time(max(0.0, (living.until_ns - stage.clock.now()) / SECOND))


def loaded_event(
    stage: Stage, server: Server, load_s: float | None, ready: Ready | None = None
) -> ModelLoaded:
    """What a server that is ready says of itself."""
    return ModelLoaded(
        t_ns=stage.clock.now(),
        device=stage.spec.device,
        run=stage.spec.run,
        load_s=load_s,
        build=(ready.build if ready else "") or server.about.build,
        backend=ready.backend if ready else "",
        context=server.about.context,
        model=server.about.model,
    )


async def _listening(ear: Ear, engine: Engine) -> tuple[Ready, int]:
    """Where the engine listens, and when it said so; our own says it when the model is loaded."""
    while True:
        heard = await ear.hear()
        ready = engine.understood(heard) if isinstance(heard, Line) else None
        if isinstance(heard, Line) and ready is not None:
            return ready, heard.t_ns
