"""The way to a server on a device: directly, or through a forwarded port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from drivers.errors import Refused
from drivers.foreign import printable
from drivers.links.base import ShellLink

_LOOPBACK = {"127.0.0.1", "localhost", "::1", ""}


@asynccontextmanager
async def reached(url: str, shell: ShellLink, *, remote: bool) -> AsyncIterator[str]:
    """Yields the URL to connect to. On a remote device an address of its loopback is reached through its link.

    Raises Refused for what is no address, LinkError.
    """
    full = url.strip() if "://" in url else f"http://{url.strip()}"
    try:
        parts = urlsplit(full)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Refused(
            f"{printable(url, 100)} is not an address", remedy="give it as http://HOST:PORT"
        ) from None
    if not remote or host not in _LOOPBACK:
        yield full
        return
    async with shell.forward(port) as (here, forwarded):
        yield f"{parts.scheme}://{here}:{forwarded}{parts.path}"
