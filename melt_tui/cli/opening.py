"""From a plan to the bench on the screen. Imported behind the first frame."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict, fields, replace
from functools import partial

from melt_tui.cli.names import sentences
from melt_tui.cli.options import default_run
from melt_tui.cli.plans import REFUSALS, Plan
from melt_tui.config import Config, RunConfig, places
from melt_tui.config.remembered import LastRun, recall, remember
from melt_tui.ui.demo import DEMO
from melt_tui.ui.opening import Opening
from melt_tui.ui.settings import ScreenSettings
from melt_tui.workbench import RunRequest, Workbench


def open_bench(plan: Plan) -> tuple[Workbench, Opening]:
    """The bench, begun: what was asked for starts as soon as its devices are up."""
    bench = Workbench(plan.setup)
    bench.open()
    for request in plan.requests:
        bench.start_when_up(request, asked=True).add_done_callback(partial(_heed_refusal, bench, plan))
    return bench, Opening(
        bench=bench,
        settings=_settings(plan.config),
        replay=plan.looked_at,
        compare=plan.compared,
        failed=bench.failed,
        script=DEMO if plan.setup.script else (),
        seconds=plan.seconds,
    )


def _heed_refusal(bench: Workbench, plan: Plan, started: "Future[Sequence[str]]") -> None:
    """A session that was opened for a run which is refused ends with the reason, as it does without a screen, and no more is kept
    of it than of one in which nothing was asked for; a demo goes on with what else it shows."""
    error = None if started.cancelled() else started.exception()
    if not isinstance(error, REFUSALS):
        return
    if not plan.config.session.keep_short:
        bench.discard(under_s=plan.config.session.min_minutes * 60)
    if not plan.setup.script and not bench.failed.done():
        bench.failed.set_exception(error)


def _settings(config: Config) -> ScreenSettings:
    last, _ = recall(places.state_file())
    request = default_run(last.run, last.devices) if last else default_run(config.run)
    settings = ScreenSettings(
        frames_per_s=config.screen.frame_rate,
        keys=dict(config.keys),
        last_run=request,
        remember_run=_remember,
        notes=tuple(sentences(config)),
    )
    return replace(settings, theme=config.screen.theme) if config.screen.theme else settings


def _remember(request: RunRequest) -> None:
    chosen = asdict(request)
    run = RunConfig(**{field.name: chosen[field.name] for field in fields(RunConfig)})
    remember(places.state_file(), LastRun(request.devices, run))
