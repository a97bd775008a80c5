"""A workbench for screens: answers from a made-up session, notes what it was told, keeps the time it is given."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drivers.errors import DriverError, Refused
from drivers.model import DeviceKind, Found
from melt_tui.config import DeviceConfig
from melt_tui.timeline import Timeline
from melt_tui.workbench import (
    Choice,
    HostKey,
    Objection,
    PasswordWanted,
    RecordingInfo,
    RecordingState,
    RunRequest,
    SelfReport,
    SetupProgress,
    SetupRequest,
    Status,
    SupplyCheck,
    SupplyRequest,
)
from tests.rigs.night_run import T0, WALL, Story, at, live

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison
    from melt_tui.analysis.compare_open import OpenRuns
    from melt_tui.analysis.compare_request import CompareRequest
    from melt_tui.analysis.edit_request import EditRequest
    from melt_tui.analysis.export_request import ExportRequest, ReportRequest

T = TypeVar("T")

RECORDINGS = (
    RecordingInfo(
        path=Path("/r/2026-09-21 night-run.melt"), name="night-run", state=RecordingState.ENDED, size_bytes=18_400_000,
        started_wall_ns=WALL, duration_s=201.0, devices=("pixel-8", "orin-nano", "this-pc", "hvpm"),
        models=("tinyllama-1.1b", "tiny-english"), simulated=True, runs=3, decode_tps=18.4, joules_per_token=0.412, joules_point="battery-terminals", throttled=True, tags=("thermal", "desk"),
    ),
    RecordingInfo(
        path=Path("/r/2026-09-20 crash.melt"), name="crash", state=RecordingState.RECOVERED, size_bytes=2_100_000,
        started_wall_ns=WALL - 86_400_000_000_000, duration_s=33.5, devices=("this-pc",), models=("tiny-english",),
        runs=1, decode_tps=41.2, throttled=False, detail="the last 0.2 s before the crash were lost",
    ),
    RecordingInfo(
        path=Path("/r/notes.melt"), name="notes", state=RecordingState.UNREADABLE, size_bytes=12,
        detail="not a recording",
    ),
)  # fmt: skip


class Inline(Executor):
    """Runs everything at once, where it is asked for."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return done(fn(*args, **kwargs))


def done(value: T) -> "Future[T]":
    future: Future[T] = Future()
    future.set_result(value)
    return future


def failed(error: BaseException) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


