"""The bench: cards, charts, run, events on one time axis. Live, frozen, rewound and recorded alike."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

from textual import on, work
from textual.app import ComposeResult

from drivers.events import LogLine, OutputText
from melt_tui.timeline import Timeline
from melt_tui.ui.answers import answer
from melt_tui.ui.chronicle import AskChronicle
from melt_tui.ui.commands import BENCH, BY_NAME, bindings
from melt_tui.ui.figures import AskFigures
from melt_tui.ui.frames import ChartPace, FrameReports
from melt_tui.ui.haste import RESUMED_S, Haste
from melt_tui.ui.jumps import Place, find_event, find_first_onset, replay_from, reveal
from melt_tui.ui.look import Ask, Look, take_glance, take_look, with_charts
from melt_tui.ui.looker import Looker
from melt_tui.ui.playhead import Playhead, Reach
from melt_tui.ui.renderables.log_lines import log_rows, next_place
from melt_tui.ui.screens.bench_view import BenchView, Moment
from melt_tui.ui.screens.orders import Orders
from melt_tui.ui.screens.room import Room
from melt_tui.ui.seen import Seen, Wish, add, gather
from melt_tui.ui.series import chosen
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.steps import Steps, done
from melt_tui.ui.topics import devices
from melt_tui.ui.viewer import MOVES, Move, Scene, Viewer
from melt_tui.ui.widgets.channel_plot import ChannelPlot
from melt_tui.ui.widgets.device_cards import DeviceCards
from melt_tui.ui.widgets.key_line import Caption, KeyLine
from melt_tui.ui.widgets.log_pane import LogPane
from melt_tui.ui.widgets.log_search import LogSearch
from melt_tui.ui.widgets.pane import Pane
from melt_tui.ui.widgets.time_strip import TimeStrip
from melt_tui.ui.widgets.transport_bar import TransportBar
from melt_tui.workbench import Bench

_LISTS_NS = 250_000_000
"""Lists, turns and the strip's trend are asked for no more often than this."""
_FIGURES_NS = 1_000_000_000
_SEARCHED_AT_MOST = 20_000
"""Lines and pieces of text that a search looks through: the newest."""
_PAINT_NS = 30_000_000
"""So long after an answer it may not be on the terminal yet, and a look follows it: no frame is drawn."""
_FRESH_NS = 500_000_000
"""What was seen of the devices so long ago serves for the first answer to a key."""
_FRAMES_PER_S = 10.0
_COVERED_NS = 250_000_000
"""Under a dialog every frame is drawn with all that lies above it: they come no more often than this."""


