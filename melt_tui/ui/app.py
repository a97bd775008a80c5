"""The app: opens the bench, keeps the screens, listens to the keys that work everywhere.

The first frame is drawn before anything else is imported: screens, charts and the workbench come after it.
"""

import asyncio
import importlib
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.markup import escape
from textual.screen import ModalScreen, Screen, SystemModalScreen
from textual.theme import ThemeProvider
from textual.widgets import Static

from drivers.errors import DriverError
from melt_tui.errors import MeltError
from melt_tui.ui.commands import BY_NAME, COMPARE, DEVICES, EVERYWHERE, FLEET, available, bindings, keys_of
from melt_tui.ui.demo import Script
from melt_tui.ui.haste import Haste, listening
from melt_tui.ui.opening import Opening
from melt_tui.ui.palette import Palette
from melt_tui.ui.screens.room import Room
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.turnstile import Turnstile, Typed

if TYPE_CHECKING:
    from melt_tui.analysis.compare_request import Axis, CompareRequest
    from melt_tui.ui.screens.bench import BenchScreen
    from melt_tui.ui.screens.compare import CompareScreen
    from melt_tui.ui.stage import Stage
    from melt_tui.workbench import Bench, PasswordWanted

INTERRUPTED = 130
_INTERRUPT = "ctrl+c"
"""Waits for no other key."""
_SIXTEEN = frozenset({"standard", "windows"})
"""Colour systems that cannot show the shades of a theme."""
_SCRIPT_S = 0.25
_ASK_S = 0.5
"""How often it is looked whether a board waits for a password."""
_WIDTHS = ((0, "-slit"), (40, "-narrow"), (100, "-wide"), (160, "-vast"))
_HEIGHTS = ((0, "-flat"), (12, "-low"), (30, "-high"), (44, "-towering"))
"""Classes that every screen bears from a width or height on: its stylesheet says what they mean."""


