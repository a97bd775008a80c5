"""The whole way: items → recorder → file → tables and summary, against the same from memory."""

import io
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing as closed
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Item
from drivers.model import block
from melt_tui.analysis import export, summary
from melt_tui.analysis.export_request import ExportRequest, Table
from melt_tui.analysis.report import text_of
from melt_tui.analysis.session import summarise
from melt_tui.analysis.tables import EVENTS_HEAD, events_table, samples_table
from melt_tui.errors import MeltError, RecordingTooNew
from melt_tui.store.recorder import Recorder
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import (
    CPU,
    LAG,
    OWN_RSS,
    POWER,
    RSS,
    TEMPERATURE,
    at,
    closing,
    opening,
    run,
    slow,
    ticks,
    turn,
)


@pytest.fixture(scope="module")
def items() -> Sequence[Item]:
    answers = [
        *turn(1, 10.0, [10.4, 10.5, 10.6, 10.7, 11.4], decode_s=1.0),
        *turn(2, 20.0, [20.5, 21.0, 21.25], before=5, decode_s=0.7),
    ]
    return [
        *opening(),
        *ticks(3),
        *run(answers, 1, 30),
        *slow(TEMPERATURE, [(0.5, 40.0), (5.0, 100 / 3), (20.0, 83.25)]),
        *slow(RSS, [(3.0, 100_000_000), (20.0, 637_000_001)]),
        *slow(CPU, [(1, 10.0), (2, 20.0)]),
        *slow(OWN_RSS, [(1, 50_000_000)]),
        *slow(LAG, [(0.1, 0.001), (0.2, 0.003)]),
        block(POWER, at(2), at(3), list(range(1000))),
        *closing(60),
    ]