class FakeBench:
    """``Bench`` on a story; ``calls`` holds what was asked for, in order."""

    def __init__(self, story: Story | None = None, problem: str = "") -> None:
        self.story = story or Story()
        self.made: Timeline = live(self.story)
        self.now_ns = at(self.story.until_s)
        self.comparison: Comparison | None = None
        self.runs: OpenRuns | None = None
        self.problem = problem
        self.refusal = ""
        self.lacking = ""
        """The device that a setup would help."""
        self.locked: Sequence[PasswordWanted] = []
        self.calls: list[tuple[str, Any]] = []
        self.reports: list[SelfReport] = []
        self.recordings: list[RecordingInfo] = list(RECORDINGS)
        self.broken: DriverError | None = None
        self.saved: list[DeviceConfig] = [DeviceConfig(address="ssh://nvidia@orin.local", name="orin-nano")]
        self.key = HostKey(
            address="ssh://nvidia@orin.local",
            fingerprint="SHA256:0Zm5WmLJ0hQ6fM1bVzQ7sH3n8k2dY4x6rT9uP1aBcDe",
            line="orin.local ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ",
        )
        self.supply = SupplyCheck(
            question="Supply pixel-8 with 4.2 V from hvpm?",
            warnings=("4.2 V is above the 3.85 V that pixel-8 tells of its battery",),
            supplied="Now: on, set to 3.9 V. It supplies 0.8 to 13.5 V.",
        )
        self.meters: Sequence[Found] = ()
        self.edited: Sequence[str] = ()
        """What a look sees besides."""
        self.steps: list[tuple[str, float, float | None]] = [("fetching", 0.5, 4.0), ("pushing", 1.0, 0.0)]
        """What a setup tells."""

    @property
    def timeline(self) -> Timeline:
        return self.made

    @property
    def status(self) -> Status:
        return Status(session="night-run", recording=not self.problem, started_ns=T0, problem=self.problem)

    def now(self) -> int:
        return self.now_ns

    def scan(self) -> "Future[Sequence[Found]]":
        self.calls.append(("scan", None))
        return done(
            [
                Found(address="sim:phone", kind=DeviceKind.PHONE, title="simulated phone"),
                Found(
                    address="adb:X1", kind=DeviceKind.PHONE, title="Galaxy S24", ready=False,
                    reason="phone says unauthorised", next_step="accept the prompt on its screen",
                ),
                *self.meters,
            ]
        )  # fmt: skip

    def add_device(self, address: str, name: str = "", feeds: str = "", point: str = "") -> "Future[str]":
        wiring = (feeds, point) if feeds or point else ()
        return self._note("add_device", (address, name, *wiring), name or address)

    def remove_device(self, name: str) -> "Future[None]":
        return self._note("remove_device", name, None)

    def runtimes(self, device: str) -> Sequence[Choice]:
        return [Choice(value="llama_server", title="llama_server", remark="b10549")]

    def models(self) -> Sequence[Choice]:
        return [
            Choice(value="demo", title="demo", remark="tiny-english q8_0, toy model"),
            Choice(
                value="synthetic:tinyllama-1.1b", title="tinyllama-1.1b", remark="synthetic weights, 637 MB"
            ),
        ]

    def workloads(self) -> Sequence[Choice]:
        return [Choice(value=name, title=name) for name in ("chat", "sustained", "pp512/tg128")]

    def check_run(self, request: RunRequest) -> "Future[Sequence[Objection]]":
        device = self.lacking or request.devices[0]
        against = [Objection(device=device, sentence=self.refusal, setup=bool(self.lacking))]
        return self._note("check_run", request, against if self.refusal else [])

    def start_run(self, request: RunRequest) -> "Future[Sequence[str]]":
        return self._note("start_run", request, ["r9"])

    def stop_run(self, device: str) -> "Future[str]":
        return self._note("stop_run", device, "")

    def mark(self, name: str) -> "Future[None]":
        return self._note("mark", name, None)

    def report(self, report: SelfReport) -> None:
        self.reports.append(report)

    def library(self) -> "Future[Sequence[RecordingInfo]]":
        return done(list(self.recordings))

    def open_recording(self, path: Path) -> "Future[Timeline]":
        if path.name == "none.melt":
            return failed(Refused("There is no such recording", remedy="melt sessions lists them"))
        return self._note("open_recording", path, self.made)

    def rename_recording(self, path: Path, name: str) -> "Future[None]":
        self.recordings = [replace(r, name=name) if r.path == path else r for r in self.recordings]
        return self._note("rename_recording", (path, name), None)

    def tag_recording(self, path: Path, tags: Sequence[str]) -> "Future[None]":
        self.recordings = [replace(r, tags=tuple(tags)) if r.path == path else r for r in self.recordings]
        return self._note("tag_recording", (path, list(tags)), None)

    def delete_recording(self, path: Path) -> "Future[None]":
        self.recordings = [r for r in self.recordings if r.path != path]
        return self._note("delete_recording", path, None)

    def snapshot(self, path: Path, span_ns: tuple[int, int], name: str) -> "Future[Path]":
        return self._note("snapshot", (path, span_ns, name), path.with_name("part.melt"))

    def export(self, request: "ExportRequest") -> "Future[Sequence[Path]]":
        return self._note("export", request, (request.out,))

    def write_report(self, request: "ReportRequest") -> "Future[Sequence[Path]]":
        return self._note("write_report", request, (request.out,))

    def import_files(self, path: Path) -> "Future[Sequence[Path]]":
        if path.name == "none":
            return failed(Refused("there is nothing at none", remedy="check its name"))
        return self._note("import_files", path, [Path("/r/imported.melt")])

    def edits(self, path: Path) -> "Future[Sequence[str]]":
        return done(list(self.edited))

    def edit(self, request: "EditRequest") -> "Future[None]":
        return self._note("edit", request, None)

    def summary(self, path: Path) -> "Future[Mapping[str, Any]]":
        return self._note("summary", path, {})

    def open_runs(self, request: "CompareRequest") -> "Future[OpenRuns]":
        return self._note("open_runs", request, self.runs)

    def read_figures(self, path: Path) -> "Future[None]":
        return self._note("read_figures", path, None)

    def compare(self, request: "CompareRequest") -> "Future[Comparison]":
        return self._note("compare", request, self.comparison)

    def saved_devices(self) -> Sequence[DeviceConfig]:
        return list(self.saved)

    def save_device(self, entry: DeviceConfig, was: str = "") -> "Future[None]":
        self.saved = [one for one in self.saved if was not in {one.name, one.address} or not was]
        self.saved.append(entry)
        return self._note("save_device", (entry, was), None)

    def forget_device(self, name: str) -> "Future[None]":
        self.saved = [one for one in self.saved if name not in {one.name, one.address}]
        return self._note("forget_device", name, None)

    def host_key(self, address: str) -> "Future[HostKey]":
        return self._note("host_key", address, replace(self.key, address=address))

    def passwords_wanted(self) -> Sequence[PasswordWanted]:
        return self.locked

    def give_password(self, account: str, password: str) -> "Future[None]":
        self.locked = []
        return self._note("give_password", (account, password), None)

    def trust_host(self, key: HostKey) -> "Future[None]":
        if key.objection:
            return failed(Refused(f"the host key of {key.address} has changed"))
        return self._note("trust_host", key, None)

    def to_wifi(self, device: str) -> "Future[str]":
        return self._note("to_wifi", device, "adb:192.168.1.23:5555")

    def setup(self, request: SetupRequest, progress: SetupProgress) -> "Future[None]":
        for step in self.steps:
            progress(*step)
        return self._note("setup", request, None)

    def check_supply(self, request: SupplyRequest, wait_s: float = 0.0) -> "Future[SupplyCheck]":
        return self._note("check_supply", request, self.supply)

    def set_supply(self, request: SupplyRequest) -> "Future[None]":
        return self._note("set_supply", request, None)

    def told(self, name: str) -> list[Any]:
        """What was asked for under this name."""
        return [what for called, what in self.calls if called == name]

    def _note(self, name: str, what: Any, value: Any) -> "Future[Any]":
        self.calls.append((name, what))
        return failed(self.broken) if self.broken else done(value)
