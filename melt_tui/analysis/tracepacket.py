"""Packets of a Perfetto trace, by the field numbers of its public ``protos/perfetto/trace``: pure.

Names in capitals are those of the fields. All packets are of one sequence and one clock.
"""

from collections.abc import Mapping
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from melt_tui.analysis.protobuf import message, real, text, varint, whole
from melt_tui.measures.integral import Times, Values

_PACKET = 1
_CLOCK_SNAPSHOT, _TIMESTAMP, _SEQUENCE, _TRACK_EVENT, _FLAGS, _TRACK_DESCRIPTOR = 6, 8, 10, 11, 13, 60
_CLOCKS, _PRIMARY, _CLOCK_ID, _CLOCK_TIME = 1, 2, 1, 2
_REALTIME, _BOOTTIME = 1, 6
_UUID, _NAME, _PARENT, _COUNTER, _ORDERING, _RANK, _ABOUT = 1, 2, 5, 8, 11, 12, 14
_UNIT, _UNIT_NAME, _SIZE_BYTES, _EXPLICIT = 3, 6, 3, 3
_ANNOTATIONS, _TYPE, _TRACK, _EVENT_NAME, _VALUE = 4, 9, 11, 23, 44
_A_BOOL, _A_INT, _A_DOUBLE, _A_STRING, _A_NAME = 2, 4, 5, 6, 10
_CLEARED = 1
_OURS = whole(_SEQUENCE, 1)

EARLIEST, LATEST = 1 << 56, 1 << 63
"""Moments that a trace of ours can hold, in ns of the wall clock: those that take nine bytes."""

Note = str | int | float | bool
"""What stands beside an event."""


class Kind(IntEnum):
    """Of an event on a track."""

    BEGIN = 1
    END = 2
    INSTANT = 3
    COUNTER = 4


def first_packet(t_ns: int, *, wall: bool) -> bytes:
    """What a trace begins with: its clock, and, with ``wall``, that it is the wall clock."""
    known = (_BOOTTIME, _REALTIME) if wall else (_BOOTTIME,)
    clocks = (message(_CLOCKS, whole(_CLOCK_ID, clock), whole(_CLOCK_TIME, t_ns)) for clock in known)
    snapshot = message(_CLOCK_SNAPSHOT, *clocks, whole(_PRIMARY, _BOOTTIME))
    return message(_PACKET, whole(_TIMESTAMP, t_ns), snapshot, _OURS, whole(_FLAGS, _CLEARED))


def track(uuid: int, parent: int, name: str, rank: int, about: str = "") -> bytes:
    """A track, or a group of them; ``parent`` 0: at the top."""
    return _descriptor(uuid, parent, name, rank, about, whole(_ORDERING, _EXPLICIT))


def counter_track(uuid: int, parent: int, name: str, rank: int, unit: str, about: str = "") -> bytes:
    """A track of numbers."""
    named = b"" if unit == "1" else text(_UNIT_NAME, unit)
    told = whole(_UNIT, _SIZE_BYTES) if unit == "B" else named
    return _descriptor(uuid, parent, name, rank, about, message(_COUNTER, told))


def event(kind: Kind, t_ns: int, uuid: int, name: str = "", notes: Mapping[str, Note] | None = None) -> bytes:
    """Something on a track; an end has no name."""
    parts = [whole(_TYPE, kind), whole(_TRACK, uuid)]
    if name:
        parts.append(text(_EVENT_NAME, name))
    parts += [message(_ANNOTATIONS, text(_A_NAME, key), _note(value)) for key, value in (notes or {}).items()]
    return message(_PACKET, whole(_TIMESTAMP, t_ns), _OURS, message(_TRACK_EVENT, *parts))


def numbers(uuid: int, times: Times, values: Values) -> bytes:
    """Values of a counter track at ``EARLIEST <= t < LATEST``, none of them NaN: packets that differ in 17 bytes only."""
    head = whole(_TYPE, Kind.COUNTER) + whole(_TRACK, uuid) + varint(_VALUE << 3 | 1)
    before = varint(_TIMESTAMP << 3)
    between = _OURS + varint(_TRACK_EVENT << 3 | 2) + varint(len(head) + 8) + head
    size = len(before) + 9 + len(between) + 8
    around = varint(_PACKET << 3 | 2) + varint(size)
    packets = np.empty((len(times), len(around) + size), np.uint8)
    packets[:] = np.frombuffer(around + before + bytes(9) + between + bytes(8), np.uint8)
    start = len(around) + len(before)
    packets[:, start : start + 9] = _nine(times)
    packets[:, -8:] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    return packets.tobytes()


def _nine(times: Times) -> NDArray[np.uint8]:
    """Each as a varint, which has nine bytes."""
    shifts = np.arange(0, 63, 7, dtype=np.int64)
    groups = (times[:, None] >> shifts & 0x7F).astype(np.uint8)
    groups[:, :8] |= 0x80
    return groups


def _descriptor(uuid: int, parent: int, name: str, rank: int, about: str, more: bytes) -> bytes:
    parts = [whole(_UUID, uuid), text(_NAME, name), whole(_RANK, rank), more]
    if parent:
        parts.append(whole(_PARENT, parent))
    if about:
        parts.append(text(_ABOUT, about))
    return message(_PACKET, _OURS, message(_TRACK_DESCRIPTOR, *parts))


def _note(value: Note) -> bytes:
    if isinstance(value, bool):
        return whole(_A_BOOL, value)
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return whole(_A_INT, value)
    return real(_A_DOUBLE, value) if isinstance(value, float) else text(_A_STRING, str(value))