@pytest.fixture(scope="module")
def path(items: Sequence[Item], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "evening.melt"
    recorder = Recorder(path)
    for item in items:
        recorder.take(item)
    recorder.close()
    assert recorder.problem == ""
    return path


def asked(path: Path, out: Path, table: Table = Table.SAMPLES, **more: Any) -> ExportRequest:
    return ExportRequest(files=(path,), table=table, out=out, **more)


def test_tables_of_a_file(path: Path, items: Sequence[Item]) -> None:
    memory = MemoryRecording(items)
    for name, table in (("samples", samples_table), ("events", events_table)):
        from_file, from_memory = io.StringIO(), io.StringIO()
        export.write(path, name, from_file)
        table(memory, from_memory)
        assert from_file.getvalue() == from_memory.getvalue()
        assert from_file.getvalue().count("\n") > 10


def test_samples_have_their_events_beside_them(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "evening.csv"
    assert export.export_all(asked(path, out)) == [out, tmp_path / "evening.csv.events.csv"]
    assert {file.name for file in tmp_path.iterdir()} == {"evening.csv", "evening.csv.events.csv"}
    assert out.read_text(encoding="utf-8").splitlines()[1000].startswith("2.")
    assert (tmp_path / "evening.csv.events.csv").read_text(encoding="utf-8").startswith(EVENTS_HEAD)


def test_what_cannot_be_written_is_said_and_leaves_nothing(path: Path, tmp_path: Path) -> None:
    with pytest.raises(
        MeltError, match=r"none/x\.csv could not be written .No such file or directory.: choose another place"
    ):
        export.export_all(asked(path, tmp_path / "none" / "x.csv"))
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(MeltError, match="could not be written"):
        export.export_all(asked(path, tmp_path / "x.csv"))
    assert [file.name for file in tmp_path.iterdir()] == ["x.csv"]


def test_a_pipe_takes_a_table_and_stays_what_it_is(path: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    export.export(asked(path, pipe, Table.EVENTS))
    assert os.read(reader, 1000).decode().startswith(EVENTS_HEAD)
    os.close(reader)
    assert pipe.is_fifo()


def test_a_link_stays_and_a_file_beside_it_is_not_touched(path: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").symlink_to(tmp_path / "there.csv")
    (tmp_path / "x.csv.part").write_text("somebody's", encoding="utf-8")
    export.export(asked(path, tmp_path / "x.csv", Table.EVENTS))
    assert (tmp_path / "x.csv").is_symlink()
    assert (tmp_path / "there.csv").read_text(encoding="utf-8").startswith(EVENTS_HEAD)
    assert (tmp_path / "x.csv.part").read_text(encoding="utf-8") == "somebody's"


def test_a_table_never_takes_the_place_of_a_recording(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "again.melt"
    link.symlink_to(path)
    before = path.read_bytes()
    for out in (path, link):
        with pytest.raises(MeltError, match="is a recording, which the table would overwrite"):
            export.export(asked(path, out))
        with pytest.raises(MeltError, match="choose another name"):
            export.export_all(asked(path, out))
    assert path.read_bytes() == before


def test_summary_of_a_file(path: Path, items: Sequence[Item]) -> None:
    from_memory = summarise(MemoryRecording(items))
    told = summary.of_file(path)
    assert told["runs"] == from_memory.as_json()["runs"]
    assert told["devices"] == from_memory.as_json()["devices"]
    assert told["self"] == from_memory.as_json()["self"]
    assert told["session"]["name"] == "evening"
    assert told["runs"][0]["rss_peak_bytes"] == 637_000_001
    assert summary.text_of_file(path).splitlines()[1:] == text_of(from_memory).splitlines()[1:]


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    (tmp_path / "no.melt").write_text("hello")
    with pytest.raises(MeltError):
        summary.of_file(tmp_path / "no.melt")
    with pytest.raises(MeltError):
        export.write(tmp_path / "none.melt", "samples", io.StringIO())


def test_what_stands_there_is_replaced_only_when_asked(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    out.write_text("somebody's", encoding="utf-8")
    with pytest.raises(
        MeltError, match=r"x\.csv exists already: choose another name, or replace it with --force"
    ):
        export.export(asked(path, out))
    assert out.read_text(encoding="utf-8") == "somebody's"
    export.export(asked(path, out, Table.EVENTS, force=True))
    assert out.read_text(encoding="utf-8").startswith(EVENTS_HEAD)
    assert [file.name for file in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"files": ()}, "no recording was named"),
        ({"files": (Path("a"), Path("a"))}, "given twice"),
        ({"files": (Path("a"),), "table": Table.RUNS, "wide": True}, "only samples can be wide"),
        ({"files": (Path("a"),), "every_s": 1.0}, "a step of a wide table"),
        ({"files": (Path("a"),), "every_s": 0.0, "wide": True}, "a step of a wide table"),
        ({"files": (Path("a"),), "out": Path("x.pftrace"), "table": Table.RUNS}, "holds everything"),
        (
            {"files": (Path("a"),), "out": Path("nothing.csv")},
            "there is no recording at a",
        ),
    ],
)
def test_what_does_not_go_together_is_said(given: dict[str, Any], why: str) -> None:
    with pytest.raises(MeltError, match=why):
        export.export(ExportRequest(**given), io.StringIO())


def test_recordings_in_one_table_are_told_apart(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "b" / "evening.melt"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes())
    out = io.StringIO()
    export.export(ExportRequest(files=(path, other), table=Table.EVENTS), out)
    head, *lines = out.getvalue().splitlines()
    assert head == "recording,t_s,device,kind,detail"
    assert {line.partition(",")[0] for line in lines} == {f"{path.parent.name}/evening", "b/evening"}


def test_recordings_that_hold_nothing_have_heads_alone(tmp_path: Path) -> None:
    empty = tmp_path / "empty.melt"
    Recorder(empty).close()
    for table in Table:
        out = io.StringIO()
        export.export(ExportRequest(files=(empty,), table=table), out)
        assert out.getvalue().count("\n") == 1
    out = io.StringIO()
    export.export(ExportRequest(files=(empty,), wide=True), out)
    assert out.getvalue() == "t_s\n"


def test_a_later_version_says_so(path: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.melt"
    newer.write_bytes(path.read_bytes())
    with closed(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
    with pytest.raises(RecordingTooNew):
        export.export(asked(newer, tmp_path / "x.csv"))
    assert not (tmp_path / "x.csv").exists()
