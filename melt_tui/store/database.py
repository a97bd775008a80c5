"""The file itself: made, opened for writing, opened read-only, and what can be wrong with it."""

import os
import platform
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil

from drivers.clock import SECOND, Clock, SystemClock
from melt_tui.errors import BadRecording, CannotWrite, RecordingTooNew
from melt_tui.store.codec import Damaged
from melt_tui.store.eventcodec import UnknownEvent
from melt_tui.store.lost import keep_room, room_of

APPLICATION_ID = struct.unpack(">i", b"melt")[0]
SCHEMA = 2
"""``PRAGMA user_version``: the number of the last file in ``schema``."""

_PAGE = 4096
_BUSY_MS = 5000
_CACHE_KIB = 512
"""Of pages that a connection keeps: SQLite's own choice of four times that buys nothing here, where a look reads a few
rows by their keys."""
_FRESH_NS = 30 * SECOND
"""A file that was written within that time is taken for one that is still being written, when its writer is unknown."""


def create(path: Path, commit_s: float) -> sqlite3.Connection:
    """A new, empty recording. Raises CannotWrite."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
        connection = _connect(path, "rw")
        try:
            _begin(connection, commit_s)
            keep_room(path)
        except (sqlite3.Error, OSError):
            close(connection)
            for file in (path, *sidecars(path)):
                file.unlink(missing_ok=True)
            raise
        return connection


def open_to_write(path: Path) -> sqlite3.Connection:
    """An existing recording, to finish or annotate it; one of an older format is of this one afterwards.

    Raises BadRecording, CannotWrite.
    """
    close(open_to_read(path))
    with changing(path):
        connection = _connect(path, "rw")
        _secure(connection)
        _upgrade(connection)
        return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """A recording, read-only; it may be in the making. Raises BadRecording, RecordingTooNew."""
    with reading(path):
        if not path.is_file():
            raise BadRecording(f"there is no recording at {path}", remedy=THERE_ARE)
        connection = _connect(path, "ro")
        try:
            _check(path, connection)
        except sqlite3.OperationalError as error:
            close(connection)
            if _has_wal(path) or not _needs_writing(error):
                raise
            connection = _connect(path, "ro&immutable=1")
            _check(path, connection)
        return connection


def close(connection: sqlite3.Connection) -> None:
    """Close it; the last one to close a file of which all is in place removes its ``-wal``."""
    connection.close()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong inside is said as BadRecording."""
    try:
        yield
    except (sqlite3.Error, Damaged, UnknownEvent, OSError) as error:
        if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
            raise _no_recording(path) from error
        if _is_damaged(error):
            raise BadRecording(_damage(path, error), remedy=_AGAIN) from error
        raise BadRecording(f"{path} cannot be read: {error}", remedy=_remedy(path, error)) from error


def writing(path: Path) -> AbstractContextManager[None]:
    """For a new recording. What goes wrong inside is said as CannotWrite."""
    return _telling(path, "nothing can be recorded at {}", "choose another folder")


def changing(path: Path) -> AbstractContextManager[None]:
    """The same for one that is there."""
    return _telling(path, "{} cannot be changed", "copy it to a folder of yours, and change the copy")


def deleting(path: Path) -> AbstractContextManager[None]:
    """The same for one that is to be there no more."""
    return _telling(path, "{} cannot be deleted", "change the rights of its folder")


