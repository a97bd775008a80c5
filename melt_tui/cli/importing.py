"""``melt import PATH …``: what other tools measured becomes a recording; a meter's capture is brought into one."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from melt_tui.analysis import summary
from melt_tui.cli.options import config_of, recordings_folder
from melt_tui.cli.output import progress, result, result_json, result_text
from melt_tui.errors import BadImport, CannotWrite, UsageError
from melt_tui.events import SessionStarted
from melt_tui.importing import choosing
from melt_tui.importing.adding import Capture, add
from melt_tui.importing.known import Known
from melt_tui.importing.operators import lines_of_log, of_log
from melt_tui.workbench.shelf import new_path


def take_in(options: Namespace) -> int:
    """Import what was named; 2 where some of it could not be."""
    _check(options)
    if options.ops:
        return _operators(options)
    made: list[Path] = []
    failed: list[str] = []
    for path in _made(options, failed):
        made.append(path)
        progress(f"imported into {path}")
    for sentence in failed:
        progress(f"melt: {sentence}")
    _tell(made, as_json=options.json)
    return 2 if failed else 0


def _check(options: Namespace) -> None:
    """Raises UsageError for what does not go together."""
    tables = [path for path in (options.samples, options.events) if path is not None]
    if len(tables) == 1:
        raise UsageError(
            "samples and events belong together", "give both tables, with --samples and --events"
        )
    if bool(tables) == bool(options.path):
        raise UsageError("it is not clear what to import", "give files or folders, or --samples and --events")
    if options.into is not None and len(options.path) != 1:
        raise UsageError("one capture goes into a session at a time", "give --into SESSION and one file")
    if options.into is None and _into_alone(options):
        raise UsageError(f"{_into_alone(options)} is of --into", "give the session with --into SESSION")
    if options.out is not None and len(options.path) > 1:
        raise UsageError("several files do not go into one recording", "leave --out away, or give one")


def _into_alone(options: Namespace) -> str:
    given = {
        "--feeds": options.feeds,
        "--point": options.point,
        "--voltage": options.voltage is not None,
        "--starts": options.starts is not None,
    }
    return next((name for name, value in given.items() if value), "")


def _made(options: Namespace, failed: list[str]) -> Iterator[Path]:
    """The recordings; of several files those that cannot be taken are told at the end."""
    if options.into is not None:
        yield _into(options)
    elif options.samples is not None:
        yield choosing.bring_tables(options.samples, options.events, _choose(options), options.name or "")
    else:
        parts = [part for path in options.path for part in choosing.parts_of(path)]
        if options.out is not None and len(parts) > 1:
            raise UsageError(f"{len(parts)} runs were found", "leave --out away: each becomes a recording")
        yield from _each(parts, options, failed)


def _each(parts: Sequence[Path], options: Namespace, failed: list[str]) -> Iterator[Path]:
    again = options.again or options.out is not None
    known = None if again else Known(recordings_folder(config_of(options)))
    for part in parts:
        try:
            yield from choosing.bring(part, _choose(options), options.device or "", options.name or "", known)
        except (BadImport, CannotWrite) as error:
            if len(parts) == 1:
                raise
            failed.append(str(error))


def _into(options: Namespace) -> Path:
    capture = Capture(
        path=options.path[0],
        meter=options.name or "",
        feeds=options.feeds or "",
        point=options.point or "",
        volts=options.voltage,
        starts_s=options.starts,
    )
    added = add(options.into, capture, _choose(options))
    progress(added.said)
    return added.path


def _choose(options: Namespace) -> choosing.Choose:
    """A new file beside the other recordings, or the one that was named."""
    folder = recordings_folder(config_of(options))

    def choose(started: SessionStarted) -> Path:
        named: Path | None = options.out
        return (
            named
            if named is not None
            else new_path(folder, replace(started, name=started.name or "imported"))
        )

    return choose


def _operators(options: Namespace) -> int:
    told: list[Any] = []
    for path in options.path:
        log = of_log(path)
        if options.json:
            told.append(log.as_json())
        else:
            result("\n".join(lines_of_log(log)))
    if options.json:
        result_json(told)
    return 0


def _tell(made: Sequence[Path], *, as_json: bool) -> None:
    if as_json:
        result_json([{"recording": str(path), **summary.of_file(path)} for path in made])
    elif len(made) == 1:
        result_text(summary.text_of_file(made[0]))
    else:
        result("\n".join(str(path) for path in made))
