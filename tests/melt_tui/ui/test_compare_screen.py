"""The compare screen: its states as pictures, its keys and its mouse, and what it says of what it cannot do."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import DataTable

from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured, FirstToken, RunEvent
from melt_tui.analysis.compare_request import Axis, CompareRequest
from melt_tui.events import RunStarted
from melt_tui.ui.app import MeltApp
from melt_tui.ui.renderables.cells import text_of
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.compare import CompareScreen
from melt_tui.ui.screens.library import LibraryScreen
from melt_tui.ui.widgets.channel_plot import ChannelPlot
from melt_tui.ui.widgets.delta_table import DeltaTable
from melt_tui.ui.widgets.header_line import HeaderLine
from melt_tui.ui.widgets.run_list import RunList
from tests.rigs.compare_bench import CompareBench
from tests.rigs.compared import RATE, Made
from tests.rigs.fake_bench import RECORDINGS
from tests.rigs.pictures import Picture
from tests.rigs.pilots import press, settle, until
from tests.rigs.sessions import at, opening, run
from tests.rigs.sessions import closing as ending
from tests.rigs.written import write

SIZE = (120, 36)
PAIR = (
    Made(name="morning", falling=0.3, warming=20.0, prompts=[1.0] * 6, spike_s=9.0),
    Made(
        name="evening",
        rate=12.0,
        falling=0.1,
        warming=8.0,
        watts=6.0,
        threads=4,
        wall_s=90,
        prompts=[1.0] * 5,
    ),
)
SIX = tuple(
    Made(
        name=f"{name} {nth}", rate=rate + nth / 10, falling=0.1, warming=warming, wall_s=wall_s, threads=threads,
        address=f"host{nth}", prompts=[1.0, 0.8, 1.25],
    )
    for name, rate, warming, threads, walls in (
        ("old", 10.0, 12.0, 3, (0, 300, 500)), ("new", 11.0, 18.0, 4, (100, 200, 400)),
    )
    for nth, wall_s in enumerate(walls)
)  # fmt: skip
EIGHT = tuple(
    Made(
        name=f"run {i}",
        rate=8.0 + i,
        watts=4 + i / 2,
        falling=i / 20,
        wall_s=60.0 * i,
        prompts=[1.0] * (3 + i),
    )
    for i in range(8)
)
GROUPS = "old,old,old,new,new,new"

Stop = tuple[str, Sequence[str | tuple[int, int]]]

WALKS: dict[str, tuple[Sequence[Made], str, Sequence[Stop]]] = {
    "two": (
        PAIR,
        "",
        (
            ("two", ()),
            ("two-80x24", ((80, 24),)),
            ("two-200x50", ((200, 50),)),
            ("two-closely-with-cursor", (SIZE, "plus", "plus", "left", "left")),
            ("two-along-tokens", ("backspace", "minus", "minus", "x")),
            ("two-along-joules-moved", ("x", "down", "greater_than_sign", "c", "w")),
            ("two-by-first-token-setup", ("x", "n", "s")),
        ),
    ),
    "six": (SIX, GROUPS, (("two-groups-of-three", ()), ("two-groups-each-run", ("v", "w")))),
    "eight": (EIGHT, "", (("eight", ("t",)), ("eight-80x24", ((80, 24),)))),
    "refused": (
        (replace(PAIR[0], synthetic=True), PAIR[1]),
        "",
        (("refused", ()), ("refused-80x24", ((80, 24),))),
    ),
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, ...]]:
    """Paths of recordings; the same ones are written once."""
    known: dict[str, tuple[str, ...]] = {}

    def made(*some: Made) -> tuple[str, ...]:
        key = repr(some)
        if key not in known:
            folder = tmp_path_factory.mktemp("compared")
            known[key] = tuple(one.record(folder / f"{i}.melt") for i, one in enumerate(some))
        return known[key]

    return made


def opened(make_app: Callable[..., MeltApp], sources: Sequence[str], **request: Any) -> MeltApp:
    return make_app(CompareBench(), compare=(CompareRequest(sources=tuple(sources), **request), Axis.TIME))


def screen_of(app: MeltApp) -> CompareScreen:
    assert isinstance(app.screen, CompareScreen)
    return app.screen


def place(app: MeltApp) -> type[object]:
    return type(app.screen)


def said(app: MeltApp, widget: type[RunList | DeltaTable | HeaderLine] = DeltaTable) -> str:
    """What a part of the screen shows."""
    part = app.screen.query_one(widget)
    return text_of(part.picture(*part.size))


def explained(app: MeltApp) -> str:
    """What stands in the place of the large chart."""
    return str(app.screen.query_one("#slot-0 Absence").render())


@pytest.mark.parametrize("walk", WALKS)
async def test_pictures(
    walk: str, record: Any, make_app: Callable[..., MeltApp], snapshot: SnapshotAssertion
) -> None:
    made, group, stops = WALKS[walk]
    pictures = snapshot.use_extension(Picture)
    app = opened(make_app, record(*made), group=group)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for name, ways in stops:
            for way in ways:
                await (press(pilot, way) if isinstance(way, str) else pilot.resize_terminal(*way))
            await settle(pilot)
            assert app.export_screenshot(title=name) == pictures(name=name)


async def test_groups_put_together_by_keys_are_those_of_the_figures(
    record: Any, make_app: Callable[..., MeltApp]
) -> None:
    """Six runs, each for itself at first; then A A A against B B B."""
    app = opened(make_app, record(*SIX))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "6 runs" in said(app, HeaderLine)
        await press(pilot, "a", "down", "a", "down", "a", "down", "b", "down", "b", "down", "b")
        await settle(pilot)
        assert "A 3 × B 3" in said(app, HeaderLine)
        comparison = screen_of(app).figures.comparison
        assert comparison is not None
        decode = comparison.rows[0].against[0].difference
        assert decode is not None
        assert (decode.runs_a, decode.runs_b, decode.general) == (3, 3, True)
        assert decode.relative == pytest.approx(1 / 10.1, rel=0.01)
        assert "about these runs only" not in said(app)
        await press(pilot, "a")
        await settle(pilot)
        assert "A 4 × B 2: about these runs only" in said(app)
        await press(pilot, "o")
        await settle(pilot)
        assert "–  new 2" in said(app, RunList)
        assert "A 3 × B 2" in said(app, HeaderLine)


async def test_groups_by_what_only_figures_tell(record: Any, make_app: Callable[..., MeltApp]) -> None:
    app = opened(make_app, record(*SIX), group="threads")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert screen_of(app).lens.groups == tuple("AAABBB")
        assert screen_of(app).figures.comparison is not None


async def test_variants_of_one_recording_are_groups(make_app: Callable[..., MeltApp], tmp_path: Path) -> None:
    """Four runs in turn, A B B A: as ``melt run --variant`` leaves them."""
    start, *rest = (one for one in Made().items() if isinstance(one, RunEvent))
    assert isinstance(start, RunStarted)
    items = opening()
    for nth, variant in enumerate(("q4", "q8", "q8", "q4")):
        fair = replace(start.spec.fair, variant=variant)
        first = replace(start, spec=replace(start.spec, run=f"r{nth}", fair=fair))
        items += [
            replace(one, run=f"r{nth}", t_ns=one.t_ns + round(20e9 * nth))
            for one in (first, *rest)
            if not isinstance(one, FirstToken)
        ]
    write(tmp_path / "series.melt", [*items, *ending(90)], size=1000)
    app = opened(make_app, (str(tmp_path / "series.melt"),))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert screen_of(app).lens.groups == tuple("ABBA")
        comparison = screen_of(app).figures.comparison
        assert comparison is not None
        assert [group.runs for group in comparison.groups] == [(0, 1), (2, 3)]


async def test_groups_that_figures_refuse_are_made_by_keys(
    record: Any, make_app: Callable[..., MeltApp]
) -> None:
    app = opened(make_app, record(*PAIR), group="model")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "all runs are in one group" in said(app)
        await press(pilot, "down", "a", "b")
        await settle(pilot)
        assert screen_of(app).figures.comparison is not None


async def test_traces_are_drawn_while_figures_are_still_read(
    record: Any, make_app: Callable[..., MeltApp]
) -> None:
    """What is missing is said, and no figure stands there that might be another's."""
    bench = CompareBench()
    bench.waiting = True
    app = make_app(bench, compare=(CompareRequest(sources=record(*PAIR)), Axis.TIME))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert app.screen.query_one("#slot-0 ChannelPlot").display
        assert "reading the figures: 0 of 2" in said(app, HeaderLine)
        assert said(app).split() == ["Reading", "the", "figures:", "0", "of", "2", "…"]
        await press(pilot, "n", "n")
        assert explained(app) == "When throttling began is still being read."


