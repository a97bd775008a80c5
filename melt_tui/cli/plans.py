"""From a command line and the settings to what is to be opened, run and shown."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.errors import NotSupported
from melt_tui.analysis.compare_request import Axis, CompareRequest
from melt_tui.cli import addresses
from melt_tui.cli.options import DEFAULT_PLACES, asked_run, config_of, seconds_of, session_setup
from melt_tui.config import Config
from melt_tui.errors import MeltError, UsageError
from melt_tui.workbench import Place, RunRequest, SessionSetup, check_fairness

REFUSALS = (NotSupported, MeltError)
"""What was asked for is wrong: a session in which nothing else was begun leaves no recording of nothing."""

DEMO_REQUESTS = (
    RunRequest(devices=("host",), model="demo", workload="chat", repeat=0, ignore_eos=True, temperature=0.8),
    RunRequest(devices=("sim-phone",), model="synthetic:gemma-2b", workload="chat", repeat=0),
    RunRequest(devices=("sim-jetson",), model="synthetic:gemma-2b", workload="chat", repeat=0),
)
"""What the demo runs by itself: a real engine here, and what the simulated devices can show."""

SIMULATED = ("sim:phone", "sim:jetson", "sim:meter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a verb asks for."""

    config: Config
    setup: SessionSetup
    requests: tuple[RunRequest, ...] = ()
    seconds: float | None = None
    """Leave after so long; None: when the runs have ended, or when the user does."""
    looked_at: Path | None = None
    """A recording to look back into."""
    compared: tuple[CompareRequest, Axis] | None = None
    """Runs to be laid over one another, and along what."""
    headless: bool = False
    as_json: bool = False


def plan(options: Namespace) -> Plan:
    """What was asked for. Raises MeltError."""
    config = config_of(options)
    made = _PLANS[options.verb](options, config)
    addresses.refuse(config, (place.address for place in made.setup.places))
    if options.verb in _WITHOUT_HEADLESS:
        return made
    headless = bool(options.headless or config.screen.headless)
    return replace(made, headless=headless, as_json=bool(options.json or config.screen.json))


def _bench(options: Namespace, config: Config) -> Plan:
    """``melt``: the bench with what is configured."""
    setup = session_setup(options, config, plugged=True)
    return Plan(config=config, setup=replace(setup, places=setup.places or DEFAULT_PLACES))


def _demo(options: Namespace, config: Config) -> Plan:
    """``melt demo``: a real run here, beside simulated devices."""
    simulated = config.session.simulated and not options.no_simulated
    places = tuple(Place(address=address) for address in ("host", *(SIMULATED if simulated else ())))
    setup = session_setup(options, config, opened=places, name="demo", script=simulated, plugged=True)
    requests = DEMO_REQUESTS if simulated else DEMO_REQUESTS[:1]
    return Plan(config=config, setup=setup, requests=requests, seconds=options.seconds)


def _watch(options: Namespace, config: Config) -> Plan:
    """``melt watch``: observe without starting anything."""
    setup = _with_devices(session_setup(options, config, name="watch", keep=True, plugged=True))
    return Plan(config=config, setup=setup, seconds=seconds_of(options, config))


def _run(options: Namespace, config: Config) -> Plan:
    """``melt run``: a run on every device that was named and can run one; the others are watched."""
    setup = _with_devices(session_setup(options, config, name="run", keep=True))
    request = asked_run(options, config, ())
    check_fairness(request)
    for name in _untellable(request):
        given = getattr(options, name.replace("-", "_"))
        if name == "runtime-arg":
            given = [arg for arg in given or () if not arg.startswith(_OF_AN_APP)] or None
        if given is not None:
            said = f"--{name} has no effect on a server that is running already"
            raise UsageError(said, remedy=f"leave out --{name}, or --url")
    return Plan(config=config, setup=setup, requests=(request,))


def _replay(options: Namespace, config: Config) -> Plan:
    """``melt replay FILE``: look back into a recording."""
    setup = session_setup(options, config, opened=(), recording=False)
    return Plan(config=config, setup=setup, looked_at=options.file)


def _compare(options: Namespace, config: Config) -> Plan:
    """``melt compare A B …`` on a terminal."""
    setup = session_setup(options, config, opened=(), recording=False)
    return Plan(config=config, setup=setup, compared=(compare_request(options), Axis(options.x)))


def compare_request(options: Namespace) -> CompareRequest:
    """What was asked to be compared."""
    return CompareRequest(sources=tuple(options.source), group=options.group or "", align=options.align)


def _untellable(request: RunRequest) -> list[str]:
    """What nobody can be told who is asked only over the network."""
    runtimes = [part.partition("@")[0].strip() for part in request.runtime.split(",")] if request.url else []
    return [
        name for name in _OF_THE_ENGINE if any(name not in _OF_A_REQUEST.get(one, ()) for one in runtimes)
    ]


def _with_devices(setup: SessionSetup) -> SessionSetup:
    if not setup.places:
        raise UsageError("no device was named", remedy="add --device host, or devices to the config file")
    return setup


_OF_AN_APP = ("bundle=", "arg=", "env=")
"""``--runtime-arg`` that are about the app of a phone in which a server is."""
_OF_THE_ENGINE = ("model", "threads", "context", "batch", "runtime-arg")
"""What only an engine that we start can be told."""
_OF_A_REQUEST = {"ollama": ("threads", "context", "batch", "runtime-arg"), "mlc": ("runtime-arg",)}
"""By runtime, what of that goes with each request instead: also a server that runs already is told it."""
_WITHOUT_HEADLESS = frozenset({None, "replay", "compare"})
_PLANS: dict[str | None, Callable[[Namespace, Config], Plan]] = {
    None: _bench,
    "demo": _demo,
    "watch": _watch,
    "run": _run,
    "replay": _replay,
    "compare": _compare,
}
