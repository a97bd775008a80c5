"""Plots as SVG: lines with the span of each column behind them, bands, marks, readable ticks. Colours are the page's. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from melt_tui import format as fmt
from melt_tui.analysis.markup import Markup, joined, tag

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860.0, 58.0, 12.0, 24.0, 36.0
HEIGHT = 200.0
_STRIP = 5.0
"""Height of the strip that tells phases."""

Numbers = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series; None: a gap. All are equally long."""

    name: str
    colour: int
    """0 to 7; the pattern of the line goes with it."""
    x: Sequence[float]
    low: Numbers
    mean: Numbers
    high: Numbers


@dataclass(frozen=True, slots=True)
class Band:
    """A span along x."""

    kind: str
    """``prefill``, ``decode``: a strip at the top; ``throttled``, ``limit``, ``outage``: from top to bottom."""
    start: float
    stop: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is drawn."""

    title: str
    unit: str
    x_title: str
    start: float
    stop: float
    lines: Sequence[Line]
    bands: Sequence[Band] = ()
    marks: Sequence[tuple[float, str]] = ()
    limit: float | None = None
    clock: bool = True
    """x is seconds, told as minutes and seconds."""
    from_zero: bool = False


def svg(plot: Plot) -> Markup:
    """The picture, with words for who cannot see it."""
    scene = _Scene(plot)
    names = ", ".join(line.name for line in plot.lines)
    title = tag("title", f"{plot.title} ({plot.unit}) of {names}, from {scene.low:g} to {scene.high:g}")
    return tag(
        "svg",
        title,
        joined(scene.parts()),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        class_="plot",
    )


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from ``low`` to ``high``, about so many."""
    step = _nice((high - low) / max(1, most))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def clock_ticks(low: float, high: float, most: int) -> list[float]:
    """Round moments: whole seconds, minutes, hours."""
    rough = (high - low) / max(1, most)
    step = next((each for each in _CLOCK if each >= rough), None) or _nice(rough / 3600) * 3600
    if rough < 1:
        step = _nice(rough)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def labelled(values: Sequence[float]) -> list[tuple[float, str]]:
    """Each with as many decimals as tell it from its neighbours."""
    step = min((b - a for a, b in pairwise(values)), default=abs(values[0]) if values else 1.0) or 1.0
    places = next((n for n in range(10) if abs(round(step, n) - step) < 1e-6 * step), 10)
    return [(value, fmt.fixed(value, places)) for value in values]


_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600)


def _nice(rough: float) -> float:
    if not rough > 0 or math.isinf(rough):
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(each * power for each in (1.0, 2.0, 2.5, 5.0, 10.0) if each * power >= rough * (1 - 1e-9))


