"""One SSH connection to one board: its commands as pipes, its ports, and an end that both sides notice."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncssh

from drivers.clock import Clock, pause
from drivers.errors import AskUser, DriverError, LinkError, LinkLost, Refused
from drivers.inbox import Ended, Inbox
from drivers.links.base import Pipe
from drivers.links.hostkeys import PLAIN_ALGORITHMS, HostKey, KnownHosts, host_key
from drivers.links.sshfaults import connecting, login_refused, talking
from drivers.links.sshpipe import SshPipe
from drivers.links.sshroute import Hop, SshSettings, parse, route

KEEPALIVE_S = 1.1
KEEPALIVES_MISSED = 3
"""A peer from which nothing has come for ``KEEPALIVE_S`` is asked whether it is there; one period after it has left so
many questions unanswered the link is lost: 4.4 s."""

HEARTBEAT_S = 5.0
HEARTBEATS_MISSED = 3
"""The same, seen from the board: when nothing was heard from here for so many periods, the connection ends there, and
with it all that hangs on it. A server left to itself keeps a connection that nobody is behind for hours."""

CLOSE_LIMIT_S = 1.0
"""How long a connection may take to close in good order."""

CIPHERS = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr")
"""Fastest first, where the configuration does not name any."""

_WATCHMAN = """
case $(cat "/proc/$PPID/comm") in sshd*|dropbear*) ;; *) exit;; esac
command -v timeout || exit
while heard=$(timeout "$1" head -c 1); silent=$?; [ "$heard" = . ]; do :; done
[ "$silent" = 0 ] || kill -9 "$PPID"
"""
"""Waits for heartbeats; at the end of its input it ends, in silence it kills the server's process that is its parent,
and with it this connection and no other."""


class SshConnection:
    """An open connection. What runs over it ends with it."""

    def __init__(
        self,
        hop: Hop,
        connection: asyncssh.SSHClientConnection,
        clock: Clock,
        tasks: Inbox,
        heartbeat_s: float,
    ) -> None:
        self.hop = hop
        self._connection = connection
        self._clock = clock
        self._tasks = tasks
        self._heartbeat_s = heartbeat_s
        self._left = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, address: str, settings: SshSettings, clock: Clock, *, heartbeat_s: float = HEARTBEAT_S
    ) -> AsyncIterator["SshConnection"]:
        """Connect, over jump hosts where the configuration says so, and log in.

        Raises HostKeyUnknown, HostKeyChanged, NeedsPassword, Refused, NotSupported, LinkLost, LinkTimeout.
        """
        async with _connected(address, settings) as (hop, connection), Inbox() as tasks:
            opened = cls(hop, connection, clock, tasks, heartbeat_s)
            tasks.listen("ssh heartbeat", opened._beat())
            try:
                yield opened
            finally:
                opened._left = True

    @property
    def title(self) -> str:
        """Names the board in sentences: ``user@host``."""
        return self.hop.title

    @asynccontextmanager
    async def open_pipe(self, command_line: str) -> AsyncIterator[Pipe]:
        """Run a command line by the user's login shell on the board. Leaving closes the channel at once.

        What runs goes on if it does not heed the end of its input. Raises LinkLost, also where the connection is left
        meanwhile, and Refused.
        """
        if self._left:
            raise self._lost()
        pipe = SshPipe(self._clock, self.title)
        opening = self._tasks.listen("ssh channel", self._open(pipe, command_line))
        try:
            await self._opened(opening)
            yield pipe
        finally:
            self._tasks.drop(Ended)
            pipe.end()

    @asynccontextmanager
    async def forward(self, port: int) -> AsyncIterator[tuple[str, int]]:
        """Reach the board's loopback ``port`` from here. Raises Refused where its server does not allow that."""
        with talking(self.title):
            await self._may_forward(port)
            listener = await self._connection.forward_local_port("127.0.0.1", 0, "127.0.0.1", port)
        try:
            yield ("127.0.0.1", listener.get_port())
        finally:
            listener.close()

    async def _opened(self, opening: asyncio.Task[None]) -> None:
        """Who waits may be cancelled, and the opening goes on. An opening that is cancelled is so by its connection, which
        is being left: who waits is not cancelled by that, and hears that the link is lost."""
        await asyncio.wait([opening])
        if opening.cancelled():
            raise self._lost()
        opening.result()

    async def _open(self, pipe: SshPipe, command_line: str) -> None:
        with talking(self.title):
            await self._connection.create_session(
                lambda: pipe, command_line, encoding=None, request_pty=False
            )

    def _lost(self) -> LinkLost:
        return LinkLost(f"the connection to {self.title} is gone")

    async def _may_forward(self, port: int) -> None:
        try:
            _, writer = await self._connection.open_connection("127.0.0.1", port)
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                raise Refused(
                    f"{self.title} forwards no ports", remedy="set AllowTcpForwarding yes in its sshd_config"
                ) from error
        else:
            writer.close()

    async def _beat(self) -> None:
        limit_s = self._heartbeat_s * HEARTBEATS_MISSED
        line = "exec " + shlex.join(["sh", "-c", _WATCHMAN, "melt", f"{limit_s:g}"])
        with suppress(LinkError, AskUser):
            async with self.open_pipe(line) as pipe:
                while True:
                    await pipe.write(b".")
                    await pause(self._clock, self._heartbeat_s)


