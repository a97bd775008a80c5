"""Writing a GGUF v3 file as a stream: memory does not grow with the model.

Metadata values are given in their packed form (``u32``, ``text`` …), so that a value can also be carried over from
another file byte by byte.
"""

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from melt_tui.models.ggml import TensorType

ALIGNMENT: Final = 32
_VERSION: Final = 3


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor to be written; ``dims`` innermost first, the innermost a multiple of the type's block."""

    name: str
    dims: tuple[int, ...]
    type: TensorType

    @property
    def elements(self) -> int:
        """Product of the dimensions."""
        product = 1
        for dim in self.dims:
            product *= dim
        return product

    @property
    def size_bytes(self) -> int:
        """What its data take, without padding."""
        return self.type.bytes_for(self.elements)


@dataclass(frozen=True, slots=True)
class Zeros:
    """So many zero bytes, left as a hole in the file where the file system can."""

    size: int


Packed = bytes
"""A metadata value with its type word."""
Piece = bytes | memoryview | Zeros
Fill = Callable[[TensorSpec], Iterator[Piece]]
"""Yields exactly ``size_bytes`` of a tensor's data, in pieces."""


def u32(value: int) -> Packed:
    """A whole number."""
    return struct.pack("<II", 4, value)


def f32(value: float) -> Packed:
    """A real number."""
    return struct.pack("<If", 6, value)


def flag(*, value: bool) -> Packed:
    """True or false."""
    return struct.pack("<I?", 7, value)


def text(value: str) -> Packed:
    """A text."""
    return struct.pack("<I", 8) + _string(value)


def texts(values: Iterable[str]) -> Packed:
    """A list of texts."""
    body, count = bytearray(), 0
    for value in values:
        body += _string(value)
        count += 1
    return struct.pack("<IIQ", 9, 8, count) + body


def f32s(values: Iterable[float]) -> Packed:
    """A list of real numbers."""
    return _numbers(6, array("f", values))


def i32s(values: Iterable[int]) -> Packed:
    """A list of whole numbers."""
    return _numbers(5, array("i", values))


def header(metadata: Sequence[tuple[str, Packed]], tensors: Sequence[TensorSpec]) -> bytes:
    """Everything before the data, padded."""
    out = bytearray(b"GGUF" + struct.pack("<IQQ", _VERSION, len(tensors), len(metadata)))
    for key, value in metadata:
        out += _string(key) + value
    offset = 0
    for tensor in tensors:
        out += _string(tensor.name) + struct.pack(f"<I{len(tensor.dims)}Q", len(tensor.dims), *tensor.dims)
        out += struct.pack("<IQ", tensor.type.id, offset)
        offset += _padded(tensor.size_bytes)
    out += bytes(-len(out) % ALIGNMENT)
    return bytes(out)


def file_size(head: bytes, tensors: Sequence[TensorSpec]) -> int:
    """Bytes of the whole file."""
    return len(head) + sum(_padded(tensor.size_bytes) for tensor in tensors)


def write(
    file: BinaryIO, head: bytes, tensors: Sequence[TensorSpec], fill: Fill, done: Callable[[int], None]
) -> None:
    """Write ``head`` and the data of every tensor; ``done`` hears of every piece. The file starts out empty."""
    file.write(head)
    done(len(head))
    for tensor in tensors:
        written = 0
        for piece in fill(tensor):
            written += _put(file, piece, done)
        if written != tensor.size_bytes:
            raise ValueError(f"{tensor.name} takes {tensor.size_bytes} bytes, not {written}")
        _put(file, Zeros(-written % ALIGNMENT), done)
    file.truncate(file_size(head, tensors))


def _numbers(type_id: int, values: "array[float] | array[int]") -> Packed:
    if sys.byteorder == "big":
        values.byteswap()
    return struct.pack("<IIQ", 9, type_id, len(values)) + values.tobytes()


def _put(file: BinaryIO, piece: Piece, done: Callable[[int], None]) -> int:
    if isinstance(piece, Zeros):
        file.seek(piece.size, 1)
        size = piece.size
    else:
        size = file.write(piece)
    done(size)
    return size


def _string(value: str) -> bytes:
    raw = value.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