class _Scene:
    """A plot with its scales."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        values = [
            v
            for line in plot.lines
            for part in (line.low, line.mean, line.high)
            for v in part
            if v is not None
        ]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if plot.from_zero or (low > 0 and low < 0.4 * high):
            low = min(low, 0.0)
        if plot.limit is not None and high < plot.limit <= high + 0.5 * max(high - low, abs(high) / 10):
            high = plot.limit
        room = (high - low) * 0.06 or max(abs(high), 1.0) * 0.05
        self.low = low if low == 0 else low - room
        self.high = high + room
        self._span = (plot.stop - plot.start) or 1.0
        self._divisor, self._unit = _scaled(max(abs(self.low), abs(self.high)), plot.unit)

    def parts(self) -> Iterator[Markup]:
        yield from self._bands()
        yield from self._grid()
        yield from self._limit()
        for line in self._plot.lines:
            yield from self._line(line)
        yield from self._marks()
        yield from self._head()

    def _x(self, value: float) -> float:
        return LEFT + (value - self._plot.start) / self._span * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - BOTTOM - TOP)

    def _bands(self) -> Iterator[Markup]:
        for band in self._plot.bands:
            left = self._x(max(band.start, self._plot.start))
            width = max(self._x(min(band.stop, self._plot.stop)) - left, 0.6)
            strip = band.kind in {"prefill", "decode"}
            yield tag(
                "rect",
                tag("title", band.title),
                x=left,
                y=TOP - (_STRIP if strip else 0),
                width=width,
                height=_STRIP if strip else HEIGHT - TOP - BOTTOM,
                class_=f"band {band.kind}",
            )

    def _grid(self) -> Iterator[Markup]:
        bottom = HEIGHT - BOTTOM
        for value, said in labelled(ticks(self.low / self._divisor, self.high / self._divisor, 4)):
            y = self._y(value * self._divisor)
            yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
            yield tag("text", said, x=LEFT - 6, y=y + 3.5, text_anchor="end")
        for value, said in self._moments():
            x = self._x(value)
            yield tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="tick")
            yield tag("text", said, x=x, y=bottom + 16, text_anchor="middle")
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="tick")

    def _moments(self) -> list[tuple[float, str]]:
        start, stop = self._plot.start, self._plot.stop
        if not self._plot.clock:
            return labelled(ticks(start, stop, 9))
        if self._span < 100:
            return [(value, f"{said} s") for value, said in labelled(clock_ticks(start, stop, 9))]
        return [(value, _minutes(value)) for value in clock_ticks(start, stop, 9)]

    def _limit(self) -> Iterator[Markup]:
        limit = self._plot.limit
        if limit is not None and self.low <= limit <= self.high:
            y = self._y(limit)
            yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="limit")
            yield tag("text", f"limit {fmt.number(limit)}", x=WIDTH - RIGHT - 2, y=y - 3, text_anchor="end")

    def _line(self, line: Line) -> Iterator[Markup]:
        group = f"s{line.colour % 8}"
        for piece in _pieces(line):
            above = [f"{self._x(line.x[i]):.1f},{self._y(_known(line.high[i])):.1f}" for i in piece]
            below = [f"{self._x(line.x[i]):.1f},{self._y(_known(line.low[i])):.1f}" for i in reversed(piece)]
            if any(line.high[i] != line.low[i] for i in piece):
                yield tag("polygon", points=Markup(" ".join((*above, *below))), class_=f"span {group}")
            points = [f"{self._x(line.x[i]):.1f},{self._y(_known(line.mean[i])):.1f}" for i in piece]
            if len(points) == 1:
                x, y = points[0].split(",")
                yield tag("circle", cx=x, cy=y, r="1.6", class_=f"dot {group}")
            else:
                yield tag("polyline", points=Markup(" ".join(points)), class_=f"line {group}")

    def _marks(self) -> Iterator[Markup]:
        for value, text in self._plot.marks:
            x = self._x(value)
            late = x > WIDTH - 220
            yield tag("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="mark")
            side = "end" if late else "start"
            yield tag("text", text, x=x + (-4 if late else 4), y=TOP + 10, text_anchor=side, class_="marked")

    def _head(self) -> Iterator[Markup]:
        yield tag("text", f"{self._plot.title} {self._unit}".rstrip(), x=2.0, y=13.0, class_="head")
        x = 250.0
        for line in self._plot.lines:
            name = fmt.plain(line.name, 34)
            yield tag("line", x1=x, x2=x + 20, y1=9.0, y2=9.0, class_=f"line s{line.colour % 8}")
            yield tag("text", name, x=x + 24, y=13.0)
            x += 38 + 6.2 * len(name)
        yield tag("text", self._plot.x_title, x=WIDTH - RIGHT, y=HEIGHT - 5, text_anchor="end", class_="axis")


def _pieces(line: Line) -> Iterator[list[int]]:
    """Indices between gaps."""
    for known, some in groupby(range(len(line.x)), key=lambda i: line.mean[i] is not None):
        if known:
            yield list(some)


def _known(value: float | None) -> float:
    return 0.0 if value is None else value


def _minutes(value: float) -> str:
    sign = fmt.MINUS if value < 0 else ""
    minutes, seconds = divmod(round(abs(value)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{sign}{minutes}:{seconds:02d}"


def _scaled(size: float, unit: str) -> tuple[float, str]:
    """By what values of a unit are divided, and what it is then called."""
    if unit not in {"B", "Hz", "W", "J", "A", "V"}:
        return 1.0, "" if unit == "1" else unit
    steps = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
    smallest = 1.0 if unit in {"B", "Hz"} else 1e-6
    divisor, prefix = next((one for one in steps if size >= one[0] and one[0] >= smallest), (1.0, ""))
    return divisor, f"{prefix}{unit}"
