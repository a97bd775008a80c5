"""The recorder: nothing waits for it, nothing is lost, and it says when it stops."""

import sqlite3
import struct
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, DType, Quantity, Samples, Unit, reading
from melt_tui.errors import CannotWrite
from melt_tui.events import SELF, Mark, SessionStarted, Tick
from melt_tui.store import database, fast, ingest, library, recorder
from melt_tui.store.info import RecordingState
from melt_tui.store.ingest import Ingest
from melt_tui.store.lost import ROOM, room_of
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from tests.rigs.random_sessions import ACTIONS, ALL_UP, Step, session

STARTED = SessionStarted(t_ns=5, device=SELF, wall_ns=9, name="night", version="1.2", host="h")


def marks(*times: int) -> list[Mark]:
    return [Mark(t_ns=t_ns, device=SELF, name=str(t_ns)) for t_ns in times]


def until(recorder_: Recorder, committed_ns: int) -> None:
    """Return when so much is told to be durable."""
    pause = threading.Event()
    while recorder_.committed_ns < committed_ns:
        assert not recorder_.problem
        pause.wait(0.002)


def test_everything_arrives_in_order(tmp_path: Path) -> None:
    items = session([*ALL_UP, *(Step(what, "phone", 10**8, k) for k, what in enumerate([*ACTIONS] * 3))])
    sink = Recorder(tmp_path / "a.melt", commit_s=0.005)
    for item in items:
        sink.take(item)
    sink.close()
    sink.close()
    assert sink.problem == ""
    assert sink.path == tmp_path / "a.melt"
    assert sorted(tmp_path.iterdir()) == [sink.path]
    with closing(Recording(sink.path)) as recording:
        assert list(recording.items()) == items
        assert recording.meta.state == "ended"
        assert (recording.meta.name, recording.meta.version, recording.meta.tags) == ("s", "1", ())


def test_what_is_told_to_be_durable_is(tmp_path: Path) -> None:
    sink = Recorder(tmp_path / "a.melt", commit_s=0.005)
    sink.take(STARTED)
    for mark in marks(10, 20, 30):
        sink.take(mark)
    until(sink, 30)
    with closing(Recording(sink.path)) as recording:
        assert [event.t_ns for event in recording.items() if isinstance(event, Mark)] == [10, 20, 30]
        assert recording.meta.state == "unfinished"
        sink.take(Tick(t_ns=15, device=SELF))
        sink.take(Tick(t_ns=45, device=SELF))
        sink.take(Mark(t_ns=99, device=SELF, name="from the future"))
        until(sink, 45)
        assert sink.committed_ns == 45, "once there are ticks they alone tell the time"
        assert [item for item in recording.items() if isinstance(item, Tick)][-1].t_ns == 45
        assert recording.span() == (5, 99)
    sink.close()


def test_readers_are_told_two_commits_later(tmp_path: Path) -> None:
    sink = Recorder(tmp_path / "a.melt", commit_s=1000)
    told = []
    for mark in marks(10, 20, 30, 40):
        sink.take(mark)
        sink._commit()
        told.append(sink.committed_ns)
    assert told == [0, 0, 10, 20]
    sink._commit()
    assert sink.committed_ns == 30, "without anything new, too"
    sink.close()


