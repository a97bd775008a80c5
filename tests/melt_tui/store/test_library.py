"""The folder of recordings."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from drivers.events import FirstToken, ModelLoaded, TurnEnd, TurnEnded, TurnPurpose, TurnStarted
from drivers.model import DeviceInfo, DeviceKind, RunSpec
from drivers.modelfile import ModelFile
from melt_tui.errors import BadRecording, CannotWrite
from melt_tui.events import (
    SELF,
    DeviceUp,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Tick,
)
from melt_tui.store import library
from melt_tui.store.info import RecordingState
from melt_tui.store.library import Annotation, annotate, annotations, delete, recover, rename, scan, set_tags
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from melt_tui.timeline import IntervalKind
from tests.rigs.written import Writer, write

SECOND = 1_000_000_000
MODEL = ModelFile(name="tiny", path="/m", size_bytes=4, quantisation="Q4_0", synthetic=True)
SPEC = RunSpec(run="r1", device="phone", runtime="llama", model=MODEL, workload=None)


def turn(
    number: int,
    start_s: int,
    tokens: int,
    decode_s: float,
    purpose: TurnPurpose,
    *,
    told_s: float | None = None,
    end: TurnEnd = TurnEnd.EOS,
) -> list[object]:
    """A turn that took ``decode_s`` by its arrivals, and ``told_s`` (the same) as its engine tells."""
    t_ns, of = start_s * SECOND, {"device": "phone", "run": "r1", "turn": number}
    first, last = t_ns + SECOND // 2, t_ns + SECOND // 2 + round(decode_s * SECOND)
    return [
        TurnStarted(t_ns=t_ns, purpose=purpose, **of),  # type: ignore[arg-type]
        FirstToken(t_ns=first, ttft_s=0.5, **of),  # type: ignore[arg-type]
        TurnEnded(
            t_ns=last,
            end=end,
            prompt_tokens=7,
            output_tokens=tokens,
            first_token_ns=first,
            last_token_ns=last,
            decode_s=decode_s if told_s is None else told_s,
            **of,  # type: ignore[arg-type]
        ),
    ]


def night(name: str = "night", wall_s: int = 1_700_000_000) -> list[object]:
    phone = DeviceInfo(device="phone", address="sim:phone", kind=DeviceKind.PHONE, simulated=True)
    own = DeviceInfo(device=SELF, address="", kind=DeviceKind.SELF)
    return [
        SessionStarted(t_ns=0, device=SELF, wall_ns=wall_s * SECOND, name=name, version="1", host="h"),
        DeviceUp(t_ns=0, device=SELF, info=own),
        DeviceUp(t_ns=1, device="phone", info=phone),
        RunStarted(t_ns=2, device="phone", run="r1", spec=SPEC),
        ModelLoaded(t_ns=3, device="phone", run="r1", load_s=1.5, backend="CPU"),
        *turn(1, 1, 11, 1.0, TurnPurpose.WARMUP),
        *turn(2, 3, 21, 1.0, TurnPurpose.MEASURED),
        *turn(3, 5, 41, 1.0, TurnPurpose.MEASURED),
        RunEnded(t_ns=8 * SECOND, device="phone", run="r1", outcome=RunOutcome.DONE),
        SessionEnded(t_ns=9 * SECOND, device=SELF, wall_ns=(wall_s + 9) * SECOND),
    ]


def left_behind(path: Path, items: list[object]) -> None:
    """As a program leaves it that was killed."""
    writer = Writer(path)
    writer.write(items, 3)  # type: ignore[arg-type]
    gone = max(psutil.pids()) + 100_000
    writer.connection.execute("UPDATE session SET value = ? WHERE key = 'writer_pid'", (gone,))
    wal = path.with_name(path.name + "-wal")
    shutil.copy(path, path.with_suffix(".copy"))
    shutil.copy(wal, path.with_suffix(".copy-wal"))
    writer.close()
    path.with_suffix(".copy").replace(path)
    path.with_suffix(".copy-wal").replace(wal)


def test_a_row_tells_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, night())  # type: ignore[arg-type]
    (row,) = scan(tmp_path)
    assert row.path == path
    assert (row.name, row.state, row.size_bytes) == ("night", RecordingState.ENDED, path.stat().st_size)
    assert (row.started_wall_ns, row.duration_s) == (1_700_000_000 * SECOND, 9.0)
    assert (row.devices, row.models, row.simulated, row.runs) == (("phone",), ("tiny",), True, 1)
    assert row.decode_tps == pytest.approx((20 + 40) / 2)
    assert (row.tags, row.detail) == ((), "")


def test_the_token_rate_is_of_the_turns_that_count(tmp_path: Path) -> None:
    items = night()
    items[-2:-2] = [
        *turn(4, 6, 101, 0.5, TurnPurpose.MEASURED, told_s=0.6),  # 200 tok/s observed, 167 reported
        *turn(5, 7, 31, 0.5, TurnPurpose.MEASURED, end=TurnEnd.STOPPED),
        *turn(6, 7, 31, 0.5, TurnPurpose.MEASURED, end=TurnEnd.LIMIT, told_s=0.51),
    ]
    write(tmp_path / "a.melt", items)  # type: ignore[arg-type]
    (row,) = scan(tmp_path)
    assert row.decode_tps == pytest.approx((20 + 40 + 60) / 3)


def test_what_is_not_known_is_none(tmp_path: Path) -> None:
    write(tmp_path / "a.melt", [])
    (row,) = scan(tmp_path)
    assert (row.started_wall_ns, row.duration_s, row.decode_tps) == (None, None, None)
    assert (row.devices, row.models, row.simulated, row.runs) == ((), (), False, 0)


def test_newest_first_and_only_recordings(tmp_path: Path) -> None:
    for number in (2, 3, 1):
        write(tmp_path / f"{number}.melt", night(f"n{number}", 1_700_000_000 + number))  # type: ignore[arg-type]
    (tmp_path / "notes.txt").touch()
    (tmp_path / "dir.melt").mkdir()
    (tmp_path / "broken.melt").write_bytes(b"x" * 200)
    rows = scan(tmp_path)
    assert [row.name for row in rows] == ["n3", "n2", "n1", "broken"]
    assert rows[-1].state is RecordingState.UNREADABLE
    assert rows[-1].size_bytes == 200
    assert rows[-1].detail == f"{tmp_path}/broken.melt is not a recording of melt"


def test_an_empty_or_missing_folder(tmp_path: Path) -> None:
    assert scan(tmp_path) == []
    assert scan(tmp_path / "none") == []


def test_what_a_crash_left_is_recovered(tmp_path: Path) -> None:
    path, items = tmp_path / "a.melt", night()[:-3]
    left_behind(path, [*items, Tick(t_ns=7 * SECOND, device=SELF)])
    with closing(Recording(path)) as recording:
        assert recording.meta.state == "unfinished"
        before, windows = list(recording.items()), recording.view(6 * SECOND)
        open_ones = [i for i in recording.intervals(0, 9 * SECOND) if i.t1_ns is None]
        assert [i.kind for i in open_ones] == [IntervalKind.RUN, IntervalKind.TURN, IntervalKind.DECODE]
    (row,) = scan(tmp_path)
    assert row.state is RecordingState.RECOVERED
    assert row.detail == "the recording broke off after 7.0 s; at most the last 0.25 s before that are lost"
    assert row.duration_s == 7.0
    assert sorted(tmp_path.iterdir()) == [path]
    with closing(Recording(path)) as recording:
        assert (recording.meta.state, recording.meta.lost) == ("recovered", row.detail)
        assert list(recording.items()) == before
        assert recording.view(6 * SECOND) == windows
        ends = {i.t1_ns for i in recording.intervals(0, 9 * SECOND) if i.kind is IntervalKind.RUN}
        assert ends == {7 * SECOND + 1}
    assert not recover(path)


def test_one_that_had_ended_but_for_its_last_step_lost_nothing(tmp_path: Path) -> None:
    left_behind(tmp_path / "a.melt", night())
    (row,) = scan(tmp_path)
    assert (row.state, row.detail) == (RecordingState.ENDED, "")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.melt"]


def test_one_that_broke_off_at_once(tmp_path: Path) -> None:
    left_behind(tmp_path / "a.melt", [])
    (row,) = scan(tmp_path)
    assert row.state is RecordingState.RECOVERED
    assert row.detail.startswith("the recording broke off; at most")


def test_one_in_the_making_is_left_alone(tmp_path: Path) -> None:
    sink = Recorder(tmp_path / "a.melt", commit_s=0.005)
    items = night()
    for item in items[:4]:
        sink.take(item)  # type: ignore[arg-type]
    (row,) = scan(tmp_path)
    assert (row.state, row.detail) == (RecordingState.RECORDING, "")
    rename(sink.path, "while it runs")
    for item in items[4:]:
        sink.take(item)  # type: ignore[arg-type]
    sink.close()
    (row,) = scan(tmp_path)
    assert (row.name, row.state, row.duration_s) == ("while it runs", RecordingState.ENDED, 9.0)
    with closing(Recording(sink.path)) as recording:
        assert list(recording.items()) == items


def test_a_folder_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", forbidden)
    (tmp_path / "a.melt").touch()
    with pytest.raises(BadRecording, match=r"look into .*\(Permission denied\): change its owner"):
        scan(tmp_path)
    with pytest.raises(BadRecording, match="have its owner let you read it"):
        Recording(tmp_path / "a.melt")


def test_what_cannot_be_recovered_is_shown_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(tmp_path / "a.melt", night()[:-3])

    def refuse(_: Path) -> sqlite3.Connection:
        raise CannotWrite("read-only")

    with closing(Recording(tmp_path / "a.melt")) as recording:
        lost = recording.meta.lost
    assert lost == "the recording broke off after 5.5 s; at most the last 0.25 s before that are lost"
    monkeypatch.setattr(library, "open_to_write", refuse)
    (row,) = scan(tmp_path)
    assert row.detail == lost
    assert row.state is RecordingState.RECOVERED
    assert row.name == "night"
    assert row.duration_s == 5.5


@pytest.mark.parametrize(
    "damage", ["UPDATE journal SET data = x'00'", "UPDATE channels SET definition = '{}'"]
)
def test_what_is_damaged_is_not_recovered_but_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.melt"
    left_behind(path, night()[:-3])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO channels (device, name, definition) VALUES ('d', 'n', '{}')")
        connection.execute(damage)
    (row,) = scan(tmp_path)
    assert row.state is RecordingState.UNREADABLE
    assert "a.melt cannot be read" in row.detail


def test_a_reader_that_outlived_the_recording(tmp_path: Path) -> None:
    sink = Recorder(tmp_path / "a.melt", commit_s=0.005)
    sink.take(night()[0])  # type: ignore[arg-type]
    reader = Recording(sink.path)
    assert reader.meta.state == "unfinished"
    sink.close()
    assert reader.meta.state == "ended"
    reader.close()
    scan(tmp_path)
    assert sorted(tmp_path.iterdir()) == [sink.path]


def test_names_tags_and_remarks_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, night())  # type: ignore[arg-type]
    rename(path, "the hot one")
    set_tags(path, ["ü", "late"])
    annotate(path, Annotation(kind="exclusion", value="door open", t0_ns=5, t1_ns=9, device="phone"))
    rename(path, "the hottest one")
    set_tags(path, ["late"])
    (row,) = scan(tmp_path)
    assert (row.name, row.tags) == ("the hottest one", ("late",))
    told = annotations(path)
    assert [note.kind for note in told] == ["name", "tags", "exclusion", "name", "tags"]
    assert (told[2].value, told[2].t0_ns, told[2].t1_ns, told[2].device) == ("door open", 5, 9, "phone")
    assert all(note.wall_ns > 1_600_000_000 * SECOND for note in told)
    with closing(Recording(path)) as recording:
        assert (recording.meta.name, recording.meta.tags) == ("the hottest one", ("late",))
        assert list(recording.items()) == night()


def test_deleting(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    left_behind(path, night()[:4])
    delete(path)
    assert list(tmp_path.iterdir()) == []
    delete(path)
    with pytest.raises(BadRecording):
        rename(path, "gone")


def test_a_file_that_vanishes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.melt", [])
    monkeypatch.setattr(library, "recover", lambda path: Path(path).unlink())
    (row,) = scan(tmp_path)
    assert (row.state, row.size_bytes) == (RecordingState.UNREADABLE, 0)