async def test_why_nothing_is_drawn_and_what_to_do(record: Any, make_app: Callable[..., MeltApp]) -> None:
    """No run of these throttled; then all are left out."""
    app = opened(make_app, record(*PAIR))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "n", "n")
        await settle(pilot)
        assert explained(app).splitlines() == [
            "A1: it has no such moment to be aligned by",
            "B1: it has no such moment to be aligned by",
            "n aligns them by another moment.",
        ]
        await press(pilot, "o", "down", "o")
        await settle(pilot)
        assert explained(app) == "Every run is left out: o takes the chosen one in again."
        assert said(app).strip() == explained(app)
        await press(pilot, "o", "n")
        await settle(pilot)
        assert "–  morning" in said(app, RunList)
        assert said(app).strip() == "All runs are in one group: b puts the chosen one into B."
        assert app.screen.query_one("#slot-0 ChannelPlot").display


async def test_a_run_is_moved_and_the_mouse_looks_closely(
    record: Any, make_app: Callable[..., MeltApp]
) -> None:
    app = opened(make_app, record(*PAIR))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        screen = screen_of(app)
        await press(pilot, "down", "full_stop")
        await settle(pilot)
        assert screen.lens.shifts()[1] > 0
        assert "moved +" in said(app, RunList)
        plot = next(iter(screen.query(ChannelPlot)))
        await pilot.hover(plot, offset=(40, 3))
        assert screen.lens.cursor is not None
        before = screen.lens.shown((0.0, 1.0))
        plot.post_message(ChannelPlot.Zoomed(plot, 1.25, plot.time_at(40) or 0))
        await settle(pilot)
        a, b = screen.lens.shown((0.0, 1.0))
        assert b - a == pytest.approx((before[1] - before[0]) / 1.25)
        await pilot.click(RunList, offset=(5, 2))
        assert screen.lens.selected == 0


