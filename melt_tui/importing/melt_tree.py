"""Which files of a MELT run lie in a folder, by their names; and the folders of runs below one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from melt_tui.errors import BadImport
from melt_tui.importing.files import head_of, shown

DEEPEST = 10
FOLDERS_LIMIT = 20_000
MEASUREMENTS = "melt_measurements"

_FILE = re.compile(
    r"(?:measurements|llm_output)_iter(\d{1,6})(_timing|_thermals)?(?:_conv(\d{1,6}))?\.(json|csv|tsv|txt)"
)
_ENERGY = re.compile(r"energy_iter(\d{1,6})\.log")
_RUN = re.compile(r"run_cs(\d{1,7})_mgl(\d{1,7})(?:_bs(\d{1,7}))?")
_WATTS = re.compile(r"(\d{1,4})w", re.IGNORECASE)
_APP = re.compile(r"mlc|llama|llmfarm", re.IGNORECASE)

Place = tuple[int, int]
"""Iteration, conversation."""


@dataclass(slots=True, kw_only=True)
class MeltFiles:
    """One run as MELT left it. What is not there is None, or not in the mapping."""

    root: Path
    device: str
    app: str
    model: str
    context: int | None
    max_tokens: int | None
    batch: int | None
    watts: int | None
    """Of a Jetson's power mode."""
    configuration: Path | None = None
    adb: Path | None = None
    monsoon: Path | None = None
    monsoon_start: Path | None = None
    stages: Path | None = None
    records: dict[int, Path] = field(default_factory=dict)
    thermals: dict[int, Path] = field(default_factory=dict)
    energy: dict[int, Path] = field(default_factory=dict)
    prompts: dict[Place, Path] = field(default_factory=dict)
    events: dict[Place, Path] = field(default_factory=dict)
    timings: dict[Place, Path] = field(default_factory=dict)
    logs: dict[Place, Path] = field(default_factory=dict)
    results: dict[str, Path] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)

    @property
    def all(self) -> list[Path]:
        """Every file that is read."""
        single = [self.configuration, self.adb, self.monsoon, self.monsoon_start, self.stages]
        tables = (
            self.records, self.thermals, self.energy, self.prompts, self.events, self.timings, self.logs, self.results
        )  # fmt: skip
        many = [path for table in tables for path in table.values()]
        return sorted({*(path for path in single if path is not None), *many, *self.others})

    @property
    def places(self) -> list[Place]:
        """Conversations with files of their own, in order."""
        return sorted({*self.prompts, *self.events, *self.timings, *self.logs})


def runs_below(folder: Path) -> list[Path]:
    """The folders that hold a MELT run. Raises BadImport."""
    try:
        found = [path for path in _folders(folder) if _holds_run(path)]
    except OSError as error:
        raise BadImport(
            f"{shown(folder)} cannot be looked through ({error.strerror})", "check its rights"
        ) from None
    inner = {path.parent for path in found if path.name == MEASUREMENTS}
    return (
        [path for path in found if path.name != MEASUREMENTS or path.parent not in found] if inner else found
    )


def files_of(root: Path) -> MeltFiles:
    """What lies in the folder of a run. Raises BadImport where it cannot be read."""
    found = _named(root)
    for path in sorted(path for path in root.iterdir() if path.is_file()):
        _sort(found, path)
    inner = root / MEASUREMENTS
    for path in sorted(inner.iterdir()) if inner.is_dir() else ():
        _sort(found, path)
    return found


def files_beside(record: Path) -> MeltFiles:
    """The record of an app that lies alone, with what bears its name: stages, timings, thermal states."""
    found = _named(record.absolute().parent)
    found.records[0] = record
    beside = re.compile(rf"{re.escape(record.stem)}(_timing|_thermals)?(?:_conv(\d{{1,6}}))?\.(json|csv)")
    for path in sorted(path for path in record.parent.iterdir() if path.is_file() and path != record):
        named = beside.fullmatch(path.name)
        place = (0, int(named[2] or 0)) if named else (0, 0)
        if named and named[1] == "_thermals":
            found.thermals[0] = path
        elif named and named[3] == "csv":
            (found.timings if named[1] else found.events)[place] = path
    return found


def _folders(folder: Path, deep: int = 0) -> Iterator[Path]:
    """Itself and those below it; links are not followed."""
    yield folder
    if deep < DEEPEST:
        for path in sorted(folder.iterdir())[:FOLDERS_LIMIT]:
            if path.is_dir() and not path.is_symlink():
                yield from _folders(path, deep + 1)


def _holds_run(path: Path) -> bool:
    if (path / MEASUREMENTS).is_dir():
        return True
    return any(
        _FILE.fullmatch(one.name) or _ENERGY.fullmatch(one.name) for one in path.iterdir() if one.is_file()
    )


def _named(root: Path) -> MeltFiles:
    """Device, app, model and settings stand in the names of folders."""
    parts = root.resolve().parts
    run, watts = _RUN.fullmatch(parts[-1]), _WATTS.fullmatch(parts[-1])
    apps = (
        [i for i, part in enumerate(parts) if _APP.search(part) and i >= len(parts) - 4]
        if run or watts
        else []
    )
    at = apps[0] if apps else None
    numbers = [int(each) if each else None for each in run.groups()] if run else [None, None, None]
    return MeltFiles(
        root=root,
        device=parts[at - 1] if at else "",
        app=parts[at] if at is not None else "",
        model=parts[at + 1] if at is not None and at + 1 < len(parts) - 1 else "",
        context=numbers[0],
        max_tokens=numbers[1],
        batch=numbers[2],
        watts=int(watts[1]) if watts else None,
    )


def _sort(found: MeltFiles, path: Path) -> None:
    named = _FILE.fullmatch(path.name)
    energy = _ENERGY.fullmatch(path.name)
    if energy:
        found.energy[int(energy[1])] = path
    elif path.name in _SINGLE:
        setattr(found, _SINGLE[path.name], path)
    elif path.name.startswith("results_") and path.suffix == ".csv":
        found.results[path.stem] = path
    elif named:
        _numbered(found, path, named)
    elif path.name == "output.txt":
        found.others.append(path)


def _numbered(found: MeltFiles, path: Path, named: "re.Match[str]") -> None:
    iteration, sort, suffix = int(named[1]), named[2], named[4]
    place = (iteration, int(named[3] or 0))
    if sort == "_thermals":
        found.thermals[iteration] = path
    elif sort == "_timing":
        found.timings[place] = path
    elif suffix == "json":
        found.records[iteration] = path
    elif suffix == "txt":
        found.logs[place] = path
    elif suffix == "csv" and head_of(path, 64).lstrip(b"\xef\xbb\xbf").startswith(b"start_date"):
        found.prompts[place] = path
    else:
        found.events.setdefault(place, path)


_SINGLE = {
    "configuration.json": "configuration",
    "measurements_adb.csv": "adb",
    "measurements_monsoon.csv": "monsoon",
    ".t_monsoon": "monsoon_start",
    "measurements_ts.csv": "stages",
}
