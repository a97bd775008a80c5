"""What a user orders of the session: runs, marks, devices. Asks in dialogs, tells what became of it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from drivers.clock import SECOND
from melt_tui.format import stamp
from melt_tui.timeline import View
from melt_tui.ui.answers import Answer, answer
from melt_tui.ui.look import default_device, running
from melt_tui.ui.offers import able, offer
from melt_tui.ui.screens.dialogs import ConfirmDialog, StopDialog, TextDialog
from melt_tui.ui.screens.run_dialog import RunDialog
from melt_tui.ui.screens.supply_dialog import order_supply
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.topics import meters_of
from melt_tui.ui.waits import waiting
from melt_tui.workbench import Bench, Choice, RunRequest

if TYPE_CHECKING:
    from melt_tui.ui.screens.bench import BenchScreen

T = TypeVar("T")


class Orders:
    """Each order is a flow of its own on the screen's loop; a second one of the same kind waits for nothing."""

    def __init__(self, screen: "BenchScreen", bench: Bench, settings: ScreenSettings) -> None:
        self._screen = screen
        self._bench = bench
        self._settings = settings
        self._last = settings.last_run
        self._asked: dict[str, RunRequest] = {}

    def run(self) -> None:
        """Ask for a run and start it."""
        self._screen.run_worker(self._run(), group="orders", exclusive=True)

    def stop(self) -> None:
        """Stop the run; ask which when there are several."""
        self._screen.run_worker(self._stop(), group="orders", exclusive=True)

    def mark(self) -> None:
        """Ask for a name and put a mark."""
        self._screen.run_worker(self._mark(), group="orders", exclusive=True)

    def remove_device(self) -> None:
        """Close the chosen device, after asking."""
        self._screen.run_worker(self._remove_device(), group="orders", exclusive=True)

    def supply(self) -> None:
        """Set what a meter supplies."""
        self._screen.run_worker(self._supply(), group="orders", exclusive=True)

    def snapshot(self) -> None:
        """Keep what lies between the markers as a recording."""
        self._screen.run_worker(self._snapshot(), group="orders", exclusive=True)

    async def _snapshot(self) -> None:
        viewer = self._screen.viewer
        path, span = viewer.scene.path, viewer.playhead.marked
        if path is None:
            self._tell("A session in progress is not cut: end it, then take a part of its recording.")
        elif span is None:
            self._tell("Put the markers first: a where it begins, b where it ends.")
        else:
            first_ns = viewer.span[0]
            begin, end = (stamp((t_ns - first_ns) / SECOND) for t_ns in span)
            dialog = TextDialog(
                "Snapshot", f"A name for what lies from {begin} to {end}", "", "The recording stays as it is."
            )
            name = await self._screen.app.push_screen_wait(dialog)
            if name is None:
                return
            made = await self._wait(self._bench.snapshot(path, span, name))
            if made.value is not None:
                self._tell(f"Kept as {made.value.name}: l lists it.")

    async def _run(self) -> None:
        offered = able(self._now())
        if not offered:
            self._tell("No device here can run a model: d looks for more.")
            return
        dialog = RunDialog(self._bench, offered, self._offer(offered))
        request = await self._screen.app.push_screen_wait(dialog)
        if request is None:
            return
        self._last = request
        self._asked.update(dict.fromkeys(request.devices, request))
        started = await self._wait(self._bench.start_run(request))
        if not started.problem and self._settings.remember_run is not None:
            self._settings.remember_run(request)

    async def _stop(self) -> None:
        names = [*dict.fromkeys([*running(self._now()), *waiting(self._bench.timeline, self._bench.now())])]
        if not names:
            self._tell("Nothing is running.")
            return
        chosen: Sequence[str] | None = names
        if len(names) > 1:
            chosen = await self._screen.app.push_screen_wait(StopDialog(names))
        stopped = await asyncio.gather(*(self._wait(self._bench.stop_run(name)) for name in chosen or ()))
        for left in stopped:
            if left.value:
                self._tell(left.value)

    async def _mark(self) -> None:
        name = await self._screen.app.push_screen_wait(
            TextDialog(
                "Mark", "A name for this moment", "", "It goes into the recording when you press Enter."
            )
        )
        if name:
            await self._wait(self._bench.mark(name))

    async def _remove_device(self) -> None:
        view = self._now()
        name = self._screen.viewer.selected or default_device(view)
        if not name:
            self._tell("There is no device to remove.")
            return
        question = f"Close {name} and stop trying to reach it? What it gave so far stays in the recording."
        if await self._screen.app.push_screen_wait(ConfirmDialog(question, "Remove")):
            await self._wait(self._bench.remove_device(name))

    async def _supply(self) -> None:
        """Of the chosen meter, or of the one that feeds the chosen device."""
        view = self._now()
        name = self._screen.viewer.selected or default_device(view)
        meter = next(iter(meters_of(view, name)), name)
        if not meter:
            self._tell("There is no meter here that could supply anything.")
            return
        said = await order_supply(self._screen, self._bench, meter)
        if said:
            self._tell(said)

    def _offer(self, offered: Sequence[Choice]) -> RunRequest:
        return offer(
            self._now(),
            offered,
            self._screen.viewer.selected,
            self._asked,
            self._last,
            self._bench.workloads(),
        )

    def _now(self) -> View:
        return self._bench.timeline.view(self._bench.now())

    async def _wait(self, future: "Future[T]") -> Answer[T]:
        got = await answer(future)
        if got.problem:
            self._tell(got.problem, error=True)
        self._screen.look_now()
        return got

    def _tell(self, text: str, *, error: bool = False) -> None:
        self._screen.notify(text, severity="error" if error else "information", markup=False)
