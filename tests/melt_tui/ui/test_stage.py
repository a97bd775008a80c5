from pathlib import Path

from melt_tui.ui.haste import Haste
from melt_tui.ui.playhead import Mode
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.library import LibraryScreen
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.stage import Stage
from tests.rigs.fake_bench import FakeBench, Inline
from tests.rigs.night_run import HOST, METER, Story


def stage(story: Story | None = None) -> Stage:
    return Stage(FakeBench(story), ScreenSettings(), Inline(), Haste())


async def test_a_recording_plays_from_its_start() -> None:
    opened = await stage().recorded(Path("/r/a.melt"))
    assert opened.value is not None
    viewer = opened.value.viewer
    first, last = viewer.span
    assert (viewer.playhead.mode, viewer.playhead.t_ns) == (Mode.PLAYING, first)
    assert last > first
    assert (viewer.scene.live, viewer.scene.name) == (False, "a.melt")


async def test_a_recording_that_is_not_there_is_a_sentence() -> None:
    opened = await stage().recorded(Path("/r/none.melt"))
    assert (opened.value, opened.problem) == (None, "There is no such recording: melt sessions lists them")


def test_leaving_is_asked_only_while_something_runs() -> None:
    assert stage().quit_question() is not None
    assert stage(Story(until_s=20.0, runs=False)).quit_question() is None


def test_screens_are_told_apart() -> None:
    made = stage()
    live, library = made.live(), made.library()
    assert (isinstance(live, BenchScreen), isinstance(library, LibraryScreen)) == (True, True)
    assert made.place(live) == ("bench", True)
    assert made.place(library) == ("library", True)
    assert made.is_live(live)
    assert not made.is_live(library)
    assert made.elapsed_s() == 180.0


def test_a_device_has_spoken_when_its_first_token_has_come() -> None:
    made = stage()
    assert [made.has_spoken(name) for name in (HOST, METER)] == [True, False]
    assert not stage(Story(until_s=20.0, runs=False)).has_spoken(HOST)
