"""Protocol buffers, written: as little of the wire format as a trace needs. Pure."""

import struct

_DOUBLE = struct.Struct("<d")

_VARINT, _FIXED64, _LENGTH = 0, 1, 2


def varint(value: int) -> bytes:
    """A whole number of 0 to 2**64 - 1, seven bits to a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def whole(field: int, value: int) -> bytes:
    """A field that holds a whole number; one below 0 as ``int64`` has it."""
    return varint(field << 3 | _VARINT) + varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def real(field: int, value: float) -> bytes:
    """A field that holds a ``double``."""
    return varint(field << 3 | _FIXED64) + _DOUBLE.pack(value)


def text(field: int, value: str) -> bytes:
    """A field that holds text; what UTF-8 cannot hold is escaped."""
    return message(field, value.encode("utf-8", "backslashreplace"))


def message(field: int, *parts: bytes) -> bytes:
    """A field that holds a message made of these fields."""
    body = b"".join(parts)
    return varint(field << 3 | _LENGTH) + varint(len(body)) + body
