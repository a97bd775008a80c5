"""Comparing: runs over one another on shared axes, what they differ by under them, the figures below.

Traces are drawn as soon as the recordings are open; figures are reckoned meanwhile, and what is missing of them is said.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message

from melt_tui.analysis.compare_open import Lay, LayAsk, OpenRuns
from melt_tui.analysis.compare_request import Axis, CompareRequest, alignment_of
from melt_tui.analysis.compare_series import TOPICS
from melt_tui.ui import compare_picture as picture
from melt_tui.ui.answers import answer
from melt_tui.ui.commands import COMPARE, bindings
from melt_tui.ui.compare_figures import Reckoning
from melt_tui.ui.compare_lens import LETTERS, OUT, PAN, Lens, Span, ways
from melt_tui.ui.looker import Looker
from melt_tui.ui.screens.compare_view import CompareView, one_side
from melt_tui.ui.screens.room import Room
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.widgets.channel_plot import ChannelPlot
from melt_tui.ui.widgets.choice_list import ChoiceList
from melt_tui.ui.widgets.key_line import KeyLine
from melt_tui.workbench import Bench

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison

_ZOOM = 2.0
_TOLD_S = 0.1
"""How far the reckoning has come is told no more often."""
_SOON_NS = 15_000_000
"""What is read finer in less than this needs no picture before it."""
Step = Callable[[Lens, Span], Lens]

STEPS: Mapping[str, Step] = {
    "run_up": lambda lens, _: lens.chosen(-1),
    "run_down": lambda lens, _: lens.chosen(1),
    "along": lambda lens, _: lens.along(tuple(Axis)),
    "move_left": lambda lens, whole: lens.shifted(-1, whole),
    "move_right": lambda lens, whole: lens.shifted(1, whole),
    "move_far_left": lambda lens, whole: lens.shifted(-10, whole),
    "move_far_right": lambda lens, whole: lens.shifted(10, whole),
    "move_back": lambda lens, _: lens.put_back(),
    "topic": lambda lens, _: replace(lens, topic=lens.topic + 1),
    "means": lambda lens, _: replace(lens, means=not lens.by_means),
    "compare_in": lambda lens, whole: lens.zoomed(_ZOOM, whole),
    "compare_out": lambda lens, whole: lens.zoomed(1 / _ZOOM, whole),
    "compare_left": lambda lens, whole: lens.stepped(-1, whole),
    "compare_right": lambda lens, whole: lens.stepped(1, whole),
    "compare_back": lambda lens, whole: lens.panned(-PAN, whole),
    "compare_on": lambda lens, whole: lens.panned(PAN, whole),
    "compare_start": lambda lens, whole: lens.panned(-1e9, whole),
    "compare_end": lambda lens, whole: lens.panned(1e9, whole),
}
"""Commands that change what is looked at and nothing else."""

GROUPINGS: Mapping[str, Callable[[Lens], Lens]] = {
    "group_a": lambda lens: lens.put("A"),
    "group_b": lambda lens: lens.put("B"),
    "group_next": Lens.put_next,
    "leave_out": lambda lens: lens.put(OUT) if lens.groups[lens.selected] else lens.put_next(),
}
"""Commands after which other groups are compared."""

PANES: Mapping[str, str] = {
    "compare_figures": "figures",
    "compare_setup": "set-up",
    "compare_care": "with care",
}


class CompareScreen(Room[None]):
    """Owns what is looked at; asks for it off the screen's loop."""

    class Replayed(Message):
        """The recording of a run is to be looked back into."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    AUTO_FOCUS = ""
    CSS_PATH = "compare.tcss"
    BINDINGS = bindings(COMPARE)

    def __init__(
        self,
        bench: Bench,
        settings: ScreenSettings,
        executor: Executor,
        request: CompareRequest,
        axis: Axis = Axis.TIME,
    ) -> None:
        super().__init__()
        self._bench = bench
        self._request = request
        self._axis = axis
        self._by_figures = len(request.sources) == 1 if not request.group else "," not in request.group
        """Groups are of a kind that only figures tell, or may be: they are asked for once."""
        self._looker: Looker[Lay] = Looker(executor, self._post, self._see, self._fail)
        self._runs: OpenRuns | None = None
        self._lay: Lay | None = None
        self._close_ns = 0
        """What looking closely cost the last time."""
        self._shown = False
        """Traces have been drawn: figures are reckoned after that."""
        self._topics: Sequence[int] = ()
        """Those that any run has."""
        self.lens = Lens(groups=())
        self.figures = Reckoning()
        self.view = CompareView(settings.keys)

    def compose(self) -> ComposeResult:
        """The view fills the screen."""
        yield self.view

    def arrive(self) -> None:
        """Open the recordings."""
        self.view.say("Opening the recordings …")
        self._open()

    def on_unmount(self) -> None:
        """Let go of them."""
        if self._runs is not None:
            self._runs.close()

    def on_resize(self) -> None:
        """Other sizes want other columns."""
        self.call_after_refresh(self.look)

    @property
    def busy(self) -> bool:
        """Whether something is still being read."""
        return self._looker.busy or self._runs is None or bool(self.figures.pending)

    def command(self, name: str) -> None:
        """Do what a key, a click or the palette asks for."""
        if name in {"scroll_up", "scroll_down"}:
            self.view.scroll(-1 if name == "scroll_up" else 1)
        elif name in PANES:
            self.view.choose(PANES[name])
            self.draw()
        elif self._runs is not None:
            self._change(name, self._runs)

    def look(self) -> None:
        """Ask for what is shown; where reading takes its time, at once from what is at hand, and finer after that."""
        if self._runs is not None and self.present:
            if not self._looker.busy and not self._runs.at_hand(self._ask()):
                self.view.tell(self.lens, None, self.figures, "reading")
            self._want(self._runs, closely=self._close_ns < _SOON_NS)

    def draw(self) -> None:
        """Hand everything out; what did not change costs nothing."""
        if self._runs is not None and self._lay is not None and self.present:
            self.view.draw(self._runs.runs, self.lens, self._lay, self._topics, self.figures)

    def _change(self, name: str, runs: OpenRuns) -> None:
        if name in GROUPINGS:
            self.lens = GROUPINGS[name](self.lens)
            self._reckon()
        elif name == "align":
            drawn = [run.marks for run, letter in zip(runs.runs, self.lens.groups, strict=True) if letter]
            self.lens = self.lens.aligned(ways(drawn))
        elif name == "against":
            self.lens = self.lens.next_against()
        elif name == "run_open":
            self.post_message(self.Replayed(runs.runs[self.lens.selected].path))
            return
        else:
            self.lens = STEPS[name](self.lens, self._lay.whole if self._lay else (0.0, 0.0))
        self.look()

    @work(exclusive=True, group="open")
    async def _open(self) -> None:
        got = await answer(self._bench.open_runs(self._request))
        if not self.present:
            return
        if got.value is None:
            self.view.say(got.problem, "There is nothing to compare here. Esc goes back.")
            self.figures.problem = got.problem
            return
        self._runs = got.value
        self.lens = self._first_lens(got.value)
        self.look()

    def _first_lens(self, runs: OpenRuns) -> Lens:
        """Each source a group, and of a single one each run; as they were named, where they were."""
        named = self._request.group.split(",") if "," in self._request.group else None
        several = len(self._request.sources) > 1
        keys = [
            named[run.given].strip() if named else str(run.given if several else i)
            for i, run in enumerate(runs.runs)
        ]
        order = list(dict.fromkeys(keys))
        alignment = alignment_of(self._request.align)
        moved = {}
        if alignment.word == "hand":
            moved[Axis.TIME] = tuple(alignment.moved(i) for i in range(len(keys)))
            alignment = alignment_of("start")
        return Lens(
            groups=tuple(LETTERS[order.index(key)] for key in keys),
            axis=self._axis,
            alignment=alignment,
            moved=moved,
        )

    def _want(self, runs: OpenRuns, *, closely: bool) -> None:
        self._looker.want(partial(self._laid, runs, self._ask(), closely=closely))

    def _laid(self, runs: OpenRuns, ask: LayAsk, *, closely: bool) -> Lay:
        """Off the screen's loop."""
        began_ns = self._bench.now()
        lay = runs.lay(ask, closely=closely)
        if closely:
            self._close_ns = self._bench.now() - began_ns
        return lay

    def _ask(self) -> LayAsk:
        lens = self.lens
        shown = self.view.shown_topics(self._topics, lens) if self._topics else range(len(TOPICS))
        return LayAsk(
            axis=lens.axis,
            alignment=lens.alignment,
            moved=lens.shifts(),
            groups=lens.members,
            topics=tuple(shown),
            columns=self.view.columns,
            span=lens.span,
            onsets=self.figures.onsets,
        )

    def _see(self, lay: Lay) -> None:
        """Show what was laid; of what was only at hand, have the rest read."""
        if self._runs is None or not self.present:
            return
        self._lay = lay
        first = not self._shown
        if not self._topics:
            self._topics = picture.topics_of(lay)
        self.draw()
        if first:
            self._shown = True
            self.call_after_refresh(self._reckon)
        if not lay.exact and lay.ask == self._ask():
            self._want(self._runs, closely=True)

    def _reckon(self) -> None:
        """The figures of these groups, in the place of those before."""
        self.figures = replace(self.figures, comparison=None, problem="")
        self._figures()

    @work(exclusive=True, group="figures")
    async def _figures(self) -> None:
        """One recording after another, then all of them against one another."""
        runs, lens = self._runs, self.lens
        if runs is None or not self.present:
            return
        if len(lens.letters) < 2:
            self._settle(None, one_side(lens), ())
            return
        wanted = list(
            dict.fromkeys(run.path for run, letter in zip(runs.runs, lens.groups, strict=True) if letter)
        )
        told_s = -_TOLD_S
        for path in wanted:
            if path in self.figures.read:
                continue
            self.figures = replace(self.figures, pending=(len(self.figures.read), len(wanted)))
            if monotonic() - told_s >= _TOLD_S:
                told_s = monotonic()
                self.draw()
            got = await answer(self._bench.read_figures(path))
            if got.problem:
                self._settle(None, f"{path.name}: {got.problem}", ())
                return
            self.figures = replace(self.figures, read=self.figures.read | {path})
        order = [i for _, members in lens.members for i in members]
        of_figures, self._by_figures = self._by_figures, False
        asked = replace(self._request, laid=False) if of_figures else self._compared(runs, lens, order)
        found = await answer(self._bench.compare(asked))
        if of_figures and found.value is not None and self._adopted(found.value, runs):
            self._reckon()
            return
        self._settle(found.value, found.problem, order)

    def _compared(self, runs: OpenRuns, lens: Lens, order: Sequence[int]) -> CompareRequest:
        """By the groups of the screen."""
        return CompareRequest(
            sources=tuple(runs.runs[i].source for i in order),
            letters=tuple(lens.groups[i] for i in order),
            laid=False,
        )

    def _adopted(self, comparison: "Comparison", runs: OpenRuns) -> bool:
        """Its groups are those of the screen from now on; whether these are others."""
        letters = {(told.path, told.run): told.group for told in comparison.runs}
        groups = tuple(letters.get((run.path, run.run), OUT) for run in runs.runs)
        others = groups != self.lens.groups
        self.lens = replace(self.lens, groups=groups)
        return others

    def _settle(self, comparison: "Comparison | None", problem: str, order: Sequence[int]) -> None:
        self.figures = self.figures.settled(comparison, problem, order, len(self.lens.groups))
        self.look()
        self.draw()

    def _fail(self, error: BaseException) -> None:
        self.notify(f"Cannot look there: {error}", severity="error", markup=False)

    def _post(self, call: Callable[[], None]) -> None:
        """Bring a call onto the screen's loop, from any thread; dropped when the screen is gone."""
        if self.present:
            self.call_later(call)

    def _moved(self, change: Step) -> None:
        if self._lay is not None:
            self.lens = change(self.lens, self._lay.whole)
            self.look()

    @on(ChannelPlot.CursorMoved)
    def _cursor_moved(self, event: ChannelPlot.CursorMoved) -> None:
        place = None if event.t_ns is None else picture.at(event.t_ns)
        if self._lay is not None:
            self.lens = self.lens.pointed(place, self._lay.whole)
            self.draw()

    @on(ChannelPlot.Panned)
    def _panned(self, event: ChannelPlot.Panned) -> None:
        def pan(lens: Lens, whole: Span) -> Lens:
            a, b = lens.shown(whole)
            return lens.panned(event.delta_ns / picture.UNIT / (b - a), whole)

        self._moved(pan)

    @on(ChannelPlot.Zoomed)
    def _zoomed(self, event: ChannelPlot.Zoomed) -> None:
        self._moved(lambda lens, whole: lens.zoomed(event.factor, whole, picture.at(event.at_ns)))

    @on(ChoiceList.Selected)
    def _selected(self, event: ChoiceList.Selected) -> None:
        self.lens = replace(self.lens, selected=int(event.key))
        self.look()

    @on(ChoiceList.Opened)
    def _opened(self, event: ChoiceList.Opened) -> None:
        if self._runs is not None:
            self.post_message(self.Replayed(self._runs.runs[int(event.key)].path))

    @on(KeyLine.Pressed)
    async def _pressed(self, event: KeyLine.Pressed) -> None:
        await self.app.run_action(f"app.give('{event.command}')")
