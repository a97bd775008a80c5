"""Copying a model on this computer."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.errors import Garbled, Refused
from drivers.links import copying
from drivers.links.base import Progress


def copy_file(source: Path, target: Path, progress: Callable[[Progress], None]) -> None:
    asyncio.run(copying.copy_file(source, target, progress))


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(copying, "PIECE", 10)
    path = tmp_path / "source"
    path.write_bytes(bytes(range(25)))
    return path


def test_copies_in_pieces(source: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    copy_file(source, tmp_path / "target", told.append)
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    assert [progress.done for progress in told] == [0, 10, 20, 25]
    assert not (tmp_path / "target.part").exists()


def test_goes_on_where_it_stopped(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target.part").write_bytes(source.read_bytes()[:20])
    told: list[Progress] = []
    copy_file(source, tmp_path / "target", told.append)
    assert [progress.done for progress in told] == [20, 25]
    assert (tmp_path / "target").read_bytes() == source.read_bytes()


def test_a_wrong_beginning_is_found_and_removed(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target.part").write_bytes(b"x" * 20)
    with pytest.raises(Garbled, match="came out different"):
        copy_file(source, tmp_path / "target", lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize("name", ["source", "link", "copy"])
def test_nothing_is_copied_when_it_is_there(source: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "copy").write_bytes(source.read_bytes())
    told: list[Progress] = []
    copy_file(source, tmp_path / name, told.append)
    assert told == [Progress(25, 25)]


def test_same_size_but_other_content_is_copied(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"y" * 25)
    copy_file(source, tmp_path / "target", lambda _: None)
    assert (tmp_path / "target").read_bytes() == source.read_bytes()


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    copy_file(tmp_path / "empty", tmp_path / "target", lambda _: None)
    assert (tmp_path / "target").read_bytes() == b""


def test_a_source_that_shrinks_is_no_endless_loop(source: Path, tmp_path: Path) -> None:
    def shrink(progress: Progress) -> None:
        source.write_bytes(b"short") if progress.done == 10 else None

    with pytest.raises(Garbled, match="became shorter"):
        copy_file(source, tmp_path / "target", shrink)


def test_what_cannot_be_written_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file or directory"):
        copy_file(source, tmp_path / "no" / "folder", lambda _: None)
