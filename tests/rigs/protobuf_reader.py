"""Protocol buffers, read: fields by number, as the wire format says, knowing nothing of who wrote them."""

import struct
from collections.abc import Iterator
from typing import Any

Value = Any
"""A whole number, a real one, or bytes: text or another message."""


def fields(data: bytes) -> dict[int, list[Value]]:
    """Every field of a message, in order."""
    found: dict[int, list[Value]] = {}
    for number, value in _walk(data):
        found.setdefault(number, []).append(value)
    return found


def _walk(data: bytes) -> Iterator[tuple[int, Value]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        assert number > 0
        value: Value
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        else:
            assert kind == 2, f"wire type {kind}"
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size, "cut short"
        yield number, value
    assert at == len(data)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        assert shift <= 70
        if byte < 0x80:
            return value, at
