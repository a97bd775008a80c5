"""The desk: one session with everything that belongs to it. Lives on the session loop; here concrete classes meet."""

import asyncio
import importlib
import platform
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.base import Device, Item
from drivers.clock import SECOND, Clock, pause
from drivers.errors import NeedsPassword, NotSupported, Refused
from drivers.events import LogLine, bounded
from drivers.links.base import ShellLink
from drivers.model import Found, Quantity, reading
from drivers.registry import RUNTIMES, Registry
from melt_tui import __version__
from melt_tui.detectors.energy import LiveEnergy
from melt_tui.detectors.net_power import NetPower
from melt_tui.detectors.power_edge import PowerEdge
from melt_tui.detectors.throttling import Throttling
from melt_tui.detectors.token_rate import TokenRate
from melt_tui.errors import CannotWrite
from melt_tui.events import SELF, Mark, RunStarted, SessionStarted
from melt_tui.live import LiveState
from melt_tui.models import catalog as models
from melt_tui.session import selfmeter
from melt_tui.session.bus import Bus, Sink
from melt_tui.session.sampler import Sampler
from melt_tui.session.selfmeter import SelfMeter
from melt_tui.session.sensing import Sensing
from melt_tui.session.session import Session
from melt_tui.store import library
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from melt_tui.timeline import Timeline
from melt_tui.timeline.filled import Filled
from melt_tui.timeline.spliced import Spliced
from melt_tui.workbench.contract import (
    Choice,
    Place,
    RunRequest,
    SelfReport,
    SessionSetup,
    SetupProgress,
    SetupRequest,
    Status,
)
from melt_tui.workbench.devices import Devices, all_named, is_meter
from melt_tui.workbench.objections import Objection
from melt_tui.workbench.owned import Owned
from melt_tui.workbench.runs import Runs
from melt_tui.workbench.shelf import Shelf, new_path
from melt_tui.workbench.supply import SupplyCheck, SupplyRequest
from melt_tui.workbench.supplying import Supplying
from melt_tui.workloads import catalog as workloads

_PASSWORD_S = 0.2
"""How often it is looked whether a password was given."""
_SAID_S = 3.0
"""What waits that long for its devices says so."""


