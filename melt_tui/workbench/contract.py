"""What screens and commands may ask of the workbench, and the words they ask in.

Commands may be called from any thread; they run on the session loop and answer with a Future whose exception, if
any, is a ``DriverError`` or ``MeltError`` with a sentence for the user.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from drivers.model import Found
from melt_tui.config import DeviceConfig
from melt_tui.store.info import RecordingInfo
from melt_tui.timeline import Timeline
from melt_tui.workbench.objections import Objection
from melt_tui.workbench.supply import SupplyCheck, SupplyRequest

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison
    from melt_tui.analysis.compare_open import OpenRuns
    from melt_tui.analysis.compare_request import CompareRequest
    from melt_tui.analysis.edit_request import EditRequest
    from melt_tui.analysis.export_request import ExportRequest, ReportRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What the run dialog and ``melt run`` ask for; everything but the devices has a default."""

    devices: tuple[str, ...]
    """Names of devices in the session."""
    model: str = "demo"
    """``demo``, ``synthetic:SHAPE`` or the path of a GGUF file; with ``url`` the server says what it runs."""
    runtime: str = ""
    """Empty: the best that each device offers. ``NAME@DEVICE`` is for one of them; several, separated by commas."""
    workload: str = "chat"
    """``chat``, ``sustained``, ``ppN/tgM`` or the path of a JSON file; ``none``, with ``url``: only watch."""
    turns: int | None = None
    seconds: float | None = None
    max_tokens: int | None = None
    repeat: int | None = None
    warmup: int | None = None
    pause_s: float = 0.0
    threads: int | None = None
    context: int | None = None
    batch: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    ignore_eos: bool = False
    runtime_args: tuple[str, ...] = ()
    url: str = ""
    """Of a server to attach to instead of starting one."""
    on_link_loss: str = "stop"
    """What becomes of the run when the link to its device goes: ``stop`` or ``keep``."""
    lease_s: float = 900.0
    """With ``keep``: how long it may go on without us before it ends itself."""
    baseline_s: float = 0.0
    """Its devices are left alone so long before it begins: its energies above idle are reckoned from that."""
    gate: str = ""
    """A condition such as ``soc<=40 and slope<2/60s``: each run begins when it holds."""
    gate_timeout_s: float = 1800.0
    """For so long a condition is waited for."""
    cooldown: str = ""
    """Between runs: seconds, ``gate`` or a condition of its own."""
    ceiling: str = ""
    """A condition: a run is stopped when it does not hold any more, or when a sensor of it is lost."""
    until: str = ""
    """``steady``: a run ends when its rate is steady."""
    runs: int | None = None
    """How many of each variant; None: one, of several variants two."""
    variants: tuple[str, ...] = ()
    """What is run in turn: ``NAME: model=… threads=…``, in settings of ``[run]``."""
    order: str = "abba"
    """Of variants: ``abba``, ``abab`` or ``aabb``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """The key that an SSH server shows, to be confirmed by a person once."""

    address: str
    """``ssh://user@host:port``."""
    fingerprint: str
    """``SHA256:…``, as ``ssh-keygen -l`` on the board shows it."""
    line: str
    """As it is stored: ``host algorithm base64``."""
    objection: str = ""
    """Why it is never stored, and what to do: another key was stored before, or it was revoked."""
    known: bool = False
    """This key is stored already."""


TRIES = 3
"""How often somebody is asked by melt itself for the password of one account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordWanted:
    """Devices of the session wait for a password."""

    account: str
    """Whose: ``user@host``."""
    devices: tuple[str, ...]
    tries: int = 0
    """How many were given; more than none: the last was wrong."""

    @property
    def asked(self) -> bool:
        """Whether it is still melt that asks; after that it waits until the user comes back to it."""
        return self.tries < TRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRequest:
    """What ``melt setup DEVICE`` puts on a device."""

    address: str
    """Or the name of a device of the session."""
    runtime: str = "llama_server"
    source: str = ""
    """Path or URL of a release archive, a directory or a binary; empty: the pinned release."""
    model: str = ""
    """Also put this model there: as in ``RunRequest``, or the URL of a GGUF file."""
    sha256: str = ""
    model_sha256: str = ""
    """What the archive, where the pinned table does not know it, and the model's first file have to be; empty: not said."""


