"""The way to a server on a device: directly, or through a forwarded port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.links.base import ShellLink
from drivers.links.url import taken_apart

_LOOPBACK = {"127.0.0.1", "localhost", "::1", ""}


@asynccontextmanager
async def reached(url: str, shell: ShellLink, *, remote: bool) -> AsyncIterator[str]:
    """Yields the URL to connect to. On a remote device an address of its loopback is reached through its link.

    Raises NotSupported for what is no address, LinkError.
    """
    parts = taken_apart(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if not remote or host not in _LOOPBACK:
        yield parts.geturl()
        return
    async with shell.forward(port) as (here, forwarded):
        yield f"{parts.scheme}://{here}:{forwarded}{parts.path}"
