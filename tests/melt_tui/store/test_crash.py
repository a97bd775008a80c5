"""What is left of a recording when its program, its disk or its file comes to a sudden end."""

import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.model import Samples
from melt_tui.events import Tick
from melt_tui.store import library
from melt_tui.store.info import RecordingState
from melt_tui.store.recording import Recording
from tests.rigs import recording_child
from tests.rigs.random_sessions import ALL_UP, Step, session
from tests.rigs.recording_child import published
from tests.rigs.spawned import spawned
from tests.rigs.written import Writer

CHILD = [sys.executable, str(recording_child.__file__)]
ROOT = Path(__file__).parents[3]


def run_child(path: Path, *, lines: int, commit_s: float = 0.02) -> list[tuple[int, int, int]]:
    """Let the child publish for so many lines, kill it, and give back what it said."""
    command = [*CHILD, str(path), str(commit_s)]
    with spawned(command, stdout=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        told += child.stdout.read().splitlines()
    said = [tuple(map(int, line.split()[:3])) for line in told if len(line.split()) >= 3]
    return [(a, b, c) for a, b, c in said]


def assert_whole(path: Path) -> int:
    """It is sound, and what is in it is what was published first; how many items."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with closing(Recording(path)) as recording:
        items = list(recording.items())
    assert items == published(len(items))
    return len(items)


def newest_ns(items: list[Item]) -> int:
    return max(item.t_ns for item in items if isinstance(item, Tick))


@pytest.mark.parametrize("lines", [20, 61, 113])
def test_killed(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "a.melt"
    said = run_child(path, lines=lines)
    with closing(Recording(path)) as recording:
        items = list(recording.items())
        assert recording.meta.state == "unfinished"
    assert items == published(len(items))
    assert newest_ns(items) >= said[-1][2]
    last_ns = max(item.t1_ns for item in items if isinstance(item, Samples))
    assert said[-1][1] - last_ns <= 0.5e9

    (row,) = library.scan(tmp_path)
    assert row.state is RecordingState.RECOVERED
    assert "at most the last 0.02 s" in row.detail
    assert assert_whole(path) == len(items)
    assert sorted(tmp_path.iterdir()) == [path]
    (again,) = library.scan(tmp_path)
    assert again == row


def test_a_wal_cut_anywhere_is_readable_up_to_the_last_whole_commit(tmp_path: Path) -> None:
    items = session(
        [*ALL_UP, *(Step(what, "board", 10**7, k) for k in range(40) for what in ("value", "bulk", "mark"))]
    )
    whole, ends = tmp_path / "whole.melt", list[tuple[int, int]]()
    writer = Writer(whole, 5)
    writer.connection.execute("PRAGMA wal_autocheckpoint = 0")
    wal = whole.with_name("whole.melt-wal")
    for start in range(0, len(items), 7):
        writer.write(items[start : start + 7], 7)
        ends.append((wal.stat().st_size, min(start + 7, len(items))))
    chance = random.Random(3)
    for number in range(12):
        path = tmp_path / f"cut{number}.melt"
        cut = chance.randrange(wal.stat().st_size + 1)
        shutil.copy(whole, path)
        path.with_name(path.name + "-wal").write_bytes(wal.read_bytes()[:cut])
        with closing(Recording(path)) as recording:
            found = list(recording.items())
        least = max((n for end, n in ends if end <= cut), default=0)
        assert found == items[: len(found)]
        assert len(found) in {least, min(least + 7, len(items))}, "it may be cut within the compacting"
    writer.close()


def test_the_file_may_not_grow(tmp_path: Path) -> None:
    """The disk takes no more, for real: the system lets no file of the child grow past a limit."""
    path, most = tmp_path / "a.melt", 400_000
    limit = f"import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))"
    run = f"runpy.run_path({str(recording_child.__file__)!r}, run_name='__main__')"
    command = [sys.executable, "-c", f"{limit}; {run}", str(path), "0.02"]
    with spawned(command, stdout=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as child:
        assert child.stdout is not None
        line = next(line for line in child.stdout if "stopped" in line)
        after = [child.stdout.readline() for _ in range(3)]
        child.kill()
    assert "recording stopped" in line
    assert "the disk does not take any more" in line or "the disk is full" in line
    assert all("stopped" in each for each in after), "the program goes on"
    assert newest_ns(published(assert_whole(path))) >= int(line.split()[2])
