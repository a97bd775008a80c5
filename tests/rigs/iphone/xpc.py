"""XPC objects as RemoteXPC sends them, and the wrapper around each message. Own coder: little-endian, padded to 4 bytes."""

import struct
import uuid
from dataclasses import dataclass
from typing import Any

WRAPPER = struct.Struct("<IIQQ")
WRAPPER_MAGIC = 0x29B00B92
BODY = struct.pack("<II", 0x42133742, 5)
ALWAYS, DATA, WANTS_REPLY, REPLY, INIT = 0x1, 0x100, 0x10000, 0x20000, 0x400000
NULL, BOOL, INT64, UINT64, DOUBLE = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000
DATE, BYTES, STRING, UUID, ARRAY, DICTIONARY = 0x7000, 0x8000, 0x9000, 0xA000, 0xE000, 0xF000


class Unsigned(int):
    """A number that goes as an unsigned one of 64 bits; others go signed."""


@dataclass(frozen=True)
class Wrapped:
    """One message: its flags, its number, and its object, None for none."""

    flags: int
    number: int
    value: Any


def wrap(flags: int, number: int, value: Any = None) -> bytes:
    """A message's bytes."""
    body = b"" if value is None else BODY + encode(value)
    return WRAPPER.pack(WRAPPER_MAGIC, flags, len(body), number) + body


def unwrap(data: bytes | bytearray) -> tuple[Wrapped, int] | None:
    """The message at the start and how many bytes it takes; None while not all of it has come. ValueError for no message."""
    if len(data) < WRAPPER.size:
        return None
    magic, flags, size, number = WRAPPER.unpack_from(data)
    if magic != WRAPPER_MAGIC or size > 64 << 20:
        raise ValueError("no XPC message")
    end = WRAPPER.size + size
    if len(data) < end:
        return None
    body = bytes(data[WRAPPER.size : end])
    if not body:
        return Wrapped(flags, number, None), end
    if body[:8] != BODY:
        raise ValueError("no XPC object")
    try:
        return Wrapped(flags, number, Reader(body, 8).value()), end
    except (struct.error, IndexError, RecursionError, UnicodeDecodeError) as bad:
        raise ValueError(f"no XPC object: {bad}") from None


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def encode(value: Any) -> bytes:
    """An object with its type before it."""
    if value is None:
        return struct.pack("<I", NULL)
    if isinstance(value, uuid.UUID):
        return struct.pack("<I", UUID) + value.bytes
    return encode_number(value) if isinstance(value, (int, float)) else encode_long(value)


def encode_number(value: float) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<II", BOOL, value)
    if isinstance(value, Unsigned):
        return struct.pack("<IQ", UINT64, value)
    return struct.pack("<Iq", INT64, value) if isinstance(value, int) else struct.pack("<Id", DOUBLE, value)


def encode_long(value: Any) -> bytes:
    """Of those with a length."""
    if isinstance(value, bytes):
        return struct.pack("<II", BYTES, len(value)) + padded(value)
    if isinstance(value, str):
        text = value.encode() + b"\0"
        return struct.pack("<II", STRING, len(text)) + padded(text)
    if isinstance(value, dict):
        pairs = [padded(key.encode() + b"\0") + encode(one) for key, one in value.items()]
        body = struct.pack("<I", len(pairs)) + b"".join(pairs)
        return struct.pack("<II", DICTIONARY, len(body)) + body
    assert isinstance(value, (list, tuple)), value
    body = struct.pack("<I", len(value)) + b"".join(encode(one) for one in value)
    return struct.pack("<II", ARRAY, len(body)) + body


class Reader:
    """Takes objects off bytes, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def bytes_of(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise IndexError("cut short")
        found = self.data[self.at : self.at + size]
        self.at += size
        return found

    def key(self) -> str:
        end = self.data.index(b"\0", self.at)
        text = self.data[self.at : end].decode()
        self.at += len(padded(bytes(end + 1 - self.at)))
        return text

    def value(self) -> Any:
        kind = self.take("<I")
        plain = {INT64: "<q", UINT64: "<Q", DOUBLE: "<d", DATE: "<q"}.get(kind)
        if plain is not None:
            return self.take(plain)
        if kind == NULL:
            return None
        if kind == BOOL:
            return bool(self.take("<I"))
        if kind == UUID:
            return uuid.UUID(bytes=self.bytes_of(16))
        return self.long(kind)

    def long(self, kind: int) -> Any:
        size = self.take("<I")
        if kind in {BYTES, STRING}:
            body = self.bytes_of(size + -size % 4)[:size]
            return body if kind == BYTES else body.rstrip(b"\0").decode()
        count = self.take("<I")
        if count > len(self.data):
            raise IndexError("more of them than bytes")
        if kind == ARRAY:
            return [self.value() for _ in range(count)]
        if kind == DICTIONARY:
            return {self.key(): self.value() for _ in range(count)}
        raise IndexError(f"type {kind:#x}")
