"""The verbs that open a session: the bench, demo, watch, run, replay; with a screen or without."""

import importlib
import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from melt_tui.cli.options import DEFAULT_PLACES, asked_run, config_of, seconds_of, session_setup
from melt_tui.cli.output import progress, result, result_json
from melt_tui.config import Config
from melt_tui.errors import UsageError
from melt_tui.workbench import Place, RunRequest, SessionSetup, Workbench

DEMO_REQUESTS = (
    RunRequest(devices=("host",), model="demo", workload="chat", repeat=0, ignore_eos=True, temperature=0.8),
    RunRequest(devices=("sim-phone",), model="synthetic:gemma-2b", workload="chat", repeat=0),
    RunRequest(devices=("sim-jetson",), model="synthetic:gemma-2b", workload="chat", repeat=0),
)
"""What the demo runs by itself: a real engine here, and what the simulated devices can show."""

SIMULATED = ("sim:phone", "sim:jetson", "sim:meter")


def bench(options: Namespace) -> int:
    """``melt``: the bench with what is configured."""
    config = config_of(options)
    setup = session_setup(options, config)
    return _on_screen(replace(setup, places=setup.places or DEFAULT_PLACES), config)


def demo(options: Namespace) -> int:
    """``melt demo``: a real run here, beside simulated devices."""
    config = config_of(options)
    simulated = config.session.simulated and not options.no_simulated
    places = tuple(Place(address=address) for address in ("host", *(SIMULATED if simulated else ())))
    setup = session_setup(options, config, opened=places, name="demo", script=simulated)
    requests = DEMO_REQUESTS if simulated else DEMO_REQUESTS[:1]
    if _without_screen(options, config):
        return _headless(setup, options, config, requests, options.seconds)
    return _on_screen(setup, config, requests, options)


def watch(options: Namespace) -> int:
    """``melt watch``: observe without starting anything."""
    config = config_of(options)
    setup = _with_devices(session_setup(options, config, name="watch", keep=True))
    if _without_screen(options, config):
        return _headless(setup, options, config, (), seconds_of(options, config))
    return _on_screen(setup, config, (), options)


def run(options: Namespace) -> int:
    """``melt run``: a run on every device that was named and can run one; the others are watched."""
    config = config_of(options)
    setup = _with_devices(session_setup(options, config, name="run", keep=True))
    request = asked_run(options, config, ())
    if _without_screen(options, config):
        return _headless(setup, options, config, (request,), None)
    return _on_screen(setup, config, (request,), options)


def replay(options: Namespace) -> int:
    """``melt replay FILE``: look back into a recording."""
    config = config_of(options)
    setup = session_setup(options, config, opened=(), recording=False)
    return _on_screen(setup, config, looked_at=options.file)


def _with_devices(setup: SessionSetup) -> SessionSetup:
    if not setup.places:
        raise UsageError("no device was named", remedy="add --device host, or devices to the config file")
    return setup


def _without_screen(options: Namespace, config: Config) -> bool:
    return bool(options.headless or config.screen.headless)


def _headless(
    setup: SessionSetup,
    options: Namespace,
    config: Config,
    requests: tuple[RunRequest, ...],
    seconds: float | None,
) -> int:
    headless = importlib.import_module("melt_tui.cli.headless")
    interrupted = good = False
    with closing(Workbench(setup)) as session:
        try:
            session.open()
            good = headless.Headless(session).work(requests, seconds)
        except KeyboardInterrupt:
            interrupted = True
            progress("stopping …")
        path = session.status.path
    _print_results(path, as_json=options.json or config.screen.json)
    if interrupted:
        return 130
    return 0 if good else 1


def _on_screen(
    setup: SessionSetup,
    config: Config,
    requests: tuple[RunRequest, ...] = (),
    options: Namespace | None = None,
    looked_at: Path | None = None,
) -> int:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # it draws on stderr: stdout is for results
        instead = "use --headless, or " if options is not None else ""
        raise UsageError("there is no terminal to draw on", remedy=f"{instead}open one")
    screen = importlib.import_module("melt_tui.cli.screen")
    shown: tuple[int, Path | None] = screen.show(
        setup, config, requests, getattr(options, "seconds", None), looked_at
    )
    code, path = shown
    if path is not None and path.exists():
        if options is not None and options.json:
            _print_results(path, as_json=True)
        else:
            progress(f"recorded in {path}")
    return code


def _print_results(path: Path | None, *, as_json: bool) -> None:
    if path is None or not path.exists():
        return
    summary = importlib.import_module("melt_tui.analysis.summary")
    progress(f"recorded in {path}")
    if as_json:
        result_json(summary.of_file(path))
    else:
        result(summary.text_of_file(path))
