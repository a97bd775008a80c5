"""A run of an app on an iPhone: started, its lines read until it ends, is stopped, or has told as many turns as asked for."""

import re

from drivers.errors import DriverError, NotSupported, RunFailed
from drivers.events import TurnEnd
from drivers.inbox import Ended
from drivers.links.base import Line, Process
from drivers.model import OnLinkLoss, RunSpec, Sampling
from drivers.runs.apps import log_line, running
from drivers.runs.args import flag_words, option
from drivers.runs.hearing import Cut, Ear
from drivers.runs.loglimit import LogLimit
from drivers.runs.sampling import UNASKED
from drivers.runs.stage import Stage, StagedRuntime
from drivers.runtimes.ios_app.protocol import read_line
from drivers.runtimes.ios_app.telling import AppTeller

OURS = ("bundle", "process", "env", "arg")
BUNDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,200}")
NAME = re.compile(r"[^\s\[\](){}<>/]{1,80}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,80}=.*", re.DOTALL)


class IosApp(StagedRuntime):
    """One run. ``bundle=BUNDLE.ID`` names the app to start, with ``arg=WORD`` and ``env=NAME=VALUE`` as often as wanted;
    ``process=NAME`` one that somebody has opened by hand: its lines of the system log are read, which needs no developer
    mode. Of the workload the number of turns and the seconds count: the app asks its own prompts.
    """

    def objection(self, spec: RunSpec) -> DriverError | None:
        """What is not said, or cannot be."""
        words = flag_words(spec.args, ours=OURS)
        if words:
            return NotSupported(
                f"a run of an app does not take {words[0][:40]!r}",
                remedy="it takes bundle=BUNDLE.ID, arg=WORD, env=NAME=VALUE, or process=NAME",
            )
        if spec.on_link_loss is OnLinkLoss.KEEP:
            return NotSupported("an app on an iPhone ends with its run", remedy="take --on-link-loss stop")
        return _unnamed(spec)

    def sampling(self, spec: RunSpec) -> Sampling:
        """An app chooses by itself."""
        return UNASKED

    async def perform(self, stage: Stage) -> None:
        """The whole run."""
        objection = self.objection(stage.spec)
        if objection is not None:
            raise objection
        stage.absent(
            "prompts",
            "the app asks its own: of the workload its number of turns and its seconds count",
            "--turns or --seconds ends the run; otherwise it lasts until the app ends or is stopped",
        )
        started_ns = stage.clock.now()
        title = option(stage.spec.args, "bundle") or option(stage.spec.args, "process")
        async with running(stage, title, starts=bool(option(stage.spec.args, "bundle"))) as process:
            await _Reading(stage, AppTeller(stage.spec, started_ns, title), title).whole(process)


class _Reading:
    """The lines of an app, read."""

    def __init__(self, stage: Stage, teller: AppTeller, title: str) -> None:
        self._stage = stage
        self._teller = teller
        self._title = title
        self._limit = LogLimit()

    async def whole(self, process: Process) -> None:
        """Until it ends, is stopped, or has told enough turns. Raises RunFailed, LinkError, Cut."""
        stage, teller = self._stage, self._teller
        workload = stage.spec.workload
        stage.emit(teller.opened(stage.clock.now()))
        stage.limit_time(workload.seconds if workload else None)
        end = TurnEnd.FAILED
        stage.inbox.listen("app", _listen(stage, process))
        try:
            await self._follow(workload.turns if workload else None)
        except Cut as cut:
            end = cut.end
            raise
        finally:
            for item in teller.close(stage.clock.now(), end):
                stage.emit(item)

    async def _follow(self, turns: int | None) -> None:
        ear = Ear(self._stage.inbox, None)
        while turns is None or self._teller.turns < turns:
            heard = await ear.hear()
            if isinstance(heard, Line):
                self._read(heard)
            elif isinstance(heard, Ended) and heard.listener == "app":
                if self._teller.turns == 0:
                    raise RunFailed(
                        f"{self._title} ended on {self._stage.spec.device} without a turn told",
                        remedy="have it print our protocol: README, section iPhones",
                    )
                return

    def _read(self, line: Line) -> None:
        for item in self._teller.read(line.t_ns, line.text):
            self._stage.emit(item)
        if read_line(line.text) is not None:
            return
        log_line(self._stage, self._limit, line.t_ns, line.text)


async def _listen(stage: Stage, process: Process) -> None:
    async for line in process.lines():
        stage.inbox.put(line)


def _unnamed(spec: RunSpec) -> DriverError | None:
    bundle, process = option(spec.args, "bundle"), option(spec.args, "process")
    if bool(bundle) == bool(process):
        return NotSupported(
            "no app was named" if not bundle else "two apps were named",
            remedy="name one by a runtime flag (--runtime-arg): bundle=BUNDLE.ID, or process=NAME for one that runs",
        )
    if bundle and not BUNDLE.fullmatch(bundle):
        return NotSupported(
            f"{bundle[:60]!r} is no bundle identifier", remedy="it is like com.example.LLMBench"
        )
    if process and not NAME.fullmatch(process):
        return NotSupported(
            f"{process[:60]!r} is no name of a process", remedy="take the one in the system log"
        )
    odd = next((arg for arg in spec.args if arg.startswith("env=") and not VARIABLE.fullmatch(arg[4:])), "")
    return NotSupported(f"{odd[:60]!r} sets no variable", remedy="write env=NAME=VALUE") if odd else None
