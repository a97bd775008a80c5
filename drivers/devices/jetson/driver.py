"""A board over SSH: one connection, tegrastats on one channel, the rails on another, a shell for each group of files."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from drivers.address import Address, parse
from drivers.base import Device, Item
from drivers.caps import Remembered
from drivers.clock import Clock
from drivers.devices.jetson import finding, sampling, streaming
from drivers.devices.jetson.channels import RAIL_HZ
from drivers.devices.jetson.finding import Finding
from drivers.devices.jetson.readers import Missing
from drivers.devices.jetson.telling import SOURCE
from drivers.errors import LinkTimeout, NotSupported, Refused
from drivers.events import Absent, ChannelsOpened, Event, LogLine
from drivers.inbox import Ended, Inbox
from drivers.links.base import ShellLink
from drivers.links.remote import cleared
from drivers.links.ssh import ssh_shell
from drivers.links.sshroute import SshSettings
from drivers.model import Channel, DeviceInfo, Found, Samples

OPTIONS = ("name", "root", "rails")

OpenLink = Callable[[Address, Clock], AbstractAsyncContextManager[ShellLink]]
"""Opens the way to a board. Raises LinkError, AskUser."""


def over_ssh(settings: SshSettings) -> OpenLink:
    """The way that ``ssh://user@host:port`` names."""

    def open_link(address: Address, clock: Clock) -> AbstractAsyncContextManager[ShellLink]:
        return ssh_shell(address.base, settings, clock)

    return open_link


class JetsonDriver:
    """Driver of ``ssh://user@host:port``. ``open_link`` is how a board is reached: ``over_ssh(settings)``."""

    def __init__(self, open_link: OpenLink, *, root: str = "") -> None:
        self._open_link = open_link
        self._root = root
        self._caps = Remembered()

    async def scan(self) -> Sequence[Found]:
        """Nothing: a board is known when somebody names it."""
        return ()

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Log in and look the board over.

        Options: ``rails`` is how often a second its rails are read (100), ``root`` where its files are.

        Raises AskUser, LinkError, Garbled.
        """
        taken = parse(address).only(OPTIONS)
        root = _root(taken, self._root)
        rails_hz = taken.whole("rails", RAIL_HZ, 1, RAIL_HZ)
        with self._caps.kept(taken.base) as highest:
            async with self._open_link(taken, clock) as shell:
                found = await finding.survey(shell, root)
                mode = await finding.power_mode(shell, found)
                look = finding.look(name, taken.base, found, mode, rails_hz, highest)
                yield JetsonDevice(look, shell, clock, root, await cleared(shell))


def _root(address: Address, fallback: str) -> str:
    root = address.options.get("root", fallback).rstrip("/")
    if root and not root.startswith("/"):
        raise NotSupported(f"root={root[:40]!r} is no place", remedy="write it from / on")
    return root


class JetsonDevice:
    """An open board."""

    def __init__(
        self, found: Finding, shell: ShellLink, clock: Clock, root: str, said: Sequence[str] = ()
    ) -> None:
        """``said``: what was done on the way to it, for the log."""
        self._found = found
        self._said = said
        self._shell = shell
        self._clock = clock
        self._root = root
        self._announced = False

    @property
    def info(self) -> DeviceInfo:
        """Who it is."""
        return self._found.info

    @property
    def channels(self) -> Sequence[Channel]:
        """What the kernel's files give; tegrastats' and a watched process's are announced in the stream."""
        return self._found.channels

    @property
    def shell(self) -> ShellLink | None:
        """Over the same connection."""
        return self._shell

    async def restated(self) -> tuple[tuple[str, str], ...]:
        """Its facts as they are now: somebody may have set another power mode or governor since."""
        found = await finding.survey(self._shell, self._root)
        return finding.facts(found, await finding.power_mode(self._shell, found))

    def watch(self, pid: int) -> None:
        """From now on follow the memory and CPU use of this process and its children."""
        self._found.processes.watch(pid)

    def unwatch(self, pid: int) -> None:
        """Follow it no longer."""
        self._found.processes.unwatch(pid)

    async def stream(self) -> AsyncGenerator[Item, None]:
        """What is missing, once; then what each source tells, in order of arrival. A source that hangs is told as absent.

        Raises LinkLost, Garbled, AskUser; LinkTimeout when nothing on the board answers any more.
        """
        for missing in self._found.missing:
            yield self._absent(missing)
        for text in self._said:
            yield LogLine(t_ns=self._clock.now(), device=self.info.device, source="ssh", text=text)
        async with Inbox() as inbox:
            sources = _Sources(inbox, self._found, self._shell, self._clock, self._root)
            while True:
                for item in self._told(await inbox.take(), sources):
                    yield item

    def _told(self, item: object, sources: "_Sources") -> Sequence[Item]:
        """What to hand on of something that a source put into the inbox. Raises what ended a source."""
        if isinstance(item, Ended):
            missing = sources.ended(item)
            return [self._absent(missing)] if missing else []
        return self._announce(item) if isinstance(item, Samples | Event) else []

    def _announce(self, item: Item) -> list[Item]:
        """Before the first sample of a watched process its channels."""
        if self._announced or not isinstance(item, Samples) or item.channel != "rss":
            return [item]
        self._announced = True
        channels = self._found.processes.channels
        return [ChannelsOpened(t_ns=item.t1_ns, device=item.device, channels=channels), item]

    def _absent(self, missing: Missing) -> Absent:
        return Absent(
            t_ns=self._clock.now(),
            device=self.info.device,
            what=missing.what,
            reason=missing.reason,
            remedy=missing.remedy,
        )


_TOGETHER = "all groups"


class _Sources:
    """What runs for an open board: tegrastats, the rails' poller, the shells that ask for groups of files."""

    def __init__(self, inbox: Inbox, found: Finding, shell: ShellLink, clock: Clock, root: str) -> None:
        self._inbox = inbox
        self._left: set[str] = set()
        self._groups = [group for group in found.groups if not group.idle]
        self._board = sampling.Board(shell, clock, root, inbox.put)
        self._listen(_TOGETHER, sampling.together(self._board, self._groups, self._apart))
        if found.rails:
            poller = streaming.RailPoller(shell, clock, found.info.device, found.rails, inbox.put)
            self._listen("power rails", poller.run(found.python, root))
        else:
            self._inbox.listen("clock", streaming.follow_clock(shell, clock, found.info.device, inbox.put))
        if found.tegrastats:
            work = streaming.follow_tegrastats(
                shell, clock, found.tegrastats, found.info.device, found.telling, inbox.put
            )
            self._listen(SOURCE, work)

    def ended(self, ended: Ended) -> Missing | None:
        """What is to be said of a source that ended. Raises what ended it, when that is more than its own matter."""
        self._left.discard(ended.listener)
        error = ended.error
        if error is None:
            return None
        hung = isinstance(error, LinkTimeout) and ended.listener != _TOGETHER
        alone = hung or (isinstance(error, Refused) and ended.listener == SOURCE)
        if not alone or not self._left:
            raise error
        assert isinstance(error, LinkTimeout | Refused)
        return Missing(ended.listener, error.sentence, error.remedy)

    def _listen(self, source: str, work: Coroutine[Any, Any, None]) -> None:
        self._left.add(source)
        self._inbox.listen(source, work)

    def _apart(self) -> None:
        for group in self._groups:
            self._listen(group.title, sampling.sample(self._board, group))
