import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import pytest

from melt_tui.errors import ModelError
from melt_tui.models import cache
from melt_tui.models.progress import Progress, silent


def hello(file: BinaryIO) -> None:
    file.write(b"hello")


def test_written_whole_into_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.gguf"
    cache.write_once(path, 5, hello)
    assert path.read_bytes() == b"hello"
    assert [p.name for p in path.parent.iterdir()] == ["x.gguf"]


def test_nothing_stays_behind_when_writing_fails(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.write_once(tmp_path / "x.gguf", 5, fail)
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"old")

    def look(file: BinaryIO) -> None:
        assert path.read_bytes() == b"old"
        file.write(b"new")

    cache.write_once(path, 5, look)
    assert path.read_bytes() == b"new"


def test_remains_of_the_dead_are_swept(tmp_path: Path) -> None:
    dead = tmp_path / "x.gguf.part-4194305"  # above the largest pid of Linux
    living = tmp_path / f"x.gguf.part-{os.getppid()}"
    dead.touch()
    living.touch()
    cache.write_once(tmp_path / "x.gguf", 5, hello)
    assert (dead.exists(), living.exists()) == (False, True)


def test_a_full_disk_is_told_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=200_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(ModelError, match=r"takes 637 MB, and 200 MB are free") as caught:
        cache.write_once(tmp_path / "x.gguf", 637_000_000, hello)
    assert "free some space" in caught.value.remedy


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be used"):
        cache.write_once(tmp_path / "file" / "x.gguf", 5, hello)


def test_sum_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    content = bytes(range(256)) * 40_000
    path.write_bytes(content)
    told = list[Progress]()
    assert cache.sha256(path, told.append) == hashlib.sha256(content).hexdigest()
    assert told[-1].fraction == 1.0
    with pytest.raises(ModelError, match="No such file"):
        cache.sha256(tmp_path / "none", silent)


def test_sum_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, notes = tmp_path / "x", tmp_path / "cache"
    path.write_bytes(b"one")
    told = list[Progress]()
    first = cache.remembered_sha256(path, notes, told.append)
    assert (first, len(told)) == (hashlib.sha256(b"one").hexdigest(), 1)
    assert cache.remembered_sha256(path, notes, told.append) == first
    assert len(told) == 1
    path.write_bytes(b"four")
    assert cache.remembered_sha256(path, notes, told.append) == hashlib.sha256(b"four").hexdigest()
    path.write_bytes(b"five")
    os.utime(path, ns=(1, 1))
    assert cache.remembered_sha256(path, notes, told.append) == hashlib.sha256(b"five").hexdigest()


@pytest.mark.parametrize("rubbish", ["", "{}", "[1]", "[1, 2]", "nonsense", '[["x"], "ab"]'])
def test_a_damaged_note_is_not_believed(tmp_path: Path, rubbish: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"one")
    cache.remembered_sha256(path, tmp_path, silent)
    (note,) = (tmp_path / "sums").iterdir()
    note.write_text(rubbish, encoding="utf-8")
    assert cache.remembered_sha256(path, tmp_path, silent) == hashlib.sha256(b"one").hexdigest()


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"one")
    assert cache.remembered_sha256(path, path, silent) == hashlib.sha256(b"one").hexdigest()
