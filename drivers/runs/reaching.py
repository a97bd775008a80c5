"""The way to a server on a device: directly, or through a forwarded port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.links.base import ShellLink
from drivers.links.url import taken_apart
from drivers.model import RunSpec

_LOOPBACK = {"127.0.0.1", "localhost", "::1", ""}


@asynccontextmanager
async def reached(url: str, shell: ShellLink, *, remote: bool) -> AsyncIterator[str]:
    """Yields the URL to connect to. On a remote device an address of its loopback is reached through its link.

    Raises NotSupported for what is no address, LinkError.
    """
    parts = taken_apart(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not remote or not _on_loopback(url):
        yield parts.geturl()
        return
    async with shell.forward(port) as (here, forwarded):
        yield f"{parts.scheme}://{here}:{forwarded}{parts.path}"


def there(spec: RunSpec, fallback: str = "") -> str:
    """What a sentence calls the server at the run's address, or at that one, where it is reached through a forwarded port;
    empty where the address says it all."""
    url = spec.url or fallback
    return f"{url} on {spec.device}" if spec.home and _on_loopback(url) else ""


def engine_on(spec: RunSpec) -> str:
    """What a sentence calls an engine of ours on another device; empty on this computer."""
    return f"the engine on {spec.device}" if spec.home else ""


def _on_loopback(url: str) -> bool:
    return (taken_apart(url).hostname or "") in _LOOPBACK