SetupProgress = Callable[[str, float, float | None], None]
"""Told from any thread: the step, its fraction 0…1, seconds to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of a list in a dialog: what is chosen, what is shown, and a remark."""

    value: str
    title: str
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfReport:
    """What only the screen can know of melt's own cost, told about once a second."""

    frames: int
    dropped_frames: int
    lag_p99_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the session stands, for the header line."""

    session: str = ""
    recording: bool = False
    path: Path | None = None
    started_ns: int = 0
    problem: str = ""
    """Why nothing is being recorded any more, in one sentence."""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A device that a session opens at its start."""

    address: str
    name: str = ""
    """Empty: the driver's default."""
    feeds: str = ""
    point: str = ""
    """Of a meter: the device that it feeds, and its reference point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """What a session is to be, before it starts."""

    name: str = ""
    places: tuple[Place, ...] = ()
    folder: Path = Path()
    """Where recordings are kept."""
    cache: Path = Path()
    """Where models that we write are kept."""
    downloads: Path = Path("downloads")
    """Where archives that we fetch are kept."""
    record: Path | None = None
    """The file to write; None: a new one in ``folder``, named by date and time."""
    recording: bool = True
    """Off only for looking at saved sessions."""
    plugged: bool = False
    """Phones that are plugged in while it runs appear by themselves."""
    config: Path | None = None
    """The config file that devices are saved in; None: nothing can be saved."""
    known_hosts: Path = Path("known_hosts")
    """Where accepted keys of SSH servers are kept, beside the user's own ``~/.ssh/known_hosts``."""
    saved: tuple[DeviceConfig, ...] = ()
    """Devices of the config file, as it was when the session was planned."""
    keep_s: float = 0.0
    """A session shorter than this in which nothing was run or marked is dropped on leaving; 0 keeps all."""
    commit_s: float = 0.25
    script: bool = False
    """Simulated devices follow the demo's script."""
    seed: int = 1
    """Of the simulated devices."""
    settings: tuple[tuple[str, str], ...] = ()
    """Every option in force, as text, for the recording."""


