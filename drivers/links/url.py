"""The URL of a server, as people type it. Pure."""

from urllib.parse import SplitResult, urlsplit

from drivers.errors import NotSupported
from drivers.foreign import printable


def taken_apart(url: str) -> SplitResult:
    """``HOST:PORT`` or ``http://HOST:PORT/PATH``, the former as the latter. Raises NotSupported for another scheme, and for
    a port that is none."""
    try:
        parts = urlsplit(url.strip() if "://" in url else f"http://{url.strip()}")
    except ValueError:
        raise no_address(url) from None
    if parts.scheme not in {"http", "https"}:
        raise no_address(url)
    if not _has_sound_port(parts):
        said = f"the port of {printable(url, 100)} is not one"
        raise NotSupported(said, remedy="give a number from 1 to 65535")
    return parts


def no_address(url: str) -> NotSupported:
    """What to raise for it."""
    return NotSupported(f"{printable(url, 100)} is not an address", remedy="give it as http://HOST:PORT")


def _has_sound_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False
