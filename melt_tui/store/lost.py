"""Recordings that were cut off: the room in which one can still say why, and what it may lack, in a sentence."""

import os
from collections.abc import Mapping
from pathlib import Path

from drivers.clock import SECOND

ROOM = 64 << 10
"""Bytes that are kept free for the last words of a recording that fills its disk."""


def keep_room(path: Path) -> None:
    """Take that much of the disk, beside the recording. Raises OSError where there is none."""
    with room_of(path).open("wb") as stream:
        stream.write(os.urandom(ROOM))


def give_room(path: Path) -> None:
    """Give it back. Raises OSError."""
    room_of(path).unlink(missing_ok=True)


def room_of(path: Path) -> Path:
    """The file that takes it."""
    return path.with_name(f"{path.name}-room")


def loss(told: Mapping[str, float], newest_ns: int) -> str:
    """What a recording lacks that nobody writes any more and that was not finished; empty when it is all there.

    ``told`` is its table ``session``, ``newest_ns`` the last moment that is in it.
    """
    if told.get("lost"):
        return str(told["lost"])
    if "ended_ns" in told:
        return ""
    after = ""
    if newest_ns and "started_ns" in told:
        after = f" after {(newest_ns - told['started_ns']) / SECOND:.1f} s"
    return f"the recording broke off{after}; at most the last {told.get('commit_s', 0.25)} s before that are lost"
