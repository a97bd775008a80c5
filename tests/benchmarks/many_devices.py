"""Many phones at once over a real adb server, and devices that go and come back: what arrives, what it costs, how soon
it is shown.

CPU is that of the whole program (user and system, every thread), without a screen, recording all of it, over a whole
minute: once in each the journal is compacted; servers and phones run on the same machine but are not counted. Needs what ``tests/rigs/adb_phone.py`` and ``ssh_board.py`` need.
Run: ``python -m tests.benchmarks.many_devices [--phones 32] [--seconds 60] [--quick]``.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import psutil

from drivers.clock import SECOND
from drivers.model import ChannelKey
from melt_tui.events import SELF, DeviceLost
from melt_tui.store.recording import Recording
from melt_tui.workbench import Place, Workbench
from tests.rigs import adb_phone
from tests.rigs.idle import idling
from tests.rigs.installed import home, report, report_least, started
from tests.rigs.installed import parser as options_parser
from tests.rigs.lab import lab, until, up
from tests.rigs.phones.samsung import samsung
from tests.rigs.phones.xiaomi import xiaomi

WARM_S = 12.0
"""Phones are open, and what a session keeps is settled."""
RATE_HZ = 10
CHANNELS = 12
PROFILES = (samsung, xiaomi)
"""Phones with 13 channels at 10 Hz, beside their slower ones."""


def stand_back() -> None:
    """Servers and phones run on computers of their own in life: here they take what this process leaves."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.nice(10)


def follow(melt: str, addresses: list[str], seconds: float) -> bool:
    """The whole program without a screen, that records all of it: what it costs, and what is in the recording."""
    named = [word for address in addresses for word in ("--device", address)]
    with home() as at:
        argv = [melt, "watch", *named, "--headless", "--seconds", f"{WARM_S + seconds + 60:g}"]
        with started(argv, at.environment, None) as running:
            until(lambda: bool(at.recordings))
            time.sleep(WARM_S)
            with idling(seconds) as idle:
                cpu = running.cpu_percent(seconds)
                lags_ms = idle()
            time.sleep(1.0)  # until the last of it is committed
            running.interrupt()
        recording = Recording(at.recordings[-1])
        try:
            return tell(recording, len(addresses), seconds, cpu, rank(lags_ms))
        finally:
            recording.close()


def tell(recording: Recording, phones: int, seconds: float, cpu: float, idle_ms: float) -> bool:
    end_ns = recording.span()[1] - SECOND
    start_ns = end_ns - round(seconds * SECOND)
    due = {
        key: RATE_HZ * seconds
        for key, channel in recording.view(end_ns).channels.items()
        if channel.rate_hz == RATE_HZ and key[0] != SELF
    }
    came = {key: len(times(recording, key, start_ns, end_ns)) for key in due}
    arrived = 100 * sum(min(n, due[key]) for key, n in came.items()) / max(sum(due.values()), 1)
    lag_ms = rank(sorted(1e3 * lag for lag in lags_s(recording, start_ns, end_ns)))
    each = len(due) / phones
    print(
        f"{phones} phones, {each:.1f} channels at {RATE_HZ} Hz each, {seconds:.1f} s, load {os.getloadavg()[0]:.1f}"
    )
    good = report_least("channels at 10 Hz for each phone", each, CHANNELS, "{:.1f}")
    good &= report_least("samples that are in the recording, %", arrived, 99, "{:.2f}")
    good &= report("CPU of melt, recording, % of a core", cpu, 8, "{:.1f}")
    print(f"loop lag p99: {lag_ms:.2f} ms, of a loop that does nothing {idle_ms:.2f} ms")
    return good & report("loop lag p99 beyond that of a loop that does nothing, ms", lag_ms - idle_ms, 10)


def rank(lags: Sequence[float]) -> float:
    """The 99th percentile of what is sorted."""
    return lags[int(0.99 * len(lags))]


def times(recording: Recording, key: ChannelKey, start_ns: int, end_ns: int) -> list[int]:
    """When a channel was read."""
    blocks = recording.samples(key, start_ns, end_ns)
    return [
        t_ns for block in blocks for t_ns in map(block.time_at, range(block.n)) if start_ns <= t_ns < end_ns
    ]


def lags_s(recording: Recording, start_ns: int, end_ns: int) -> list[float]:
    """How late melt's own loop was, as it recorded it."""
    blocks = recording.samples((SELF, "loop_lag"), start_ns, end_ns)
    return [block.last_code for block in blocks]


