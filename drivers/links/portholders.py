"""Which other programs hold a device file open, as far as this user may see (Linux's /proc, proc(5))."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the file open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def holders(port: str, proc: Path = PROC) -> list[Holder]:
    """Who has ``port`` open, this program too. Empty where none can be seen; reads links, opens nothing."""
    real = Path(port).resolve()
    return [Holder(pid, _name(proc, pid)) for pid in _pids(proc) if _holds(proc, pid, real)]


def running(name: str, proc: Path = PROC) -> bool:
    """Whether a program of this name runs."""
    return any(_name(proc, pid) == name for pid in _pids(proc))


def _pids(proc: Path) -> Iterator[int]:
    with suppress(OSError):
        for entry in proc.iterdir():
            if entry.name.isascii() and entry.name.isdigit():
                yield int(entry.name)


def _holds(proc: Path, pid: int, real: Path) -> bool:
    folder = proc / str(pid) / "fd"
    with suppress(OSError):
        return any(_target(entry) == real for entry in folder.iterdir())
    return False


def _target(link: Path) -> Path | None:
    with suppress(OSError):
        return link.readlink()
    return None


def _name(proc: Path, pid: int) -> str:
    with suppress(OSError):
        text = (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
        return "".join(char if char.isprintable() else "?" for char in text[:_SHOWN])
    return ""
