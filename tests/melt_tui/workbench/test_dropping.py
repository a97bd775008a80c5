"""Which sessions leave no recording behind."""

from dataclasses import replace
from pathlib import Path

import pytest

from melt_tui.workbench import Place, SessionSetup, Workbench

LIMIT_S = 60.0


@pytest.fixture
def setup(tmp_path: Path) -> SessionSetup:
    return SessionSetup(
        name="test",
        places=(Place(address="sim:phone"),),
        folder=tmp_path / "recordings",
        cache=tmp_path / "models",
    )


def path_of(bench: Workbench) -> Path:
    bench.scan().result(LIMIT_S)
    path = bench.status.path
    assert path is not None
    return path


def test_a_short_session_in_which_nothing_happened_is_dropped(setup: SessionSetup) -> None:
    with Workbench(replace(setup, keep_s=600)) as bench:
        path = path_of(bench)
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize("named", [False, True])
def test_a_session_in_which_nothing_was_begun_can_be_discarded(setup: SessionSetup, named: bool) -> None:
    record = setup.folder / "mine.melt" if named else None
    with Workbench(replace(setup, record=record)) as bench:
        path = path_of(bench)
        assert path.exists()
        bench.discard()
    assert not path.exists()


def test_a_session_is_discarded_only_under_the_length_that_is_asked_for(setup: SessionSetup) -> None:
    with Workbench(setup) as bench:
        path = path_of(bench)
        bench.discard(under_s=1e-6)
    assert path.exists()


def test_what_its_user_made_happen_is_not_discarded(setup: SessionSetup) -> None:
    with Workbench(setup) as bench:
        bench.mark("here").result(LIMIT_S)
        path = path_of(bench)
        bench.discard()
    assert path.exists()


def test_a_short_session_with_a_mark_is_kept(setup: SessionSetup) -> None:
    with Workbench(replace(setup, keep_s=600)) as bench:
        path = path_of(bench)
        bench.mark("here").result(LIMIT_S)
    assert path.exists()
