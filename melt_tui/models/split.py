"""A model in several files, of which an engine that is given the first finds the others by their names."""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from melt_tui.errors import ModelError
from melt_tui.models.header import Header, Scalar, Tensor, read_header, shown

PARTS_AT_MOST: Final = 1_000
"""Of real ones there are some dozens."""
_NAME = re.compile(r"(.{1,200}-)([0-9]{5})(-of-([0-9]{5})\.gguf)", re.DOTALL)


def names_of(first: str) -> list[str]:
    """The names of all files of the model of which this is the name of the first; none of any other name.

    As llama.cpp has it, src/llama.cpp: ``llama_split_path``.
    """
    match = _NAME.fullmatch(first)
    if match is None or match[2] != "00001" or not 1 < int(match[4]) <= PARTS_AT_MOST:
        return []
    return [f"{match[1]}{number:05d}{match[3]}" for number in range(1, int(match[4]) + 1)]


def files_of(path: Path, header: Header) -> list[Path]:
    """All files of the model that begins with this one, in order. Raises ModelError."""
    count = number_in(header, "split.count")
    if count < 2:
        return [path]
    found = [path.with_name(name) for name in names_of(path.name)]
    if len(found) != count:
        raise ModelError(
            f"{shown(path)} is the first of {count} files, and is not named so that an engine finds the others",
            f"name them as they were: NAME-00001-of-{count:05d}.gguf and so on",
        )
    missing = [one for one in found if not one.exists()]
    if missing:
        raise ModelError(
            f"{shown(missing[0])} is missing, one of the {count} files of a model",
            "put all of them into one folder",
        )
    return found


def tensors_of(first: Header, files: Sequence[Path]) -> tuple[Tensor, ...]:
    """Of all files. Raises ModelError where one is of another model, cut off or damaged."""
    found = (first, *(_other(path, i, len(files)) for i, path in enumerate(files[1:], 1)))
    tensors = tuple(chain.from_iterable(header.tensors for header in found))
    told = number_in(first, "split.tensors.count")
    if told not in {-1, len(tensors)}:
        raise ModelError(
            f"{shown(files[0])} and the files after it hold {len(tensors)} tensors, and should {told}",
            "download or copy them again, all of one model",
        )
    return tensors


def number_in(header: Header, key: str) -> int:
    """A whole number among its values, or −1 where there is none."""
    value: Scalar | None = header.metadata.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def size_of(files: Iterable[Path]) -> int:
    """Bytes of all of them."""
    return sum(path.stat().st_size for path in files)


def _other(path: Path, place: int, count: int) -> Header:
    header = read_header(path)
    if (number_in(header, "split.no"), number_in(header, "split.count")) != (place, count):
        raise ModelError(
            f"{shown(path)} is not part {place + 1} of {count} of a model",
            "download or copy it again, under its own name",
        )
    return header
