"""What can be set, with its defaults: one frozen class per table of ``config.toml``.

Field names of ``RunConfig`` are those of the workbench's run request.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """A ``[[devices]]`` entry: a device that every session opens."""

    address: str
    """``host``, ``adb:SERIAL``, ``ssh://user@host``, ``serial:PATH?family=…`` …"""
    name: str = ""
    """Its name in the session; empty: the driver's choice."""
    colour: str = ""
    """A colour name of the theme's series, or ``#rrggbb``; empty: the next free one."""
    feeds: str = ""
    """Of a meter: the device whose power it measures."""
    point: str = ""
    """Of a meter: its reference point, ``battery-terminals``, ``usb-input``, ``board-input``, ``rail:NAME`` …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """``[run]``: what a run takes when nothing else is asked for; None leaves it to the workload or the runtime."""

    model: str = "demo"
    runtime: str = ""
    workload: str = "chat"
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
    on_link_loss: str = "stop"
    """``stop`` or ``keep``."""
    lease_s: float = 900.0
    """With ``keep``: how long a run may go on without us."""
    baseline_s: float = 0.0
    """How long the device is left alone before a run: its energies above idle are reckoned from that."""
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
class SessionConfig:
    """``[session]``: where recordings go and which are kept."""

    recordings: Path | None = None
    """Folder; None: the platform's place for user data."""
    keep_short: bool = False
    """Keep sessions too in which nothing was run or marked and that were short."""
    min_minutes: float = 10.0
    """Under this length a session is short."""
    commit_interval_ms: int = 250
    """How often the recording is made safe: what a crash can lose at most."""
    seconds: float | None = None
    """``watch`` ends by itself after this time."""
    simulated: bool = True
    """``demo`` shows simulated devices too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryConfig:
    """``[library]``: how much is kept when ``melt sessions --prune`` is asked for. None: no bound."""

    keep_days: float | None = None
    """Recordings older than that go; in no case marked, named, tagged, corrected or imported ones, nor the newest."""
    keep_gb: float | None = None
    """The oldest go until all together are not larger, in 10⁹ bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenConfig:
    """``[screen]``: how it looks, and whether there is one."""

    theme: str = ""
    frame_rate: int = 10
    """Frames per second."""
    headless: bool = False
    json: bool = False
    debug: bool = False
    """Show the traceback of an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    devices: tuple[DeviceConfig, ...] = ()
    run: RunConfig = RunConfig()
    session: SessionConfig = SessionConfig()
    library: LibraryConfig = LibraryConfig()
    screen: ScreenConfig = ScreenConfig()
    keys: tuple[tuple[str, str], ...] = ()
    """``(command, key)``: keys other than the usual ones."""
    path: Path | None = None
    """The file it came from; None when there is none."""
