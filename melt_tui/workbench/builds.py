"""A build of an engine on this computer: an archive, a directory or one program, as the files that go to a device."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.errors import NotSupported
from drivers.foreign import printable
from drivers.runs.elf import HEADER_BYTES, read_elf, runs_on
from melt_tui.errors import SetupError
from melt_tui.workbench.unpacking import unpack

PROGRAMS = {
    "llama_server": ("llama-server",),
    "llama_cli": ("llama-completion", "llama-cli", "main"),
    "llama_bench": ("llama-bench",),
}
"""Runtime → its program's names, best first. One release holds all of them, so that all are put there."""
FILES_LIMIT = 2_000

_ALL = frozenset(name for names in PROGRAMS.values() for name in names)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file as it is to lie on the device."""

    name: str
    path: Path
    link: str = ""
    """Name of the piece that it is a link to; empty for a file of its own."""
    runnable: bool = False


@contextmanager
def opened(path: Path, programs: Sequence[str]) -> Iterator[tuple[Piece, ...]]:
    """The build's pieces, for as long as the block: an archive is unpacked for that long. Raises SetupError."""
    with tempfile.TemporaryDirectory(prefix="melt-setup-") as around:
        if path.is_file() and read_elf(_head(path)) is None and not _head(path).startswith(b"#!"):
            unpack(path, Path(around) / "unpacked")
            path = Path(around) / "unpacked"
        yield _alone(path, programs[0]) if path.is_file() else _pieces(_home(path, programs))


def check(pieces: Sequence[Piece], machine: str, device: str) -> None:
    """Raises NotSupported for programs and libraries of another processor than the device's."""
    for piece in pieces:
        elf = read_elf(_head(piece.path))
        if elf is not None and not runs_on(elf, machine):
            raise NotSupported(
                f"{piece.name} was built for {elf.machine} ({elf.bits} bit), and {device} is {machine}",
                remedy="name a build for it with --from",
            )


def program_of(pieces: Sequence[Piece], names: Sequence[str]) -> str:
    """The best of the programs that are there."""
    there = {piece.name for piece in pieces}
    return next(name for name in names if name in there)


def _alone(path: Path, program: str) -> tuple[Piece, ...]:
    return (Piece(path.name if path.name in _ALL else program, path, runnable=True),)


def _home(folder: Path, programs: Sequence[str]) -> Path:
    """The folder that the program lies in, the least deep of several."""
    found = [file for name in programs for file in folder.rglob(name) if file.is_file()]
    if not found:
        raise SetupError(
            f"there is no {programs[0]} in what was named", "name a build that has one, or --runtime"
        )
    return min(found, key=lambda file: (len(file.parts), str(file))).parent


def _pieces(folder: Path) -> tuple[Piece, ...]:
    """Our programs and whatever is no program: libraries, loadable backends, licences."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and _wanted(file)]
    if len(files) > FILES_LIMIT:
        said = f"{printable(folder.name, 80)} holds more than {FILES_LIMIT} files"
        raise SetupError(said, "name the folder of a build")
    names = {file.name for file in files}
    return tuple(_piece(file, names) for file in files)


def _piece(file: Path, names: set[str]) -> Piece:
    target = str(file.readlink()) if file.is_symlink() else ""
    link = target if target in names and target != file.name else ""
    return Piece(file.name, file, link, runnable=file.name in _ALL)


def _wanted(file: Path) -> bool:
    return file.name in _ALL or ".so" in file.name or read_elf(_head(file)) is None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)
