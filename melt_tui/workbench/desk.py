"""The desk: one session with everything that belongs to it. Lives on the session loop; here concrete classes meet."""

import asyncio
import platform
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from types import TracebackType
from typing import Self

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.errors import NotSupported, Refused
from drivers.model import Found, reading
from drivers.registry import Registry
from melt_tui import __version__
from melt_tui.detectors.token_rate import TokenRate
from melt_tui.errors import CannotWrite
from melt_tui.events import SELF, Mark, RunStarted, SessionStarted
from melt_tui.live import LiveState
from melt_tui.models import catalog as models
from melt_tui.session import selfmeter
from melt_tui.session.bus import Bus, Sink
from melt_tui.session.sampler import Sampler
from melt_tui.session.selfmeter import SelfMeter
from melt_tui.session.session import Session
from melt_tui.store import library
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from melt_tui.timeline import Timeline
from melt_tui.timeline.spliced import Spliced
from melt_tui.workbench.contract import Choice, Place, RunRequest, SelfReport, SessionSetup, Status
from melt_tui.workbench.runs import Runs
from melt_tui.workbench.shelf import Shelf, new_path
from melt_tui.workloads import catalog as workloads


class Desk:
    """One session. Entering begins it, leaving stops its runs, closes its devices and finishes its recording."""

    def __init__(self, setup: SessionSetup, clock: Clock) -> None:
        self._setup = setup
        self._clock = clock
        self._samplers: dict[str, Sampler] = {}
        self._registry = Registry(clock, seed=setup.seed, script=setup.script)
        self._named = self._all_named(setup.places)
        self._started = _session_started(setup, clock)
        self._recorder = _recorder(setup, self._started)
        self._recording = Recording(self._recorder.path) if self._recorder else None
        live, self._touched = LiveState(), Touched()
        first: list[Sink] = [self._recorder] if self._recorder else []
        self._bus = Bus((*first, live, self._touched), (TokenRate(),))
        self.timeline: Timeline = Spliced(live, self._recording, self._committed)
        self.shelf = Shelf(setup.folder)
        self._session = Session(self._bus, clock, self._started)
        self._runs = Runs(self._session, self._registry, clock, self._samplers, setup.cache)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        self._session.add(SELF, SelfMeter(self._clock))
        for name, place in self._named.items():
            self._open(name, place)
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

    async def scan(self) -> Sequence[Found]:
        """Look on every link."""
        return await self._registry.scan()

    async def add_device(self, address: str, name: str) -> str:
        """Open a device in the session; its name there. Raises AskUser for an address that nobody knows."""
        place = Place(address=address, name=name)
        return self._open(self._free_name(place, self._samplers), place)

    async def remove_device(self, name: str) -> None:
        """Stop its run, close it and stop trying."""
        await self._runs.stop(name)
        await self._session.remove(_source(name))
        self._samplers.pop(name, None)

    def runtimes(self, device: str) -> Sequence[Choice]:
        """What could run on this device, best first."""
        sampler = self._samplers.get(device)
        names = sampler.device.info.runtimes if sampler and sampler.device else ()
        return [Choice(value=name, title=name) for name in names]

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

    async def check_run(self, request: RunRequest) -> str:
        """Why this run cannot work; empty when it can."""
        return await self._runs.check(request)

    async def start_run(self, request: RunRequest) -> Sequence[str]:
        """Start; the run ids, one for each device."""
        return await self._runs.start(request)

    async def start_when_up(self, request: RunRequest, limit_s: float) -> Sequence[str]:
        """Start as soon as its devices are up; without devices, on all that can run one.

        Raises Refused when a device was given up, is unknown or takes longer.
        """
        names = request.devices or tuple(self._samplers)
        await self._up(names, limit_s)
        able = request.devices or tuple(name for name in names if self.runtimes(name))
        if not able:
            raise NotSupported(
                f"none of {', '.join(names)} can run a model", remedy="add a device that can, such as host"
            )
        return await self._runs.start(replace(request, devices=able))

    async def stop_run(self, device: str) -> None:
        """Stop the run on this device; nothing when there is none."""
        await self._runs.stop(device)

    async def wait_runs(self) -> None:
        """Return when no run is in progress."""
        await self._runs.wait()

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

    async def _up(self, names: Sequence[str], limit_s: float) -> None:
        unknown = [name for name in names if name not in self._samplers]
        if unknown:
            raise Refused(f"{', '.join(unknown)} is not in the session")
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.gather(*(self._samplers[name].until_up() for name in names))
        except TimeoutError:
            late = [name for name in names if self._samplers[name].device is None]
            raise Refused(f"{', '.join(late)} did not come up within {limit_s:.0f} s") from None

    def _open(self, name: str, place: Place) -> str:
        feeds, point = self._registry.feeds(place.address) or ("", "")
        wire = (place.feeds or feeds, place.point or point)
        opener = partial(self._registry.open, place.address, name)
        sampler = Sampler(name, place.address, opener, self._clock, wire=wire if wire[0] else None)
        self._samplers[name] = sampler
        self._session.add(_source(name), sampler)
        return name

    def _all_named(self, places: Sequence[Place]) -> dict[str, Place]:
        """Every device by its name, before anything is begun. Raises AskUser for what cannot be opened at all."""
        named: dict[str, Place] = {}
        for place in places:
            named[self._free_name(place, named)] = place
        return named

    def _free_name(self, place: Place, taken: Collection[str]) -> str:
        wanted = self._registry.default_name(place.address)
        wanted = place.name or wanted
        if wanted not in taken and wanted != SELF:
            return wanted
        if place.name or wanted == SELF:
            raise Refused(f"a device named {wanted} is already in the session", remedy="choose another name")
        return next(name for name in (f"{wanted}-{i}" for i in count(2)) if name not in taken)

    def _committed(self) -> int:
        return self._recorder.committed_ns if self._recorder else 0

    def _drop_if_short(self, recorder: Recorder) -> None:
        lasted_s = (self._clock.now() - self._started.t_ns) / SECOND
        if self._setup.record is None and not self._touched.worth_keeping and lasted_s < self._setup.keep_s:
            library.delete(recorder.path)


class Touched:
    """Sink that notices whether a session holds anything that its user made happen."""

    def __init__(self) -> None:
        self.worth_keeping = False

    def take(self, item: Item) -> None:
        """Notice a run or a mark."""
        if isinstance(item, RunStarted | Mark):
            self.worth_keeping = True


def _source(device: str) -> str:
    """What a device's task is called: a device may have any name, also one that a run has."""
    return f"device {device}"


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
