"""What names a run: a file, and which of its runs."""

from collections.abc import Sequence
from pathlib import Path

from drivers.events import ModelLoaded, RunEvent
from melt_tui import format as fmt
from melt_tui.analysis.recorded import EVERY, Recorded
from melt_tui.analysis.runevents import RunEvents
from melt_tui.errors import UsageError
from melt_tui.events import ModelPrepared, RunEnded, RunStarted


def split_source(source: str) -> tuple[Path, str]:
    """A path, and which of its runs; a path may hold a # of its own."""
    if not Path(source).exists() and "#" in source:
        path, _, word = source.rpartition("#")
        return Path(path), word
    return Path(source), ""


def frames(recording: Recorded) -> list[RunEvents]:
    """As ``run_events``, of each run no more than when and what it was: nothing of its turns is read."""
    runs: dict[tuple[str, str], RunEvents] = {}
    kinds = (RunStarted, ModelPrepared, ModelLoaded, RunEnded)
    for event in recording.events(*recording.span(), kinds=kinds, limit=EVERY):
        if isinstance(event, RunStarted):
            runs[event.device, event.run] = RunEvents(event)
        elif isinstance(event, RunEvent) and (event.device, event.run) in runs:
            runs[event.device, event.run].note(event)
    return list(runs.values())


def named(runs: Sequence[RunEvents], word: str, source: str) -> list[int]:
    """Which of a recording's runs, by number, id or device; all of them where nothing is named.

    Raises UsageError where there is none.
    """
    told = [(one.started.run, one.started.device) for one in runs]
    found = [i for i, one in enumerate(told) if word in {"", str(i + 1), *one}]
    if not runs:
        raise UsageError(f"{fmt.plain(source, 200)}: nothing was run in this recording", "name another")
    if not found:
        known = ", ".join(f"{i} on {fmt.plain(device, 40)}" for i, (_, device) in enumerate(told, 1))
        raise UsageError(f"{fmt.plain(source, 200)}: there is no such run", f"its runs are {known}")
    return found
