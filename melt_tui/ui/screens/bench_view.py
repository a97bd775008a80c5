"""What stands on the bench: places its widgets and hands each what it shows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from time import monotonic

from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from melt_tui.format import stamp
from melt_tui.ui.chronicle import Chronicle, why_absent
from melt_tui.ui.commands import BENCH_KEYS, BY_NAME, keys_of
from melt_tui.ui.figures import FIGURE_COLUMNS, Figures, figure_rows
from melt_tui.ui.haste import RESUMED_S, Haste
from melt_tui.ui.heading import header_model, transport_model
from melt_tui.ui.key_groups import key_groups
from melt_tui.ui.look import Look, PanelLook
from melt_tui.ui.picture import Frame, cards, origin_ns, plots, strip_bands, strip_marks
from melt_tui.ui.playhead import Mode
from melt_tui.ui.renderables.cells import Ink, device_ink
from melt_tui.ui.renderables.log_lines import log_rows
from melt_tui.ui.renderables.plot_model import PlotModel
from melt_tui.ui.run_figures import TURN_COLUMNS, model_notes, run_model, turn_rows
from melt_tui.ui.screens.room import stands
from melt_tui.ui.seen import Seen
from melt_tui.ui.sentences import Severity, sentence
from melt_tui.ui.steps import Pause, Steps
from melt_tui.ui.turns import Turn
from melt_tui.ui.viewer import Viewer
from melt_tui.ui.waits import waiting_model
from melt_tui.ui.widgets.chart_slot import ChartSlot
from melt_tui.ui.widgets.device_cards import DeviceCards
from melt_tui.ui.widgets.event_log import EventLine, EventLog
from melt_tui.ui.widgets.header_line import HeaderLine
from melt_tui.ui.widgets.key_line import Caption, KeyLine
from melt_tui.ui.widgets.log_pane import LogPane
from melt_tui.ui.widgets.log_search import LogSearch
from melt_tui.ui.widgets.pane import Pane
from melt_tui.ui.widgets.rooms import Column, Row
from melt_tui.ui.widgets.run_panel import RunPanel
from melt_tui.ui.widgets.table import Table
from melt_tui.ui.widgets.time_strip import StripModel, TimeStrip
from melt_tui.ui.widgets.transport_bar import TransportBar
from melt_tui.workbench import Status

SLOTS = 6
BRIEF_S = 0.008
"""A frame is drawn at once if the one before took less than this: each painting costs as much as a small part. Twice as long
would hold up the devices' figures by an eighth of a frame."""
Chart = tuple[PanelLook, PlotModel]
_LARGE, _SMALL = range(3), range(3, SLOTS)
"""Places of charts with nothing painted between them: to draw much at a time costs least, and a key waits for it."""
_LISTS = ("events", "run", "figures")
"""What is drawn only where it was asked for anew: the first two of the chronicle."""
PANES = ("events", "log", "turns", "figures")
TOO_SMALL = "melt needs at least 40×12"
_INKS = {
    Severity.PLAIN: Ink.TEXT,
    Severity.GOOD: Ink.GOOD,
    Severity.WARNING: Ink.WARNING,
    Severity.ERROR: Ink.ERROR,
    Severity.MARK: Ink.MARK,
    Severity.QUIET: Ink.DIM,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What every part of one drawing shares."""

    now_ns: int
    status: Status | None
    zone: tzinfo | None


class BenchView(Column):
    """Cards at the left, charts at the right, the lists and the run below them, the strip and the keys at the foot."""

    def __init__(self, viewer: Viewer, keys: Mapping[str, str], haste: Haste) -> None:
        super().__init__(id="bench")
        self._viewer = viewer
        self._haste = haste
        self._keys = keys
        self._chronicle: Chronicle | None = None
        self._figures: Figures | None = None
        self._pane = "events"
        self._header, self._cards, self._strip = HeaderLine(), DeviceCards(), TimeStrip(id="strip")
        self._slots = [ChartSlot(f"slot-{place}") for place in range(SLOTS)]
        self._found = -1
        """How many devices the title over the cards says; -1 before it says any."""
        self._drawing: Steps[None] | None = None
        """What is yet to be drawn of the newest look."""
        self._spent_s = 0.0
        """What drawing the newest look has taken so far."""
        self._brief = False
        """The last frame that was wholly drawn took no longer than ``BRIEF_S``."""
        self._owed: set[str] = set()
        """Of ``_LISTS``, those that do not show yet what was seen last."""

    def compose(self) -> ComposeResult:
        """Every part once; the stylesheet says which has room."""
        live = self._viewer.scene.live
        yield Static(TOO_SMALL, id="too-small")
        yield self._header
        with Row(id="desk"):
            yield Container(self._cards, id="cards")
            yield Column(
                self._slots[0],
                Row(*(self._slots[place] for place in (1, 4, 2)), id="middle"),
                Row(Column(*self._lists(), id="lists"), RunPanel(), id="low"),
                id="right",
            )
        yield self._strip
        if not live:
            yield TransportBar()
        yield Caption()
        yield KeyLine(key_groups(BENCH_KEYS, self._keys, live=live))

    def _lists(self) -> Iterator[Widget]:
        yield Row(self._slots[3], self._slots[5], id="lower")
        yield Row(
            EventLog(),
            LogPane(),
            Table("turns", TURN_COLUMNS, "no turn yet", self._key("pane_turns")),
            Table("figures", FIGURE_COLUMNS, "no channel yet", self._key("pane_figures")),
            id="panes",
        )
        yield LogSearch()

    def _key(self, command: str) -> str:
        """The first one that gives it, as it is written on a keyboard."""
        return next(iter(keys_of(BY_NAME[command], self._keys)), "")

    def on_mount(self) -> None:
        """Name the parts."""
        if not stands(self):
            return
        self.query_one("#cards").border_title = "devices"
        self.choose_pane("events")

    @property
    def pane(self) -> str:
        """The list that was chosen."""
        return self._pane

    @property
    def slots(self) -> list[ChartSlot]:
        """The places for charts that are on screen, best first."""
        return [slot for slot in self._slots if all(slot.size)]

    @property
    def columns(self) -> tuple[int, ...]:
        """How many columns each chart on screen has."""
        return tuple(columns for slot in self._slots if (columns := slot.columns) is not None)

    @property
    def strip_columns(self) -> int:
        """How many columns the strip has."""
        return self._strip.size.width

    @property
    def log_shown(self) -> bool:
        """Whether the log is on screen, or will be at the next layout."""
        return self._pane == "log" or (self._pane == "events" and self.screen.has_class("-vast"))

    def choose_pane(self, name: str) -> None:
        """Show that list; of a table that is shown already the columns that had no room."""
        if name == self._pane:
            for table in self.query(f"#{name}").results(Table):
                table.turn()
        self._pane = name
        for pane in self.query(Pane):
            pane.set_class(pane.id == name, "-chosen")
            pane.border_title = _tabs(pane.id or "")
        self.query_one("#panes").set_class(name in {"events", "log"}, "-pair")
        self.query_one("#low").set_class(name != "events", "-reading")

    def draw(self, seen: Seen, moment: Moment) -> None:
        """Hand everything out. What did not change costs nothing; parts not given stay as they were."""
        if stands(self):
            self._begin(self._draw_seen(seen, moment))
            self.finish()

    def glance(self, glance: Look, moment: Moment) -> None:
        """Hand out what the devices say, and nothing else."""
        if stands(self):
            self._draw_frame(glance, moment)

    def begin(self, glance: Look, moment: Moment, add: Steps[Seen]) -> None:
        """Hand out what the devices say, then what ``add`` brings, unless frames are brief each part painted before the
        next is drawn: a sample that comes meanwhile waits for a part, a key for a step. What is not drawn when another
        look comes is drawn of that one."""
        if stands(self):
            self._go_on(self._begin(self._draw_glance(glance, moment, add)))

    def _begin(self, drawing: Steps[None]) -> Steps[None]:
        self._spent_s, self._drawing = 0.0, drawing
        return drawing

    def _draw_seen(self, seen: Seen, moment: Moment) -> Steps[None]:
        self._draw_frame(seen.look, moment)
        yield Pause.PAINT
        yield from self._draw_rest(seen, moment)

    def _draw_glance(self, glance: Look, moment: Moment, add: Steps[Seen]) -> Steps[None]:
        self._draw_frame(glance, moment)
        yield Pause.PAINT
        seen = yield from add
        yield from self._draw_rest(seen, moment)

    def _draw_rest(self, seen: Seen, moment: Moment) -> Steps[None]:
        """What stands below the devices."""
        look = seen.look
        if seen.chronicle is not None:
            self._chronicle = seen.chronicle
            self._owed.update(_LISTS[:2])
        if seen.figures is not None:
            self._figures = seen.figures
            self._owed.update(_LISTS[2:])
        yield Pause.KEY
        charts, slots = self._charts(look), self.slots
        yield from self._draw_charts(look, charts, slots, _LARGE)
        yield Pause.PAINT
        yield from self._draw_charts(look, charts, slots, _SMALL)
        origin = origin_ns(look.view, look.span[0])
        self._draw_strip(look, origin, moment)
        for what in _LISTS:
            if what in self._owed:
                yield Pause.KEY
                self._draw_list(what, look, origin)

    def answer(self, look: Look, then: Callable[[], object]) -> None:
        """Draw the first chart, from which a key is read, and nothing else before it has been painted: that is what
        ``then`` is for."""
        slots = self.slots if stands(self) else []
        if slots:
            self._drawing = None
            self._draw_chart(look, self._charts(look), slots[0], 0)
            slots[0].when_painted(then)

    def finish(self) -> None:
        """Draw what is left of the newest look."""
        if self._drawing is not None and stands(self):
            while self._drawing is not None:
                self._step(self._drawing)

    def _go_on(self, drawing: Steps[None]) -> None:
        """Draw on until a part is to be painted or a key is on its way, unless another look has come; a brief frame whole."""
        pause: Pause | None = Pause.KEY if stands(self) else None
        while pause is not None and drawing is self._drawing:
            if self._haste.pending:
                self.set_timer(RESUMED_S, partial(self._go_on, drawing))
                return
            pause = self._step(drawing)
            if pause is Pause.PAINT and not self._brief:
                self.call_after_refresh(self._go_on, drawing)
                return

    def _step(self, drawing: Steps[None]) -> Pause | None:
        """The next step; what may follow it, or None after the last."""
        began_s = monotonic()
        pause = next(drawing, None)
        self._spent_s += monotonic() - began_s
        if pause is None:
            self._drawing = None
            self._brief = self._spent_s < BRIEF_S
        return pause

    def _charts(self, look: Look) -> Sequence[Chart]:
        """What each place on screen shows."""
        frame = Frame(self._viewer.playhead, origin_ns(look.view, look.span[0]))
        return list(zip(look.panels, plots(look, frame), strict=False))

    def _draw_frame(self, look: Look, moment: Moment) -> None:
        viewer, origin = self._viewer, origin_ns(look.view, look.span[0])
        reach = viewer.reach(moment.now_ns)
        self._header.show(
            header_model(look, moment.status, viewer.playhead, reach, moment.now_ns, moment.zone)
        )
        shown = cards(look)
        self._cards.show(shown, look.selected)
        if len(shown) != self._found:
            self._found = len(shown)
            self.query_one("#cards").border_title = (
                f"{len(shown)} device{'s' * (len(shown) != 1)}" if shown else "looking for devices"
            )
        if not viewer.scene.live:
            self.query_one(TransportBar).show(
                transport_model(viewer.scene.name, viewer.playhead, reach, moment.now_ns, origin)
            )

    def _draw_charts(
        self, look: Look, charts: Sequence[Chart], slots: Sequence[ChartSlot], places: range
    ) -> Steps[None]:
        for place in range(places.start, min(places.stop, len(slots))):
            self._draw_chart(look, charts, slots[place], place)
            yield Pause.KEY

    def _draw_chart(self, look: Look, charts: Sequence[Chart], slot: ChartSlot, place: int) -> None:
        if place >= len(charts):
            slot.explain("", ())
        elif charts[place][0].panel.channels:
            slot.draw(charts[place][1])
        else:
            slot.explain(charts[place][0].panel.title, self._reasons(look, charts[place][0]))

    def _reasons(self, look: Look, one: PanelLook) -> Sequence[str]:
        device = look.selected if look.ask.alone else ""
        said = why_absent(one.panel.topic, self._chronicle.absences if self._chronicle else (), device)
        reasons = [
            f"{absent.device}: {absent.reason}" + (f" ({absent.remedy})" if absent.remedy else "")
            for absent in said
        ]
        if reasons:
            return reasons
        return [f"no {one.panel.topic.noun or one.panel.topic.title} yet"]

    def _draw_strip(self, look: Look, origin: int, moment: Moment) -> None:
        chronicle = self._chronicle
        if chronicle is None:
            return
        reach, ask = self._viewer.reach(moment.now_ns), look.ask
        step = 1 << max(0, (reach.length_ns // max(1, 2 * self.strip_columns)).bit_length() - 1)
        self._strip.show(
            StripModel(
                t0_ns=reach.first_ns,
                t1_ns=max(reach.first_ns, _floor(reach.edge_ns, step)) if reach.live else reach.edge_ns,
                values=chronicle.trend or (),
                bands=strip_bands(chronicle.lasting),
                marks=strip_marks(chronicle.marks),
                view_t0=_floor(ask.t0_ns, step),
                view_t1=_floor(min(ask.t1_ns, ask.t_ns), step),
                now_ns=_floor(ask.t_ns, step),
                pinned=self._viewer.playhead.mode is Mode.PINNED and reach.live,
                origin_ns=origin,
            )
        )

    def _draw_list(self, what: str, look: Look, origin: int) -> None:
        self._owed.discard(what)
        if what == "figures" and self._figures is not None:
            at = stamp((self._figures.ask.at_ns - origin) / 1e9)
            self.query_one("#figures", Table).show(*figure_rows(self._figures, at, look.stock.shades))
        elif what == "run" and self._chronicle is not None:
            self._draw_run(self._chronicle.turns, look, origin)
        elif self._chronicle is not None:
            self._draw_events(self._chronicle, look, origin)

    def _draw_events(self, chronicle: Chronicle, look: Look, origin: int) -> None:
        shades, cursor = look.stock.shades, self._viewer.playhead.cursor_ns

        def stamped(t_ns: int) -> str:
            return stamp((t_ns - origin) / 1e9)

        lines = []
        for event in reversed(chronicle.events):
            text, severity = sentence(event)
            ink = device_ink(shades[event.device]) if event.device in shades else Ink.DIM
            lines.append(EventLine(event.t_ns, stamped(event.t_ns), event.device, ink, text, _INKS[severity]))
        self.query_one(EventLog).show(lines, cursor)
        if chronicle.ask.log:
            rows = log_rows(chronicle.log, model_notes(look.view))
            self.query_one(LogPane).show(rows, cursor, shades, stamped)

    def _draw_run(self, turns: Sequence[Turn], look: Look, origin: int) -> None:
        model = run_model(look.stock, look.selected, turns, live=look.ask.live)
        wait = look.waiting.get(look.selected)
        self.query_one(RunPanel).show(waiting_model(wait, model) if wait else model)
        self.query_one("#turns", Table).show(turn_rows(look.stock, turns, origin))


def _floor(t_ns: int, step_ns: int) -> int:
    """A moment as far as half a cell of the strip tells it: what looks the same is not drawn again."""
    return t_ns - t_ns % step_ns


def _tabs(own: str) -> str:
    """The title of a list: the names of all, each a place to click, its own set off."""
    names = []
    for name in PANES:
        lit = name == own
        names.append(f"[@click=screen.command('pane_{name}')]{'[b]' if lit else '[dim]'}{name}[/][/]")
    return " ".join(names)
