"""An Android app that asks its own prompts and writes its figures into the log: started, or found running; read."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.errors import LinkError, NotSupported, RunFailed
from drivers.events import ChannelsOpened, ModelLoaded, ProcessEnded, ProcessStarted, TurnEnd, TurnPurpose
from drivers.foreign import printable
from drivers.inbox import Ended
from drivers.links.base import Line, Process
from drivers.model import Prompt, Workload
from drivers.runs.args import option
from drivers.runs.hearing import Ear
from drivers.runs.stage import Stage
from drivers.runs.turn import TurnTeller
from drivers.runtimes.mlc.channels import told_counts
from drivers.runtimes.mlc.logged import LogReader
from drivers.runtimes.mlc.protocol import Told, is_app
from drivers.schedule import ScheduledTurn
from drivers.ticks import ticks

SOURCE = "app"
LOOK_PERIOD_NS = 200 * MILLISECOND
START_LIMIT_NS = 10 * SECOND
LIFE_PERIOD_NS = SECOND


@asynccontextmanager
async def running_app(stage: Stage, name: str) -> AsyncIterator[int]:
    """Start ``PACKAGE/ACTIVITY``, or find ``PACKAGE`` running: yields its pid. What was started is stopped at the end.

    Raises NotSupported where there is no such app, RunFailed when it does not come up.
    """
    package, _, activity = name.partition("/")
    if not is_app(name):
        raise NotSupported(
            f"{printable(name, 80)} is no app",
            remedy="name it as app=PACKAGE/ACTIVITY, or app=PACKAGE when it runs",
        )
    if activity:
        await _start(stage, name)
    try:
        pid = await _find(stage, package, wait=bool(activity))
        now, spec = stage.clock.now(), stage.spec
        command = f"am start -n {name}" if activity else package
        stage.emit(ProcessStarted(t_ns=now, device=spec.device, run=spec.run, pid=pid, command=command))
        try:
            yield pid
        finally:
            now = stage.clock.now()
            stage.emit(
                ProcessEnded(
                    t_ns=now,
                    device=spec.device,
                    run=spec.run,
                    pid=pid,
                    returncode=None,
                    detail="" if activity else "left running",
                )
            )
    finally:
        if activity:
            with suppress(LinkError):
                await stage.shell.run(["am", "force-stop", package])


async def app_build(stage: Stage, package: str) -> str:
    """The package with its version as the phone has it; empty where the phone does not tell."""
    answer = await stage.shell.run(["dumpsys", "package", package])
    version = re.search(r"^\s*versionName=(\S{1,80})", answer.out, re.MULTILINE)
    return f"{package} {printable(version[1], 80)}" if version else ""


class AppRun:
    """Reads the log of an app until it is stopped, the app ends, or as many turns were told as were asked for."""

    def __init__(self, stage: Stage, workload: Workload | None, package: str, pid: int) -> None:
        self._stage = stage
        self._package = package
        self._pid = pid
        self._log = LogReader(pid)
        self._limit = workload.turns if workload else None
        self._seconds = workload.seconds if workload else None
        self._arrivals = told_counts(stage.spec.device)
        self._numbers = count(1)
        self._turns = 0
        self._tokens = 0

    async def whole(self) -> None:
        """Raises RunFailed when the app ends, LinkError, and Cut."""
        stage = self._stage
        now, spec = stage.clock.now(), stage.spec
        stage.emit(ChannelsOpened(t_ns=now, device=spec.device, channels=(self._arrivals,)))
        stage.absent(
            "prompts",
            f"{self._package} asks its own: of the workload its number of turns and its seconds count",
        )
        stage.emit(
            ModelLoaded(
                t_ns=now,
                device=spec.device,
                run=spec.run,
                load_s=None,
                build=await app_build(stage, self._package),
                model=option(spec.args, "model"),
            )
        )
        stage.limit_time(self._seconds)
        argv = ["logcat", "-v", "epoch", "-T", "1", "--pid", str(self._pid)]
        async with stage.shell.start(argv) as process:
            stage.inbox.listen("log", self._listen(process))
            stage.inbox.listen("life", self._look_after())
            await self._follow()

    async def _follow(self) -> None:
        ear = Ear(self._stage.inbox, None)
        while self._limit is None or self._turns < self._limit:
            heard = await ear.hear()
            if isinstance(heard, Line):
                for item in self._read(heard):
                    self._stage.emit(item)
            elif isinstance(heard, Ended) and heard.listener in {"log", "life"}:
                raise RunFailed(
                    f"{self._package} ended on {self._stage.spec.device}"
                    if heard.listener == "life"
                    else f"the log of {self._stage.spec.device} ended"
                )

    async def _listen(self, process: Process) -> None:
        async for line in process.lines():
            self._stage.inbox.put(line)

    async def _look_after(self) -> None:
        """Return when the app is gone."""
        async for _ in ticks(self._stage.clock, LIFE_PERIOD_NS):
            if self._pid not in await _pids(self._stage, self._package):
                return

    def _read(self, line: Line) -> Iterator[Item]:
        found = self._log.read(line.text)
        if found is not None:
            self._stage.log(f"{SOURCE} {found.tag}", found.message, line.t_ns)
            yield from self._turn(line.t_ns, found.told)

    def _turn(self, t_ns: int, told: Told) -> Iterator[Item]:
        """A turn is known when its figures are: its beginning is laid back by as long as they say it took."""
        self._turns += 1
        number = next(self._numbers)
        scheduled = ScheduledTurn(number, 0, number - 1, 0, Prompt(), TurnPurpose.MEASURED, fresh=False)
        took_s = (told.figures.prompt_s or 0.0) + (told.figures.decode_s or 0.0)
        teller = TurnTeller(
            self._stage.spec,
            scheduled,
            self._arrivals,
            sent_ns=t_ns - round(took_s * SECOND),
            tokens_before=self._tokens,
        )
        yield teller.started()
        yield from teller.ended(t_ns, TurnEnd.EOS, told.figures, detail=told.detail, approximate=True)
        self._tokens = teller.total


async def _start(stage: Stage, name: str) -> None:
    stage.preparing(f"starting {name}")
    answer = await stage.shell.run(["am", "start", "-n", name])
    said = answer.out + answer.err
    if answer.returncode != 0 or re.search(r"^(Error|Exception|java\.)", said, re.MULTILINE):
        raise NotSupported(
            f"{stage.spec.device} could not start {name}: {printable(said, 160)}",
            remedy="check that the app is installed, and the name of its activity",
        )


async def _find(stage: Stage, package: str, *, wait: bool) -> int:
    deadline_ns = stage.clock.now() + (START_LIMIT_NS if wait else 0)
    async for now in ticks(stage.clock, LOOK_PERIOD_NS):
        pids = await _pids(stage, package)
        if pids:
            return pids[0]
        if now >= deadline_ns:
            break
    raise RunFailed(
        f"{package} does not run on {stage.spec.device}",
        remedy="name it as app=PACKAGE/ACTIVITY to have it started",
    )


async def _pids(stage: Stage, package: str) -> list[int]:
    answer = await stage.shell.run(["pidof", package])
    return [int(word) for word in answer.out.split() if re.fullmatch(r"[0-9]{1,9}", word)]
