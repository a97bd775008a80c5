"""The summary of a recording's file: as JSON for programs, as text for people."""

from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from melt_tui.analysis.report import text_of
from melt_tui.analysis.session import Summary, summarise
from melt_tui.store.recording import Recording


def of_file(path: Path, added: Collection[str] = ()) -> Mapping[str, Any]:
    """The summary as ``melt summary --json`` prints it. Raises what opening a recording raises.

    ``added``: reference points at which several meters of a device are to be summed up.
    """
    return _summary(path, added).as_json()


def text_of_file(path: Path, added: Collection[str] = ()) -> str:
    """The summary as ``melt summary`` prints it. Raises what opening a recording raises."""
    return text_of(_summary(path, added))


def _summary(path: Path, added: Collection[str]) -> Summary:
    with closing(Recording(path)) as recording:
        return summarise(recording, added=added)
