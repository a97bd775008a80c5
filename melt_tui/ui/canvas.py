"""The ground of widgets that draw themselves: lines of a picture become cached strips, changed lines alone are redrawn."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Self

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Spacing
from textual.strip import Strip
from textual.widget import Widget

from melt_tui.ui.renderables.cells import Ground, Ink, Line, ground_of, ink_of


def _component(kind: str, name: str) -> str:
    return f"canvas--{kind}-{name.lower().replace('_', '-')}"


_INKS = {ink: _component("ink", ink.name) for ink in Ink}
_GROUNDS = {ground: _component("ground", ground.name) for ground in Ground}


_NO_GUTTER = Spacing()
_segment = tuple.__new__
"""A segment without the detour by its signature: a screen full of them is made ten times a second."""


class Palette(Widget):
    """Never seen: bears the styles of every ink and ground, once for all canvases of a screen.

    A widget's component classes are styled anew with the widget; forty of them on each canvas would be most of
    what a screen costs to open.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {*_INKS.values(), *_GROUNDS.values()}
    DEFAULT_CSS = Path(__file__).with_name("palette.tcss").read_text(encoding="utf-8")


class Drawn(Strip):
    """A strip that does not hold itself.

    Textual's remembers in itself that, cut nowhere, it is itself: a cycle that only a search for garbage ends, a
    hundred and more times a second.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """As any strip."""
        places = list(cuts)
        return [self] if places == [self.cell_length] else super().divide(places)


class _Styles(dict[int, Style]):
    """By number, made when they are first asked for: most segments ask for one that is there."""

    def __init__(self, make: Callable[[int], Style]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, number: int) -> Style:
        style = self[number] = self._make(number)
        return style


class Canvas(Widget):
    """A widget whose content is a picture made by pure functions; a subclass says which in ``picture``.

    ``redraw`` compares the new picture with the one on the screen and refreshes the lines that differ.
    """

    DEFAULT_CSS = """
    Canvas {
        background: $surface;
        color: $foreground;
        width: 1fr;
        height: 1fr;
    }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._strips: list[Drawn | None] = []
        self._width = 0
        """Cells of each line: to ask for the widget's size is to have its place looked for."""
        self._edged: bool | None = None
        """Whether the stylesheet gives it a border or padding; None before that was asked."""
        self._styles = _Styles(self._style)
        self._edges: tuple[Region, list[Strip]] | None = None
        """What it was painted as last, its edge included, while nothing of it has changed."""
        self._unpainted = False
        self._then: Callable[[], object] | None = None

    def on_mount(self) -> None:
        """The first canvas of a screen brings the palette."""
        if not self.screen.query(Palette):
            self.screen.mount(Palette())

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The whole content: ``height`` lines of exactly ``width`` cells."""
        raise NotImplementedError

    def redraw(self) -> int:
        """Draw the picture again and refresh what changed; how many lines that was."""
        width, height = self.size
        if not width or not height or not self.is_attached:
            return 0
        lines = tuple(self.picture(width, height))
        before, self._lines, self._width = self._lines, lines, width
        if len(before) != len(lines):
            self._strips = [None] * len(lines)
            self._unpainted = True
            self.refresh()
            return len(lines)
        changed = [y for y, (old, new) in enumerate(zip(before, lines, strict=True)) if old != new]
        for y in changed:
            self._strips[y] = None
        if changed:
            self._unpainted = True
            self.refresh(*(Region(0, y, width, 1) for y in changed))
        return len(changed)

    def when_painted(self, then: Callable[[], object]) -> None:
        """Call when what was drawn last is on the terminal; never, if another asks before that or nobody sees it."""
        if self._unpainted:
            self._then = then
        else:
            self.call_later(then)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips as they are, past Textual's own cache, unless the stylesheet gives the widget an edge."""
        self._unpainted = False
        if self._then is not None:
            self.call_later(self._then)
            self._then = None
        if self._edged is None:
            self._edged = self.gutter != _NO_GUTTER
        if self._edged:
            if self._edges is None or self._edges[0] != crop:
                self._edges = crop, super().render_lines(crop)
            return self._edges[1]
        known, make = self._strips, self.render_line
        if crop.y == 0 and crop.height == len(known):
            strips = [strip or make(y) for y, strip in enumerate(known)]
        else:
            strips = [make(y) for y in crop.line_range]
        if crop.column_span == (0, self._width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def render_line(self, y: int) -> Strip:
        """The strip of a line, made when it is first asked for."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self._styles[0])
        strip = self._strips[y]
        if strip is None:
            styles = self._styles
            segments = [_segment(Segment, (text, styles[number], None)) for text, number in self._lines[y]]
            strip = self._strips[y] = Drawn(segments, self._width)
        return strip

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """As any widget."""
        self._edges = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Colours may be others now: every strip is made again."""
        super().notify_style_update()
        self._edges = None
        self._styles.clear()
        self._edged = None
        self._strips = [None] * len(self._lines)

    def on_resize(self) -> None:
        """Another size is another picture."""
        self._lines = ()
        self.redraw()

    def _style(self, number: int) -> Style:
        palette = self.screen.query_one(Palette)
        background = self.background_colors[1]
        ground = background + palette.get_component_styles(_GROUNDS[ground_of(number)]).background
        ink = palette.get_component_styles(_INKS[ink_of(number)])
        segment = Segment(" ", _plain(ground + ink.color, ground) + ink.text_style)
        for line_filter in self.get_line_filters():
            segment = line_filter.apply([segment], background)[0]
        return segment.style or Style.null()


def _plain(colour: Color, ground: Color) -> Style:
    return Style.from_color(colour.rich_color, ground.rich_color)
