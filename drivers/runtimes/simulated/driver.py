"""A run on the simulated engine, over the shell of a simulated machine. The events are those of a real run."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND, Clock
from drivers.errors import DriverError, LinkError, NotSupported, RunFailed
from drivers.events import (
    ChannelsOpened,
    LogLine,
    ModelLoaded,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    bounded,
)
from drivers.links.base import Line, Process, ShellLink
from drivers.model import RunSpec, Sampling, Workload
from drivers.runs.sampling import UNASKED
from drivers.runtimes.simulated.channels import token_channels
from drivers.runtimes.simulated.protocol import (
    QUIT,
    STOP,
    End,
    Error,
    Loading,
    Ready,
    command_line,
    parse,
    prompt_tokens,
    turn_command,
)
from drivers.runtimes.simulated.turns import TurnReader
from drivers.schedule import ScheduledTurn, schedule

_NAP_NS = 50 * MILLISECOND
_ENDS = {"limit": TurnEnd.LIMIT, "eos": TurnEnd.EOS}


class SimulatedRuntime:
    """One run of the simulated engine."""

    def __init__(self) -> None:
        self._run: _Run | None = None
        self._stopped = False

    def objection(self, spec: RunSpec) -> DriverError | None:
        """It runs workloads of its own alone, has no flags, and its context holds the longest prompt."""
        if spec.workload is None or spec.url:
            return NotSupported(
                "the simulated engine serves nobody to watch", remedy="start a run with a workload"
            )
        if spec.args:
            return NotSupported(
                f"the simulated engine does not know {spec.args[0][:40]!r}", remedy="leave out --runtime-arg"
            )
        longest = max(prompt_tokens(prompt) for talk in spec.workload.conversations for prompt in talk)
        if longest >= spec.context:
            return NotSupported(
                f"a prompt of {longest} tokens does not fit into a context of {spec.context}",
                remedy=f"take --context {longest + spec.workload.max_tokens} or more",
            )
        return None

    def sampling(self, spec: RunSpec) -> Sampling:
        """Of all of it the engine takes a seed."""
        return replace(UNASKED, seed=spec.sampling.seed)

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        """As ``drivers.base.Runtime`` says. Raises NotSupported, RunFailed, LinkError or Garbled."""
        objection = self.objection(spec)
        if objection is not None or spec.workload is None:
            raise objection or NotSupported("the simulated engine needs a workload")
        if self._stopped:
            return
        now = clock.now()
        yield ChannelsOpened(t_ns=now, device=spec.device, channels=token_channels(spec.device))
        yield Preparing(t_ns=now, device=spec.device, run=spec.run, step="starting the engine", done=0.0)
        argv = command_line(spec)
        async with shell.start(argv) as process:
            self._run = _Run(spec, spec.workload, process, clock)
            yield ProcessStarted(
                t_ns=clock.now(), device=spec.device, run=spec.run, pid=process.pid, command=" ".join(argv)
            )
            async with aclosing(self._run.items()) as items:
                async for item in items:
                    yield item

    async def stop(self) -> None:
        """End ``run`` within 1 s: the turn in progress ends as ``stopped``."""
        self._stopped = True
        if self._run is not None:
            with suppress(LinkError):
                await self._run.stop()


class _Run:
    """From a started process to its end."""

    def __init__(self, spec: RunSpec, workload: Workload, process: Process, clock: Clock) -> None:
        self._spec = spec
        self._workload = workload
        self._process = process
        self._clock = clock
        self._lines = process.lines()
        self._channels = token_channels(spec.device)
        self._stopped = False
        self._loaded = False
        self._deadline_ns: int | None = None
        self._context = 0

    async def items(self) -> AsyncGenerator[Item, None]:
        """Loading, every turn, the end. Raises RunFailed when the engine ends by itself, LinkError, Garbled."""
        async with aclosing(self._load()) as loading:
            async for item in loading:
                yield item
        if self._loaded:
            async with aclosing(self._turns()) as turns:
                async for item in turns:
                    yield item
        with suppress(LinkError):
            await self._process.write(QUIT)
        yield ProcessEnded(
            t_ns=self._clock.now(),
            device=self._spec.device,
            run=self._spec.run,
            pid=self._process.pid,
            returncode=await self._process.wait(),
        )

    async def stop(self) -> None:
        """End the turn in progress, or the process when it is still loading."""
        self._stopped = True
        if self._loaded:
            await self._process.write(STOP)
        else:
            await self._process.kill()

    async def _load(self) -> AsyncGenerator[Item, None]:
        async for line in self._lines:
            message = None if line.stream == "err" else parse(line.text)
            if isinstance(message, Loading):
                yield Preparing(
                    t_ns=line.t_ns, device=self._spec.device, run=self._spec.run,
                    step="loading the model", done=min(1.0, message.done), eta_s=message.eta_s,
                )  # fmt: skip
            elif isinstance(message, Ready):
                yield self._ready(line.t_ns, message)
                return
            else:
                yield self._log(line)
        if not self._stopped:
            raise RunFailed(f"the engine on {self._spec.device} ended while it loaded the model")

    async def _turns(self) -> AsyncGenerator[Item, None]:
        for scheduled in schedule(self._workload):
            if scheduled.turn > 1:
                await self._pause()
            if self._over():
                return
            async with aclosing(self._turn(scheduled)) as turn:
                async for item in turn:
                    yield item

    async def _turn(self, scheduled: ScheduledTurn) -> AsyncGenerator[Item, None]:
        reader = await self._ask(scheduled)
        yield reader.started()
        try:
            async with aclosing(self._answer(reader, scheduled)) as answer:
                async for item in answer:
                    yield item
        except (LinkError, RunFailed) as failure:
            for item in reader.cut(self._clock.now(), TurnEnd.FAILED, failure.sentence):
                yield item
            raise

    async def _ask(self, scheduled: ScheduledTurn) -> TurnReader:
        if scheduled.fresh:
            self._context = 0
        sent_ns = self._clock.now()
        command = turn_command(
            scheduled.turn,
            prompt_tokens(scheduled.prompt),
            self._workload.max_tokens,
            fresh=scheduled.fresh,
            ignore_eos=self._workload.ignore_eos,
        )
        await self._process.write(command)
        return TurnReader(self._spec, scheduled, self._channels, sent_ns, self._context)

    async def _answer(self, reader: TurnReader, scheduled: ScheduledTurn) -> AsyncGenerator[Item, None]:
        async for line in self._lines:
            message = None if line.stream == "err" else parse(line.text)
            if isinstance(message, Error):
                for item in self._refused(reader, scheduled, line.t_ns, message):
                    yield item
                return
            if isinstance(message, End):
                await self._clock.sleep_until(reader.engine_ns)
                for item in reader.end(max(line.t_ns, reader.engine_ns), message, self._end(message)):
                    yield item
                self._context = reader.context_tokens
                return
            for item in [self._log(line)] if message is None else reader.read(line.t_ns, message):
                yield item
            if self._late():
                await self._process.write(STOP)
        raise RunFailed(f"the engine on {self._spec.device} ended in the middle of turn {scheduled.turn}")

    def _refused(self, reader: TurnReader, scheduled: ScheduledTurn, t_ns: int, error: Error) -> list[Item]:
        """A conversation that grew too long is cut there; a prompt that never fits ends the run."""
        if scheduled.fresh:
            raise RunFailed(
                f"the engine on {self._spec.device} refused turn {scheduled.turn}: {error.detail[:200]}",
                remedy="take a larger --context or a shorter prompt",
            )
        return list(reader.cut(t_ns, TurnEnd.REFUSED, error.detail))

    def _ready(self, t_ns: int, ready: Ready) -> ModelLoaded:
        self._loaded = True
        if self._workload.seconds is not None:
            self._deadline_ns = t_ns + round(self._workload.seconds * SECOND)
        return ModelLoaded(
            t_ns=t_ns,
            device=self._spec.device,
            run=self._spec.run,
            load_s=ready.load_s,
            build=bounded(ready.build),
            backend=bounded(ready.backend),
            threads=ready.threads,
            context=ready.context,
            batch=ready.batch,
            model=bounded(ready.model),
        )

    def _end(self, message: End) -> TurnEnd:
        if message.end in _ENDS:
            return _ENDS[message.end]
        return TurnEnd.TIME if self._late() else TurnEnd.STOPPED

    async def _pause(self) -> None:
        until_ns = self._clock.now() + round(self._workload.pause_s * SECOND)
        while self._clock.now() < until_ns and not self._over():
            await self._clock.sleep_until(min(until_ns, self._clock.now() + _NAP_NS))

    def _over(self) -> bool:
        return self._stopped or self._late()

    def _late(self) -> bool:
        return self._deadline_ns is not None and self._clock.now() >= self._deadline_ns

    def _log(self, line: Line) -> LogLine:
        return LogLine(
            t_ns=line.t_ns,
            device=self._spec.device,
            run=self._spec.run,
            source="simulated engine",
            text=bounded(line.text),
        )