class MeltApp(App[int]):
    """Shows an ``Opening``, or what a function makes: it is called after the first frame.

    Returns 0, or 130 when it was interrupted. What kept the function from opening anything is then in ``failure``.
    ``heed`` is told, when there is a loop, how the screen is ended from another thread.
    """

    TITLE = "melt"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(EVERYWHERE),
        Binding(_INTERRUPT, "interrupt", show=False, priority=True),
    ]

    def __init__(
        self,
        opening: Opening | Callable[[], Opening],
        *,
        executor: Executor | None = None,
        heed: Callable[[Callable[[], object]], None] | None = None,
    ) -> None:
        # Without colour Textual would show greys, and of a terminal's own colours nothing at all: these are taken out.
        self._haste = Haste()
        super().__init__(ansi_color=True if "NO_COLOR" in environ else None)
        self._heed = heed
        self._interrupted = False
        self._turnstile = Turnstile(self, self._let_through)
        self.HORIZONTAL_BREAKPOINTS = list(_WIDTHS)
        self.VERTICAL_BREAKPOINTS = list(_HEIGHTS)
        self.failure: DriverError | MeltError | None = None
        self._opening = opening
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="look")
        self._settings = ScreenSettings()
        self._recording: Path | None = None
        self._comparing: tuple[CompareRequest, Axis] | None = None
        self._script: Script | None = None
        self._stage: Stage | None = None

    def compose(self) -> ComposeResult:
        """The first frame: no more than the name."""
        yield Static(" melt", id="first", markup=False)

    def on_mount(self) -> None:
        """Draw first, then open the bench."""
        if self._heed is not None and not self.is_headless:
            loop = asyncio.get_running_loop()
            self._heed(lambda: loop.call_soon_threadsafe(self.action_interrupt))
        self.screen_change_signal.subscribe(self, lambda _: self._turnstile.look_again())
        self.call_after_refresh(self._open)

    def on_unmount(self) -> None:
        """Nothing looks any more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def on_event(self, event: events.Event) -> None:
        """Any key or click takes over from the script, and is answered before the bench draws on."""
        if isinstance(event, events.Key | events.MouseDown):
            self._end_script()
            self._haste.came()
        interrupt = isinstance(event, events.Key) and event.key == _INTERRUPT
        if isinstance(event, events.Key | events.Paste) and not (event.is_forwarded or interrupt):
            await self._turnstile.take(event)
        else:
            await super().on_event(event)

    async def _let_through(self, event: Typed) -> None:
        await super().on_event(event)

    def get_driver_class(self) -> type[Driver]:
        """One that tells of keys as soon as they are read."""
        return listening(super().get_driver_class(), self._haste)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every command that can be given here, from the one table."""
        if self._stage is None:
            return
        where, live = self._stage.place(screen)
        for command in available(where, live=live):
            keys = " ".join(keys_of(command, self._settings.keys))
            told = f"{command.help}  ({keys})" if keys else command.help
            yield SystemCommand(command.title, escape(told), partial(self.give, command.name))

    def give(self, name: str) -> None:
        """Give a command wherever it belongs."""
        if BY_NAME[name].where == EVERYWHERE:
            self.call_later(self.run_action, f"app.command('{name}')")
        else:
            self.call_later(self.screen.run_action, f"screen.command('{name}')")

    def action_give(self, name: str) -> None:
        """Give a command: for places that are clicked."""
        self.give(name)

    def action_command(self, name: str) -> None:
        """A command that works everywhere. A key that was pressed before a dialog opened, and comes after it, opens nothing
        above it."""
        if name != "quit" and self._is_asking():
            return
        handlers: dict[str, Callable[[], object]] = {
            "fleet": self._fleet,
            "devices": self._devices,
            "library": self._library,
            "compare": self._pick,
            "command_palette": self.action_command_palette,
            "help": self._help,
            "theme": self.search_themes,
            "back": self._back,
            "quit": self._quit,
        }
        handlers[name]()

    def _is_asking(self) -> bool:
        return isinstance(self.screen, ModalScreen) and not isinstance(self.screen, SystemModalScreen)

    def action_command_palette(self) -> None:
        """Find a command by its name."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Choose a theme."""
        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def action_interrupt(self) -> None:
        """Ctrl-C: leave in order, without a question; when screens are opening, as soon as their widgets stand, for some of
        Textual's end the program in disorder when they are taken away before. Pressed again: at once."""
        again, self._interrupted = self._interrupted, True
        self._leave([] if again else [screen for screen in self.screen_stack if not screen.is_mounted])

    def _leave(self, opening: list[Screen[Any]]) -> None:
        if not opening or not opening[0].call_later(self._leave, opening[1:]):
            self.exit(INTERRUPTED, return_code=INTERRUPTED)

    def ask_password(self) -> None:
        """Ask for the password of a board that waits for one, unless something else is being asked, or may be by a key
        that is under way: what is meant for that would be answered here."""
        if self._stage is None or not self._turnstile.free:
            return
        wanted = self._stage.password_wanted(self.screen)
        if wanted is not None:
            self._turnstile.open(lambda: self._let_in(wanted))

    def _dress(self) -> None:
        """Put on the theme that was chosen, if there is one of that name."""
        wanted = self._settings.theme
        if wanted in self.available_themes:
            self.theme = self._affordable(wanted)
        else:
            known = ", ".join(sorted(self.available_themes))
            self.notify(f"There is no theme {wanted}: choose one of {known}.", markup=False, timeout=20)

    def _affordable(self, name: str) -> str:
        """A terminal of sixteen colours would turn shades into glaring grounds: its own colours are used there."""
        theme = self.available_themes[name]
        if theme.ansi or not (self.no_color or self.console.color_system in _SIXTEEN):
            return name
        return "ansi-dark" if theme.dark else "ansi-light"

    def _open(self) -> None:
        try:
            opened = self._opening() if callable(self._opening) else self._opening
        except (DriverError, MeltError) as failure:
            self._fail(failure)
            return
        if opened.failed is not None:
            self._end_with(opened.failed)
        self._settings, self._recording = opened.settings, opened.replay
        self._comparing = opened.compare
        self._script = Script(opened.script) if opened.script else None
        if opened.seconds is not None:
            self.set_timer(opened.seconds, self.exit)
        self._dress()
        for note in self._settings.notes:
            self.notify(note, severity="warning", markup=False, timeout=20)
        self.set_keymap(dict(self._settings.keys))
        self._show(opened.bench)

    @work
    async def _end_with(self, failed: "Future[None]") -> None:
        """Wait for what ends the session before its time: what is drawn of it would be of nothing."""
        try:
            await asyncio.wrap_future(failed)
        except (DriverError, MeltError) as failure:
            self._fail(failure)

    def _fail(self, failure: DriverError | MeltError) -> None:
        self.failure = failure
        self.exit(1)

    def _show(self, bench: "Bench") -> None:
        self._stage = importlib.import_module("melt_tui.ui.stage").Stage(
            bench, self._settings, self._executor, self._haste
        )
        if self._recording is not None:
            self._replay(self._recording)
            return
        if self._comparing is not None:
            self._compare(*self._comparing)
            return
        self.push_screen(self._stage.live())
        if self._settings.frames_per_s:
            self._regularly(_ASK_S, self.ask_password)
        if self._script is not None:
            self._regularly(_SCRIPT_S, self._follow_script)

    def _regularly(self, seconds: float, do: Callable[[], None]) -> None:
        """As long as there is a screen: timers go on for a moment after the last one was left."""
        self.set_interval(seconds, lambda: do() if self.screen_stack else None)

    @work(exclusive=True, group="replay")
    async def _replay(self, path: Path) -> None:
        if self._stage is None:
            return
        opened = await self._stage.recorded(path)
        if opened.value is not None:
            if self._is_asking():
                turn = asyncio.get_running_loop().create_future()
                self._turnstile.want(lambda: not self._is_asking(), turn)
                await turn
            self.push_screen(opened.value)
            return
        self.notify(f"{path.name}: {opened.problem}", severity="error", markup=False, timeout=30)
        if self._recording is not None and len(self.screen_stack) == 1:
            self._library()

    @work(exclusive=True, group="library")
    async def _library(self) -> None:
        """Leaves what was looked at before; a recording chosen there is opened above it."""
        if self._stage is None:
            return
        chosen = await self.push_screen_wait(self._stage.library())
        if isinstance(chosen, Path):
            self._replay(chosen)
        elif chosen is not None:
            request = importlib.import_module("melt_tui.analysis.compare_request")
            self._compare(request.CompareRequest(sources=chosen), request.Axis.TIME)

    def on_room_turn_wanted(self, event: Room.TurnWanted) -> None:
        """Something is to be asked above a screen, when that is on top again."""
        self._turnstile.want(lambda: event.room.is_active, event.turn)

    def on_compare_screen_replayed(self, event: "CompareScreen.Replayed") -> None:
        """Looked back into above the comparison."""
        self._replay(event.path)

    def _compare(self, request: "CompareRequest", axis: "Axis") -> None:
        """In the place of another comparison, if one lies on top: escape leads to what lies below them."""
        if self._stage is None:
            return
        if self._stage.place(self.screen)[0] == COMPARE:
            self.screen.dismiss()
        self.push_screen(self._stage.compare(request, axis))

    def _pick(self) -> None:
        """The library, with a word on what to do there."""
        self._library()
        self.notify("space picks 2 to 8 recordings, c compares their runs.", markup=False)

    def _fleet(self) -> None:
        """Of the uppermost bench."""
        bench = self._stage.bench_of(self.screen_stack) if self._stage is not None else None
        if self._stage is not None and bench is not None and self._stage.place(self.screen)[0] != FLEET:
            self._choose(self._stage.fleet(bench), bench)

    def _devices(self) -> None:
        """Of the session in progress."""
        if self._stage is not None and self._stage.place(self.screen)[0] != DEVICES:
            live = [screen for screen in self.screen_stack if self._stage.is_live(screen)]
            self._choose(self._stage.devices(), self._stage.bench_of(live))

    @work
    async def _choose(self, screen: Screen[str], bench: "BenchScreen | None") -> None:
        """A device that is chosen there is shown on the bench; what lies above it is closed."""
        device = await self.push_screen_wait(screen)
        if not device or bench is None or bench not in self.screen_stack:
            return
        while self.screen is not bench:
            self.screen.dismiss()
        bench.point(device)

    @work
    async def _let_in(self, wanted: "PasswordWanted") -> None:
        if self._stage is None:
            return
        password = await self.push_screen_wait(self._stage.password_question(wanted))
        if password:
            await self._stage.let_in(wanted, password)

    def _help(self) -> None:
        if self._stage is not None:
            self.push_screen(self._stage.help(self.screen))

    def _back(self) -> None:
        """Close what lies on top; the first bench stays."""
        if len(self.screen_stack) > 2:
            self.screen.dismiss()

    @work(exclusive=True, group="quit")
    async def _quit(self) -> None:
        question = self._stage.quit_question() if self._stage is not None else None
        leave = True if question is None else await self.push_screen_wait(question)
        if leave:
            self.exit(0)

    def _follow_script(self) -> None:
        """Say and do what is due; a screen on top of the bench lets it wait."""
        if self._script is None or self._stage is None or not self._stage.is_live(self.screen):
            return
        for cue in self._script.due(self._stage.elapsed_s(), self._stage.has_spoken):
            self._stage.say(self.screen, cue.caption)
            if cue.action:
                self.give(cue.action)
        if self._script.over:
            self._script = None

    def _end_script(self) -> None:
        if self._script is not None and self._stage is not None:
            self._script = None
            for screen in self.screen_stack:
                self._stage.say(screen, "")
