"""One 196×20 chart of 200,000 points, all redrawn ten times a second: ours against textual-plot's. Process CPU.

Our figure includes cutting the window from the raw points, which a Timeline does only once for most of them.
The other library is no dependency; without it only our figure is printed:

    pip install --no-deps --target DIR textual-plot textual-hires-canvas
    PYTHONPATH=DIR python -m tests.benchmarks.chart [--quick]
"""

import argparse
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from textual.app import App, ComposeResult

from melt_tui.timeline import grid
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.columns import bucketed, window_of
from melt_tui.ui.widgets.channel_plot import ChannelPlot, PlotModel, Series
from tests.rigs.installed import parser, report
from tests.rigs.ticking import cpu_per_tick, tick_away

POINTS = 200_000
PERIOD_NS = 10_000
HZ = 10.0
STEP = POINTS // 100
"""Points that are new at every tick."""

VALUES = np.sin(np.arange(POINTS * 4) / 9000) + np.random.default_rng(1).normal(0, 0.1, POINTS * 4)
SIZE = "ChannelPlot, PlotWidget { width: 196; height: 20; }"


def points(tick: int) -> slice:
    first = tick * STEP % (3 * POINTS)
    return slice(first, first + POINTS)


class Braille(App[None]):
    """Our chart."""

    CSS = SIZE

    def compose(self) -> ComposeResult:
        yield ChannelPlot()

    def tick(self, i: int) -> None:
        plot, part = self.query_one(ChannelPlot), points(i)
        t0_ns, t1_ns = part.start * PERIOD_NS, part.stop * PERIOD_NS
        width_ns, _ = grid.choose(t1_ns - t0_ns, plot.columns)
        times = np.arange(part.start, part.stop, dtype=np.int64) * PERIOD_NS
        window = window_of(("meter", "power"), width_ns, bucketed(times, VALUES[part], width_ns), ClockMap())
        series = Series(label="meter", colour=0, window=window, last=float(VALUES[part.stop - 1]))
        plot.show(PlotModel(title="power", unit="W", t0_ns=t0_ns, t1_ns=t1_ns, series=(series,)))


class Plotted(App[None]):
    """textual-plot's."""

    CSS = SIZE

    def compose(self) -> ComposeResult:
        yield library().PlotWidget()

    def tick(self, i: int) -> None:
        plot, part = self.query_one(library().PlotWidget), points(i)
        plot.clear()
        plot.plot(
            np.arange(part.start, part.stop) * 1e-5, VALUES[part], hires_mode=library().HiResMode.BRAILLE
        )


def library() -> Any:
    return importlib.import_module("textual_plot")


APPS: dict[str, type[Braille | Plotted]] = {"ours": Braille, "textual-plot": Plotted}


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--app", choices=APPS, help=argparse.SUPPRESS)
    options_parser.add_argument("--tell", type=Path, help=argparse.SUPPRESS)
    options = options_parser.parse_args()
    quick = ["--quick"] * options.quick
    if options.tell is not None:
        app = APPS[options.app]()
        hz = HZ if options.app == "ours" else 1.0
        tick_away(app, app.tick, hz=hz, seconds=3.0 if quick else 10.0, tell=options.tell)
        return 0
    present = importlib.util.find_spec("textual_plot") is not None
    names = list(APPS) if present else ["ours"]
    cost = {name: cpu_per_tick("tests.benchmarks.chart", ["--app", name, *quick]) for name in names}
    for name, cpu_s in cost.items():
        print(f"{name}: {1000 * cpu_s:.2f} ms CPU a redraw")
    if not present:
        print("textual-plot is not there: see --help")
        return 0
    ratio = cost["ours"] / cost["textual-plot"]
    return 0 if report("a chart of 200,000 points: ours / textual-plot's", ratio, 0.02, "{:.4f}") else 1


if __name__ == "__main__":
    raise SystemExit(main())
