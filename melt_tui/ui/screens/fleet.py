"""The fleet: all devices of a bench in a table, one row each. Live, frozen and recorded as the bench below it is."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from math import inf
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.markup import escape
from textual.widget import Widget
from textual.widgets import Input, Static

from melt_tui.ui.commands import FLEET, FLEET_KEYS, bindings
from melt_tui.ui.fleet import Order, fleet_rows, matching, ordered, points_told, row_told
from melt_tui.ui.frames import FrameReports
from melt_tui.ui.heading import header_model
from melt_tui.ui.key_groups import key_groups
from melt_tui.ui.look import Ask, Look, take_glance
from melt_tui.ui.looker import Looker
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.room import Room
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.viewer import Viewer
from melt_tui.ui.widgets.choice_list import ChoiceList
from melt_tui.ui.widgets.fleet_table import FleetRow, FleetTable
from melt_tui.ui.widgets.header_line import HeaderLine
from melt_tui.ui.widgets.key_line import KeyLine
from melt_tui.workbench import Bench

_SORTED_NS = 1_000_000_000
"""Rows change places no more often than this: they can be read, and pointed at."""
_LAST = 1 << 30


class FleetScreen(Room[str]):
    """Answers with the device to show on the bench, or nothing. The playhead is the bench's."""

    SLOW = True
    AUTO_FOCUS = ""
    CSS_PATH = "fleet.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(FLEET),
        Binding("escape", "step_back", show=False),
    ]

    def __init__(
        self,
        bench: Bench,
        viewer: Viewer,
        settings: ScreenSettings,
        executor: Executor,
        frames: FrameReports,
    ) -> None:
        super().__init__()
        self._bench = bench
        self._viewer = viewer
        self._settings = settings
        self._frames = frames
        self._looker: Looker[Look] = Looker(executor, self._post, self._see, self._fail)
        self._asked: Ask | None = None
        self._look_seen: Look | None = None
        self._rows: Sequence[FleetRow] = ()
        self._selected = viewer.selected
        self._order = Order()
        self._places: dict[str, int] = {}
        self._sort_due_ns = 0
        self._wanted = ""
        self._told = ""
        self._handlers = self._make_handlers()

    def compose(self) -> ComposeResult:
        """The header, the table, a few lines about the chosen device, the keys."""
        yield HeaderLine()
        yield Container(FleetTable(), id="fleet")
        yield Static("", id="detail")
        box = Input(placeholder="words that must stand in a row", id="filter", compact=True)
        box.display = False
        yield box
        yield KeyLine(key_groups(FLEET_KEYS, self._settings.keys, live=self._viewer.scene.live))

    def arrive(self) -> None:
        """Draw when there is a layout, then at every beat of the frame timer."""
        self.query_one("#fleet").border_title = "fleet"
        if self._settings.frames_per_s:
            self.set_interval(1 / self._settings.frames_per_s, self._beat)
        self.call_after_refresh(self.look_now)

    def on_resize(self) -> None:
        """Other sizes have room for other rows and columns."""
        self.call_after_refresh(self.look_now)

    def on_screen_resume(self) -> None:
        """Seen again."""
        self._frames.restart()
        self.call_after_refresh(self.look_now)

    def look_now(self) -> None:
        """Ask anew and sort anew."""
        self._sort_due_ns = 0
        self._look(self._bench.now())

    def command(self, name: str) -> None:
        """Do what a key, a click or the palette asks for."""
        self._handlers[name]()
        self.look_now()

    async def action_step_back(self) -> None:
        """Take the filter away; without one go back to the bench."""
        if not self.present:
            return
        box = self.query_one("#filter", Input)
        if box.display or self._wanted:
            box.value, box.display = "", False
        else:
            await self.app.run_action("app.command('back')")

    def _make_handlers(self) -> Mapping[str, Callable[[], object]]:
        return {
            "fleet_open": self._open,
            "fleet_up": partial(self._step, -1),
            "fleet_down": partial(self._step, 1),
            "fleet_page_up": partial(self._page, -1),
            "fleet_page_down": partial(self._page, 1),
            "fleet_first": partial(self._step, -_LAST),
            "fleet_last": partial(self._step, _LAST),
            "sort_before": partial(self._sort_beside, -1),
            "sort_after": partial(self._sort_beside, 1),
            "sort_reverse": lambda: self._sort(self._order.by(self._order.column)),
            "filter": self._ask_filter,
        }

    def _beat(self) -> None:
        """Under whatever lies above nothing is asked."""
        if not self.is_active:
            self._frames.restart()
            return
        now = self._bench.now()
        self._frames.tick(now)
        self._look(now)

    def _look(self, now_ns: int) -> None:
        if not self.present:
            return
        viewer = self._viewer
        viewer.settle(now_ns)
        ask, timeline = viewer.ask(now_ns, ()), viewer.scene.timeline()
        if viewer.newest:
            self._looker.forget()
            self._see(take_glance(timeline, ask))
        elif ask != self._asked:
            self._looker.want(partial(take_glance, timeline, ask))
        elif self._look_seen is not None:
            self._see(self._look_seen)
        self._asked = ask

    def _see(self, look: Look) -> None:
        self._viewer.span = look.span
        self._look_seen = look
        self._draw(look)

    def _draw(self, look: Look) -> None:
        if not self.present:
            return
        now, viewer = self._bench.now(), self._viewer
        every = fleet_rows(look)
        self._rows = self._arranged(matching(every, self._wanted), now)
        if self._rows and self._selected not in {one.device for one in self._rows}:
            self._selected = self._rows[0].device
        table = self.query_one(FleetTable)
        table.show(self._rows, self._selected, self._order.column, falling=self._order.falling)
        status = self._bench.status if viewer.scene.live else None
        self.query_one(HeaderLine).show(
            header_model(look, status, viewer.playhead, viewer.reach(now), now, self._settings.zone)
        )
        self._tell(look, every, table)
        self.settle()

    def _arranged(self, rows: list[FleetRow], now_ns: int) -> list[FleetRow]:
        """In the order asked for, as it was about a second ago; those that are new since then stand last."""
        if now_ns >= self._sort_due_ns:
            self._sort_due_ns = now_ns + _SORTED_NS
            rows = ordered(rows, self._order)
            self._places = {one.device: place for place, one in enumerate(rows)}
            return rows
        return sorted(rows, key=lambda one: self._places.get(one.device, inf))

    def _tell(self, look: Look, every: Sequence[FleetRow], table: FleetTable) -> None:
        """What the frame says of all, and the lines under it of the chosen one."""
        first, after = table.sight
        alerts = sum(one.gravity > 0 for one in every)
        frame = self.query_one("#fleet")
        points = points_told(self._rows)
        apart = f" · {points}" * bool(points)
        _title(frame, f"fleet · {len(every)} devices · {alerts} with alerts{apart}" if every else "fleet")
        found = f"“{escape(plain(self._wanted, 40))}” · " if self._wanted else ""
        _subtitle(frame, f"{found}{min(first + 1, after)}–{after} of {len(self._rows)}")
        chosen = next((one for one in self._rows if one.device == self._selected), None)
        text = (
            row_told(look, chosen) if chosen else "No device has these words." if every else "No device yet."
        )
        if text != self._told:
            self._told = text
            self.query_one("#detail", Static).update(Content(plain(text)))

    def _open(self) -> None:
        if self._rows:
            self.dismiss(self._selected)

    def _step(self, steps: int) -> None:
        names = [one.device for one in self._rows]
        if names:
            place = names.index(self._selected) + steps if self._selected in names else 0
            self._selected = names[max(0, min(len(names) - 1, place))]

    def _page(self, pages: int) -> None:
        self._step(pages * self.query_one(FleetTable).page)

    def _sort(self, order: Order) -> None:
        self._order = order
        self.query_one(FleetTable).reveal()

    def _sort_beside(self, step: int) -> None:
        self._sort(self._order.beside(self.query_one(FleetTable).sortable, step))

    def _ask_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.display = True
        box.focus()

    def _post(self, call: Callable[[], None]) -> None:
        """Bring a call onto the screen's loop, from any thread; dropped when the screen is gone."""
        if self.present:
            self.call_later(call)

    def _fail(self, error: BaseException) -> None:
        self.notify(f"Cannot look there: {error}", severity="error", markup=False)

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self._wanted = event.value.strip()
        self.look_now()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.input.display = False

    @on(ChoiceList.Selected)
    def _clicked(self, event: ChoiceList.Selected) -> None:
        self._selected = event.key
        self.look_now()

    @on(ChoiceList.Opened)
    def _opened(self, event: ChoiceList.Opened) -> None:
        self.dismiss(event.key)

    @on(FleetTable.Sorted)
    def _sorted(self, event: FleetTable.Sorted) -> None:
        self._sort(self._order.by(event.column))
        self.look_now()

    @on(KeyLine.Pressed)
    async def _pressed(self, event: KeyLine.Pressed) -> None:
        await self.app.run_action(f"app.give('{event.command}')")


def _title(frame: Widget, text: str) -> None:
    if frame.border_title != text:
        frame.border_title = text


def _subtitle(frame: Widget, text: str) -> None:
    if frame.border_subtitle != text:
        frame.border_subtitle = text
