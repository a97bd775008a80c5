"""What is deleted to keep within an age and a size, and what never is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from melt_tui.errors import CannotWrite
from melt_tui.events import SELF, Imported, Mark, SessionEnded, SessionStarted
from melt_tui.store import library, retention
from melt_tui.store.retention import DAY_NS, Keep, prune, verdicts
from tests.rigs.written import Writer, write

NOW = 20_000 * DAY_NS
Old = Callable[..., Path]


@pytest.fixture
def old(tmp_path: Path) -> Old:
    """Makes a recording of so many days ago."""

    def make(name: str, days: float, *more: Item) -> Path:
        wall_ns = NOW - round(days * DAY_NS)
        started = SessionStarted(t_ns=1, device=SELF, wall_ns=wall_ns, name=name, version="1", host="h")
        ended = SessionEnded(t_ns=SECOND, device=SELF, wall_ns=wall_ns + SECOND)
        path = tmp_path / f"{name}.melt"
        write(path, [started, *more, ended])
        return path

    return make


def goes(folder: Path, keep: Keep) -> list[str]:
    return [one.path.stem for one in verdicts(folder, keep, NOW) if one.goes]


def test_by_age_all_that_nobody_made_his_own(old: Old, tmp_path: Path) -> None:
    for days in (1, 9, 11, 30):
        old(f"d{days}", days)
    old("marked", 40, Mark(t_ns=2, device=SELF, name="fan on"))
    old("imported", 40, Imported(t_ns=2, device=SELF, origin="MELT", sources=()))
    library.rename(old("named", 40), "mine")
    library.set_tags(old("tagged", 40), ["paper"])
    writer = Writer(old("writing", 40).with_name("now.melt"))
    writer.write([SessionStarted(t_ns=1, device=SELF, wall_ns=1, name="x", version="1", host="h")], 1)
    (tmp_path / "broken.melt").write_bytes(b"not one")
    assert goes(tmp_path, Keep(days=10)) == ["d11", "d30", "writing"]
    assert goes(tmp_path, Keep(days=0.5))[:2] == ["d9", "d11"], "the newest stays, however old"
    why = {one.path.stem: one.why for one in verdicts(tmp_path, Keep(days=10), NOW) if not one.goes}
    assert why["now"] == "it is being written"
    assert why["marked"] == "it was marked"
    assert why["d9"] == ""
    writer.close()


def test_by_size_the_oldest_first_until_it_fits(
    old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [old(f"d{days}", days) for days in (1, 2, 3, 4)]
    size = paths[0].stat().st_size
    monkeypatch.setattr(retention, "GB", size)
    library.set_tags(paths[2], ["keep"])
    sizes = sum(path.stat().st_size for path in paths) / size
    assert goes(tmp_path, Keep(gb=sizes)) == []
    assert goes(tmp_path, Keep(gb=sizes - 0.5)) == ["d4"]
    assert goes(tmp_path, Keep(gb=sizes - 1.5)) == ["d2", "d4"]
    assert goes(tmp_path, Keep(gb=0)) == ["d2", "d4"], "the newest and the tagged stay"
    assert goes(tmp_path, Keep(days=3.5, gb=sizes - 1)) == ["d4"], "what is too old counts as gone"


def test_deletes_what_goes_and_nothing_that_changed_since(old: Old, tmp_path: Path) -> None:
    old("new", 0)
    gone, tagged = old("gone", 20), old("tagged", 20)
    found = {one.path.stem: one for one in verdicts(tmp_path, Keep(days=10), NOW)}
    library.set_tags(tagged, ["paper"])
    assert prune(found["gone"]).goes
    late = prune(found["tagged"])
    assert (late.goes, late.why) == (False, "its tags keep it")
    assert not prune(found["new"]).goes
    assert not gone.exists()
    assert sorted(path.name for path in tmp_path.glob("*.melt")) == ["new.melt", "tagged.melt"]


def test_what_cannot_be_deleted_is_said(old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old("new", 0)
    old("gone", 20)

    def refused(_path: Path) -> None:
        raise CannotWrite(f"{os.fspath(tmp_path)} is read-only", "mount it for writing")

    monkeypatch.setattr(library, "delete", refused)
    told = [prune(one) for one in verdicts(tmp_path, Keep(days=10), NOW) if one.goes]
    assert [(one.goes, "read-only" in one.problem) for one in told] == [(False, True)]