async def host_key_of(address: str, settings: SshSettings) -> HostKey:
    """The key that the server at an address shows, to be compared by a person; nothing is stored, nobody logs in.

    Hosts on the way must be known. Raises as ``SshConnection.open``.
    """
    hops = await asyncio.to_thread(route, parse(address))
    hop = hops[-1]
    async with _reached(hops[:-1], settings) as tunnel:
        with connecting(hop, settings.connect_s):
            async with asyncio.timeout(settings.connect_s):
                shown = await asyncssh.get_server_host_key(
                    hop.target.host,
                    hop.target.port or (),
                    tunnel=tunnel,
                    server_host_key_algs=list(PLAIN_ALGORITHMS),
                )
    if shown is None:
        raise Refused(f"{hop.title} shows no host key")
    return host_key(hop.name, shown)


class _Client(asyncssh.SSHClient):
    """Judges the key that a server shows."""

    def __init__(self, hop: Hop, known: KnownHosts) -> None:
        self.against: DriverError | None = None
        """What speaks against the key that was shown."""
        self.asks_password = False
        """The server would take a password, and got none, or not the right one."""
        self._hop = hop
        self._known = known

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """asyncssh: this is its key. We know by which name we have asked for it."""
        self.against = self._known.verdict(self._hop.name, key)
        return self.against is None

    def password_auth_requested(self) -> None:
        """asyncssh: it would take a password, also after the one that was given."""
        self.asks_password = True

    def kbdint_auth_requested(self) -> asyncssh.misc.MaybeAwait[str | None]:
        """asyncssh: the same, asked as a question."""
        self.asks_password = True
        return super().kbdint_auth_requested()

    def trusted(self, host: str, addr: str, port: int | None) -> tuple[Sequence[asyncssh.SSHKey], ...]:
        """asyncssh: keys that need no judge (none), keys that vouch for hosts, keys that are revoked."""
        return [], self._known.authorities(self._hop.name), self._known.revoked(self._hop.name)


@asynccontextmanager
async def _connected(
    address: str, settings: SshSettings
) -> AsyncIterator[tuple[Hop, asyncssh.SSHClientConnection]]:
    hops = await asyncio.to_thread(route, parse(address))
    async with _reached(hops[:-1], settings) as tunnel, AsyncExitStack() as stack:
        connection = await _logged_in(hops[-1], settings, tunnel)
        stack.push_async_callback(_closed, connection)
        yield hops[-1], connection


@asynccontextmanager
async def _reached(
    hops: Sequence[Hop], settings: SshSettings
) -> AsyncIterator[asyncssh.SSHClientConnection | None]:
    """The connection to the last of these jump hosts, each through the one before."""
    connection: asyncssh.SSHClientConnection | None = None
    async with AsyncExitStack() as stack:
        for hop in hops:
            connection = await _logged_in(hop, settings, connection)
            stack.push_async_callback(_closed, connection)
        yield connection


async def _logged_in(
    hop: Hop, settings: SshSettings, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    known = await asyncio.to_thread(KnownHosts, [settings.known_hosts, *hop.known_hosts])
    client = _Client(hop, known)
    password = settings.passwords.get(hop.title)
    try:
        with connecting(hop, settings.connect_s):
            async with asyncio.timeout(settings.connect_s):
                return await asyncssh.connect(
                    hop.target.host,
                    hop.target.port or (),
                    username=hop.target.user or (),
                    password=password,
                    tunnel=tunnel,
                    client_factory=lambda: client,
                    known_hosts=client.trusted,
                    server_host_key_algs=() if known.authorities(hop.name) else known.algorithms(hop.name),
                    encryption_algs=() if hop.ciphers_named else CIPHERS,
                    keepalive_interval=KEEPALIVE_S,
                    keepalive_count_max=KEEPALIVES_MISSED,
                    command=None,
                    agent_forwarding=False,
                    x11_forwarding=False,
                )
    except DriverError as error:
        if client.against is not None:
            raise client.against from error
        if isinstance(error.__cause__, asyncssh.PermissionDenied):
            raise await asyncio.to_thread(
                login_refused, hop, given=password is not None, asks=client.asks_password
            ) from error
        raise


async def _closed(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    try:
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await connection.wait_closed()
    except TimeoutError:
        connection.abort()
