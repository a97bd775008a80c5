"""From runs laid over one another to what is drawn: charts, the list of runs, the line at the top. Pure; imports numpy."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from melt_tui import format as fmt
from melt_tui.analysis.compare_open import Lay, OpenRun
from melt_tui.analysis.compare_request import Axis
from melt_tui.analysis.compare_series import TOPICS, UNITS, Laid
from melt_tui.measures.integral import Values
from melt_tui.measures.overlay import Binned
from melt_tui.timeline import Window
from melt_tui.ui.compare_lens import LETTERS, Lens, told
from melt_tui.ui.renderables.cells import Ink, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.plot_model import PlotMark, PlotModel, Series
from melt_tui.ui.renderables.runs_list import RunEntry

ORIGIN = 1 << 61
"""Where an axis' 0 stands in a chart, which knows no places below 0."""
UNIT = 1_000_000_000
_BRIEF = {"token rate": "rate", "SoC temperature": "SoC", "power": "W", "RSS": "RSS", "CPU clock": "clock"}
_ALONG = {Axis.TIME: "time", Axis.TOKENS: "tokens", Axis.JOULES: "energy"}


def place(at: float) -> int:
    """Where a chart has a place of the axis."""
    return ORIGIN + round(at * UNIT)


def at(place_ns: int) -> float:
    """The place of the axis that a chart has there."""
    return (place_ns - ORIGIN) / UNIT


@dataclass(frozen=True, slots=True)
class Shades:
    """Colours of runs and of groups; the same index, where each run is a group of its own, is the same colour."""

    lens: Lens

    def run(self, i: int) -> int:
        """Of a run: its own, or its group's where means are drawn."""
        return self.group(self.lens.groups[i]) if self.lens.by_means else i

    def group(self, letter: str) -> int:
        """Of a group."""
        return LETTERS.index(letter) if letter in LETTERS else 0


def chart(lay: Lay, lens: Lens, topic: int) -> PlotModel | None:
    """One quantity of all runs, or of all groups before their runs; None where no run has it."""
    panel = lay.panels.get(topic)
    if panel is None:
        return None
    return _model(
        lay,
        lens,
        title=_title(panel),
        brief=panel.point or _BRIEF.get(panel.title, panel.title),
        unit=panel.unit,
        series=tuple(_series(lay, lens, panel)),
        marks=tuple(_marks(lay, lens)),
    )


def difference_chart(lay: Lay, lens: Lens, topic: int) -> PlotModel | None:
    """Each group less the first one; None where nothing can be taken from one another."""
    panel = lay.panels.get(topic)
    if panel is None or not panel.differences:
        return None
    base, shades = lens.letters[0], Shades(lens)
    series = tuple(
        _one(
            f"{letter} − {base}",
            _group_colour(lens, shades, letter),
            _window(lay, Binned(values, values, values)),
        )
        for letter, values in _first(lens.against, panel.differences)
    )
    names = list(panel.differences)
    said = f"{names[0]} − {base}" if len(names) == 1 else f"others − {base}"
    ends = [
        end
        for one in series
        for end in (min(one.window.means, default=0.0), max(one.window.means, default=0.0))
    ]
    low, high = min(0.0, *ends), max(0.0, *ends)
    return _model(
        lay,
        lens,
        title=f"{said} {panel.title}",
        brief=said,
        unit=panel.unit,
        series=series,
        y_range=(low, high) if low < high else None,
    )


def entries(
    runs: Sequence[OpenRun], lens: Lens, lay: Lay | None, known: Mapping[int, str]
) -> tuple[RunEntry, ...]:
    """The list of runs; ``known``: what is told of each beyond what it is."""
    shades, missing = Shades(lens), lay.missing if lay else {}
    made = []
    for i, (run, label) in enumerate(zip(runs, lens.labels, strict=True)):
        colour = shades.run(i) if lens.groups[i] else None
        moved = lens.shifts()[i]
        made.append(
            RunEntry(
                key=str(i),
                label=label,
                sign=shape(colour) if colour is not None else " ",
                ink=device_ink(colour) if colour is not None else Ink.DIM,
                title=run.session,
                detail=" · ".join(part for part in (run.device, run.model) if part),
                notes=tuple(
                    part
                    for part in (
                        _moved(moved, lens.axis) if moved else "",
                        missing.get(i, ""),
                        known.get(i, ""),
                        fmt.seconds(run.seconds),
                    )
                    if part
                ),
                warned=i in missing,
            )
        )
    return tuple(made)


