# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples of sysmontap out of their archives, without unpacking what nobody asked for. Pure.

A phone tells of all its processes, some hundred, ten times a second: unpacking them all costs a tenth of a core. Here of
the binary property list (Apple's CFBinaryPList.c) that holds the keyed archive only those objects are read that are wanted.
"""

import struct
from collections.abc import Callable, Collection
from typing import Any

WANTED = ("System", "SystemCPUUsage", "CPUCount", "EnabledCPUs")
PROCESSES = "Processes"
WRAPPED = "DTTapMessagePlist"
MARKS = (b"SystemCPUUsage", b"Processes")
DEPTH = 6
_TRAILER = struct.Struct(">6xBBQQQ")
_SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_REALS = {4: struct.Struct(">f"), 8: struct.Struct(">d")}
MALFORMED = (ValueError, LookupError, struct.error, TypeError, AttributeError, OverflowError)


def unpacking(whole: Callable[[bytes], Any], pids: Collection[int]) -> Callable[[bytes], Any]:
    """``whole``, which unpacks any archive, but for samples of sysmontap: of these only the processes ``pids``, as they are
    at that time, and what is wanted of the system. What cannot be read so is left to ``whole``."""

    def unpack(data: bytes) -> Any:
        archive = bytes(data)
        if not any(mark in archive for mark in MARKS):
            return whole(data)
        try:
            return Archive(archive).samples(pids)
        except MALFORMED:
            return whole(data)

    return unpack


class Archive:
    """A keyed archive in a binary property list. Everything raises one of ``MALFORMED`` for what is none."""

    def __init__(self, data: bytes) -> None:
        if data[:8] != b"bplist00":
            raise ValueError("no binary property list")
        offset_size, self._ref_size, count, top, table = _TRAILER.unpack(data[-32:])
        self._data = data
        self._offsets = struct.unpack_from(f">{count}{_SIZES[offset_size]}", data, table)
        root = self._dictionary(top)
        self._objects = self._array(root["$objects"])
        top = self._uid(self._dictionary(root["$top"])["root"])
        message = self._dictionary(self._objects[top])
        self._top = self._uid(message[WRAPPED]) if WRAPPED in message else top

    def samples(self, pids: Collection[int]) -> list[dict[str, Any]]:
        """The rows of a message of sysmontap."""
        return [self._row(self._uid(one), pids) for one in self._items(self._top)]

    def _row(self, index: int, pids: Collection[int]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in self._pairs(index):
            if name in WANTED:
                found[name] = self._decoded(value)
            elif name == PROCESSES:
                found[name] = (
                    {pid: self._decoded(row) for pid, row in self._pairs(value) if pid in pids}
                    if pids
                    else {}
                )
        return found

    def _pairs(self, index: int) -> list[tuple[Any, int]]:
        """Keys, and where their values are."""
        dictionary = self._dictionary(self._objects[index])
        keys, values = self._array(dictionary["NS.keys"]), self._array(dictionary["NS.objects"])
        return [
            (self._scalar(self._objects[self._uid(key)]), self._uid(value))
            for key, value in zip(keys, values, strict=True)
        ]

    def _items(self, index: int) -> tuple[int, ...]:
        return self._array(self._dictionary(self._objects[index])["NS.objects"])

    def _decoded(self, index: int, depth: int = DEPTH) -> Any:
        """A value; what is neither a number, a text, a list nor a dictionary is None."""
        ref = self._objects[index]
        kind = self._data[self._offsets[ref]] >> 4
        if kind != 0xD:
            value = self._scalar(ref)
            return None if value == "$null" else value
        if depth == 0:
            raise ValueError("nested too deep")
        names = self._dictionary(ref)
        if "NS.keys" in names:
            return {key: self._decoded(value, depth - 1) for key, value in self._pairs(index)}
        if "NS.objects" in names:
            return [self._decoded(self._uid(one), depth - 1) for one in self._array(names["NS.objects"])]
        return self._scalar(names["NS.string"]) if "NS.string" in names else None

    # --- of the property list

    def _head(self, ref: int, kind: int) -> tuple[int, int]:
        """Where the contents of an object begin, and how many there are."""
        at = self._offsets[ref]
        mark = self._data[at]
        if mark >> 4 != kind:
            raise ValueError("another kind of object")
        if mark & 15 != 15:
            return at + 1, mark & 15
        size = 1 << (self._data[at + 1] & 15)
        return at + 2 + size, int.from_bytes(self._data[at + 2 : at + 2 + size], "big")

    def _array(self, ref: int) -> tuple[int, ...]:
        at, count = self._head(ref, 0xA)
        return self._refs(at, count)

    def _dictionary(self, ref: int) -> dict[Any, int]:
        at, count = self._head(ref, 0xD)
        refs = self._refs(at, 2 * count)
        return {self._scalar(key): value for key, value in zip(refs[:count], refs[count:], strict=True)}

    def _refs(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f">{count}{_SIZES[self._ref_size]}", self._data, at)

    def _uid(self, ref: int) -> int:
        at = self._offsets[ref]
        size = (self._data[at] & 15) + 1
        if self._data[at] >> 4 != 8:
            raise ValueError("no reference into the archive")
        return int.from_bytes(self._data[at + 1 : at + 1 + size], "big")

    def _scalar(self, ref: int) -> Any:
        at = self._offsets[ref]
        mark = self._data[at]
        kind, size = mark >> 4, 1 << (mark & 15)
        if kind == 1:
            return int.from_bytes(self._data[at + 1 : at + 1 + size], "big", signed=size == 8)
        if kind == 2:
            return _REALS[size].unpack_from(self._data, at + 1)[0]
        if kind in {5, 6}:
            begin, count = self._head(ref, kind)
            width = kind - 4
            return self._data[begin : begin + count * width].decode("ascii" if width == 1 else "utf-16-be")
        return {0x08: False, 0x09: True}.get(mark)
