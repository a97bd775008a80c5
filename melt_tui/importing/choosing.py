"""What a path is, and the recording that is made of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from melt_tui.errors import BadImport
from melt_tui.events import SessionStarted
from melt_tui.importing import bench, melt_session, own
from melt_tui.importing.draft import Draft, write
from melt_tui.importing.files import head_of, shown
from melt_tui.importing.known import Known
from melt_tui.importing.melt_tree import runs_below

Choose = Callable[[SessionStarted], Path]
"""Where the recording of a session that begins like this is to be written."""


class AlreadyImported(BadImport):
    """These very files became a recording before."""


_KNOWN = "results of llama-bench, MLC and LLMFarmEval, or a folder of MELT runs"


def parts_of(path: Path) -> list[Path]:
    """What a path holds that becomes a recording: itself, or the runs below it. Raises BadImport."""
    if not path.exists():
        raise BadImport(f"there is nothing at {shown(path)}", "check its name")
    if not path.is_dir():
        return [path]
    found = runs_below(path)
    if not found:
        raise BadImport(
            f"{shown(path)} holds no MELT run", "melt_measurements or measurements_iter… files are missing"
        )
    return found


def draft_of(path: Path, device: str = "", name: str = "") -> Draft:
    """The session of one part. Raises BadImport."""
    if path.is_dir():
        return melt_session.draft_of(path, device, name)
    head = head_of(path)
    if not head.strip():
        raise BadImport(f"{shown(path)} is empty", "was it cut off while it was copied?")
    plain = head.replace(b"\0", b"")
    if bench.looks(plain):
        return bench.draft_of(path, device, name)
    if b"questionRecords" in plain or b"chatRecords" in plain or b"modelLoadTime" in plain:
        return melt_session.draft_of(path, device, name)
    raise BadImport(f"{shown(path)} is nothing that is known", _said_of(plain))


def bring(
    path: Path, choose: Choose, device: str = "", name: str = "", known: Known | None = None
) -> Iterator[Path]:
    """The recordings of a path, each when it is written. Raises BadImport, also for one that is ``known``; CannotWrite."""
    for part in parts_of(path):
        draft = draft_of(part, device, name)
        there = known.recording_of(draft.sources) if known else None
        if there is not None:
            raise AlreadyImported(
                f"{shown(part)} was imported before, as {shown(there)}",
                "delete that, or have it a second time with `melt import --again`",
            )
        made = write(choose(_started(draft)), draft)
        if known:
            known.add(draft.sources, made)
        yield made


def bring_new(path: Path, choose: Choose, known: Known) -> list[Path]:
    """The recordings of what is not known of a path. Raises BadImport where there is nothing new; CannotWrite."""
    made: list[Path] = []
    before: list[AlreadyImported] = []
    for part in parts_of(path):
        try:
            made += bring(part, choose, known=known)
        except AlreadyImported as told:
            before.append(told)
    if before and not made:
        raise before[0]
    return made


def bring_tables(samples: Path, events: Path, choose: Choose, name: str = "") -> Path:
    """The recording of the tables that melt exported. Raises BadImport, CannotWrite."""
    return own.write(choose(own.started_in(events)), samples, events, name)


def _started(draft: Draft) -> SessionStarted:
    return next(item for item in draft.opening() if isinstance(item, SessionStarted))


def _said_of(head: bytes) -> str:
    """What it may be instead."""
    if head.startswith(b"SQLite format 3"):
        return "it is a recording: open it with melt replay"
    if head.startswith(b"t_s,device,"):
        return "it is a table of melt's own: give both with --samples and --events"
    if b"n_nodes = " in head or b"Report from function" in head:
        return "a log of operators is shown with --ops"
    return f"give {_KNOWN}; a meter's capture goes with --into SESSION"