@contextmanager
def _telling(path: Path, said: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise CannotWrite(f"{path} exists already", remedy="choose another name") from None
        if _is_damaged(error):
            raise CannotWrite(_damage(path, error), remedy=_AGAIN) from error
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotWrite(f"{said.format(path)} ({reason})", remedy=remedy) from error


def being_written(path: Path, connection: sqlite3.Connection, clock: Clock | None = None) -> bool:
    """Whether the program that writes it is still alive; by its process, else by how fresh the file is."""
    kept = dict(
        connection.execute("SELECT key, value FROM session WHERE key LIKE 'writer_%' OR key = 'lost'")
    )
    if kept.get("lost"):
        return False
    try:
        started = psutil.Process(int(kept["writer_pid"])).create_time()
    except (psutil.Error, KeyError, ValueError, TypeError):
        started = None
    here = kept.get("writer_node") == platform.node()
    if here and started is None:
        return False
    if here and started is not None and abs(started - float(kept["writer_started"])) < 2:
        return True
    return (clock or SystemClock()).wall() - _written_ns(path) < _FRESH_NS


def sidecars(path: Path) -> tuple[Path, ...]:
    """The files that SQLite and we keep beside it while it is open."""
    beside = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal"))
    return (*beside, room_of(path))


def _begin(connection: sqlite3.Connection, commit_s: float) -> None:
    """All that a recording holds before its first commit, on disk."""
    for pragma in (f"page_size = {_PAGE}", "journal_mode = WAL"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    _secure(connection)
    script = "".join(part.read_text("utf-8") for part in _schema())
    connection.executescript(
        f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}; {script}"
    )
    connection.executemany("INSERT INTO session VALUES (?, ?)", _writer(commit_s))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _upgrade(connection: sqlite3.Connection) -> None:
    """Do what later formats have added."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version < SCHEMA:
        script = "".join(part.read_text("utf-8") for part in _schema()[version:])
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {SCHEMA}; COMMIT;")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_MS / 1000,
    )
    for pragma in ("trusted_schema = OFF", f"cache_size = -{_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _secure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise _no_recording(path)
    if version > SCHEMA:
        raise RecordingTooNew(
            f"{path} was written by a newer melt (its format is {version}, this one reads up to {SCHEMA})",
            remedy="update melt to open it",
        )
    connection.execute("SELECT key FROM session LIMIT 1").fetchall()


def _schema() -> list[Path]:
    """In their order. By their path: ``importlib.resources`` would load what reads them from a zip file."""
    return sorted(Path(__file__).with_name("schema").iterdir())


def _writer(commit_s: float) -> list[tuple[str, str | float]]:
    me = psutil.Process()
    return [
        ("state", "recording"),
        ("commit_s", commit_s),
        ("writer_node", platform.node()),
        ("writer_pid", me.pid),
        ("writer_started", me.create_time()),
    ]


def _needs_writing(error: sqlite3.OperationalError) -> bool:
    """Whether SQLite missed the right to make the files beside the recording that write-ahead mode asks for."""
    return "unable to open" in str(error) or "readonly" in str(error)


def _has_wal(path: Path) -> bool:
    wal = sidecars(path)[0]
    return wal.exists() and wal.stat().st_size > 0


def _written_ns(path: Path) -> int:
    return max(file.stat().st_mtime_ns for file in (path, sidecars(path)[0]) if file.exists())


def _no_recording(path: Path) -> BadRecording:
    return BadRecording(f"{path} is not a recording of melt", remedy=THERE_ARE)


THERE_ARE = "`melt sessions` lists those that there are"
"""A remedy for who has named a file; in that list itself it makes no sense."""
_AGAIN = (
    "copy it again from where it came, with its -wal if there is one beside it; "
    "`sqlite3 FILE .recover` saves what can be read"
)


def _is_damaged(error: Exception) -> bool:
    """Whether SQLite found pages that are missing or wrong. The other bits of its code say where."""
    return isinstance(error, sqlite3.Error) and _code(error) & 0xFF == sqlite3.SQLITE_CORRUPT


def _code(error: sqlite3.Error) -> int:
    """0 where Python found the fault itself."""
    return getattr(error, "sqlite_errorcode", 0)


def _damage(path: Path, error: Exception) -> str:
    return f"{path} is damaged or was cut off ({error})"


def _remedy(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError) or (os.access(path, os.F_OK) and not os.access(path, os.R_OK)):
        return "have its owner let you read it"
    if isinstance(error, sqlite3.OperationalError) and _needs_writing(error):
        return "it was not finished; copy it and its -wal to a folder that can be written to"
    return ""
