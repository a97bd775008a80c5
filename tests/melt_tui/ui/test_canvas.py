import gc
import sys

import pytest
from rich.color import Color, ColorSystem
from textual.app import App, ComposeResult

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Ground, Ink, Line, style_of

DEFAULT = Color.default()
"""Of the terminal: as an ink and as a ground two different ones."""


class Words(Canvas):
    """Draws the lines that it was given."""

    def __init__(self, *lines: str) -> None:
        super().__init__()
        self.lines = list(lines)
        self.drawn = 0

    def picture(self, width: int, height: int) -> tuple[Line, ...]:
        self.drawn += 1
        return tuple(((text.ljust(width)[:width], style_of(Ink.WARNING)),) for text in self.lines[:height])


class Screenful(App[None]):
    def __init__(self, canvas: Canvas, theme: str = "textual-dark") -> None:
        super().__init__()
        self.theme = theme
        self.canvas = canvas

    def compose(self) -> ComposeResult:
        yield self.canvas

    def shown(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


class Edged(Screenful):
    CSS = "Words.-edged { border: solid white; }"


async def test_changed_lines_alone_are_made_again() -> None:
    canvas = Words("one", "two", "three")
    async with Screenful(canvas).run_test(size=(10, 3)) as pilot:
        await pilot.pause()
        before = [canvas.render_line(y) for y in range(3)]
        canvas.lines[1] = "TWO"
        assert canvas.redraw() == 1
        assert canvas.redraw() == 0
        after = [canvas.render_line(y) for y in range(3)]
        assert [one is other for one, other in zip(before, after, strict=True)] == [True, False, True]
        await pilot.pause()
        assert canvas.app.screen._compositor.render_strips()[1].text.rstrip() == "TWO"


async def test_only_those_regions_are_refreshed(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = Words("one", "two", "three", "four")
    async with Screenful(canvas).run_test(size=(10, 4)) as pilot:
        await pilot.pause()
        regions: list[tuple[int, int, int, int]] = []
        monkeypatch.setattr(canvas, "refresh", lambda *changed: regions.extend(map(tuple, changed)))
        canvas.lines[0], canvas.lines[3] = "ONE", "FOUR"
        canvas.redraw()
        assert regions == [(0, 0, 10, 1), (0, 3, 10, 1)]


async def test_what_was_drawn_needs_no_search_for_garbage() -> None:
    canvas = Words("one", "two")
    async with Screenful(canvas).run_test(size=(10, 2)) as pilot:
        await pilot.pause()
        strip = canvas.render_line(0)
        assert strip.divide([10]) == [strip]
        assert [piece.text.rstrip() for piece in strip.divide([1, 10])] == ["o", "ne"]
        canvas.lines[0] = "ONE"
        gc.disable()
        try:
            canvas.redraw()
            assert sys.getrefcount(strip) == 2
        finally:
            gc.enable()


async def test_fewer_lines_than_cells_leave_the_rest_blank() -> None:
    canvas = Words("one")
    app = Screenful(canvas)
    async with app.run_test(size=(10, 3)) as pilot:
        await pilot.pause()
        assert app.shown() == ["one", "", ""]
        canvas.lines.append("two")
        assert canvas.redraw() == 2
        await pilot.pause()
        assert app.shown() == ["one", "two", ""]


async def test_another_size_is_another_picture() -> None:
    canvas = Words("one two three", "four")
    app = Screenful(canvas)
    async with app.run_test(size=(5, 1)) as pilot:
        await pilot.pause()
        assert app.shown() == ["one t"]
        await pilot.resize_terminal(13, 2)
        await pilot.pause()
        assert app.shown() == ["one two three", "four"]


async def test_nothing_is_drawn_without_a_size() -> None:
    canvas = Words("one")
    assert canvas.redraw() == 0
    canvas.display = False
    async with Screenful(canvas).run_test() as pilot:
        await pilot.pause()
        canvas.redraw()
        assert canvas.drawn == 0


async def test_another_theme_is_another_strip_of_the_same_text() -> None:
    canvas = Words("one")
    app = Screenful(canvas)
    async with app.run_test(size=(10, 1)) as pilot:
        await pilot.pause()
        dark = canvas.render_line(0)
        app.theme = "textual-light"
        await pilot.pause()
        light = canvas.render_line(0)
        assert light.text == dark.text
        assert [s.style for s in light] != [s.style for s in dark]


async def test_an_edge_given_by_the_stylesheet_is_drawn() -> None:
    canvas = Words("one", "two")
    canvas.styles.border = ("solid", "white")
    app = Screenful(canvas)
    async with app.run_test(size=(8, 4)) as pilot:
        await pilot.pause()
        assert app.shown() == ["┌──────┐", "│one   │", "│two   │", "└──────┘"]


async def test_an_edge_that_comes_and_goes_is_drawn_and_is_not() -> None:
    canvas = Words("one", "two")
    app = Edged(canvas)
    async with app.run_test(size=(8, 4)) as pilot:
        await pilot.pause()
        for edged, shown in ((True, "┌──────┐"), (False, "one"), (True, "┌──────┐")):
            canvas.set_class(edged, "-edged")
            canvas.redraw()
            await pilot.pause()
            assert app.shown()[0] == shown


async def test_a_part_of_a_line_can_be_asked_for() -> None:
    canvas = Words("one two")
    canvas.styles.width, canvas.styles.offset = 7, (-2, 0)
    app = Screenful(canvas)
    async with app.run_test(size=(4, 1)) as pilot:
        await pilot.pause()
        assert app.shown() == ["e tw"]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_every_ink_can_be_told_from_its_ground(theme: str) -> None:
    canvas = Words("one")
    async with Screenful(canvas, theme=theme).run_test() as pilot:
        await pilot.pause()
        for ground in Ground:
            for ink in set(Ink) - {
                Ink.DIM,
                Ink.FRAME,
                Ink.AXIS,
                Ink.GRID,
                Ink.LIMIT,
                Ink.BAND,
                Ink.EVENT,
                Ink.LEVEL,
            }:
                style = canvas._style(style_of(ink, ground))
                both = style.color, style.bgcolor
                assert both[0] != both[1] or both == (DEFAULT, DEFAULT), (ink, ground)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_devices_have_eight_colours_on_a_terminal_of_sixteen(theme: str) -> None:
    canvas = Words("one")
    async with Screenful(canvas, theme=theme).run_test() as pilot:
        await pilot.pause()
        colours = [canvas._style(style_of(Ink(Ink.DEVICE_0 + i))).color for i in range(8)]
        numbers = {colour.downgrade(ColorSystem.STANDARD).number for colour in colours if colour is not None}
        assert len(numbers) == 8
        assert not numbers & {1, 3, 9, 11}, "red and yellow are for warnings"


async def test_without_colour_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    canvas = Words("one")
    async with Screenful(canvas).run_test() as pilot:
        await pilot.pause()
        style = canvas._style(style_of(Ink.WARNING, Ground.PREFILL))
        assert style.color is not None
        red, green, blue = style.color.get_truecolor()
        assert red == green == blue
