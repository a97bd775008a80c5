"""What stands on the compare screen: places its widgets and hands each what it shows."""

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.widgets import Static

from melt_tui.analysis.compare_open import Lay, OpenRun
from melt_tui.analysis.compare_request import Axis
from melt_tui.analysis.compare_series import TOPICS
from melt_tui.ui import compare_picture as picture
from melt_tui.ui.commands import COMPARE_KEYS
from melt_tui.ui.compare_figures import Reckoning
from melt_tui.ui.compare_lens import Lens
from melt_tui.ui.key_groups import key_groups
from melt_tui.ui.renderables.header import HeaderModel
from melt_tui.ui.screens.room import stands
from melt_tui.ui.widgets.chart_slot import ChartSlot
from melt_tui.ui.widgets.delta_table import DeltaTable
from melt_tui.ui.widgets.header_line import HeaderLine
from melt_tui.ui.widgets.key_line import Caption, KeyLine
from melt_tui.ui.widgets.rooms import Column, Row
from melt_tui.ui.widgets.run_list import RunList

TOO_SMALL = "melt needs at least 40×12"
PANES = {"figures": "compare_figures", "set-up": "compare_setup", "with care": "compare_care"}
"""The lists below the charts, and the commands that show them."""
_SLOTS = 5
_DIFFERENCE = 1
"""The slot under the large chart."""


_WAY_OUT = {Axis.TOKENS: "x goes along another axis.", Axis.JOULES: "x goes along another axis."}


