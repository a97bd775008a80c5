"""A run on MLC-LLM: its REST server that already runs, or an app that is started for it."""

from contextlib import AsyncExitStack

from drivers.errors import DriverError, NotSupported
from drivers.links.http import HttpLink
from drivers.model import OnLinkLoss, RunSpec
from drivers.runs.args import flag_words, option
from drivers.runs.reaching import reached
from drivers.runs.stage import Stage, StagedRuntime
from drivers.runtimes.mlc.app import AppRun, running_app
from drivers.runtimes.mlc.serve import ServeRun

PORT = 8000
"""Of ``mlc_llm serve``."""
SILENCE_S = 600.0
OURS = ("app", "model", "port")


class Mlc(StagedRuntime):
    """One run. ``spec.url`` or ``port=N`` name the server, ``app=PACKAGE/ACTIVITY`` an app to start.

    An app with a port is asked over it; one without asks its own prompts, and its log is read.
    """

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Flags, keeping, and watching a server."""
        words = flag_words(spec.args, ours=OURS)
        if words:
            return NotSupported(
                f"a run on MLC does not take {words[0][:40]!r}",
                remedy="it takes model=NAME, port=N and app=PACKAGE/ACTIVITY",
            )
        if spec.on_link_loss is OnLinkLoss.KEEP:
            return NotSupported("a run on MLC ends with its link", remedy="take --on-link-loss stop")
        port = option(spec.args, "port")
        if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            return NotSupported(f"{port[:40]!r} is no port", remedy="give a number from 1 to 65535")
        if spec.workload is None and not self._reads_log(spec):
            return NotSupported(
                "MLC does not tell what others ask of it", remedy="start a run with a workload"
            )
        return None

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
        url = spec.url or f"http://127.0.0.1:{option(spec.args, 'port') or PORT}"
        here = await stack.enter_async_context(reached(url, stage.shell, remote=bool(spec.home)))
        http = await stack.enter_async_context(HttpLink(here, stage.clock, silence_s=SILENCE_S))
        coming_up = bool(option(spec.args, "app"))
        await ServeRun(stage, spec.workload, http, coming_up=coming_up).whole()

    @staticmethod
    def _reads_log(spec: RunSpec) -> bool:
        return bool(option(spec.args, "app")) and not option(spec.args, "port") and not spec.url
