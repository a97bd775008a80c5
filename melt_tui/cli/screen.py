"""From a command line to the screen: the app's first frame, then behind it what was asked for."""

import importlib
from argparse import Namespace
from typing import TYPE_CHECKING

from melt_tui.cli.interrupts import INTERRUPTED, Interrupts
from melt_tui.cli.leaving import Leaving
from melt_tui.errors import MeltError
from melt_tui.ui.app import MeltApp

if TYPE_CHECKING:
    from pathlib import Path

    from melt_tui.cli.plans import Plan
    from melt_tui.ui.opening import Opening
    from melt_tui.workbench import Workbench


class WithoutScreen(MeltError):
    """The settings ask for no screen."""


class Show:
    """One showing: keeps what was opened, so that it is closed whatever happens."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self.plan: Plan | None = None
        self.bench: Workbench | None = None

    def open(self) -> "Opening":
        """Work out what was asked for and begin it. Called behind the first frame."""
        self.plan = importlib.import_module("melt_tui.cli.plans").plan(self._options)
        if self.plan.headless:
            raise WithoutScreen("the settings ask for no screen")
        opened: tuple[Workbench, Opening] = importlib.import_module("melt_tui.cli.opening").open_bench(
            self.plan
        )
        self.bench, opening = opened
        return opening

    def close(self) -> None:
        """End the session, if one was begun."""
        if self.bench is not None:
            self.bench.close()

    def end(self) -> "Path | None":
        """The same, telling what of it lives on where, and why it was not recorded to its end; its recording."""
        if self.bench is None:
            return None
        self.bench.close()
        importlib.import_module("melt_tui.cli.headless").tell_left(self.bench)
        if self.problem:
            importlib.import_module("melt_tui.cli.output").progress(f"melt: {self.problem}")
        return self.bench.status.path

    @property
    def problem(self) -> str:
        """Why nothing was recorded any more."""
        return self.bench.status.problem if self.bench is not None else ""


def show(options: Namespace) -> int:
    """Draw until the user leaves; the exit code."""
    showing = Show(options)
    try:
        with Interrupts() as interrupts:
            code = _shown(showing, interrupts)
            path = showing.end()
            if path is not None and (path.exists() or not showing.problem):
                importlib.import_module("melt_tui.cli.headless").tell_of(
                    path, as_json=getattr(options, "json", False)
                )
    except WithoutScreen:
        headless: int = importlib.import_module("melt_tui.cli.headless").follow(showing.plan)
        return headless
    if interrupts.came:
        return INTERRUPTED
    return code or (1 if showing.problem else 0)


def _shown(showing: Show, interrupts: Interrupts) -> int:
    """The app from its first frame to its last. Raises what ended it before its time, after the session has ended."""
    try:
        with Leaving(showing.close) as leaving:
            app = MeltApp(showing.open, heed=leaving.heed)
            try:
                code = app.run() or app.return_code or 0
            finally:
                interrupts.end()
            interrupts.end(interrupted=code == INTERRUPTED)
        if app.failure is not None:
            raise app.failure
    finally:
        showing.close()
    return code