def shown_after(bench: Workbench, act: Callable[[], object], name: str) -> float:
    """Seconds from an act to the event that says that the device is lost."""
    asked_ns = bench.now()
    act()
    until(lambda: lost(bench, name, asked_ns))
    return (lost(bench, name, asked_ns) - asked_ns) / SECOND


def lost(bench: Workbench, name: str, since_ns: int) -> int:
    told = bench.timeline.events(since_ns, bench.now(), kinds=(DeviceLost,))
    return next((event.t_ns for event in told if event.device == name), 0)


def back_after(bench: Workbench, act: Callable[[], object], name: str) -> float:
    """Seconds from an act to the first sample that is newer."""
    asked_ns = bench.now()
    act()

    def newest() -> int:
        readings = bench.timeline.view(bench.now()).readings
        return max((one.t_ns for key, one in readings.items() if key[0] == name), default=0)

    until(lambda: newest() > asked_ns and up(bench, name))
    return (newest() - asked_ns) / SECOND


Acts = dict[str, tuple[str, Callable[[], object], Callable[[], object]]]
"""What happens → to which device, how it is lost, and how it comes back."""


def losses(folder: Path, rounds: int) -> bool:
    """A phone's cable, a board whose connection is cut, what dies in silence: a board, a phone whose connection stays open as
    in a wireless network that it left, an adb server."""
    with lab(folder) as rig, rig.board.cable() as cable:
        os.environ["HOME"] = str(rig.board.person.home)
        known = rig.board.known_host.replace(f":{rig.board.port} ", f":{cable.port} ")
        rig.board.person.trust(rig.board.known_host, known)
        silent = Place(address=f"ssh://{rig.board.user}@127.0.0.1:{cable.port}", name="silent")
        setup = rig.setup(folder / "session")
        with Workbench(replace(setup, places=(*setup.places, silent))) as bench:
            server = rig.server.process.pid
            acts: Acts = {
                "phone": ("phone", lambda: rig.phone.cue("drop"), lambda: rig.phone.cue("back")),
                "board": ("board", rig.board.drop, lambda: None),
                "silent board": ("silent", cable.pull, cable.plug),
                "silent phone": ("phone", lambda: rig.phone.cue("stall"), lambda: rig.phone.cue("resume")),
                "stopped adb server": (
                    "phone",
                    lambda: os.killpg(server, signal.SIGSTOP),
                    lambda: os.killpg(server, signal.SIGCONT),
                ),
            }
            times = timed(bench, acts, rounds)
    good = True
    for what, limit in LIMITS.items():
        good &= report(f"{what}, slowest of {len(times[what])}, s", max(times[what]), limit)
    return good


def timed(bench: Workbench, acts: Acts, rounds: int) -> dict[str, list[float]]:
    """Seconds until each loss was shown and each device was back, by what happened."""
    times: dict[str, list[float]] = {}
    for what, (name, cut, mend) in (item for _ in range(rounds) for item in acts.items()):
        until(lambda: up(bench, *{device for device, _, _ in acts.values()}))
        time.sleep(0.5)
        times.setdefault(f"{what} shown", []).append(shown_after(bench, cut, name))
        times.setdefault(f"{what} back", []).append(back_after(bench, mend, name))
    return times


LIMITS = {
    "phone shown": 1.0,
    "board shown": 1.0,
    "silent board shown": 5.0,
    "silent phone shown": 5.0,
    "stopped adb server shown": 5.0,
    "phone back": 3.0,
    "board back": 3.0,
    "silent board back": 3.0,
    "silent phone back": 3.0,
    "stopped adb server back": 3.0,
}
"""A cut connection is known at once; a board or phone that falls silent within 5 s, whatever went silent on the way."""


def main() -> int:
    parser = options_parser(__doc__)
    parser.add_argument("--phones", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    phones, seconds, rounds = (8, 5.0, 1) if options.quick else (options.phones, options.seconds, 3)
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        server = stack.enter_context(adb_phone.adb_server())
        addresses = []
        for number in range(phones):
            make = PROFILES[number % len(PROFILES)]
            profile = make(Path(place) / f"profile-{number}").plant_profile()
            phone = stack.enter_context(adb_phone.phone(server, profile.root))
            profile.lock(phone.root)
            addresses.append(f"adb:{phone.serial}?server={server.host}:{server.port}")
        stand_back()
        good = follow(options.melt, addresses, seconds)
    with tempfile.TemporaryDirectory() as place:
        good &= losses(Path(place), rounds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
