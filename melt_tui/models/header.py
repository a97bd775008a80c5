"""Reading the header of a GGUF file, bounded: a hostile or damaged file costs little time and memory.

Values are little endian; versions 2 and 3 of the format. Weights are never read, only their extent is checked.
Everything that is wrong is a ``ModelError`` with a sentence that says what.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from melt_tui.errors import ModelError
from melt_tui.format import byte_count, plain
from melt_tui.models.ggml import TENSOR_TYPES

MAGIC: Final = b"GGUF"
MAX_KEYS: Final = 16_384
MAX_TENSORS: Final = 65_536
MAX_NAME: Final = 1_024
MAX_STRING: Final = 16 << 20
MAX_KEPT_STRING: Final = 4_096
MAX_ARRAY_STRINGS: Final = 2_000_000
"""Over all arrays of a file: a vocabulary of 256 k tokens and its merges are under a million."""
MAX_HEADER: Final = 256 << 20
MAX_DIMENSIONS: Final = 4
MAX_ELEMENTS: Final = 1 << 48
MAX_ALIGNMENT: Final = 1 << 20

Scalar = int | float | bool | str

_SCALARS: Final[Mapping[int, struct.Struct]] = {
    type_id: struct.Struct("<" + letter)
    for type_id, letter in zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True)
}
_STRING: Final = 8
_ARRAY: Final = 9

_LOOKALIKES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "it is a zip archive, perhaps a PyTorch checkpoint"),
    (b"ggjt", "it is in the format before GGUF"),
    (b"tjgg", "it is in the format before GGUF"),
    (b"version https://git-lfs", "it is a Git LFS pointer, the model itself was not downloaded"),
    (b"<!DOCTYPE", "it is a web page"),
    (b"<html", "it is a web page"),
)
_CONVERT: Final = "give a model converted to GGUF"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of the tensor table; ``dims`` innermost first, ``offset`` from the start of the data."""

    name: str
    dims: tuple[int, ...]
    type_id: int
    offset: int

    @property
    def elements(self) -> int:
        """Product of the dimensions."""
        product = 1
        for dim in self.dims:
            product *= dim
        return product

    @property
    def size_bytes(self) -> int | None:
        """What it takes in the file; None for a type that we do not know."""
        known = TENSOR_TYPES.get(self.type_id)
        return known.bytes_for(self.elements) if known else None


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the weights."""

    version: int
    metadata: Mapping[str, Scalar]
    """Scalars and short strings; longer strings and arrays are not kept."""
    lengths: Mapping[str, int]
    """Of every array: how many elements."""
    spans: Mapping[str, tuple[int, int]]
    """Where each value stands in the file, its type word included: ``(start, end)`` in bytes."""
    tensors: tuple[Tensor, ...]
    data_start: int


def read_header(path: Path) -> Header:
    """Parse and check everything before the weights, and that the weights are there. Raises ``ModelError``."""
    size_bytes = checked_size(path)
    try:
        with path.open("rb", buffering=1 << 20) as file:
            header = _Parser(file, size_bytes, path).header()
    except OSError as error:
        raise ModelError(
            f"{shown(path)} cannot be read ({error.strerror})", "check the disk and the rights"
        ) from error
    _check_extent(path, header, size_bytes)
    return header


def checked_size(path: Path) -> int:
    """Size in bytes of a file that is there. Raises ``ModelError``."""
    try:
        if path.is_dir():
            raise ModelError(f"{shown(path)} is a directory", "name the .gguf file in it")
        if path.exists() and not path.is_file():
            raise ModelError(f"{shown(path)} is not a file", "name a .gguf file")
        if not path.is_file():
            raise ModelError(
                f"there is no file {shown(path)}", "check the path, or see the names of `melt run --help`"
            )
        return path.stat().st_size
    except OSError as error:
        said = f"{shown(path)} cannot be read ({error.strerror})"
        raise ModelError(said, "check the path and its rights") from error


class _Parser:
    """One pass over the header; every read is checked against the end of the file and the bounds above."""

    def __init__(self, file: BinaryIO, size_bytes: int, path: Path) -> None:
        self._file = file
        self._left = min(size_bytes, MAX_HEADER)
        self._size = size_bytes
        self._path = path
        self._at = 0
        self._strings_left = MAX_ARRAY_STRINGS

    def header(self) -> Header:
        self._check_magic()
        version = self._version()
        tensor_count = self._count(MAX_TENSORS, "tensors")
        key_count = self._count(MAX_KEYS, "keys")
        metadata: dict[str, Scalar] = {}
        lengths: dict[str, int] = {}
        spans: dict[str, tuple[int, int]] = {}
        for _ in range(key_count):
            key = self._text(MAX_NAME)
            start = self._at
            self._value(key, metadata, lengths)
            spans[key] = (start, self._at)
        tensors = tuple(self._tensor() for _ in range(tensor_count))
        return Header(version, metadata, lengths, spans, tensors, self._data_start(metadata))

    def _check_magic(self) -> None:
        head = self._file.read(32)
        self._file.seek(0)
        if head[:4] == MAGIC:
            self._take(4)
            return
        why = next((said for magic, said in _LOOKALIKES if head.startswith(magic)), "")
        if not head:
            why = "it is empty"
        raise ModelError(f"{shown(self._path)} is not a GGUF file{', ' + why if why else ''}", _CONVERT)

    def _version(self) -> int:
        version = self._unsigned(4)
        if version in {2, 3}:
            return version
        if version & 0xFFFF == 0:
            raise ModelError(
                f"{shown(self._path)} is a big-endian GGUF file",
                "convert it again for little-endian computers",
            )
        age = "older" if version < 2 else "newer"
        raise ModelError(
            f"{shown(self._path)} is GGUF version {version}, {age} than what melt reads (2 and 3)",
            "convert it again" if age == "older" else "update melt",
        )

    def _value(self, key: str, metadata: dict[str, Scalar], lengths: dict[str, int]) -> None:
        type_id = self._unsigned(4)
        if type_id == _ARRAY:
            lengths[key] = self._skip_array()
        elif type_id == _STRING:
            raw = self._string(MAX_STRING)
            if len(raw) <= MAX_KEPT_STRING:
                metadata[key] = raw.decode("utf-8", "replace")
        else:
            metadata[key] = self._scalar(type_id)

    def _scalar(self, type_id: int) -> Scalar:
        coder = self._coder(type_id)
        value: Scalar = coder.unpack(self._take(coder.size))[0]
        return value

    def _skip_array(self) -> int:
        type_id = self._unsigned(4)
        count = self._unsigned(8)
        if type_id != _STRING:
            self._skip(count * self._coder(type_id).size)
            return count
        if count > self._strings_left:
            raise self._damaged(f"claims an array of {count} strings")
        self._strings_left -= count
        for _ in range(count):
            self._string(MAX_STRING)
        return count

    def _tensor(self) -> Tensor:
        name = self._text(MAX_NAME)
        rank = self._unsigned(4)
        if rank > MAX_DIMENSIONS:
            raise self._damaged(f"claims a tensor of {rank} dimensions")
        dims = tuple(self._unsigned(8) for _ in range(rank))
        tensor = Tensor(name, dims, self._unsigned(4), self._unsigned(8))
        if not 0 < tensor.elements <= MAX_ELEMENTS:
            raise self._damaged(f"claims a tensor of {' × '.join(map(str, dims))} elements")
        return tensor

    def _data_start(self, metadata: Mapping[str, Scalar]) -> int:
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= MAX_ALIGNMENT:
            raise self._damaged(f"claims an alignment of {alignment}")
        return -(-self._at // alignment) * alignment

    def _coder(self, type_id: int) -> struct.Struct:
        coder = _SCALARS.get(type_id)
        if coder is None:
            raise self._damaged(f"holds a value of unknown type {type_id}")
        return coder

    def _count(self, most: int, what: str) -> int:
        count = self._unsigned(8)
        if count > most:
            raise self._damaged(f"claims {count} {what}")
        return count

    def _text(self, most: int) -> str:
        return self._string(most).decode("utf-8", "replace")

    def _string(self, most: int) -> bytes:
        length = self._unsigned(8)
        if length > most:
            raise self._damaged(f"claims a text of {length} bytes")
        return self._take(length)

    def _unsigned(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _take(self, n: int) -> bytes:
        self._spend(n)
        data = self._file.read(n)
        if len(data) < n:
            raise self._cut()
        return data

    def _skip(self, n: int) -> None:
        self._spend(n)
        self._file.seek(n, 1)

    def _spend(self, n: int) -> None:
        if n > self._left:
            raise self._cut()
        self._left -= n
        self._at += n

    def _cut(self) -> ModelError:
        if self._size > MAX_HEADER:
            return self._damaged(f"has a header of more than {byte_count(MAX_HEADER)}")
        return ModelError(
            f"{shown(self._path)} is cut off within its header, after {self._size:,} bytes",
            "download or copy it again",
        )

    def _damaged(self, what: str) -> ModelError:
        return ModelError(f"{shown(self._path)} is damaged: it {what}", "download or copy it again")


def _check_extent(path: Path, header: Header, size_bytes: int) -> None:
    ends = (header.data_start + t.offset + (t.size_bytes or 1) for t in header.tensors)
    missing = max(ends, default=0) - size_bytes
    if missing > 0:
        share = f"{missing:,} bytes ({byte_count(missing)}) of its weights are missing"
        raise ModelError(f"{shown(path)} is cut off: {share}", "download or copy it again")


def shown(path: Path) -> str:
    """The path for a sentence: one line, not too long."""
    return plain(str(path), 200)
