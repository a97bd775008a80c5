"""64 devices at 10 Hz: our cards against one Textual Sparkline and one Static a card, the fleet's table against our cards.

Process CPU in a terminal.

python -m tests.benchmarks.cards [--quick]
"""

import argparse
import math
from pathlib import Path
from statistics import median

from textual.app import App, ComposeResult
from textual.containers import Grid, Vertical
from textual.widgets import Sparkline, Static

from melt_tui.ui.widgets.device_cards import Card, CardMode, CardState, DeviceCards, Fact
from melt_tui.ui.widgets.fleet_table import Figure, FleetColumn, FleetRow, FleetTable
from tests.rigs.installed import parser, report
from tests.rigs.ticking import cpu_per_tick, tick_away

HZ = 10.0
POINTS = 16
CARDS = 64
ROUNDS = 3
"""In turn, so that a machine that gets slower or faster does so for all; the median of each counts."""


def rate(card: int, tick: int) -> float:
    return 18 + 6 * math.sin(card + tick / 7)


def trend(card: int, tick: int) -> tuple[float, ...]:
    return tuple(rate(card, i) for i in range(tick - POINTS, tick))


class Canvases(App[None]):
    """Four canvases side by side, as many cards on each as there are rows for."""

    CSS = "Screen { layout: horizontal; }"

    def compose(self) -> ComposeResult:
        yield from (DeviceCards(mode=CardMode.FULL) for _ in range(4))

    def tick(self, i: int) -> None:
        for column, canvas in enumerate(self.query(DeviceCards)):
            canvas.show(tuple(self.card(n, i) for n in range(column, CARDS, 4)), "")

    @staticmethod
    def card(n: int, i: int) -> Card:
        value = rate(n, i)
        return Card(
            device=f"d{n}",
            title=f"device-{n}",
            colour=n,
            state=CardState.RUNNING,
            phase="decode",
            rate=Fact(text=f"{value:.1f} tok/s"),
            spark=trend(n, i),
            facts=(Fact(text=f"{40 + value:.1f} °C"), Fact(text=f"{value / 6:.2f} W"), Fact(text="1.9 GB")),
        )


class Fleets(App[None]):
    """Two tables side by side: as many rows as there are devices, every one of them in sight."""

    CSS = "Screen { layout: horizontal; }"

    def compose(self) -> ComposeResult:
        yield from (FleetTable() for _ in range(2))

    def tick(self, i: int) -> None:
        for half, table in enumerate(self.query(FleetTable)):
            rows = tuple(self.row(n, i) for n in range(half, CARDS, 2))
            table.show(rows, "", FleetColumn.DEVICE, falling=False)

    @staticmethod
    def row(n: int, i: int) -> FleetRow:
        value = rate(n, i)
        return FleetRow(
            device=f"d{n}",
            colour=n,
            state=CardState.RUNNING,
            phase="decode",
            model="tinyllama q4_0",
            rate=Figure(value=value, text=f"{value:.1f}"),
            trend=trend(n, i),
            power=Figure(value=value / 6, text=f"{value / 6:.2f}"),
            temperature=Figure(value=40 + value, text=f"{40 + value:.1f}"),
            headroom=Figure(value=35 - value, text=f"{35 - value:.1f}"),
        )


class Widgets(App[None]):
    """A grid of cards, each a Static over a Sparkline."""

    CSS = "Grid { grid-size: 4; grid-rows: 3; } Vertical { height: 3; } Static { height: 2; } Sparkline { height: 1; }"

    def compose(self) -> ComposeResult:
        with Grid():
            for _ in range(CARDS):
                with Vertical():
                    yield Static()
                    yield Sparkline()

    def tick(self, i: int) -> None:
        for n, (text, line) in enumerate(zip(self.query(Static), self.query(Sparkline), strict=True)):
            value = rate(n, i)
            facts = f"{value:.1f} tok/s\n{40 + value:.1f} °C · {value / 6:.2f} W · 1.9 GB"
            text.update(f"[bold]device-{n}[/] ● decode  {facts}")
            line.data = trend(n, i)


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--app", choices=APPS, help=argparse.SUPPRESS)
    options_parser.add_argument("--tell", type=Path, help=argparse.SUPPRESS)
    options = options_parser.parse_args()
    quick = ["--quick"] * options.quick
    if options.tell is not None:
        app = APPS[options.app]()
        tick_away(app, app.tick, hz=HZ, seconds=3.0 if quick else 10.0, tell=options.tell)
        return 0
    taken: dict[str, list[float]] = {name: [] for name in APPS}
    for _ in range(1 if quick else ROUNDS):
        for name, costs in taken.items():
            costs.append(cpu_per_tick("tests.benchmarks.cards", ["--app", name, *quick]))
    cost = {name: median(costs) for name, costs in taken.items()}
    for name, cpu_s in cost.items():
        print(f"{name}: {1000 * cpu_s:.2f} ms CPU a tick")
    kept = [
        report(
            "64 cards at 10 Hz: canvas / Sparkline and Static a card",
            cost["canvas"] / cost["widgets"],
            0.1,
            "{:.3f}",
        ),
        report("64 devices at 10 Hz: fleet / cards", cost["fleet"] / cost["canvas"], 1.0, "{:.2f}"),
    ]
    return 0 if all(kept) else 1


APPS: dict[str, type[Canvases | Fleets | Widgets]] = {
    "canvas": Canvases,
    "fleet": Fleets,
    "widgets": Widgets,
}

if __name__ == "__main__":
    raise SystemExit(main())
