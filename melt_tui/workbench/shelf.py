"""The shelf: saved sessions, listed, opened, renamed, exported. Files are read off the session loop."""

import asyncio
import importlib
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.errors import Refused
from melt_tui.errors import BadRecording
from melt_tui.events import Part, SessionStarted
from melt_tui.store import library
from melt_tui.store.info import RecordingInfo, RecordingState
from melt_tui.store.recording import Recording
from melt_tui.timeline import Timeline
from melt_tui.timeline.filled import Filled

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison
    from melt_tui.analysis.compare_open import OpenRuns
    from melt_tui.analysis.compare_request import CompareRequest
    from melt_tui.analysis.edit_request import EditRequest
    from melt_tui.analysis.export_request import ExportRequest, ReportRequest

SUFFIX = ".melt"


def new_path(folder: Path, started: SessionStarted) -> Path:
    """A file that does not exist yet, named by local date and time and the session's name."""
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(started.wall_ns / 1e9))
    words = re.sub(r"[^\w.-]+", "-", started.name).strip("-.")[:60]
    stem = f"{stamp}_{words}" if words else stamp
    candidates = (folder / f"{stem}{more}{SUFFIX}" for more in ("", *(f"_{i}" for i in range(2, 1000))))
    return next(path for path in candidates if not path.exists())


class Shelf:
    """The recordings of one folder, and those that were opened for looking back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, Recording] = {}

    async def library(self) -> Sequence[RecordingInfo]:
        """The recordings, newest first; those of a crashed program are recovered first."""
        return await asyncio.to_thread(library.scan, self._folder)

    async def open(self, path: Path) -> Timeline:
        """Open a recording, or hand out the one that is open. Raises BadRecording."""
        if path not in self._open:
            self._open[path] = await asyncio.to_thread(Recording, path)
        recording = self._open[path]
        part = await asyncio.to_thread(recording.event_after, -(1 << 62), (Part,))
        return Filled(recording, (part.from_ns, part.to_ns) if isinstance(part, Part) else None)

    async def rename(self, path: Path, name: str) -> None:
        """Give it another name; the file stays where it is."""
        await asyncio.to_thread(library.rename, path, name)

    async def tag(self, path: Path, tags: Sequence[str]) -> None:
        """Set its tags."""
        await asyncio.to_thread(library.set_tags, path, tuple(tags))

    async def delete(self, path: Path) -> None:
        """Delete it for good. Raises Refused while it is being written."""
        if await asyncio.to_thread(_in_the_making, path):
            raise Refused(f"{path.name} is still being recorded", remedy="end its session first")
        opened = self._open.pop(path, None)
        if opened is not None:
            opened.close()
        await asyncio.to_thread(library.delete, path)

    async def snapshot(self, path: Path, span_ns: tuple[int, int], name: str) -> Path:
        """A span of a recording as a new one. Raises UsageError, BadRecording, CannotWrite."""

        def cut() -> Path:
            trimming = _analysis("trimming")
            request = trimming.TrimRequest(path=path, span_ns=span_ns, name=name)
            made: Path = trimming.trim(request, lambda started: new_path(self._folder, started))
            return made

        return await asyncio.to_thread(cut)

    async def export(self, request: "ExportRequest") -> Sequence[Path]:
        """Write recordings for other programs, the events of samples beside them; which files there are now."""
        written: Sequence[Path] = await asyncio.to_thread(lambda: _analysis("export").export_all(request))
        return written

    async def write_report(self, request: "ReportRequest") -> Sequence[Path]:
        """Write recordings as one page for people; the file."""
        await asyncio.to_thread(lambda: _analysis("page").write_report(request))
        return [request.out] if request.out else []

    async def import_files(self, path: Path) -> Sequence[Path]:
        """What other tools measured, as recordings beside the others; what was imported before is passed over.

        Raises BadImport where nothing is new, too; CannotWrite.
        """

        def bring() -> Sequence[Path]:
            known = importlib.import_module("melt_tui.importing.known").Known(self._folder)
            choosing = importlib.import_module("melt_tui.importing.choosing")
            made: Sequence[Path] = choosing.bring_new(path.expanduser(), self._beside, known)
            return made

        return await asyncio.to_thread(bring)

    def _beside(self, started: SessionStarted) -> Path:
        return new_path(self._folder, started)

    async def edits(self, path: Path) -> Sequence[str]:
        """What was corrected in a recording, a line for each."""
        told: Sequence[str] = await asyncio.to_thread(lambda: _analysis("editing").lines(path))
        return told

    async def edit(self, request: "EditRequest") -> None:
        """Correct what was wrongly set. Raises UsageError, BadRecording, CannotWrite."""
        await asyncio.to_thread(lambda: _analysis("editing").carry_out(request))

    async def summary(self, path: Path) -> Mapping[str, Any]:
        """The summary of a recording, as ``melt summary --json`` prints it."""
        told: Mapping[str, Any] = await asyncio.to_thread(lambda: _analysis("summary").of_file(path))
        return told

    async def open_runs(self, request: "CompareRequest") -> "OpenRuns":
        """Runs of recordings, to be laid over one another. Raises UsageError, BadRecording."""
        opened: OpenRuns = await asyncio.to_thread(lambda: _analysis("compare_open").OpenRuns(request))
        return opened

    async def read_figures(self, path: Path) -> None:
        """Reckon the figures of a recording ahead, and load what compares them. Raises BadRecording."""
        await asyncio.to_thread(lambda: _analysis("compare").read_figures(path))

    async def compare(self, request: "CompareRequest") -> "Comparison":
        """Runs of recordings side by side. Raises UsageError, BadRecording."""
        compared: Comparison = await asyncio.to_thread(lambda: _analysis("compare").compare_runs(request))
        return compared

    def close(self) -> None:
        """Close every recording that was opened."""
        while self._open:
            self._open.popitem()[1].close()


def _analysis(name: str) -> Any:
    """A room that is loaded when somebody asks for it: a session in progress does without."""
    return importlib.import_module(f"melt_tui.analysis.{name}")


def _in_the_making(path: Path) -> bool:
    try:
        return library.info(path).state is RecordingState.RECORDING
    except BadRecording:
        return False
