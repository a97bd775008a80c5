"""A recording child killed at random moments, and ``-wal`` cut at random bytes: corrupt, lost, how much.

The child records 100 kS/s and eight slow channels in real time, a commit every 250 ms. "Committed" is what it had said to
be durable on its stdout when it was killed.
"""

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

from drivers.model import Samples
from melt_tui.errors import MeltError
from melt_tui.events import Tick
from melt_tui.store.database import create
from melt_tui.store.ingest import Ingest
from melt_tui.store.library import recover
from melt_tui.store.recording import Recording
from tests.rigs.installed import report
from tests.rigs.recording_child import published

ROOT = Path(__file__).parents[2]

CHILD = [sys.executable, str(ROOT / "tests" / "rigs" / "recording_child.py")]


def sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong."""
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def kill_at(path: Path, after_s: float) -> tuple[int, int]:
    """What the child had published last, and what it had said to be durable, when it was killed."""
    with subprocess.Popen([*CHILD, str(path), "0.25"], stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        told = [child.stdout.readline()]
        timer = threading.Timer(after_s, child.kill)
        timer.start()
        told += child.stdout.read().splitlines()
        timer.join()
    said = [line.split() for line in told if len(line.split()) >= 3]
    return int(said[-1][1]), int(said[-1][2])


def kills(folder: Path, n: int) -> list[bool]:
    """Kill at random moments and look; what holds."""
    chance = random.Random(4)
    corrupt = committed_lost = 0
    lost_s: list[float] = []
    for number in range(n):
        path = folder / f"kill{number}.melt"
        last_ns, durable_ns = kill_at(path, chance.uniform(0.3, 3.0))
        try:
            with closing(Recording(path)) as recording:
                before = list(recording.items())
            recover(path)
            with closing(Recording(path)) as recording:
                items = list(recording.items())
        except MeltError:
            corrupt += 1
            continue
        corrupt += not (sound(path) and items == before == published(len(items)))
        ticks = [item.t_ns for item in items if isinstance(item, Tick)]
        committed_lost += max(ticks, default=0) < durable_ns
        newest = max((item.t1_ns for item in items if isinstance(item, Samples)), default=0)
        lost_s.append((last_ns - newest) / 1e9)
        path.unlink()
    print(f"lost in {len(lost_s)} kills: median {sorted(lost_s)[len(lost_s) // 2]:.2f} s")
    return [
        report(f"recorder killed {n} times: corrupt", corrupt, 0, "{:.0f}"),
        report(f"recorder killed {n} times: committed lost", committed_lost, 0, "{:.0f}"),
        report(f"recorder killed {n} times: lost at most, s", max(lost_s), 0.5),
    ]


def cuts(folder: Path, n: int) -> list[bool]:
    """Cut the ``-wal`` at random bytes and look; what holds."""
    items, whole = published(3000), folder / "whole.melt"
    connection = create(whole, 0.25)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    ingest, wal = Ingest(connection, 12), whole.with_name(whole.name + "-wal")
    ends: list[tuple[int, int]] = []
    for start in range(0, len(items), 60):
        ingest.commit(items[start : start + 60])
        ends.append((wal.stat().st_size, min(start + 60, len(items))))
    content, chance = wal.read_bytes(), random.Random(5)
    corrupt = unreadable = 0
    for _ in range(n):
        path, at = folder / "cut.melt", chance.randrange(len(content) + 1)
        shutil.copy(whole, path)
        path.with_name(path.name + "-wal").write_bytes(content[:at])
        expected = max((count for end, count in ends if end <= at), default=0)
        try:
            with closing(Recording(path)) as recording:
                found = list(recording.items())
            unreadable += len(found) < expected or found != items[: len(found)]
            corrupt += not sound(path)
        except MeltError:
            corrupt += 1
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)
    connection.close()
    return [
        report(f"-wal cut at {n} bytes: corrupt", corrupt, 0, "{:.0f}"),
        report(f"-wal cut at {n} bytes: a commit before the cut missing", unreadable, 0, "{:.0f}"),
    ]


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        good = kills(Path(made), 5 if options.quick else 50) + cuts(Path(made), 10 if options.quick else 100)
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