class Desk:
    """One session. Entering begins it, leaving stops its runs, closes its devices and finishes its recording."""

    def __init__(self, setup: SessionSetup, clock: Clock) -> None:
        self._setup = setup
        self._clock = clock
        self._registry = Registry(
            clock, seed=setup.seed, script=setup.script, known_hosts=setup.known_hosts, told=self._tell
        )
        self._named = all_named(self._registry, setup.places)
        self._started = _session_started(setup, clock)
        self._recorder = _recorder(setup, self._started)
        self._recording = Recording(self._recorder.path) if self._recorder else None
        live, self._touched, sensing = LiveState(), Touched(), Sensing(clock)
        first: list[Sink] = [self._recorder] if self._recorder else []
        self._bus = Bus(
            (*first, live),
            (self._touched, TokenRate(), NetPower(), LiveEnergy(), Throttling(), PowerEdge(), sensing),
        )
        self.timeline: Timeline = Filled(Spliced(live, self._recording, self._committed))
        self.shelf = Shelf(setup.folder)
        self._session = Session(self._bus, clock, self._started)
        self._devices = Devices(self._session, self._registry, clock, plugged=setup.plugged)
        self._samplers = self._devices.samplers
        self._runs = Runs(
            self._session, self._registry, clock, self._samplers, setup.cache, sensing, self._tell
        )
        self._supplying = Supplying(self._devices, clock, lambda: self.timeline.view(clock.now()))
        self.owned = Owned(setup, self._registry, self._devices)
        self._discarded_s = 0.0

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        self._session.add(SELF, SelfMeter(self._clock))
        await self._devices.begin(self._named)
        for meter, fed in self._devices.fed_by_nobody_here():
            self._tell(
                f"{meter} feeds {fed}, but no device of that name is in the session: open it, or change the wiring"
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runs.stop_all()
        await self._session.__aexit__(kind, error, trace)
        self.shelf.close()
        if self._recorder and self._recording:
            self._recording.close()
            await asyncio.to_thread(self._recorder.close)
            self._drop_if_short(self._recorder)

    @property
    def status(self) -> Status:
        """How the session stands now."""
        recorder = self._recorder
        return Status(
            session=self._started.name,
            recording=recorder is not None and not recorder.problem,
            path=recorder.path if recorder else None,
            started_ns=self._started.t_ns,
            problem=recorder.problem if recorder else "",
        )

    def discard(self, under_s: float) -> None:
        """Keep no recording of it, not even one that was asked for by its name, unless its user made anything happen or it
        lasts as long as that."""
        self._discarded_s = under_s

    async def scan(self) -> Sequence[Found]:
        """Look on every link, and at the boards that are known by name."""
        return await self._registry.scan(self.owned.addresses())

    async def add_device(self, address: str, name: str, feeds: str, point: str) -> str:
        """Open a device in the session; its name there. Raises AskUser for an address that nobody knows."""
        return self._devices.add(Place(address=address, name=name, feeds=feeds, point=point))

    async def remove_device(self, name: str) -> None:
        """Stop its run, close it and stop trying."""
        await self._runs.drop(name)
        await self._devices.close(name)

    def runtimes(self, device: str) -> Sequence[Choice]:
        """What could run on this device, best first."""
        sampler = self._samplers.get(device)
        names = sampler.device.info.runtimes if sampler and sampler.device else ()
        return [Choice(value=name, title=name) for name in names if name in RUNTIMES]

    def models(self) -> Sequence[Choice]:
        """The models that can be chosen by name."""
        return [
            Choice(value=choice.value, title=choice.title, remark=choice.remark)
            for choice in models.choices()
        ]

    def workloads(self) -> Sequence[Choice]:
        """The workloads that can be chosen by name."""
        return [
            Choice(value=value, title=title, remark=remark) for value, title, remark in workloads.choices()
        ]

    async def check_run(self, request: RunRequest) -> Sequence[Objection]:
        """Why this run cannot work, for each device on which it cannot."""
        return await self._runs.check(request)

    async def start_run(self, request: RunRequest) -> Sequence[str]:
        """Start; the run ids, one for each device."""
        return await self._runs.start(request)

    async def start_when_up(self, request: RunRequest, limit_s: float, *, asked: bool) -> Sequence[str]:
        """Start as soon as its devices are up; without devices, on all that can run one.

        Raises Refused when a device was given up, is unknown or takes longer.
        """
        names = request.devices or tuple(self._samplers)
        await self._up(names, limit_s, asked=asked)
        able = request.devices or tuple(name for name in names if self.runtimes(name))
        if not able:
            raise NotSupported(
                f"none of {', '.join(names)} can run a model", remedy="add a device that can, such as host"
            )
        return await self._runs.start(replace(request, devices=able))

    async def let_in(self, account: str, password: str) -> None:
        """Open the devices that waited for it; done when they say that they are being opened."""
        self.owned.passwords.give(account, password)
        await pause(self._clock, 0.0)

    async def stop_run(self, device: str) -> str:
        """Stop the run on this device; nothing when there is none. What is left of it where the device is away."""
        return await self._runs.stop(device)

    async def wait_runs(self) -> None:
        """Return when no run is in progress."""
        await self._runs.wait()

    async def to_wifi(self, device: str) -> str:
        """Move a phone of the session to Wi-Fi; its new address. Raises Refused while it runs something."""
        self._runs.require_idle(device)
        address = await self._registry.to_wifi(self._devices.sampler(device).address)
        await self._devices.move(device, address)
        return address

    async def check_supply(self, request: SupplyRequest, wait_s: float) -> SupplyCheck:
        """What to ask before a meter supplies this. Raises NotSupported, Refused."""
        if wait_s:
            await self._up([request.meter], wait_s)
            await self._supplying.settle(request)
        return self._supplying.check(request)

    async def set_supply(self, request: SupplyRequest) -> None:
        """Have a meter supply this. Raises NotSupported, Refused, LinkError."""
        await self._supplying.carry_out(request)

    async def setup(self, request: SetupRequest, progress: SetupProgress) -> None:
        """Put an engine on a device, of the session or not. Raises AskUser, LinkError, MeltError."""
        async with AsyncExitStack() as stack:
            device, shell = await self._set_up(request.address, stack)
            make = importlib.import_module("melt_tui.workbench.installing").Installing
            installing = make(device, shell, self._clock, self._setup.cache, self._setup.downloads)
            model = await installing.install(request, progress)
        if model:
            self._tell(f"{Path(model.path).name} is on {request.address}, its sha256 is {model.sha256}")

    async def _set_up(self, address: str, stack: AsyncExitStack) -> tuple[Device, ShellLink]:
        """The device of the session, or one that is opened for as long as the stack."""
        entry = next((one for one in self.owned.saved if address in {one.name, one.address}), None)
        at = entry.address if entry else address
        open_here = self._samplers.get(address)
        if is_meter(open_here.address if open_here else at):
            raise NotSupported(
                f"{address[:80]} is a meter, which needs no engine",
                remedy="name the phone or board that it feeds",
            )
        if open_here:
            return self._runs.reachable(address)
        name = (entry.name if entry else "") or self._registry.default_name(at)
        device = await stack.enter_async_context(self._registry.open(at, name))
        if device.shell is None:
            raise NotSupported(f"{name} cannot be set up: nothing can be put on it")
        return device, device.shell

    async def mark(self, name: str) -> None:
        """Put a named mark into the recording, now."""
        self._bus.publish(Mark(t_ns=self._clock.now(), device=SELF, name=name))

    def report(self, report: SelfReport) -> None:
        """Publish what the screen costs."""
        t_ns = self._clock.now()
        for channel, code in (
            (selfmeter.SCREEN_LAG, report.lag_p99_s),
            (selfmeter.FRAMES, report.frames),
            (selfmeter.DROPPED_FRAMES, report.dropped_frames),
        ):
            self._bus.publish(reading(channel, t_ns, code))

    async def _up(self, names: Sequence[str], limit_s: float, *, asked: bool = False) -> None:
        unknown = [name for name in names if name not in self._samplers]
        if unknown:
            raise Refused(f"{', '.join(unknown)} is not in the session")
        opened = asyncio.gather(*(self._opened(self._samplers[name], asked=asked) for name in names))
        try:
            async with asyncio.timeout(limit_s):
                if not (await asyncio.wait([opened], timeout=_SAID_S))[0]:
                    waited = ", ".join(self._late(names))
                    self._tell(f"waiting for {waited} to come up, for {limit_s:.0f} s at most")
                await opened
        except TimeoutError:
            late = self._late(names)
            why = "; ".join(dict.fromkeys(filter(None, (self._samplers[name].reason for name in late))))
            raise Refused(f"{', '.join(late)} did not come up within {limit_s:.0f} s", remedy=why) from None
        finally:
            opened.cancel()

    def _late(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if self._samplers[name].device is None]

    async def _opened(self, sampler: Sampler, *, asked: bool) -> None:
        while True:
            try:
                return await sampler.until_up()
            except NeedsPassword:
                if not asked:
                    raise
            await pause(self._clock, _PASSWORD_S)

    def _tell(self, sentence: str) -> None:
        self._bus.publish(LogLine(t_ns=self._clock.now(), device=SELF, source="melt", text=bounded(sentence)))

    def _committed(self) -> int:
        return self._recorder.committed_ns if self._recorder else 0

    def _drop_if_short(self, recorder: Recorder) -> None:
        lasted_s = (self._clock.now() - self._started.t_ns) / SECOND
        short = self._setup.record is None and lasted_s < self._setup.keep_s
        if (short or lasted_s < self._discarded_s) and not self._touched.worth_keeping:
            library.delete(recorder.path)


class Touched:
    """Transform that makes nothing, and notices whether a session holds anything that its user made happen."""

    quantities: frozenset[Quantity] = frozenset()

    def __init__(self) -> None:
        self.worth_keeping = False

    def feed(self, item: Item) -> Iterable[Item]:
        """Notice a run or a mark."""
        if isinstance(item, RunStarted | Mark):
            self.worth_keeping = True
        return ()


def _session_started(setup: SessionSetup, clock: Clock) -> SessionStarted:
    return SessionStarted(
        t_ns=clock.now(),
        device=SELF,
        wall_ns=clock.wall(),
        name=setup.name,
        version=__version__,
        host=platform.node(),
        settings=setup.settings,
    )


def _recorder(setup: SessionSetup, started: SessionStarted) -> Recorder | None:
    if not setup.recording:
        return None
    path = setup.record or new_path(setup.folder, started)
    try:
        return Recorder(path, commit_s=setup.commit_s)
    except CannotWrite:
        if setup.record or not path.exists():
            raise
    return _recorder(setup, started)  # another session took that name in between
