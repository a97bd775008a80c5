"""An archive from outside, unpacked: nothing leads out of the folder, nothing is larger than it says it may be."""

import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import IO

from drivers.foreign import printable
from melt_tui import format as fmt
from melt_tui.errors import SetupError

SIZE_LIMIT = 8 << 30
"""Bytes of all files together."""
ENTRIES_LIMIT = 20_000
NAME_LIMIT = 1024

_PIECE = 1 << 20


class _Kind(Enum):
    FILE = auto()
    FOLDER = auto()
    LINK = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: _Kind
    mode: int
    link: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def unpack(archive: Path, folder: Path, *, size_limit: int = SIZE_LIMIT) -> None:
    """Unpack a ``.zip`` or ``.tar``, ``.tar.gz``, ``.tar.xz``, ``.tar.bz2`` into a new folder. Raises SetupError."""
    try:
        with _opened(archive) as entries:
            _Unpacking(archive, folder, size_limit).all(entries)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise SetupError(
            f"{archive.name} is no whole archive: {printable(str(error), 120)}", "fetch it again"
        ) from error
    except OSError as error:
        raise SetupError(
            f"{archive.name} cannot be unpacked ({error.strerror or error})", "free some space"
        ) from error


@contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Entry]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield _of_zip(packed)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield _of_tar(tar)
    else:
        raise SetupError(
            f"{archive.name} is neither a .zip nor a .tar archive", "name a release archive of llama.cpp"
        )


def _of_zip(packed: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in packed.infolist():
        mode = info.external_attr >> 16
        kind = _Kind.LINK if stat.S_ISLNK(mode) else _Kind.FILE
        kind = _Kind.FOLDER if info.is_dir() else kind
        link = _link_of(packed, info) if kind is _Kind.LINK else ""

        def opened(info: zipfile.ZipInfo = info) -> AbstractContextManager[IO[bytes]]:
            return packed.open(info)

        yield _Entry(info.filename, kind, mode, link, opened)


def _link_of(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    with packed.open(info) as file:
        return file.read(NAME_LIMIT + 1).decode(errors="replace")


def _of_tar(tar: tarfile.TarFile) -> Iterator[_Entry]:
    kinds = {tarfile.REGTYPE: _Kind.FILE, tarfile.AREGTYPE: _Kind.FILE, tarfile.DIRTYPE: _Kind.FOLDER}
    for member in tar:
        kind = _Kind.LINK if member.issym() else kinds.get(member.type, _Kind.OTHER)

        def opened(member: tarfile.TarInfo = member) -> AbstractContextManager[IO[bytes]]:
            file = tar.extractfile(member)
            if file is None:
                raise tarfile.ReadError(f"{member.name} has no content")
            return file

        yield _Entry(member.name, kind, member.mode, member.linkname, opened)


class _Unpacking:
    """Counts what is written, and puts links last: no file is ever written through one."""

    def __init__(self, archive: Path, folder: Path, size_limit: int) -> None:
        self._archive = archive
        self._folder = folder
        self._left = size_limit
        self._limit = size_limit

    def all(self, entries: Iterator[_Entry]) -> None:
        links: list[tuple[Path, str]] = []
        self._folder.mkdir(parents=True)
        for number, entry in enumerate(entries):
            if number >= ENTRIES_LIMIT:
                raise self._refused(f"has more than {ENTRIES_LIMIT} entries")
            place = self._place(entry.name)
            if entry.kind is _Kind.FOLDER:
                place.mkdir(parents=True, exist_ok=True)
            elif entry.kind is _Kind.LINK:
                links.append((place, self._link(entry)))
            elif entry.kind is _Kind.FILE:
                self._file(entry, place)
            else:
                raise self._refused(f"has {printable(entry.name, 80)!r}, which is no file, folder or link")
        for place, target in links:
            self._make_link(place, target)

    def _make_link(self, place: Path, target: str) -> None:
        """Looked at with the links that are there already: several may lead out together."""
        home = self._folder.resolve()
        if place.parent.resolve().is_relative_to(home):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(target)
            if place.resolve().is_relative_to(home):
                return
            place.unlink()
        raise self._refused(f"has the link {printable(place.name, 80)!r}, which leads out of it")

    def _file(self, entry: _Entry, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with entry.open() as source, place.open("wb") as target:
            while piece := source.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise self._refused(f"holds more than {fmt.byte_count(self._limit)}")
                target.write(piece)
        place.chmod(0o755 if entry.mode & 0o111 else 0o644)

    def _place(self, name: str) -> Path:
        parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
        if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or len(name) > NAME_LIMIT:
            raise self._refused(f"has {printable(name, 80)!r}, which leads out of it")
        return self._folder.joinpath(*parts)

    def _link(self, entry: _Entry) -> str:
        """Where it points, within the archive."""
        reached = posixpath.normpath(posixpath.join(posixpath.dirname(entry.name), entry.link))
        if posixpath.isabs(entry.link) or reached.startswith("..") or not 0 < len(entry.link) <= NAME_LIMIT:
            raise self._refused(f"has the link {printable(entry.name, 80)!r}, which leads out of it")
        return entry.link

    def _refused(self, what: str) -> SetupError:
        shutil.rmtree(self._folder, ignore_errors=True)
        return SetupError(f"{self._archive.name} {what}", "it is not used: name another archive")
