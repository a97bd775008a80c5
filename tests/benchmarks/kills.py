"""The installed ``melt demo``, with its real engine, killed at random moments: what is left running, what is lost.

``kill -9``, half of the times on a screen and half without one. No process may be left behind; the recording must be
sound, hold all that could be read of it just before, and end no more than half a second before the kill. The last is
asked once samples have come for a second: until then nothing may have been said that could be lost. What a recorder
loses of what it was told is measured exactly by ``store_crash``.
"""

import os
import random
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from drivers.clock import SECOND
from melt_tui.errors import MeltError
from melt_tui.store.library import recover
from melt_tui.store.recording import Recording
from tests.rigs.installed import Home, Melt, home, parser, report, started, until

SIZE = (120, 36)
LATEST_S = 6.0
"""From the first of a recording on: by then the engine answers."""
GONE_S = 3.0


@dataclass(frozen=True, slots=True)
class Kill:
    """What one left."""

    engine: bool
    """There was one to be left."""
    left: int
    corrupt: bool
    committed_lost: bool
    lost_s: float
    """0 before samples came."""


def kill(melt: str, after_s: float, *, screen: bool) -> Kill:
    """Start, kill after so long, and look."""
    argv = [melt, "demo", "--seconds", "600", *(() if screen else ("--headless",))]
    with home() as at, started(argv, at.environment, SIZE if screen else None) as running:
        until(lambda: bool(at.recordings))
        time.sleep(after_s)
        path = at.recordings[-1]
        engine = bool(running.children())
        read_ns = _end_ns(path)
        killed_ns = time.monotonic_ns()
        _kill(running)
        left = _left(at)
        try:
            recover(path)
            end_ns = _end_ns(path)
        except MeltError:
            return Kill(engine, left, True, True, 0.0)
        lost_s = (killed_ns - end_ns) / 1e9 if _streaming(path, killed_ns - SECOND) else 0.0
        return Kill(engine, left, not _sound(path), end_ns < read_ns, lost_s)


def _kill(running: Melt) -> None:
    running.process.kill()
    running.wait()


def _left(at: Home) -> int:
    """Processes of this home that are still there after a while, the engine's first of all."""
    with suppress(TimeoutError):
        until(lambda: not _of(at), GONE_S)
    return len(_of(at))


def _of(at: Home) -> list[int]:
    """Every process that was started with this home, by its environment."""
    mark = f"XDG_DATA_HOME={at.root / 'data'}".encode()
    found = []
    for pid in psutil.pids():
        with suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and pid != os.getpid():
                found.append(pid)
    return found


def _end_ns(path: Path) -> int:
    """Up to when it tells anything, in this computer's monotonic time; 0 before its first commit."""
    try:
        with closing(Recording(path)) as recording:
            return recording.span()[1]
    except MeltError:
        return 0


def _streaming(path: Path, t_ns: int) -> bool:
    """Whether every device of the demo had given a sample by then."""
    with closing(Recording(path)) as recording:
        given = {device for device, _ in recording.view(t_ns).readings}
    return {"sim-phone", "sim-jetson", "sim-meter"} <= given


def _sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--kills", type=int, default=50)
    options = options_parser.parse_args()
    chance = random.Random(7)
    number = 4 if options.quick else options.kills
    killed = [kill(options.melt, chance.uniform(0.3, LATEST_S), screen=i % 2 == 0) for i in range(number)]
    print(f"{len(killed)} kills, {sum(one.engine for one in killed)} of them with an engine running")
    good = [
        report("kill -9 of melt demo: processes left behind", sum(one.left for one in killed), 0, "{:.0f}"),
        report("kill -9 of melt demo: recordings corrupt", sum(one.corrupt for one in killed), 0, "{:.0f}"),
        report("kill -9 of melt demo: commits lost", sum(one.committed_lost for one in killed), 0, "{:.0f}"),
        report("kill -9 of melt demo: lost at most, s", max(one.lost_s for one in killed), 0.5),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