class BenchScreen(Room[None]):
    """Owns the frame timer and the playhead; everything it shows it asks of a timeline at that moment."""

    AUTO_FOCUS = ""
    BLANK = True
    CSS_PATH = "bench.tcss"
    BINDINGS = bindings(BENCH)

    def __init__(
        self,
        bench: Bench,
        scene: Scene,
        playhead: Playhead,
        settings: ScreenSettings,
        executor: Executor,
        haste: Haste,
    ) -> None:
        super().__init__()
        self._bench = bench
        self._settings = settings
        self._executor = executor
        self._haste = haste
        self.viewer = Viewer(scene, playhead)
        self.orders = Orders(self, bench, settings)
        self._view = BenchView(self.viewer, settings.keys, haste)
        self._looker: Looker[Seen] = Looker(executor, self._post, self._see, self._fail)
        self.frames = FrameReports(bench, round(1e9 / (settings.frames_per_s or _FRAMES_PER_S)))
        self._seen: Seen | None = None
        self._due_ns = {"lists": 0, "figures": 0, "covered": 0}
        self._wished: Wish | None = None
        self._answered_ns = -_PAINT_NS
        self._pace = ChartPace()
        self._handlers = self._make_handlers()

    def compose(self) -> ComposeResult:
        """The view fills the screen."""
        yield self._view

    def arrive(self) -> None:
        """Draw when there is a layout, then at every beat of the frame timer."""
        if self._settings.frames_per_s:
            self.set_interval(1 / self._settings.frames_per_s, self._beat)
        self.call_after_refresh(self.look_now)

    def on_resize(self) -> None:
        """Other sizes want other columns."""
        self.call_after_refresh(self.look_now)

    def on_screen_resume(self) -> None:
        """Seen again."""
        self.frames.restart()
        self.call_after_refresh(self.look_now)

    @property
    def busy(self) -> bool:
        """Whether a look is under way off the screen's loop."""
        return self._looker.busy

    @property
    def _visible(self) -> bool:
        """Whether nothing but dialogs lies above: they let the screen below be seen."""
        stack = self.app.screen_stack
        return self in stack and all(s.styles.background.a < 1 for s in stack[stack.index(self) + 1 :])

    def say(self, text: str) -> None:
        """Show one line above the keys; nothing takes it away."""
        self.when_settled(lambda: self.query_one(Caption).show(text) if self.present else None)

    def move(self, step: Move) -> None:
        """Move the playhead and show what is there; lists say the same while it stays at the newest moment."""
        before = self.viewer.newest, self.viewer.playhead.cursor_ns
        self.viewer.move(step, self._bench.now())
        if self.viewer.newest and before == (True, self.viewer.playhead.cursor_ns):
            self._reply()
        else:
            self.look_now()

    def look_now(self) -> None:
        """Ask for everything anew, lists too, without waiting for the next frame."""
        self.viewer.colours = chosen(self._bench.saved_devices())
        self._due_ns.update(lists=0, figures=0)
        self._answer()

    def command(self, name: str) -> None:
        """Do what a key, a click or the palette asks for."""
        if BY_NAME[name].live and not self.viewer.scene.live:
            self.notify("This is a recording: there is no session to do it in.", markup=False)
        elif name in MOVES:
            self.move(MOVES[name])
        else:
            self._handlers[name]()
            self.look_now()
        self._haste.answered()

    def point(self, device: str) -> None:
        """Show this device alone."""
        self.viewer.selected, self.viewer.alone = device, True
        self.look_now()

    def _make_handlers(self) -> Mapping[str, Callable[[], object]]:
        view, orders = self._view, self.orders
        return {
            "run": orders.run,
            "stop": orders.stop,
            "mark": orders.mark,
            "remove_device": orders.remove_device,
            "supply": orders.supply,
            "snapshot": orders.snapshot,
            "previous_event": partial(self._jump, forward=False),
            "next_event": partial(self._jump, forward=True),
            "first_onset": self._first_onset,
            "select_up": partial(self._select_next, -1),
            "select_down": partial(self._select_next, 1),
            "scope": self._switch_scope,
            "charts": self._next_charts,
            "pane_events": partial(view.choose_pane, "events"),
            "pane_log": partial(view.choose_pane, "log"),
            "pane_turns": partial(view.choose_pane, "turns"),
            "pane_figures": partial(view.choose_pane, "figures"),
            "search": self._search,
            "search_next": self._search_next,
        }

    def _beat(self) -> None:
        """Under a dialog it goes on; when nobody sees it nothing is asked."""
        if not self._visible:
            self.frames.restart()
            return
        now = self._bench.now()
        self.frames.tick(now)
        if self.app.screen is self or now >= self._due_ns["covered"]:
            self._due_ns["covered"] = now + _COVERED_NS
            self._draw_frame(now)

    def _draw_frame(self, now_ns: int) -> None:
        if self._haste.pending:
            self.set_timer(RESUMED_S, lambda: self._draw_frame(self._bench.now()))
        elif now_ns - self._answered_ns >= _PAINT_NS:
            span = self.viewer.playhead.window(now_ns, self.viewer.reach(now_ns))
            columns = self._wished.frame.columns if self._wished else ()
            self._follow(now_ns, charts=self._pace.due(now_ns, span, columns))

    def _follow(self, now_ns: int, *, charts: bool = True) -> None:
        """The newest in two: devices' figures are painted, then charts drawn; without ``charts`` those of the last frame."""
        if charts or not self.viewer.newest:
            self._view.finish()
        if not self.viewer.newest:
            self._look(now_ns)
        elif self.present:
            self._looker.forget()
            self.viewer.settle(now_ns)
            timeline = self.viewer.scene.timeline()
            if not charts:
                self._view.glance(take_glance(timeline, self.viewer.ask(now_ns, ())), self._moment())
                return
            self._wished = self._wish(now_ns)
            glance = take_glance(timeline, self._wished.frame)
            self._view.begin(glance, self._moment(), self._add(timeline, self._wished, glance))

    def _add(self, timeline: Timeline, wish: Wish, glance: Look) -> Steps[Seen]:
        seen = yield from add(timeline, wish, glance)
        self._keep(seen)
        return seen

    def _answer(self) -> None:
        self._look(self._bench.now())
        self._answered_ns = self._bench.now()

    def _reply(self) -> None:
        """The first chart; all else is asked for when that has been painted, or with the next frame."""
        self._due_ns.update(lists=0, figures=0)
        now_ns = self._bench.now()
        self.viewer.settle(now_ns)
        columns = self._view.columns
        ask = self.viewer.ask(now_ns, columns[:1] + (0,) * len(columns[1:]))
        look = self._glanced(ask)
        self._view.answer(look, lambda: self._follow(self._bench.now()))
        self._answered_ns = self._bench.now()

    def _glanced(self, ask: Ask) -> Look:
        """Devices as they were a frame ago, unless that is long ago: what they say now is drawn with the rest."""
        timeline, before = self.viewer.scene.timeline(), self._seen.look if self._seen else None
        if before is None or ask.t_ns - before.view.t_ns > _FRESH_NS:
            return take_look(timeline, ask)
        return done(with_charts(timeline, replace(before, ask=ask, span=timeline.span())))

    def _look(self, now_ns: int) -> None:
        """While the app ends, parts of the view may be missing: nothing is asked any more."""
        if not self.present:
            return
        self.viewer.settle(now_ns)
        wish = self._wish(now_ns)
        timeline = self.viewer.scene.timeline()
        if self.viewer.newest:
            self._looker.forget()
            self._see(gather(timeline, wish))
        elif wish != self._wished:
            self._looker.want(partial(gather, timeline, wish))
        elif self._seen is not None:
            self._view.draw(self._seen, self._moment())
        self._wished = wish

    def _wish(self, now_ns: int) -> Wish:
        frame = self.viewer.ask(now_ns, self._view.columns)
        lists = figures = None
        if now_ns >= self._due_ns["lists"]:
            self._due_ns["lists"] = now_ns + _LISTS_NS
            lists = AskChronicle(
                t_ns=frame.t_ns,
                reach=self.viewer.reach(now_ns),
                selected=frame.selected,
                strip_columns=self._view.strip_columns,
                log=self._view.log_shown,
            )
        if self._view.pane == "figures" and now_ns >= self._due_ns["figures"]:
            self._due_ns["figures"] = now_ns + _FIGURES_NS
            marked = self.viewer.playhead.marked
            only = self.viewer.selected if self.viewer.alone else ""
            figures = AskFigures(device=only, at_ns=self.viewer.here(now_ns), span=marked)
        return Wish(frame=frame, chronicle=lists, figures=figures)

    def _see(self, seen: Seen) -> None:
        self._keep(seen)
        self._view.draw(seen, self._moment())

    def _keep(self, seen: Seen) -> None:
        """Remember what was seen; the first time that tells where the session begins, look again."""
        first_look = seen.look.span[0] != self.viewer.span[0]
        self.viewer.span = seen.look.span
        self._seen = seen
        if first_look:
            self.call_later(self.look_now)

    def _moment(self) -> Moment:
        status = self._bench.status if self.viewer.scene.live else None
        return Moment(self._bench.now(), status, self._settings.zone)

    def _fail(self, error: BaseException) -> None:
        self.notify(f"Cannot look there: {error}", severity="error", markup=False)

    def _post(self, call: Callable[[], None]) -> None:
        """Bring a call onto the screen's loop, from any thread; dropped when the app has ended."""
        if self.present:
            self.call_later(call)

    def _jump(self, *, forward: bool) -> None:
        look = partial(find_event, here_ns=self.viewer.here(self._bench.now()), forward=forward)
        self._go_to(look, reveal, "There is no later event." if forward else "There is no earlier event.")

    def _first_onset(self) -> None:
        self._go_to(find_first_onset, replay_from, "Nothing throttled so far, and no limit was engaged.")

    @work(exclusive=True, group="find")
    async def _go_to(
        self, look: Callable[[Timeline], Place | None], then: Callable[[int], Move], otherwise: str
    ) -> None:
        found = await answer(self._executor.submit(look, self.viewer.scene.timeline()))
        if found.value is not None:
            self.viewer.selected = found.value.device or self.viewer.selected
            self.move(then(found.value.t_ns))
        else:
            self.notify(found.problem or otherwise, markup=False, timeout=2)

    def _select_next(self, step: int) -> None:
        names = [device.device for device in devices(self._seen.look.view)] if self._seen is not None else []
        if names and self._seen is not None:
            current = self._seen.look.selected
            place = names.index(current) + step if current in names else 0
            self.viewer.selected = names[max(0, min(len(names) - 1, place))]

    def _switch_scope(self) -> None:
        self.viewer.alone = not self.viewer.alone

    def _next_charts(self) -> None:
        self.viewer.skipped += 1

    def _search(self) -> None:
        self._view.choose_pane("log")
        self.query_one(LogSearch).open()

    def _search_next(self) -> None:
        text, here = self.query_one(LogPane).searched, self.viewer.playhead.cursor_ns

        def look(timeline: Timeline) -> Place | None:
            said = timeline.events(*timeline.span(), kinds=(LogLine, OutputText), limit=_SEARCHED_AT_MOST)
            t_ns = next_place(log_rows(said, {}), text, here or 0)
            return None if t_ns is None else Place(t_ns)

        if text:
            self._go_to(look, reveal, f"“{text}” was not found in the log.")

    @on(LogSearch.Submitted)
    def _searched(self, event: LogSearch.Submitted) -> None:
        event.input.display = False
        self.query_one(LogPane).search(event.value.strip())
        self.query_one(LogPane).focus()
        self._search_next()

    @on(Pane.Picked)
    def _picked(self, event: Pane.Picked) -> None:
        self.move(lambda p, now, reach: p.revealed(event.t_ns, now, reach))

    @on(KeyLine.Pressed)
    @on(TransportBar.Pressed)
    async def _pressed(self, event: KeyLine.Pressed | TransportBar.Pressed) -> None:
        await self.app.run_action(f"app.give('{event.command}')")

    @on(DeviceCards.Selected)
    def _selected(self, event: DeviceCards.Selected) -> None:
        self.viewer.selected = event.device
        self.look_now()

    @on(DeviceCards.Opened)
    def _opened(self, event: DeviceCards.Opened) -> None:
        self.point(event.device)

    @on(TimeStrip.Sought)
    def _sought(self, event: TimeStrip.Sought) -> None:
        self.move(lambda p, now, reach: p.sought(event.t_ns, now, reach))

    @on(ChannelPlot.CursorMoved)
    def _cursor_moved(self, event: ChannelPlot.CursorMoved) -> None:
        self.move(lambda p, now, reach: p.pointed(event.t_ns, now, reach))

    @on(ChannelPlot.Panned)
    def _panned(self, event: ChannelPlot.Panned) -> None:
        def pan(playhead: Playhead, now_ns: int, reach: Reach) -> Playhead:
            t0_ns, t1_ns = playhead.window(now_ns, reach)
            return playhead.panned(event.delta_ns / (t1_ns - t0_ns), now_ns, reach)

        self.move(pan)

    @on(ChannelPlot.Zoomed)
    def _zoomed(self, event: ChannelPlot.Zoomed) -> None:
        self.move(lambda p, now, reach: p.scaled(event.factor, event.at_ns, now, reach))