async def test_the_recording_of_a_run_is_replayed_above_it(
    record: Any, make_app: Callable[..., MeltApp]
) -> None:
    app = opened(make_app, record(*PAIR))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "down", "enter")
        await until(pilot, lambda: place(app) is BenchScreen)
        await press(pilot, "escape")
        await until(pilot, lambda: place(app) is CompareScreen)


async def test_picked_in_the_library(record: Any, make_app: Callable[..., MeltApp]) -> None:
    """What cannot be compared is not picked, and the reason is said; fewer than two runs are not opened."""
    bench = CompareBench()
    paths = [Path(path) for path in record(*PAIR)]
    bench.recordings = [
        *(replace(RECORDINGS[1], path=path, name=path.stem, detail="") for path in paths),
        replace(RECORDINGS[0], runs=0),
        RECORDINGS[2],
    ]
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.give("compare")
        await until(pilot, lambda: place(app) is LibraryScreen and app.screen.query_one(DataTable).row_count)
        await press(pilot, "c")
        assert place(app) is LibraryScreen
        await press(pilot, "space", "space", "space", "space")
        await settle(pilot)
        rows = map(app.screen.query_one(DataTable).get_row_at, range(4))
        assert [str(row[1]) for row in rows] == ["[A] 0", "[B] 1", "night-run", "notes"]
        assert {str(one.message) for one in app._notifications} >= {
            "Nothing was run in this recording: there is nothing to compare.",
            "Cannot be read: not a recording",
        }
        assert bench.told("read_figures") == paths  # while people choose
        await press(pilot, "c")
        await until(pilot, lambda: bench.told("open_runs"))
        assert [Path(source) for source in bench.told("open_runs")[-1].sources] == paths
        await press(pilot, "l", "space", "space", "c")
        await until(pilot, lambda: len(bench.told("open_runs")) == 2)
        await press(pilot, "escape")  # one comparison takes the other's place
        assert place(app) is BenchScreen


