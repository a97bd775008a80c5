"""The door to the session loop: starts its thread, hands commands over, answers looks."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from math import inf
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from drivers.clock import Clock, SystemClock, pause
from drivers.errors import Refused
from drivers.model import Found
from melt_tui.config import DeviceConfig
from melt_tui.store.info import RecordingInfo
from melt_tui.timeline import Timeline
from melt_tui.timeline.empty import EMPTY
from melt_tui.workbench import heap
from melt_tui.workbench.contract import (
    Choice,
    HostKey,
    PasswordWanted,
    RunRequest,
    SelfReport,
    SessionSetup,
    SetupProgress,
    SetupRequest,
    Status,
)
from melt_tui.workbench.objections import Objection
from melt_tui.workbench.supply import SupplyCheck, SupplyRequest

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison
    from melt_tui.analysis.compare_open import OpenRuns
    from melt_tui.analysis.compare_request import CompareRequest
    from melt_tui.analysis.edit_request import EditRequest
    from melt_tui.analysis.export_request import ExportRequest, ReportRequest
    from melt_tui.workbench.desk import Desk

T = TypeVar("T")

_SETTLED_S = (2.0, 10.0, 60.0)
"""How long after its beginning a session has what it will keep: imports, screens, models, runs."""
_GIVEN_BACK_S = 4.0
"""How often what was freed goes back to the system."""
_SEARCHED_S = 60.0
"""How often what only refers to itself is looked for."""
_HANDED_ON_S = 0.001
"""How long a thread may reckon before another one gets the interpreter. Python's own 5 ms would be the lag of the loop
that measures, beside a thread that records."""
CONNECT_S = 60.0
"""How long a device may take to come up before a run on it is given up."""


class Workbench:
    """A session on a loop and a thread of its own. Implements ``Bench``; every method may be called from any thread."""

    def __init__(self, setup: SessionSetup, clock: Clock | None = None) -> None:
        self._setup = setup
        self._clock = clock or SystemClock()
        self._loop = asyncio.new_event_loop()
        self._desk: Future[Desk] = Future()
        self._leave = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="session")
        self._left: Future[None] | None = None
        self.failed: Future[None] = Future()
        """Raises what keeps the session from beginning, or ended it before its time, as soon as that is known."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Start the session's thread; devices are opened as soon as it has its imports."""
        heap.tighten()
        sys.setswitchinterval(_HANDED_ON_S)
        self._desk.add_done_callback(self._heed_failure)
        self._left = self._thread.submit(self._main)
        self._left.add_done_callback(self._heed_failure)

    def discard(self, *, under_s: float = inf) -> None:
        """Of a session in which nothing was begun, and which lasts less than that, keep no recording. Called before it is
        closed."""
        if self._begun():
            self._loop.call_soon_threadsafe(self._desk.result().discard, under_s)

    def close(self) -> None:
        """Stop every run, close every device, finish the recording; returns when all of it is done.

        Raises what ended the session before its time, a ``MeltError`` where it was foreseen.
        """
        if self._left is None:
            self._loop.close()
        else:
            if not self._left.done():
                self._loop.call_soon_threadsafe(self._leave.set)
            wait([self._left])
            self._thread.shutdown()
            self._left.result()

    def check(self) -> None:
        """Raise what kept the session from beginning, or ended it before its time, if anything did."""
        if self._left is not None and self._left.done():
            self._left.result()
        if self._desk.done():
            self._desk.result()

    @property
    def timeline(self) -> Timeline:
        """Of the session in progress; an empty one until the session has begun."""
        return self._desk.result().timeline if self._begun() else EMPTY

    @property
    def status(self) -> Status:
        """How the session stands now."""
        return self._desk.result().status if self._begun() else Status(session=self._setup.name)

    def now(self) -> int:
        """Host-monotonic ns."""
        return self._clock.now()

    def scan(self) -> "Future[Sequence[Found]]":
        """Look on every link."""
        return self._call(lambda desk: desk.scan())

    def add_device(self, address: str, name: str = "", feeds: str = "", point: str = "") -> "Future[str]":
        """Open a device in the session; its name there."""
        return self._call(lambda desk: desk.add_device(address, name, feeds, point))

    def remove_device(self, name: str) -> "Future[None]":
        """Close it and stop trying."""
        return self._call(lambda desk: desk.remove_device(name))

    def runtimes(self, device: str) -> Sequence[Choice]:
        """What could run on this device, best first."""
        return self._desk.result().runtimes(device) if self._begun() else ()

    def models(self) -> Sequence[Choice]:
        """The models that can be chosen by name."""
        return self._desk.result().models() if self._begun() else ()

    def workloads(self) -> Sequence[Choice]:
        """The workloads that can be chosen by name."""
        return self._desk.result().workloads() if self._begun() else ()

    def check_run(self, request: RunRequest) -> "Future[Sequence[Objection]]":
        """Why this run cannot work, for each device on which it cannot."""
        return self._call(lambda desk: desk.check_run(request))

    def start_run(self, request: RunRequest) -> "Future[Sequence[str]]":
        """Start; the run ids, one for each device."""
        return self._call(lambda desk: desk.start_run(request))

    def start_when_up(self, request: RunRequest, *, asked: bool = False) -> "Future[Sequence[str]]":
        """Start as soon as its devices are up; a request without devices is for all that can run one.

        ``asked``: somebody is asked for passwords meanwhile, so a device that lacks one is waited for.
        """
        return self._call(lambda desk: desk.start_when_up(request, CONNECT_S, asked=asked))

    def stop_run(self, device: str) -> "Future[str]":
        """Stop the run on this device; what is left of it where the device is away."""
        return self._call(lambda desk: desk.stop_run(device))

    def wait_runs(self) -> "Future[None]":
        """Done when no run is in progress."""
        return self._call(lambda desk: desk.wait_runs())

    def mark(self, name: str) -> "Future[None]":
        """Put a named mark into the recording, now."""
        return self._call(lambda desk: desk.mark(name))

    def report(self, report: SelfReport) -> None:
        """Tell what the screen costs."""
        if self._begun():
            self._loop.call_soon_threadsafe(self._desk.result().report, report)

    def library(self) -> "Future[Sequence[RecordingInfo]]":
        """The recordings, newest first."""
        return self._call(lambda desk: desk.shelf.library())

    def open_recording(self, path: Path) -> "Future[Timeline]":
        """For looking back into a saved session."""
        return self._call(lambda desk: desk.shelf.open(path))

    def rename_recording(self, path: Path, name: str) -> "Future[None]":
        """Give it another name."""
        return self._call(lambda desk: desk.shelf.rename(path, name))

    def tag_recording(self, path: Path, tags: Sequence[str]) -> "Future[None]":
        """Set its tags."""
        return self._call(lambda desk: desk.shelf.tag(path, tags))

    def delete_recording(self, path: Path) -> "Future[None]":
        """Delete it for good."""
        return self._call(lambda desk: desk.shelf.delete(path))

    def snapshot(self, path: Path, span_ns: tuple[int, int], name: str) -> "Future[Path]":
        """A span of a recording as a new one."""
        return self._call(lambda desk: desk.shelf.snapshot(path, span_ns, name))

    def export(self, request: "ExportRequest") -> "Future[Sequence[Path]]":
        """Write its samples as CSV to ``out``, its events beside them."""
        return self._call(lambda desk: desk.shelf.export(request))

    def write_report(self, request: "ReportRequest") -> "Future[Sequence[Path]]":
        """Write recordings as one page for people."""
        return self._call(lambda desk: desk.shelf.write_report(request))

    def import_files(self, path: Path) -> "Future[Sequence[Path]]":
        """What other tools measured, as recordings beside the others."""
        return self._call(lambda desk: desk.shelf.import_files(path))

    def edits(self, path: Path) -> "Future[Sequence[str]]":
        """What was corrected in a recording."""
        return self._call(lambda desk: desk.shelf.edits(path))

    def edit(self, request: "EditRequest") -> "Future[None]":
        """Correct what was wrongly set, or take that back."""
        return self._call(lambda desk: desk.shelf.edit(request))

    def summary(self, path: Path) -> "Future[Mapping[str, Any]]":
        """The summary of a recording."""
        return self._call(lambda desk: desk.shelf.summary(path))

    def open_runs(self, request: "CompareRequest") -> "Future[OpenRuns]":
        """The runs of recordings, to be laid over one another."""
        return self._call(lambda desk: desk.shelf.open_runs(request))

    def read_figures(self, path: Path) -> "Future[None]":
        """Reckon the figures of a recording ahead."""
        return self._call(lambda desk: desk.shelf.read_figures(path))

    def compare(self, request: "CompareRequest") -> "Future[Comparison]":
        """Runs of recordings side by side."""
        return self._call(lambda desk: desk.shelf.compare(request))

    def saved_devices(self) -> Sequence[DeviceConfig]:
        """The devices of the config file."""
        return self._desk.result().owned.saved if self._begun() else self._setup.saved

    def save_device(self, entry: DeviceConfig, was: str = "") -> "Future[None]":
        """Add it to the config file, or change there the one named ``was``."""
        return self._call(lambda desk: desk.owned.save(entry, was))

    def forget_device(self, name: str) -> "Future[None]":
        """Take the one of that name or address out of the config file."""
        return self._call(lambda desk: desk.owned.forget(name))

    def host_key(self, address: str) -> "Future[HostKey]":
        """Ask an SSH server for its key."""
        return self._call(lambda desk: desk.owned.host_key(address))

    def passwords_wanted(self) -> Sequence[PasswordWanted]:
        """For which accounts of boards somebody has to give a password."""
        return self._desk.result().owned.passwords.wanted() if self._begun() else ()

    def give_password(self, account: str, password: str) -> "Future[None]":
        """Open the devices that waited for it."""
        return self._call(lambda desk: desk.let_in(account, password))

    def trust_host(self, key: HostKey) -> "Future[None]":
        """Store it, and open the devices that waited for it."""
        return self._call(lambda desk: desk.owned.trust(key))

    def to_wifi(self, device: str) -> "Future[str]":
        """Move an adb phone of the session to Wi-Fi: its new address."""
        return self._call(lambda desk: desk.to_wifi(device))

    def check_supply(self, request: SupplyRequest, wait_s: float = 0.0) -> "Future[SupplyCheck]":
        """What to ask before a meter supplies this."""
        return self._call(lambda desk: desk.check_supply(request, wait_s))

    def set_supply(self, request: SupplyRequest) -> "Future[None]":
        """Have a meter supply this: a person has agreed."""
        return self._call(lambda desk: desk.set_supply(request))

    def setup(self, request: SetupRequest, progress: SetupProgress) -> "Future[None]":
        """Put an engine, and a model if asked for, on a device."""
        return self._call(lambda desk: desk.setup(request, progress))

    def _heed_failure(self, ended: "Future[Any]") -> None:
        error = ended.exception()
        if error is not None and not self.failed.done():
            self.failed.set_exception(error)

    def _begun(self) -> bool:
        return self._desk.done() and self._desk.exception() is None

    def _call(self, command: "Callable[[Desk], Awaitable[T]]") -> "Future[T]":
        if self._loop.is_closed():
            late: Future[T] = Future()
            late.set_exception(Refused("the session has ended"))
            return late
        return asyncio.run_coroutine_threadsafe(self._on_desk(command), self._loop)

    async def _on_desk(self, command: "Callable[[Desk], Awaitable[T]]") -> T:
        desk = await asyncio.wrap_future(self._desk)
        return await command(desk)

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._session())

    async def _session(self) -> None:
        """The session from its imports to its end. One that cannot begin tells so to every command until it is closed."""
        (desk,) = await asyncio.gather(self._made(), return_exceptions=True)
        if isinstance(desk, BaseException):
            self._desk.set_exception(desk)
            await self._leave.wait()
            raise desk
        async with desk:
            self._desk.set_result(desk)
            for later_s in _SETTLED_S:
                self._loop.call_later(later_s, heap.settle)
            async with asyncio.TaskGroup() as beside:
                chores = [
                    beside.create_task(_now_and_then(self._clock, every_s, chore))
                    for every_s, chore in ((_GIVEN_BACK_S, heap.give_back), (_SEARCHED_S, heap.search))
                ]
                await self._leave.wait()
                for each in chores:
                    each.cancel()

    async def _made(self) -> "Desk":
        desk: Desk = importlib.import_module("melt_tui.workbench.desk").Desk(self._setup, self._clock)
        return desk


async def _now_and_then(clock: Clock, every_s: float, chore: Callable[[], None]) -> None:
    """On a thread of its own: it takes some milliseconds."""
    while True:
        await pause(clock, every_s)
        await asyncio.to_thread(chore)
