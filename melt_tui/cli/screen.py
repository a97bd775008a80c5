"""The verbs that have a screen: from settings to the app. Imported only when there is a terminal."""

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path

from melt_tui.cli.options import default_run
from melt_tui.config import Config, RunConfig, places
from melt_tui.config.remembered import LastRun, recall, remember
from melt_tui.ui.app import MeltApp
from melt_tui.ui.demo import DEMO
from melt_tui.ui.settings import ScreenSettings
from melt_tui.workbench import RunRequest, SessionSetup, Workbench


def show(
    setup: SessionSetup,
    config: Config,
    requests: Sequence[RunRequest],
    seconds: float | None,
    looked_at: Path | None,
) -> tuple[int, Path | None]:
    """Draw until the user leaves; the exit code, and the recording that was made."""
    bench = Workbench(setup)
    app = MeltApp(
        partial(_opened, bench, requests),
        replay=looked_at,
        script=DEMO if setup.script else (),
        settings=_settings(config),
        seconds=seconds,
    )
    try:
        code = app.run() or 0
        path = bench.status.path
    finally:
        bench.close()
    return code, path


def _opened(bench: Workbench, requests: Sequence[RunRequest]) -> Workbench:
    """The bench, opened after the first frame; what was asked for starts as soon as its devices are up."""
    bench.open()
    for request in requests:
        bench.start_when_up(request)
    return bench


def _settings(config: Config) -> ScreenSettings:
    last, _ = recall(places.state_file())
    request = default_run(last.run, last.devices) if last else default_run(config.run)
    settings = ScreenSettings(
        frames_per_s=config.screen.frame_rate,
        keys=dict(config.keys),
        last_run=request,
        remember_run=_remember,
    )
    return replace(settings, theme=config.screen.theme) if config.screen.theme else settings


def _remember(request: RunRequest) -> None:
    chosen = asdict(request)
    run = RunConfig(**{field.name: chosen[field.name] for field in fields(RunConfig)})
    remember(places.state_file(), LastRun(request.devices, run))
