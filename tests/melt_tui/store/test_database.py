"""Files that are no recordings, not whole, too new or nobody's say so in one sentence."""

import errno
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from drivers.clock import SystemClock
from melt_tui.errors import BadRecording, CannotWrite, RecordingTooNew
from melt_tui.events import SELF, Mark
from melt_tui.store import database, edits, library
from melt_tui.store.database import APPLICATION_ID, SCHEMA, being_written, create, open_to_read, open_to_write
from melt_tui.store.recording import Recording
from tests.rigs.random_sessions import ALL_UP, Step, session
from tests.rigs.written import Writer, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a ?#% é.melt"
    write(made, session([*ALL_UP, *(Step("bulk", "phone", 10**8, k) for k in range(60))]))
    return made


def test_a_recording_is_a_plain_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        assert connection.execute("PRAGMA page_size").fetchone() == (4096,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_no_reader_of_zip_files_is_loaded(tmp_path: Path) -> None:
    """For the text of the schema."""
    code = (
        "import sys; from pathlib import Path; from melt_tui.store import database\n"
        "database.close(database.create(Path(sys.argv[1]), 1.0)); print('zipfile' in sys.modules)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "one.melt")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_while_it_is_made_every_commit_is_durable(tmp_path: Path) -> None:
    with closing(create(tmp_path / "a.melt", 0.25)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="there is no recording at"):
        Recording(tmp_path / "none.melt")
    with pytest.raises(BadRecording, match="there is no recording at"):
        Recording(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_not_a_recording(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.melt").write_bytes(content)
    with pytest.raises(BadRecording) as caught:
        Recording(tmp_path / "a.melt")
    assert caught.value.sentence == f"{tmp_path}/a.melt is not a recording of melt"
    assert "melt sessions" in caught.value.remedy
    assert "\n" not in str(caught.value)
    assert (tmp_path / "a.melt").read_bytes() == content


def test_another_program_s_database(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.melt")) as connection:
        connection.execute("CREATE TABLE t (a)")
    with pytest.raises(BadRecording, match="is not a recording of melt"):
        Recording(tmp_path / "a.melt")


def test_newer_than_we_are(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(RecordingTooNew, match=r"format is 7.*up to 2.*: update melt") as caught:
        Recording(path)
    assert caught.value.remedy == "update melt to open it"


def test_an_older_one_is_read_and_becomes_a_newer_one_when_written_to(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "ALTER TABLE channels DROP COLUMN accuracy_gain; ALTER TABLE channels DROP COLUMN accuracy_offset;"
            "PRAGMA user_version = 1"
        )
    with closing(open_to_read(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM channels").fetchone()[0]
    for _ in range(2):
        with closing(open_to_write(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
            assert connection.execute("SELECT accuracy_gain FROM channels").fetchall()


def test_without_its_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE session")
    with pytest.raises(BadRecording, match="no such table"):
        Recording(path)


@pytest.mark.parametrize("pages", [1, 3, 20])
def test_cut_short(path: Path, pages: int) -> None:
    os.truncate(path, pages * 4096 + 100)
    with pytest.raises(BadRecording):
        list(Recording(path).items())


def test_cut_in_the_middle_is_said_with_what_can_be_done(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)
    said = re.escape(f"{path} is damaged or was cut off (database disk image is malformed)")
    with pytest.raises(BadRecording, match=said) as caught, closing(Recording(path)) as recording:
        recording.events(*recording.span())
    assert caught.value.remedy.startswith("copy it again from where it came, with its -wal")
    assert "`sqlite3 FILE .recover`" in caught.value.remedy
    with pytest.raises((BadRecording, CannotWrite), match=said):
        library.rename(path, "n")


@pytest.mark.parametrize(
    "change", [lambda path: library.rename(path, "n"), lambda path: edits.take_back(path, 1)]
)
def test_what_may_not_be_changed_can_be_copied(
    path: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = database._connect
    monkeypatch.setattr(database, "_connect", lambda path, mode: connect(path, "ro"))
    with pytest.raises(CannotWrite) as caught:
        change(path)
    assert caught.value.sentence == f"{path} cannot be changed (attempt to write a readonly database)"
    assert caught.value.remedy == "copy it to a folder of yours, and change the copy"


def test_what_may_not_be_deleted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, *, missing_ok: bool) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(
        CannotWrite, match=r"cannot be deleted .Permission denied.: change the rights of its folder"
    ):
        library.delete(path)


def test_damaged_blobs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE chunks SET data = x'0102'")
        connection.execute("UPDATE tiles SET data = x'01'")
    with closing(Recording(path)) as recording:
        with pytest.raises(BadRecording, match="chunk cannot be unpacked"):
            list(recording.items())
        with pytest.raises(BadRecording, match="cannot be unpacked"):
            recording.window(("phone", "adc"), *recording.span(), 1)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("DELETE FROM chunks", "is missing"),
        ("DELETE FROM events WHERE kind = 'DeviceUp'", "is missing"),
        ("DELETE FROM series", "series 1 is missing"),
    ],
)
def test_what_is_missing_is_noticed(path: Path, damage: str, why: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(damage)
    with closing(Recording(path)) as recording, pytest.raises(BadRecording, match=why):
        list(recording.items())


def test_after_closing(path: Path) -> None:
    recording = Recording(path)
    recording.close()
    with pytest.raises(BadRecording):
        recording.span()


def test_a_finished_one_in_a_folder_of_which_nothing_may_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader in write-ahead mode needs a file beside it; without one it reads the file as it is."""
    connect = database._connect

    def refuse(where: Path, mode: str) -> sqlite3.Connection:
        connection = connect(where, mode)
        if "immutable" not in mode:
            connection.execute("PRAGMA temp_store_directory = ''")
            connection.close()
            return sqlite3.connect("file:/nowhere/at/all?mode=ro", uri=True, factory=_Refusing)
        return connection

    monkeypatch.setattr(database, "_connect", refuse)
    with closing(open_to_read(path)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone()[0] > 0
    path.with_name(path.name + "-wal").write_bytes(b"something")
    with pytest.raises(BadRecording, match=r"unable to open.*copy it and its -wal"):
        open_to_read(path)


class _Refusing(sqlite3.Connection):
    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(":memory:")

    def execute(self, *_: object) -> sqlite3.Cursor:
        raise sqlite3.OperationalError("unable to open database file")


def test_writing_into_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "a.melt").write_bytes(b"text")
    with pytest.raises(BadRecording):
        open_to_write(tmp_path / "a.melt")


def test_somebody_else_holds_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 10)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BadRecording, match="locked"):
            open_to_read(path)


class TestWhetherItIsBeingWritten:
    """By the process that said that it writes it; when that cannot be told, by how fresh the file is."""

    @pytest.fixture
    def writer(self, tmp_path: Path) -> Writer:
        return Writer(tmp_path / "a.melt")

    def ask(self, writer: Writer, tmp_path: Path, after_s: float = 0, **kept: object) -> bool:
        for key, value in kept.items():
            writer.connection.execute("UPDATE session SET value = ? WHERE key = ?", (value, f"writer_{key}"))

        class Later(SystemClock):
            def wall(self) -> int:
                return super().wall() + int(after_s * 1e9)

        answer = being_written(tmp_path / "a.melt", writer.connection, Later())
        writer.close()
        return answer

    def test_by_us(self, writer: Writer, tmp_path: Path) -> None:
        assert self.ask(writer, tmp_path, after_s=1000)

    def test_by_a_process_that_is_gone(self, writer: Writer, tmp_path: Path) -> None:
        gone = max(psutil.pids()) + 100_000
        assert not self.ask(writer, tmp_path, pid=gone)

    def test_by_a_process_whose_number_another_one_has_now(self, writer: Writer, tmp_path: Path) -> None:
        assert not self.ask(writer, tmp_path, after_s=31, started=12.5)

    def test_by_a_process_whose_start_is_told_otherwise(self, writer: Writer, tmp_path: Path) -> None:
        assert self.ask(writer, tmp_path, after_s=5, started=12.5)

    def test_on_another_computer(self, writer: Writer, tmp_path: Path) -> None:
        assert self.ask(writer, tmp_path, node="elsewhere", pid=1)

    def test_on_another_computer_long_ago(self, writer: Writer, tmp_path: Path) -> None:
        assert not self.ask(writer, tmp_path, after_s=31, node="elsewhere", pid=1)

    def test_by_nobody_knows_whom(self, writer: Writer, tmp_path: Path) -> None:
        assert not self.ask(writer, tmp_path, pid="somebody")


def test_an_event_that_is_too_great_for_a_column(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite), database.writing(tmp_path):
        raise PermissionError(13, "Permission denied")
    write(tmp_path / "a.melt", [Mark(t_ns=1, device=SELF, name="n")])
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert recording.span() == (1, 1)


def test_what_could_not_be_begun_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    def no_room(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(database, "keep_room", no_room)
    with pytest.raises(CannotWrite, match="No space left"):
        database.create(tmp_path / "a.melt", 0.25)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(database, "_secure", full)
    with pytest.raises(CannotWrite, match="disk is full"):
        database.create(tmp_path / "a.melt", 0.25)
    assert list(tmp_path.iterdir()) == []
