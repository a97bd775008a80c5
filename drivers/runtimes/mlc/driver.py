"""A run on MLC-LLM: its REST server that already runs, one that is started for it, or an app."""

from contextlib import AsyncExitStack
from dataclasses import replace

from drivers.clock import Clock
from drivers.errors import DriverError, NotSupported
from drivers.links.base import ShellLink
from drivers.links.http import HttpLink
from drivers.model import OnLinkLoss, RunSpec, Sampling, Workload
from drivers.runs.args import option
from drivers.runs.hearing import Ear
from drivers.runs.reaching import engine_on, reached, there
from drivers.runs.sampling import UNASKED, overruled
from drivers.runs.stage import Stage, StagedRuntime
from drivers.runtimes.mlc.app import AppRun, running_app
from drivers.runtimes.mlc.engine import Engine, check_program
from drivers.runtimes.mlc.given import FIELDS, misplaced, request_fields, serve_words
from drivers.runtimes.mlc.serve import ServeRun

PORT = 8000
"""Of ``mlc_llm serve``."""
SILENCE_S = 600.0


TAKEN = (
    "it takes model=NAME, port=N, app=PACKAGE/ACTIVITY, serve=MODEL with flags of mlc_llm serve, and fields of "
    f"a request: {', '.join(sorted(FIELDS))}"
)


class Mlc(StagedRuntime):
    """One run. ``spec.url`` or ``port=N`` name the server, ``app=PACKAGE/ACTIVITY`` an app to start, ``serve=MODEL`` has
    a server started on the device, with every flag that was given.

    An app with a port is asked over it; one without asks its own prompts, and its log is read.
    """

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Flags, keeping, and watching a server."""
        if spec.on_link_loss is OnLinkLoss.KEEP:
            return NotSupported("a run on MLC ends with its link", remedy="take --on-link-loss stop")
        port = option(spec.args, "port")
        if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            return NotSupported(f"{port[:40]!r} is no port", remedy="give a number from 1 to 65535")
        if spec.workload is None and not self._reads_log(spec):
            return NotSupported(
                "MLC does not tell what others ask of it", remedy="start a run with a workload"
            )
        return _words_objection(spec, reads_log=self._reads_log(spec))

    def sampling(self, spec: RunSpec) -> Sampling:
        """Its API has no top k; an app whose log is read is asked for nothing."""
        if self._reads_log(spec):
            return UNASKED
        return overruled(replace(spec.sampling, top_k=None), request_fields(spec.args))

    async def look(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> None:
        """Whether the device has the program of a server that is to be started."""
        if option(spec.args, "serve"):
            await check_program(spec, shell)

    async def perform(self, stage: Stage) -> None:
        """The whole run."""
        spec = stage.spec
        objection = self.objection(spec)
        if objection is not None:
            raise objection
        app = option(spec.args, "app")
        async with AsyncExitStack() as stack:
            if app:
                pid = await stack.enter_async_context(running_app(stage, app))
                if self._reads_log(spec):
                    await AppRun(stage, spec.workload, app.partition("/")[0], pid).whole()
                    return
            await self._serve(stage, stack)

    async def _serve(self, stage: Stage, stack: AsyncExitStack) -> None:
        spec = stage.spec
        if spec.workload is None:
            raise NotSupported(
                "MLC does not tell what others ask of it", remedy="start a run with a workload"
            )
        if option(spec.args, "serve"):
            await self._own(stage, stack, spec.workload)
            return
        url = spec.url or f"http://127.0.0.1:{option(spec.args, 'port') or PORT}"
        here = await stack.enter_async_context(reached(url, stage.shell, remote=bool(spec.home)))
        http = await stack.enter_async_context(
            HttpLink(here, stage.clock, silence_s=SILENCE_S, title=there(spec, url))
        )
        app = option(spec.args, "app").partition("/")[0]
        await ServeRun(stage, spec.workload, http, app=app).whole()

    async def _own(self, stage: Stage, stack: AsyncExitStack, workload: Workload) -> None:
        """A server that is started for the run, and ends with it."""
        stage.preparing(f"starting MLC on {stage.spec.device}")
        await check_program(stage.spec, stage.shell)
        engine = await stack.enter_async_context(Engine(stage.spec, stage.shell, stage.clock, stage.emit))
        stage.inbox.listen("engine", engine.listen(stage.inbox))
        port = await engine.listening(Ear(stage.inbox, engine))
        host, forwarded = await stack.enter_async_context(stage.shell.forward(port))
        http = HttpLink(
            f"http://{host}:{forwarded}", stage.clock, silence_s=SILENCE_S, title=engine_on(stage.spec)
        )
        await ServeRun(stage, workload, await stack.enter_async_context(http), engine=engine).whole()

    @staticmethod
    def _reads_log(spec: RunSpec) -> bool:
        return bool(option(spec.args, "app")) and not option(spec.args, "port") and not spec.url


def _words_objection(spec: RunSpec, *, reads_log: bool) -> DriverError | None:
    """What was given and would not reach anything."""
    serve, words, fields = option(spec.args, "serve"), serve_words(spec.args), request_fields(spec.args)
    if serve and (spec.url or option(spec.args, "app")):
        return NotSupported(
            "a server that is started for the run is neither an app nor at an address",
            remedy="take one of serve=MODEL, --url and app=PACKAGE",
        )
    if serve and misplaced(spec.args):
        return NotSupported(
            f"melt itself says {misplaced(spec.args)[:40]!r}", remedy="take port=N for a port"
        )
    if words and not serve:
        return NotSupported(
            f"a run on MLC does not take {words[0][:40]!r} where the server runs already", remedy=TAKEN
        )
    if fields and reads_log:
        return NotSupported(
            f"an app that asks its own prompts does not take {next(iter(fields))!r}",
            remedy="set it in the app, or name the port of its server with port=N",
        )
    return None
