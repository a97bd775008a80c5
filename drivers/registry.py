"""Which driver and which runtime a name means: found by string, imported when asked for.

Nothing of a driver is loaded with this module; a package that is not installed is named when it is needed.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drivers.address import Address, parse
from drivers.base import Device, Driver, Runtime
from drivers.clock import Clock
from drivers.errors import DriverError, MissingExtra, NotSupported
from drivers.links.base import ByteLink
from drivers.model import DeviceKind, Found

if TYPE_CHECKING:
    from drivers.devices.simulated.world import World

SCAN_LIMIT_S = 5.0
"""A scheme that has not answered after this long is listed as not ready."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A class in a module, and what installs what it needs."""

    module: str
    name: str
    extra: str = ""
    """Of melt-tui; empty when the core has all."""
    device: str = ""
    """What a device at that address is called when nobody names it."""
    offered: bool = True
    """Named to users who look for what there is."""


DEVICES = {
    "host": Entry("drivers.devices.host.driver", "HostDriver", "local", "host"),
    "sim:phone": Entry("drivers.devices.simulated.driver", "SimulatedDriver", "", "sim-phone"),
    "sim:jetson": Entry("drivers.devices.simulated.driver", "SimulatedDriver", "", "sim-jetson"),
    "sim:meter": Entry("drivers.meters.csv.driver", "CsvDriver", "", "sim-meter"),
    "sim:stream": Entry("drivers.devices.simulated.stream", "StreamDriver", "", "sim-stream", offered=False),
}
"""By the address up to its options."""

RUNTIMES = {
    "llama_server": Entry("drivers.runtimes.llama_server.driver", "LlamaServer", "local"),
    "simulated": Entry("drivers.runtimes.simulated.driver", "SimulatedRuntime"),
}

SIM_METER = "columns=V,A&rate=100&point=battery-terminals"
"""What the simulated meter is like unless its address says otherwise."""


class Registry:
    """Makes drivers and runtimes, and holds the one world in which simulated devices live.

    That world begins with the first simulated device that is opened. With ``script`` it plays the demo's.
    """

    def __init__(self, clock: Clock, *, seed: int = 0, script: bool = False) -> None:
        self._clock = clock
        self._seed = seed
        self._script = script
        self._world: World | None = None

    def open(self, address: str, name: str) -> AbstractAsyncContextManager[Device]:
        """Open the device at ``address`` under that name. Raises AskUser on entering when it cannot be,
        LinkError when it may be later."""
        return self._open(address, name)

    def default_name(self, address: str) -> str:
        """What the device there is called when nobody names it. Raises NotSupported for an unknown address."""
        taken = parse(address)
        return taken.text("name") or _entry(taken).device

    def feeds(self, address: str) -> tuple[str, str] | None:
        """Of a meter whose wiring is known: the name of the device that it feeds, and its reference point."""
        taken = parse(address)
        if taken.base != "sim:meter":
            return None
        return DEVICES["sim:phone"].device, taken.text("point", "battery-terminals")

    async def scan(self) -> Sequence[Found]:
        """What there is by every scheme, all asked at once. One that fails or is late is listed with its reason."""
        first = {(entry.module, entry.name): base for base, entry in DEVICES.items() if entry.offered}
        bases = list(first.values())
        answers = await asyncio.gather(*(self._scan(base) for base in bases), return_exceptions=True)
        found: list[Found] = []
        for base, answer in zip(bases, answers, strict=True):
            found.extend(_findings(base, answer))
        order = list(DEVICES)
        return sorted(found, key=lambda one: order.index(one.address) if one.address in order else len(order))

    def runtime(self, name: str) -> Runtime:
        """A new instance for one run. Raises NotSupported for a name that is none, MissingExtra."""
        entry = RUNTIMES.get(name)
        if entry is None:
            raise NotSupported(
                f"there is no runtime {name[:40]!r}", remedy=f"there are {', '.join(RUNTIMES)}"
            )
        runtime: Runtime = _load(entry, f"the runtime {name}")()
        return runtime

    @asynccontextmanager
    async def _open(self, address: str, name: str) -> AsyncIterator[Device]:
        taken = parse(address)
        _entry(taken)
        async with self._driver(taken.base).open(address, name, self._clock) as device:
            yield device

    async def _scan(self, base: str) -> Sequence[Found]:
        async with asyncio.timeout(SCAN_LIMIT_S):
            return await self._driver(base).scan()

    def _driver(self, base: str) -> Driver:
        make = _load(DEVICES[base], base)
        builders: dict[str, Callable[[Callable[..., Driver]], Driver]] = {
            "sim:phone": self._with_world,
            "sim:jetson": self._with_world,
            "sim:meter": self._with_wire,
        }
        return builders[base](make) if base in builders else make()

    def _with_world(self, make: Callable[..., Driver]) -> Driver:
        return make(self._shared_world())

    def _with_wire(self, make: Callable[..., Driver]) -> Driver:
        found = Found(
            address="sim:meter", kind=DeviceKind.METER, title="Simulated meter at the simulated phone"
        )
        return make(
            self._simulated_wire, title="Simulated meter", found=(found,), simulated=True, defaults=SIM_METER
        )

    @asynccontextmanager
    async def _simulated_wire(self, address: Address, clock: Clock) -> AsyncIterator[ByteLink]:
        """What the simulated phone's battery terminals give, as the lines of a meter."""
        lines = importlib.import_module("drivers.devices.simulated.terminals").terminal_lines
        scripted = importlib.import_module("drivers.links.scripted").ScriptedLink
        rate_hz = address.number("rate", 100, 1, 1000)
        yield scripted(clock, lines(self._shared_world().body("phone"), clock.now(), rate_hz))

    def _shared_world(self) -> "World":
        if self._world is None:
            module = importlib.import_module("drivers.devices.simulated.world")
            cues = module.DEMO if self._script else ()
            self._world = module.World(self._seed, self._clock.now(), cues)
        return self._world


def _entry(address: Address) -> Entry:
    entry = DEVICES.get(address.base)
    if entry is None:
        raise NotSupported(f"{address.base[:60]!r} is an unknown address", remedy=f"known are {_offered()}")
    return entry


def _offered() -> str:
    return ", ".join(base for base, entry in DEVICES.items() if entry.offered)


def _load(entry: Entry, what: str) -> Callable[..., Any]:
    """The class of an entry. Raises MissingExtra when a package that it needs is not installed."""
    try:
        made: Callable[..., Any] = getattr(importlib.import_module(entry.module), entry.name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == "drivers":
            raise
        extra = f"[{entry.extra}]" if entry.extra else ""
        raise MissingExtra(
            f"{what} needs the Python package {missing}", remedy=f"pip install 'melt-tui{extra}'"
        ) from error
    return made


def _findings(base: str, answer: Sequence[Found] | BaseException) -> Iterable[Found]:
    if not isinstance(answer, BaseException):
        return answer
    if not isinstance(answer, Exception):
        raise answer
    return (_failed(base, answer),)


def _failed(base: str, error: Exception) -> Found:
    scheme = base.partition(":")[0]
    kind = DeviceKind.HOST if scheme == "host" else DeviceKind.BOARD
    reason, remedy = f"looking failed: {error!r:.200}", "run with --debug and report it"
    if isinstance(error, TimeoutError):
        reason, remedy = f"did not answer within {SCAN_LIMIT_S:g} s", "try again"
    elif isinstance(error, DriverError):
        reason, remedy = error.sentence, error.remedy
    return Found(address=base, kind=kind, title=scheme, ready=False, reason=reason, next_step=remedy)
