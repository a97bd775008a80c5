"""A board over SSH: any Linux machine that a person can log in to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from drivers.clock import Clock
from drivers.links.base import Progress
from drivers.links.remote import RemoteShell
from drivers.links.sshconnection import SshConnection
from drivers.links.sshpush import push
from drivers.links.sshroute import SshSettings

DIRECTORY = ".cache/melt"
"""Below the user's home on the board: what leases keep."""


class SshShell(RemoteShell):
    """A ``ShellLink`` over one connection."""

    def __init__(self, address: str, settings: SshSettings, clock: Clock, connection: SshConnection) -> None:
        super().__init__(
            clock, connection.open_pipe, title=connection.title, directory=DIRECTORY, real_time=False
        )
        self._address = address
        self._settings = settings
        self._connection = connection
        self.title = connection.title
        """Names the board in sentences."""

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """Copy a file to the board, over a connection of its own on a thread of its own: see ``sshpush``."""
        await push(self._address, self._settings, source, target, progress)

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Reach the board's loopback ``port`` from here: yields the ``(host, port)`` to connect to."""
        return self._connection.forward(port)


@asynccontextmanager
async def ssh_shell(address: str, settings: SshSettings, clock: Clock) -> AsyncIterator[SshShell]:
    """Connect to ``ssh://[user@]host[:port]``, where host may be an alias of ``~/.ssh/config``.

    Raises HostKeyUnknown, HostKeyChanged, NeedsPassword, Refused, NotSupported, LinkLost, LinkTimeout.
    """
    async with SshConnection.open(address, settings, clock) as connection:
        yield SshShell(address, settings, clock, connection)
