"""Files of others: read within bounds, as text that is whole, each with its hash. Raises BadImport alone."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from drivers.foreign import printable
from melt_tui.errors import BadImport

TEXT_LIMIT = 64 << 20
"""Bytes of a file that is read as a whole."""
LINE_LIMIT = 16 << 20
"""Bytes of a line of a file that is read line by line."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def shown(path: Path) -> str:
    """A path for a sentence."""
    return printable(str(path), 200)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file. Raises BadImport where it cannot be read."""
    try:
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise BadImport(f"there is no file {shown(path)}", "check its name") from None
    except OSError as error:
        raise BadImport(
            f"{shown(path)} cannot be read ({error.strerror or error})", "check its rights"
        ) from None


def digest(path: Path) -> str:
    """The sha256 of a file of any size."""
    total = hashlib.sha256()
    with opened(path) as stream:
        while data := stream.read(1 << 20):
            total.update(data)
    return total.hexdigest()


def source(path: Path, root: Path | None = None) -> tuple[str, str]:
    """A file as ``Imported`` names it: below ``root`` where one is given; and its hash."""
    inside = root is not None and path.is_relative_to(root)
    name = str(path.relative_to(root)) if root is not None and inside else path.name
    return printable(name, 400), digest(path)


def text_of(path: Path) -> str:
    """All of a text file: UTF-8, or UTF-16 with its mark. Line ends as they are."""
    with opened(path) as stream:
        data = stream.read(TEXT_LIMIT + 1)
    if len(data) > TEXT_LIMIT:
        raise BadImport(
            f"{shown(path)} is larger than {TEXT_LIMIT >> 20} MB",
            "nothing of this kind is: is it another file?",
        )
    if not data.strip():
        raise BadImport(f"{shown(path)} is empty", "was it cut off while it was copied?")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadImport(
            f"{shown(path)} is no UTF-8 text (byte {error.start + 1})",
            "save it as UTF-8, or give the original file",
        ) from None


def lines_of(path: Path) -> Iterator[str]:
    """Line by line, without their ends, whatever the size; bytes that are no UTF-8 are escaped."""
    with opened(path) as stream:
        while line := stream.readline(LINE_LIMIT + 1):
            if len(line) > LINE_LIMIT:
                raise BadImport(
                    f"{shown(path)} has a line of more than {LINE_LIMIT >> 20} MB",
                    "it is no text of lines: is it another file?",
                )
            yield line.decode("utf-8", "backslashreplace").rstrip("\r\n")


def head_of(path: Path, size: int = 4096) -> bytes:
    """Its first bytes."""
    with opened(path) as stream:
        return stream.read(size)
