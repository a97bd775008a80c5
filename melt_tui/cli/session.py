"""The verbs that open a session: the bench, demo, watch, run; with a screen or without."""

import importlib
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from melt_tui.cli.headless import Headless
from melt_tui.cli.options import asked_run, config_of, session_setup
from melt_tui.cli.output import progress, result, result_json
from melt_tui.config import Config
from melt_tui.errors import UsageError
from melt_tui.workbench import Place, RunRequest, SessionSetup, Workbench

DEMO_REQUESTS = (
    RunRequest(devices=("host",), model="demo", workload="chat", repeat=0),
    RunRequest(devices=("sim-phone",), model="synthetic:tinyllama-1.1b", workload="chat", repeat=0),
    RunRequest(devices=("sim-jetson",), model="synthetic:gemma-2b", workload="chat", repeat=0),
)
"""What the demo runs by itself: a real engine here, and what the simulated devices can show."""

SIMULATED = ("sim:phone", "sim:jetson", "sim:meter")


def bench(options: Namespace) -> int:
    """``melt``: the bench with what is configured."""
    config = config_of(options)
    return _on_screen(session_setup(options, config), config, ())


def demo(options: Namespace) -> int:
    """``melt demo``: a real run here, beside simulated devices."""
    config = config_of(options)
    simulated = () if options.no_simulated else SIMULATED
    places = tuple(Place(address=address) for address in ("host", *simulated))
    setup = session_setup(options, config, places=places, name="demo", script=bool(simulated))
    requests = DEMO_REQUESTS if simulated else DEMO_REQUESTS[:1]
    if options.headless:
        return _headless(setup, options, lambda session: session.demo(requests, options.seconds))
    return _on_screen(setup, config, requests, options=options)


def watch(options: Namespace) -> int:
    """``melt watch``: observe without starting anything."""
    config = config_of(options)
    setup = session_setup(options, config, name="watch", keep=True)
    _require_devices(setup)
    if options.headless:
        return _headless(setup, options, lambda session: session.for_seconds(options.seconds))
    return _on_screen(setup, config, (), options=options)


def run(options: Namespace) -> int:
    """``melt run``: a run on every device that was named."""
    config = config_of(options)
    setup = session_setup(options, config, name="run", keep=True)
    _require_devices(setup)
    request = asked_run(options, config, setup)
    if options.headless:
        return _headless(setup, options, lambda session: session.run(request))
    return _on_screen(setup, config, (request,), options=options)


def replay(options: Namespace) -> int:
    """``melt replay FILE``: look back into a recording."""
    config = config_of(options)
    setup = session_setup(options, config, places=(), recording=False)
    return _on_screen(setup, config, (), replay=options.file)


def _require_devices(setup: SessionSetup) -> None:
    if not setup.places:
        raise UsageError("no device was named", remedy="add --device host, or devices to the config file")


def _headless(setup: SessionSetup, options: Namespace, work: Callable[[Headless], bool]) -> int:
    interrupted = good = False
    with Workbench(setup) as session:
        try:
            good = work(Headless(session))
        except KeyboardInterrupt:
            interrupted = True
            progress("stopping …")
        path = session.status.path
    _print_results(path, as_json=options.json)
    if interrupted:
        return 130
    return 0 if good else 1


def _print_results(path: Path | None, *, as_json: bool) -> None:
    if path is None or not path.exists():
        return
    summary = importlib.import_module("melt_tui.analysis.summary")
    progress(f"recorded in {path}")
    if as_json:
        result_json(summary.of_file(path))
    else:
        result(summary.text_of_file(path))


def _on_screen(
    setup: SessionSetup,
    config: Config,
    requests: tuple[RunRequest, ...],
    *,
    options: Namespace | None = None,
    replay: Path | None = None,
) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("there is no terminal to draw on", remedy="use --headless")
    screen = importlib.import_module("melt_tui.cli.screen")
    path: Path | None = screen.show(setup, config, requests, options, replay)
    if options is not None and options.json:
        _print_results(path, as_json=True)
    return 0