def test_every_thread_may_take(tmp_path: Path) -> None:
    sink = Recorder(tmp_path / "a.melt", commit_s=0.001)
    channel = Channel(device="d", name="c", quantity=Quantity.OTHER, unit=Unit.NONE)
    sink.take(ChannelsOpened(t_ns=0, device="d", channels=(channel,)))

    def publish(first: int) -> None:
        for k in range(first, first + 500):
            sink.take(reading(channel, k, k))

    threads = [threading.Thread(target=publish, args=(k * 1000,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    with closing(Recording(sink.path)) as recording:
        taken = [block.t0_ns for block in recording.samples(channel.key, -1, 10**9)]
    assert sorted(taken) == [k * 1000 + i for k in range(4) for i in range(500)]


def test_a_malformed_block_is_told_in_the_recording(tmp_path: Path) -> None:
    sink = Recorder(tmp_path / "a.melt", commit_s=0.005)
    sink.take(Samples("d", "c", -3, 9, DType.U16, b"odd"))
    sink.take(Samples("d", "c", 3, 3, DType.U16, b""))
    sink.take(marks(7)[0])
    sink.close()
    with closing(Recording(sink.path)) as recording:
        lost, empty, mark = recording.events(-10, 100)
    assert (type(empty), empty.t_ns) == (type(lost), 3)
    assert (lost.t_ns, lost.device, getattr(lost, "reason", "")) == (0, "d", "the block was malformed")
    assert mark == marks(7)[0]


def test_fast_blocks_are_kept_in_order_round_a_malformed_one(tmp_path: Path) -> None:
    fast = Channel(
        device="d", name="c", quantity=Quantity.CURRENT, unit=Unit.AMPERE, rate_hz=1e5, dtype=DType.U16
    )
    good = [Samples("d", "c", k * 1000, k * 1000 + 999, DType.U16, bytes([k]) * 200) for k in range(1, 4)]
    timed = good[2]._replace(times=struct.pack("<100q", *range(3000, 4000, 10)))
    sink = Recorder(tmp_path / "a.melt", commit_s=10.0)
    sink.take(ChannelsOpened(t_ns=0, device="d", channels=(fast,)))
    for item in (good[0], good[1]._replace(codes=b"odd"), marks(7)[0], good[1], timed):
        sink.take(item)
    sink.close()
    with closing(Recording(sink.path)) as recording:
        assert list(recording.samples(fast.key, 0, 10**9)) == [good[0], good[1], timed]
        kinds = [type(item).__name__ for item in recording.items()]
    assert kinds == ["ChannelsOpened", "Samples", "SamplesLost", "Mark", "Samples", "Samples"]


def test_what_waits_to_be_summed_up_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "TOGETHER_BYTES", 3000)
    channel = Channel(
        device="m", name="i", quantity=Quantity.CURRENT, unit=Unit.AMPERE, rate_hz=1e5, dtype=DType.U16
    )
    connection = database.create(tmp_path / "a.melt", 0.25)
    writer = Ingest(connection, 100)
    writer.commit([STARTED, ChannelsOpened(t_ns=5, device="m", channels=(channel,))])
    tiles = []
    for k in range(5):
        t_ns = k * 10_000_000
        writer.commit([Samples("m", "i", t_ns, t_ns + 9_990_000, DType.U16, bytes(2000))])
        tiles += connection.execute("SELECT count(*) FROM tiles WHERE level = 0").fetchone()
    database.close(connection)
    assert tiles == [0, 0, 1, 1, 1]


def test_a_full_disk_stops_it_and_loses_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(path: Path, commit_s: float) -> sqlite3.Connection:
        connection = database.create(path, commit_s)
        connection.execute("PRAGMA max_page_count = 60")
        return connection

    monkeypatch.setattr(recorder, "create", small)
    told: list[str] = []
    stopped = threading.Event()

    def problem(sentence: str) -> None:
        told.append(sentence)
        stopped.set()

    sink = Recorder(tmp_path / "a.melt", commit_s=0.005, on_problem=problem)
    sink.take(STARTED)
    before = marks(*range(100, 110))
    for mark in before:
        sink.take(mark)
    until(sink, 109)
    while not stopped.is_set():
        sink.take(Mark(t_ns=200, device=SELF, name="x" * 5000))
        stopped.wait(0.001)
    sink.take(marks(300)[0])
    sink.close()
    assert told == [sink.problem]
    assert (
        sink.problem
        == "the disk is full, make room and start anew: recording stopped, what came before is kept in a.melt"
    )
    with closing(Recording(sink.path)) as recording:
        kept = list(recording.items())
    assert kept[:11] == [STARTED, *before]


def test_what_is_written_is_durable_before_it_is_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_args: object) -> None:
        raise sqlite3.OperationalError("killed")

    monkeypatch.setattr(ingest, "compact", killed)
    connection = database.create(tmp_path / "a.melt", 0.25)
    writer = Ingest(connection, 2)
    with pytest.raises(sqlite3.OperationalError, match="killed"):
        writer.commit([STARTED, *marks(10, 20)])
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert [event.t_ns for event in recording.items() if isinstance(event, Mark)] == [10, 20]
    database.close(connection)


def test_a_full_disk_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(recorder, "finish", fail)
    sink = Recorder(tmp_path / "a.melt", commit_s=0.005)
    sink.take(STARTED)
    sink.close()
    assert "the disk is full" in sink.problem
    with closing(Recording(sink.path)) as recording:
        assert list(recording.items()) == [STARTED]


def test_a_disk_too_full_to_finish_is_told_in_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    path = tmp_path / "a.melt"
    with monkeypatch.context() as full:
        full.setattr(Ingest, "commit", fail)
        full.setattr(recorder, "finish", fail)
        sink = Recorder(path, commit_s=0.001)
        assert room_of(path).stat().st_size == ROOM
        sink.take(STARTED)
        sink.close()
    assert not room_of(path).exists(), "its room was given back, to be written in"
    why = "the disk is full, make room and start anew: recording stopped, what came before is kept in a.melt"
    with closing(Recording(path)) as recording:
        assert (recording.meta.state, recording.meta.lost) == ("unfinished", why)
    row = library.info(path)
    assert (row.state, row.detail) == (RecordingState.RECOVERED, why), "though its program is still alive"
    assert library.recover(path)
    with closing(Recording(path)) as recording:
        assert (recording.meta.state, recording.meta.lost) == ("recovered", why)


def test_a_disk_that_takes_no_more_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    told: list[str] = []
    monkeypatch.setattr(Ingest, "commit", fail)
    monkeypatch.setattr(recorder, "finish", fail)
    sink = Recorder(tmp_path / "a.melt", commit_s=0.001, on_problem=told.append)
    sink.take(STARTED)
    sink.close()
    assert told == [
        "the disk does not take any more, look after it and start anew: recording stopped, what came before is kept in a.melt"
    ]


def test_a_bug_of_ours_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: Ingest, _items: object) -> None:
        raise ZeroDivisionError

    seen: list[type[BaseException] | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    monkeypatch.setattr(Ingest, "commit", fail)
    sink = Recorder(tmp_path / "a.melt", commit_s=0.001)
    sink.take(STARTED)
    sink.close()
    assert seen == [ZeroDivisionError]
    assert "an internal error" in sink.problem


def test_busy_threads_give_the_interpreter_back_soon_while_it_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sys.getswitchinterval()
    during: list[float] = []
    commit = Ingest.commit

    def noted(ingest: Ingest, items: Sequence[Item]) -> None:
        during.append(sys.getswitchinterval())
        commit(ingest, items)
        raise sqlite3.OperationalError("enough")

    monkeypatch.setattr(Ingest, "commit", noted)
    sink = Recorder(tmp_path / "a.melt")
    sink.take(STARTED)
    sink.close()
    assert sink.problem
    assert during == [pytest.approx(0.0005)]
    assert sys.getswitchinterval() == before


class Waits:
    """An event whose waits pass at once, in a time of their own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float) -> bool:
        self.asked.append(round(timeout, 6))
        self.now += timeout
        return len(self.asked) > 5


def test_a_slow_commit_does_not_put_off_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill loses is one interval and one commit, not one interval and two commits."""
    waits, takes = Waits(), iter([0.1, 0.2, 0.7, 0.0, 0.0, 0.0])
    monkeypatch.setattr(recorder, "threading", SimpleNamespace(Event=lambda: waits, Thread=threading.Thread))
    monkeypatch.setattr(recorder, "monotonic", waits.monotonic)

    def commit(self: Recorder) -> None:
        waits.now += next(takes)

    monkeypatch.setattr(Recorder, "_commit", commit)
    monkeypatch.setattr(Recorder, "close", lambda self: self._thread.join())
    Recorder(tmp_path / "a.melt").close()
    assert waits.asked == [0.25, 0.15, 0.05, 0.0, 0.25, 0.25]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.melt").write_bytes(b"precious")
    with pytest.raises(CannotWrite, match="exists already"):
        Recorder(tmp_path / "a.melt")
    assert (tmp_path / "a.melt").read_bytes() == b"precious"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="nothing can be recorded"):
        Recorder(tmp_path / "file" / "a.melt")