class CompareView(Column):
    """The runs at the left, charts at the right, figures below them."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__(id="compare")
        self._keys = keys
        self._slots = [ChartSlot(f"slot-{place}") for place in range(_SLOTS)]
        self._pane = "figures"
        self._titles = ""

    def compose(self) -> ComposeResult:
        """Every part once; the stylesheet says which has room."""
        yield Static(TOO_SMALL, id="too-small")
        yield HeaderLine()
        with Row(id="desk"):
            yield RunList(id="runs")
            yield Column(*self._slots[:2], Row(*self._slots[2:], id="more"), id="charts")
        yield DeltaTable("table")
        yield Caption()
        yield KeyLine(key_groups(COMPARE_KEYS, self._keys, live=True))

    def on_mount(self) -> None:
        """Name the parts."""
        if not stands(self):
            return
        self.query_one(RunList).border_title = "runs"
        self.choose("figures")

    @property
    def columns(self) -> int:
        """How many columns the widest chart has."""
        return max((columns for slot in self._slots if (columns := slot.columns) is not None), default=2)

    def say(self, *sentences: str) -> None:
        """In the place of the charts."""
        self._slots[0].explain("compare", sentences)
        self.query_one(HeaderLine).show(HeaderModel(session="compare", devices=sentences[0]))

    def choose(self, pane: str) -> None:
        """Show that list, from its top."""
        self._pane = pane
        self.query_one(DeltaTable).to_top()
        self._name_table(0)

    def scroll(self, pages: int) -> None:
        """Scroll the list."""
        table = self.query_one(DeltaTable)
        table.scrolled(pages * max(1, table.size.height - 3))

    def shown_topics(self, topics: Sequence[int], lens: Lens) -> list[int]:
        """Those that have room, in the order of the slots: the large one first."""
        first = lens.topic % len(topics)
        order = [*topics[first:], *topics[:first]]
        return order[: 1 + sum(all(slot.size) for slot in self._slots[2:])]

    def draw(
        self, runs: Sequence[OpenRun], lens: Lens, lay: Lay, topics: Sequence[int], figures: Reckoning
    ) -> None:
        """Hand everything out. What was laid for other groups or another axis is not drawn: what comes next is."""
        if same_ground(lens, lay):
            self._draw_charts(lens, lay, topics, figures)
        entries = picture.entries(runs, lens, lay, figures.notes)
        self.query_one(RunList).show(entries, str(lens.selected))
        self.tell(lens, lay, figures, "reading the charts finer" if not lay.exact else "")
        self.query_one(DeltaTable).show(figures.texts(self._pane, lens.against))
        self._name_table(len(figures.comparison.warnings) if figures.comparison else 0)

    def tell(self, lens: Lens, lay: Lay | None, figures: Reckoning, reading: str) -> None:
        """In the line at the top: what is looked at, and what is still being read."""
        self.query_one(HeaderLine).show(
            HeaderModel(
                session="compare",
                devices=picture.sides_told(lens, lay),
                note=" · ".join(part for part in (figures.told, reading) if part),
            )
        )

    def _draw_charts(self, lens: Lens, lay: Lay, topics: Sequence[int], figures: Reckoning) -> None:
        shown = self.shown_topics(topics, lens) if topics else [0]
        large = picture.chart(lay, lens, shown[0])
        if large is None:
            self._slots[0].explain("nothing to draw", why_empty(lens, lay, figures))
        else:
            self._slots[0].draw(large)
        below = picture.difference_chart(lay, lens, shown[0]) if large is not None else None
        if below is None:
            self._slots[_DIFFERENCE].explain("difference", why_no_difference(lens, lay, shown[0]))
        else:
            self._slots[_DIFFERENCE].draw(below)
        for slot, place in zip(self._slots[2:], range(1, _SLOTS), strict=False):
            if place >= len(topics):
                slot.display = False
            model = picture.chart(lay, lens, shown[place]) if place < len(shown) else None
            if model is not None:
                slot.draw(model)
            elif place < len(shown):
                slot.explain(TOPICS[shown[place]][0], ["of none of the runs that are drawn"])

    def _name_table(self, warnings: int) -> None:
        titles = " ".join(_tab(name, command, self._pane, warnings) for name, command in PANES.items())
        if titles != self._titles:
            self._titles = titles
            self.query_one(DeltaTable).border_title = titles


def same_ground(lens: Lens, lay: Lay) -> bool:
    """Whether it was laid for these groups, along this axis, aligned and moved like this."""
    ask = lay.ask
    return (ask.groups, ask.axis, ask.alignment, ask.moved) == (
        lens.members,
        lens.axis,
        lens.alignment,
        lens.shifts(),
    )


def one_side(lens: Lens) -> str:
    """Why there are not two groups, and which key makes them."""
    if not lens.letters:
        return "Every run is left out: o takes the chosen one in again."
    letter = "B" if lens.letters == ("A",) else "A"
    return f"All runs are in one group: {letter.lower()} puts the chosen one into {letter}."


def why_empty(lens: Lens, lay: Lay, figures: Reckoning) -> list[str]:
    """Why nothing is drawn."""
    if not lens.letters:
        return [one_side(lens)]
    if lens.alignment.word == "onset" and not figures.onsets:
        return ["When throttling began is still being read."]
    labels = lens.labels
    reasons = [f"{labels[i]}: {why}" for i, why in lay.missing.items()]
    if len(reasons) == sum(map(bool, lens.groups)):
        reasons.append(_WAY_OUT.get(lens.axis, "n aligns them by another moment."))
    return reasons or ["None of these runs took any time, or none was measured."]


def why_no_difference(lens: Lens, lay: Lay, topic: int) -> list[str]:
    """Why no group is less another."""
    if len(lens.letters) < 2:
        return [one_side(lens)]
    panel = lay.panels.get(topic)
    if panel is None:
        return []
    without = [name for name in lens.letters if name not in panel.means]
    if without:
        return [f"{', '.join(without)}: nothing of this is there, so there is no difference."]
    return []


def _tab(name: str, command: str, chosen: str, warnings: int) -> str:
    """The title of a list, a place to click, the chosen one set off."""
    count = f" {warnings}" if name == "with care" and warnings else ""
    return f"[@click=screen.command('{command}')]{'[b]' if name == chosen else '[dim]'}{name}{count}[/][/]"
