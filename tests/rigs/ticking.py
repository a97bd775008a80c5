"""An app that changes at a steady pace on a terminal of its own, and the CPU time that it takes for it."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.app import App

from tests.rigs.installed import started

WARM_UP_S = 1.0


def cpu_per_tick(module: str, args: Sequence[str], size: tuple[int, int] = (200, 50)) -> float:
    """CPU seconds a tick that ``python -m module ARGS --tell FILE`` finds for itself on a screen of that size."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told"
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        argv = [sys.executable, "-m", module, *args, "--tell", str(told)]
        with started(argv, environment, size) as running:
            if running.wait():
                raise SystemExit(f"{module} {' '.join(args)} failed")
        return float(told.read_text(encoding="ascii"))


def tick_away(
    app: "App[None]", tick: Callable[[int], None], *, hz: float, seconds: float, tell: Path
) -> None:
    """Run ``app`` and call ``tick(i)`` ``hz`` times a second; the first second does not count."""
    first, last = round(hz * WARM_UP_S), round(hz * (WARM_UP_S + seconds))
    ticks, started_s = 0, 0.0

    def step() -> None:
        nonlocal ticks, started_s
        if ticks == first:
            started_s = time.process_time()
        if ticks == last:
            tell.write_text(str((time.process_time() - started_s) / (last - first)), encoding="ascii")
            app.exit()
        tick(ticks)
        ticks += 1

    app.call_later(lambda: app.set_interval(1 / hz, step))
    app.run()
