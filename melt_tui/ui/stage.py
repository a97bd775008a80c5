"""The screens, made when they are first asked for; all but the bench are loaded then: who only watches holds less memory.

Imported after the first frame: charts come with it.
"""

import asyncio
import importlib
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen, Screen

from drivers.events import FirstToken
from melt_tui.timeline import Timeline
from melt_tui.ui.answers import Answer, answer
from melt_tui.ui.commands import BENCH, COMPARE, DEVICES, EVERYWHERE, FLEET, LIBRARY
from melt_tui.ui.haste import Haste
from melt_tui.ui.look import running
from melt_tui.ui.playhead import Mode, Playhead
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.dialogs import ConfirmDialog
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.viewer import Scene
from melt_tui.ui.waits import waiting
from melt_tui.workbench import Bench, PasswordWanted

if TYPE_CHECKING:
    from melt_tui.analysis.compare_request import Axis, CompareRequest
    from melt_tui.ui.screens.compare import CompareScreen
    from melt_tui.ui.screens.devices import DevicesScreen
    from melt_tui.ui.screens.fleet import FleetScreen
    from melt_tui.ui.screens.help import HelpScreen
    from melt_tui.ui.screens.library import LibraryScreen
    from melt_tui.ui.screens.password_dialog import PasswordDialog

PLACES = {
    "CompareScreen": COMPARE,
    "DevicesScreen": DEVICES,
    "FleetScreen": FLEET,
    "LibraryScreen": LIBRARY,
}
"""By the class of a screen: where commands are given from."""


class Stage:
    """Makes screens, and knows which one is which."""

    def __init__(self, bench: Bench, settings: ScreenSettings, executor: Executor, haste: Haste) -> None:
        self._bench = bench
        self._settings = settings
        self._executor = executor
        self._haste = haste
        self._asked: set[tuple[str, int]] = set()

    def live(self) -> BenchScreen:
        """The bench on the session in progress."""
        return self._bench_screen(Scene(lambda: self._bench.timeline, live=True), Playhead())

    async def recorded(self, path: Path) -> Answer[BenchScreen]:
        """The bench on a recording, playing from its start."""
        opened = await answer(self._bench.open_recording(path))
        if opened.value is None:
            return Answer(None, opened.problem)
        timeline: Timeline = opened.value
        span = await asyncio.wrap_future(self._executor.submit(timeline.span))
        now = self._bench.now()
        playhead = Playhead(mode=Mode.PLAYING, resume=Mode.PLAYING, t_ns=span[0], since_ns=now)
        scene = Scene(lambda: timeline, live=False, name=path.name, path=path, span=span)
        return Answer(self._bench_screen(scene, playhead))

    def _bench_screen(self, scene: Scene, playhead: Playhead) -> BenchScreen:
        return BenchScreen(self._bench, scene, playhead, self._settings, self._executor, self._haste)

    def fleet(self, bench: BenchScreen) -> "FleetScreen":
        """All devices of a bench, at its playhead."""
        screen: FleetScreen = _screens("fleet").FleetScreen(
            self._bench, bench.viewer, self._settings, self._executor, bench.frames
        )
        return screen

    def devices(self) -> "DevicesScreen":
        """What is found on each link."""
        screen: DevicesScreen = _screens("devices").DevicesScreen(self._bench, self._settings, self._executor)
        return screen

    def library(self) -> "LibraryScreen":
        """The saved recordings."""
        screen: LibraryScreen = _screens("library").LibraryScreen(self._bench, self._settings)
        return screen

    def compare(self, request: "CompareRequest", axis: "Axis") -> "CompareScreen":
        """Runs over one another."""
        screen: CompareScreen = _screens("compare").CompareScreen(
            self._bench, self._settings, self._executor, request, axis
        )
        return screen

    def help(self, screen: Screen[Any]) -> "HelpScreen":
        """Every command with its key, those of this screen first."""
        where, live = self.place(screen)
        shown: HelpScreen = _screens("help").HelpScreen(self._settings.keys, where, live=live)
        return shown

    def quit_question(self) -> ConfirmDialog | None:
        """What to ask before leaving; None when nothing is in progress."""
        timeline, now_ns = self._bench.timeline, self._bench.now()
        names = [*dict.fromkeys([*running(timeline.view(now_ns)), *waiting(timeline, now_ns)])]
        if not names:
            return None
        return ConfirmDialog(
            f"A run is in progress on {', '.join(names)}. Stop it and leave?", "Stop and leave"
        )

    def password_wanted(self, screen: Screen[Any]) -> PasswordWanted | None:
        """What is to be asked now: not while something else is asked, and of each account not again unasked."""
        if isinstance(screen, ModalScreen):
            return None
        wanted = (one for one in self._bench.passwords_wanted() if one.asked)
        fresh = next((one for one in wanted if (one.account, one.tries) not in self._asked), None)
        if fresh is not None:
            self._asked.add((fresh.account, fresh.tries))
        return fresh

    def password_question(self, wanted: PasswordWanted) -> "PasswordDialog":
        """The dialog for it."""
        dialog: PasswordDialog = _screens("password_dialog").PasswordDialog(wanted)
        return dialog

    async def let_in(self, wanted: PasswordWanted, password: str) -> None:
        """Open the devices that wait for it."""
        await answer(self._bench.give_password(wanted.account, password))

    def place(self, screen: Screen[Any]) -> tuple[str, bool]:
        """Where commands are given from, and whether a session is in progress there."""
        if isinstance(screen, BenchScreen):
            return BENCH, screen.viewer.scene.live
        return PLACES.get(type(screen).__name__, EVERYWHERE), True

    def bench_of(self, screens: Sequence[Screen[Any]]) -> BenchScreen | None:
        """The uppermost bench of a stack of screens."""
        return next((screen for screen in reversed(screens) if isinstance(screen, BenchScreen)), None)

    def is_live(self, screen: Screen[Any]) -> bool:
        """Whether this is the bench on the session in progress."""
        return isinstance(screen, BenchScreen) and screen.viewer.scene.live

    def say(self, screen: Screen[Any], text: str) -> None:
        """Show one line above the keys of a bench; nothing takes it away."""
        if isinstance(screen, BenchScreen):
            screen.say(text)

    def elapsed_s(self) -> float:
        """How long the session has been going on; 0 before it has begun."""
        started = self._bench.status.started_ns
        return (self._bench.now() - started) / 1e9 if started else 0.0

    def has_spoken(self, device: str) -> bool:
        """Whether it has given a token in the session in progress."""
        timeline = self._bench.timeline
        given = timeline.events(*timeline.span(), kinds=(FirstToken,))
        return any(event.device == device for event in given)


def _screens(name: str) -> Any:
    return importlib.import_module(f"melt_tui.ui.screens.{name}")
