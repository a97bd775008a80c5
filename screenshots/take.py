"""Takes the pictures of the README: the real program, driven through its screens. ``python screenshots/take.py``.

A session of about a minute is recorded in a temporary folder, with the demo's script, then replayed.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from melt_tui.cli.plans import DEMO_REQUESTS, SIMULATED
from melt_tui.config import places
from melt_tui.ui.app import MeltApp
from melt_tui.ui.demo import DEMO, Cue
from melt_tui.ui.opening import Opening
from melt_tui.workbench import Place, RunRequest, SessionSetup, Workbench

FOLDER = Path(__file__).parent
SIZE = (120, 36)
THROTTLED_S = 58
"""Session time at which the simulated phone has been throttled for a while."""


async def main() -> None:
    """Record a session while taking the live pictures, then take those of its replay."""
    os.environ["COLORTERM"] = "truecolor"
    with tempfile.TemporaryDirectory() as folder:
        recording = await _live(Path(folder))
        await _replay(Path(folder), recording)


async def _live(folder: Path) -> Path:
    addresses = ("host", *SIMULATED)
    setup = SessionSetup(
        name="demo",
        places=tuple(Place(address=address) for address in addresses),
        folder=folder,
        cache=places.model_cache(),
        script=True,
    )
    with Workbench(setup) as bench:
        app = MeltApp(partial(_started, bench, DEMO_REQUESTS, script=DEMO))
        async with app.run_test(size=SIZE) as pilot:
            await asyncio.sleep(THROTTLED_S)
            await _take(pilot, "bench")
            await _take(pilot, "cursor", "space", "left", "left", "left", "left", "left", "left", "i")
            await _take(pilot, "log", "end", "g")
            await _take(pilot, "run", "e", "r")
            await _take(pilot, "help", "escape", "question_mark")
            await _take(pilot, "library", "escape", "l")
            await _take(pilot, "fleet", "escape", "f")
            await _take(pilot, "devices", "escape", "d")
        path = bench.status.path
    assert path is not None
    return path


async def _replay(folder: Path, recording: Path) -> None:
    setup = SessionSetup(folder=folder, cache=places.model_cache(), recording=False)
    with Workbench(setup) as bench:
        app = MeltApp(partial(_started, bench, (), replay=recording))
        async with app.run_test(size=SIZE) as pilot:
            await _take(pilot, "replay", "home", "right_square_bracket", "p")


def _started(
    bench: Workbench,
    requests: tuple[RunRequest, ...],
    *,
    script: Sequence[Cue] = (),
    replay: Path | None = None,
) -> Opening:
    for request in requests:
        bench.start_when_up(request)
    return Opening(bench=bench, script=script, replay=replay)


async def _take(pilot: Pilot[int], name: str, *keys: str) -> None:
    """Press the keys, let the screen come to rest, write its picture."""
    for key in keys:
        await pilot.press(key)
    await asyncio.sleep(2.5)
    await pilot.pause()
    pilot.app.save_screenshot(f"{name}.svg", path=str(FOLDER))


if __name__ == "__main__":
    asyncio.run(main())