def sides_told(lens: Lens, lay: Lay | None) -> str:
    """``A 3 × B 3 · along time, from the start · all 1 h``."""
    several = len(lens.members) > 3 and not lens.by_means
    sides = f"{len(lens.members)} runs" if several else " × ".join(_side(*one) for one in lens.members)
    span = f" · {span_told(lay, lens)}" if lay and lay.panels else ""
    return f"{sides or 'no run'} · along {_ALONG[lens.axis]}, {told(lens.alignment)}{span}"


def _side(letter: str, runs: Sequence[int]) -> str:
    return f"{letter} {len(runs)}"


def span_told(lay: Lay, lens: Lens) -> str:
    """How much of the axis is shown."""
    a, b = lens.shown(lay.whole)
    size = fmt.seconds(b - a) if lens.axis is Axis.TIME else f"{fmt.number(b - a, 3)} {UNITS[lens.axis]}"
    return f"all {size}" if lens.span is None else size


def topics_of(lay: Lay) -> list[int]:
    """Those that any run has."""
    return [i for i in range(len(TOPICS)) if i in lay.panels]


def _title(panel: Laid) -> str:
    return f"{panel.title} {panel.point}".rstrip()


def _group_colour(lens: Lens, shades: Shades, letter: str) -> int:
    """Where each group is one run, that run's."""
    members = dict(lens.members)[letter]
    return shades.group(letter) if lens.by_means else members[0]


def _series(lay: Lay, lens: Lens, panel: Laid) -> Iterator[Series]:
    """Means first where they are drawn, the chosen run first of the runs: earlier ones lie before later ones."""
    shades, labels = Shades(lens), lens.labels
    if lens.by_means:
        for letter, mean in panel.means.items():
            yield _one(letter, shades.group(letter), _window(lay, Binned(mean, mean, mean)))
    order = sorted(panel.lines, key=lambda i: i != lens.selected)
    for i in order:
        colour = shades.run(i)
        yield _one(labels[i], colour, _window(lay, panel.lines[i][1]), faint=lens.by_means)


def _one(label: str, colour: int, window: Window, *, faint: bool = False) -> Series:
    """Its last value is the mean of what is shown."""
    mean = sum(window.means) / len(window.means) if len(window.means) else None
    return Series(
        label=label, colour=colour, window=window, last=mean, faint=faint, gap_ns=window.width_ns // 2
    )


def _window(lay: Lay, line: Binned) -> Window:
    """The columns that have a value."""
    some = ~np.isnan(line.mean)
    columns = np.flatnonzero(some)
    starts = ORIGIN + np.rint((lay.start + columns * lay.step) * UNIT).astype(np.int64)
    return Window(
        key=("", ""),
        width_ns=max(1, round(lay.step * UNIT)),
        starts_ns=array("q", starts.tobytes()),
        counts=array("q", np.ones(len(starts), np.int64).tobytes()),
        minima=_doubles(line.low[some]),
        maxima=_doubles(line.high[some]),
        means=_doubles(line.mean[some]),
    )


def _doubles(values: Values) -> "array[float]":
    return array("d", values.astype(np.float64).tobytes())


def _marks(lay: Lay, lens: Lens) -> Iterator[PlotMark]:
    """Where runs began to throttle, and what was marked in them."""
    for i, heads in lay.heads.items():
        for where, name in heads:
            onset = name == "onset"
            yield PlotMark(
                t_ns=place(where),
                glyph="◣" if onset else "◆",
                label=lens.labels[i] if onset else f"{lens.labels[i]} {name}",
                style="warning" if onset else "mark",
            )


def _model(
    lay: Lay,
    lens: Lens,
    *,
    title: str,
    brief: str,
    unit: str,
    series: tuple[Series, ...],
    marks: tuple[PlotMark, ...] = (),
    y_range: tuple[float, float] | None = None,
) -> PlotModel:
    a, b = lens.shown(lay.whole)
    return PlotModel(
        title=title,
        brief=brief,
        unit=unit,
        t0_ns=place(a),
        t1_ns=place(b),
        series=series,
        marks=marks,
        cursor_ns=None if lens.cursor is None else place(lens.cursor),
        y_range=y_range,
        origin_ns=ORIGIN,
        along=UNITS[lens.axis],
    )


def _moved(by: float, axis: Axis) -> str:
    return f"moved {by:+.4g} {UNITS[axis]}".replace("-", "−")


def _first(name: str, values: Mapping[str, Values]) -> Iterable[tuple[str, Values]]:
    """That one before the others."""
    return sorted(values.items(), key=lambda one: one[0] != name)