class Bench(Protocol):
    """The workbench as screens and commands see it."""

    @property
    def timeline(self) -> Timeline:
        """Of the session in progress."""
        ...

    @property
    def status(self) -> Status:
        """How it stands now."""
        ...

    def now(self) -> int:
        """Host-monotonic ns: the playhead's idea of now."""
        ...

    def scan(self) -> "Future[Sequence[Found]]":
        """Look on every link."""
        ...

    def add_device(self, address: str, name: str = "", feeds: str = "", point: str = "") -> "Future[str]":
        """Open a device in the session; its name there. ``feeds`` and ``point`` are of a meter: what it measures."""
        ...

    def remove_device(self, name: str) -> "Future[None]":
        """Close it and stop trying."""
        ...

    def runtimes(self, device: str) -> Sequence[Choice]:
        """What could run on this device, best first."""
        ...

    def models(self) -> Sequence[Choice]:
        """The models that can be chosen by name; a path may be typed as well."""
        ...

    def workloads(self) -> Sequence[Choice]:
        """The workloads that can be chosen by name; a path may be typed as well."""
        ...

    def check_run(self, request: RunRequest) -> "Future[Sequence[Objection]]":
        """Why this run cannot work, for each device on which it cannot, with the remedy; each is looked at."""
        ...

    def start_run(self, request: RunRequest) -> "Future[Sequence[str]]":
        """Start; the run ids, one for each device."""
        ...

    def stop_run(self, device: str) -> "Future[str]":
        """Stop the run on this device; done when nothing of it is left, or with a sentence on what is, and until when."""
        ...

    def mark(self, name: str) -> "Future[None]":
        """Put a named mark into the recording, now."""
        ...

    def report(self, report: SelfReport) -> None:
        """Tell what the screen costs."""
        ...

    def library(self) -> "Future[Sequence[RecordingInfo]]":
        """The recordings, newest first."""
        ...

    def open_recording(self, path: Path) -> "Future[Timeline]":
        """For looking back into a saved session."""
        ...

    def rename_recording(self, path: Path, name: str) -> "Future[None]":
        """Give it another name; what was measured stays."""
        ...

    def tag_recording(self, path: Path, tags: Sequence[str]) -> "Future[None]":
        """Set its tags."""
        ...

    def delete_recording(self, path: Path) -> "Future[None]":
        """Delete it for good."""
        ...

    def snapshot(self, path: Path, span_ns: tuple[int, int], name: str) -> "Future[Path]":
        """A span of a recording as a new one beside the others; the new file."""
        ...

    def export(self, request: "ExportRequest") -> "Future[Sequence[Path]]":
        """Write recordings for other programs; which files there are now: samples have their events beside them."""
        ...

    def write_report(self, request: "ReportRequest") -> "Future[Sequence[Path]]":
        """Write recordings as one page for people; the file."""
        ...

    def import_files(self, path: Path) -> "Future[Sequence[Path]]":
        """What other tools measured, as recordings beside the others."""
        ...

    def edits(self, path: Path) -> "Future[Sequence[str]]":
        """What was corrected in a recording, a line for each."""
        ...

    def edit(self, request: "EditRequest") -> "Future[None]":
        """Correct what was wrongly set, or take that back; what was measured stays."""
        ...

    def summary(self, path: Path) -> "Future[Mapping[str, Any]]":
        """The summary of a recording, as ``melt summary --json`` prints it."""
        ...

    def open_runs(self, request: "CompareRequest") -> "Future[OpenRuns]":
        """The runs of recordings, to be laid over one another; whoever asked closes them."""
        ...

    def read_figures(self, path: Path) -> "Future[None]":
        """Reckon the figures of a recording ahead: comparing its runs then takes no time."""
        ...

    def compare(self, request: "CompareRequest") -> "Future[Comparison]":
        """Runs of recordings side by side. UsageError for what cannot be compared at all."""
        ...

    def saved_devices(self) -> Sequence[DeviceConfig]:
        """The devices of the config file."""
        ...

    def save_device(self, entry: DeviceConfig, was: str = "") -> "Future[None]":
        """Add it to the config file, or change there the one named ``was``, by name or address."""
        ...

    def forget_device(self, name: str) -> "Future[None]":
        """Take the one of that name or address out of the config file."""
        ...

    def host_key(self, address: str) -> "Future[HostKey]":
        """Ask an SSH server for its key; nobody logs in, nothing is stored."""
        ...

    def passwords_wanted(self) -> Sequence[PasswordWanted]:
        """For which accounts of boards somebody has to give a password before their devices can be opened."""
        ...

    def give_password(self, account: str, password: str) -> "Future[None]":
        """Open the devices that waited for it. It is kept in memory for this session, and stored nowhere."""
        ...

    def trust_host(self, key: HostKey) -> "Future[None]":
        """Store it, and open the devices that waited for it. Refused for one that has changed."""
        ...

    def to_wifi(self, device: str) -> "Future[str]":
        """Move an adb phone of the session to Wi-Fi: its new address, opened in place of the old one."""
        ...

    def check_supply(self, request: SupplyRequest, wait_s: float = 0.0) -> "Future[SupplyCheck]":
        """What to ask before a meter supplies this; an exception for what it cannot. It may take ``wait_s`` to come up."""
        ...

    def set_supply(self, request: SupplyRequest) -> "Future[None]":
        """Have a meter supply this: a person has agreed to what ``check_supply`` asks."""
        ...

    def setup(self, request: SetupRequest, progress: SetupProgress) -> "Future[None]":
        """Put an engine, and a model if asked for, on a device; what is there already is not sent again."""
        ...