def _jumping(items: Iterable[Item]) -> list[Item]:
    """Its live rate has the device's own clock, which is put back by 100 s on the way."""
    rows = [
        ClockMeasured(
            t_ns=at(t_s),
            device="desk",
            offset_ns=round(offset_s * 1e9),
            uncertainty_ns=1_000_000,
            origin="round trip",
        )
        for t_s, offset_s in ((2, 0.0), (8, 100.0))
    ]
    own = replace(RATE, own_clock=True)
    changed = [
        replace(one, channels=tuple(own if c == RATE else c for c in one.channels))
        if isinstance(one, ChannelsOpened)
        else one
        for one in items
    ]
    return [*changed[:-1], *rows, changed[-1]]


BAD: dict[str, tuple[Callable[[], list[Item]], str]] = {
    "without turns": (Made(prompts=[]).items, "without a turn that counts"),
    "no live rate": (Made(rated=False).items, ""),
    "of no length": (lambda: [*opening(), *run([], 2.0, 2.0), *ending(5.0)], "without a turn that counts"),
    "clock that jumps": (lambda: _jumping(Made().items()), ""),
}


@pytest.mark.parametrize("kind", BAD)
async def test_what_is_odd_about_a_run_is_said_and_nothing_breaks(
    kind: str, record: Any, make_app: Callable[..., MeltApp], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    items, sentence = BAD[kind]
    write(tmp_path / "odd.melt", items(), size=1000)
    app = opened(make_app, (record(*PAIR)[0], str(tmp_path / "odd.melt")))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert not screen_of(app).busy
        assert screen_of(app).figures.comparison is not None
        assert app.export_screenshot(title=kind) == snapshot.use_extension(Picture)(name=kind)
        await press(pilot, "w")
        assert sentence in " ".join(said(app).split())
        for key in ("x", "x", "x", "n", "n", "c", "c", "c", "plus", "end"):
            await press(pilot, key)
        await settle(pilot)


async def test_what_cannot_be_opened_is_one_sentence_with_a_remedy(
    record: Any,
    make_app: Callable[..., MeltApp],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    snapshot: SnapshotAssertion,
) -> None:
    monkeypatch.chdir(tmp_path)
    newer = Path(Made().record(Path("newer.melt")))
    with closing(sqlite3.connect(newer)) as file:
        file.execute("PRAGMA user_version = 999")
    for path, sentence in ((newer, "update melt to open it"), (Path("none.melt"), "none.melt")):
        app = opened(make_app, (record(*PAIR)[0], str(path)))
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            assert sentence in explained(app)
            assert "Esc goes back" in explained(app)
            assert app.export_screenshot(title=path.stem) == snapshot.use_extension(Picture)(name=path.stem)
            await press(pilot, "x", "plus", "b", "enter", "w")
            assert isinstance(app.screen, CompareScreen)
