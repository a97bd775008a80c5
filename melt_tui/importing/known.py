"""Which files were brought in before: by their sums, so that neither their names nor their folder count."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from melt_tui.analysis.recorded import EVERY
from melt_tui.errors import BadRecording
from melt_tui.events import Imported, Part
from melt_tui.store.library import SUFFIX
from melt_tui.store.recording import Recording

Key = tuple[str, ...]


class Known:
    """The recordings of a folder that were read from files of others; looked through when somebody asks first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[Key, Path] | None = None

    def recording_of(self, sources: Sequence[tuple[str, str]]) -> Path | None:
        """That of just these files; None where there is none."""
        return self._all().get(_key(sources)) if sources else None

    def add(self, sources: Sequence[tuple[str, str]], path: Path) -> None:
        """One more was made."""
        self._all()[_key(sources)] = path

    def _all(self) -> dict[Key, Path]:
        if self._found is None:
            paths = sorted(self._folder.glob(f"*{SUFFIX}"), reverse=True)
            told = ((_sources(path), path) for path in paths)
            self._found = {_key(sources): path for sources, path in told if sources}
        return self._found


def _key(sources: Sequence[tuple[str, str]]) -> Key:
    return tuple(sorted(sha256 for _, sha256 in sources))


def _sources(path: Path) -> Sequence[tuple[str, str]]:
    """Of what it was read as a whole; none of a span of it, of one that a capture was brought into, and of any other."""
    try:
        with closing(Recording(path)) as recording:
            told = recording.events(*recording.span(), kinds=(Imported, Part), limit=EVERY)
    except (BadRecording, OSError):
        return ()
    alone = told[0] if len(told) == 1 else None
    return alone.sources if isinstance(alone, Imported) else ()
