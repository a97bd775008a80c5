"""Which serial ports this computer has, as pyserial lists them, each by the name that it keeps when plugged in again."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from drivers.links.portholders import holders

BY_ID = Path("/dev/serial/by-id")
PORTS_LIMIT = 64

_TEXT_LIMIT = 60


@dataclass(frozen=True, slots=True)
class PortSeen:
    """A port that is there. What USB does not tell is None or empty."""

    path: str
    vid: int | None = None
    pid: int | None = None
    product: str = ""
    allowed: bool = True
    """Whether this user may read and write it."""
    holder: str = ""
    """Another program that has it open, as far as this user may see."""


Lister = Callable[[], Sequence[PortSeen]]


def ports_seen(
    comports: Callable[[], Iterable[Any]] = list_ports.comports, by_id: Path = BY_ID
) -> list[PortSeen]:
    """The ports that are plugged in or paired; built-in ones, which most computers only have on paper, are left out."""
    names = _lasting_names(by_id)
    listed = [port for port in comports() if port.vid is not None or "rfcomm" in port.device]
    return [_seen(port, names) for port in sorted(listed, key=lambda port: str(port.device))[:PORTS_LIMIT]]


def port_at(path: str) -> PortSeen | None:
    """The port of that path, also one that is not listed: of a program, or built in. None where there is none."""
    return _with_rights(PortSeen(path)) if Path(path).exists() else None


def _seen(port: Any, names: dict[Path, str]) -> PortSeen:
    path = str(port.device)
    lasting = names.get(Path(path).resolve(), path)
    return _with_rights(PortSeen(lasting, port.vid, port.pid, _plain(port.product or "")))


def _with_rights(port: PortSeen) -> PortSeen:
    return replace(
        port,
        allowed=os.access(port.path, os.R_OK | os.W_OK),
        holder=next((str(one) for one in holders(port.path) if one.pid != os.getpid()), ""),
    )


def _lasting_names(by_id: Path) -> dict[Path, str]:
    with suppress(OSError):
        links = sorted(by_id.iterdir())
        return {link.resolve(): str(link) for link in links if _safe(str(link))}
    return {}


def _safe(name: str) -> bool:
    """Whether it can stand in an address as it is."""
    return name.isascii() and name.isprintable() and len(name) < 200 and not set(name) & set("?&%#+ ")


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:_TEXT_LIMIT])
