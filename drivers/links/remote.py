"""What every remote shell shares: over a way to open pipes, commands that run guarded, their lines, their end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import TracebackType
from typing import Self

from drivers.clock import Clock
from drivers.errors import DriverError, Garbled, LinkError, LinkLost, LinkTimeout, Refused
from drivers.foreign import printable
from drivers.links import guarding, owning
from drivers.links.base import Completed, Lease, Line, Pipe, Process, ShellLink
from drivers.links.guarding import Started
from drivers.links.leased import LeasedPipe, LeasedProcess, Ledger, OpenPipe, read_kept
from drivers.links.output import Output, Prefaced, collect, signed
from drivers.links.owntime import OwnClock
from drivers.links.stamping import Stamps, read_stamps

START_LIMIT_S = 10.0
"""How long the device's shell may take to say that it has started a command."""
CLEAR_LIMIT_S = 5.0
KILL_LIMIT_S = 5.0
"""How long what was killed may take to be gone."""

LEDGER = Ledger()
"""What has been given of every leased process: it outlives the links over which it was given."""


class RemoteShell:
    """All of a ``ShellLink`` but files and ports.

    ``title`` names the device in sentences, and is its own; ``directory`` is a place on it, made when needed, for
    what leases keep. ``real_time`` says that the device's own clock is the wall clock of its shell, where that tells one;
    else it is the time since the device's start.
    """

    def __init__(
        self, clock: Clock, open_pipe: OpenPipe, *, title: str, directory: str, real_time: bool = True
    ) -> None:
        self._clock = clock
        self._open_pipe = open_pipe
        self._title = title
        self._directory = directory
        self._real_time = real_time

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        """Run to the end, with empty input; of each stream the first MiB is kept. What takes too long is ended.

        Raises LinkTimeout, LinkLost, or Refused when there is no such command.
        """
        try:
            async with asyncio.timeout(timeout_s), self._guarded(argv, {}, fed=False) as (pipe, _):
                return await collect(pipe)
        except TimeoutError:
            late = f"{printable(argv[0], 80)} on {self._title} did not end within {timeout_s:g} s"
            raise LinkTimeout(late) from None

    @asynccontextmanager
    async def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AsyncIterator[Process]:
        """Start and follow; leaving the block ends the process and its children if they still run.

        With ``lease`` only as long as the link is there: what is lost goes on until the lease expires, and starting
        under the same key goes on with the first line that was not yet given, also when it has ended since.
        A leased process takes no input. Raises LinkLost, LinkTimeout, NotSupported; Refused also where what is to be gone
        on with is no longer there.
        """
        if lease is not None:
            async with self._leased(argv, env or {}, lease) as leased:
                yield leased
            return
        async with (
            self._guarded(argv, env or {}, fed=True) as (pipe, started),
            RemoteProcess(pipe, started, self._open_pipe) as process,
        ):
            yield process

    async def clear_leases(self) -> Sequence[guarding.Left]:
        """End and remove what is left of leases of this computer where who started them is no more, so that nobody comes
        for what they keep. Which there were. Raises LinkLost, LinkTimeout.
        """
        told = await self._answer(guarding.left(self._directory))
        found = [one for one in guarding.read_left(told) if owning.gone(one.owner)]
        if found:
            await self._answer(guarding.clear(self._directory, found))
        return found

    async def _answer(self, line: str) -> str:
        try:
            async with asyncio.timeout(CLEAR_LIMIT_S), self._open_pipe(line) as pipe:
                return (await collect(pipe)).out
        except TimeoutError:
            raise LinkTimeout(f"{self._title} did not answer within {CLEAR_LIMIT_S:g} s") from None

    @asynccontextmanager
    async def _guarded(
        self, argv: Sequence[str], env: Mapping[str, str], *, fed: bool
    ) -> AsyncIterator[tuple[Pipe, Started]]:
        async with self._open_pipe(guarding.guarded(argv, env, fed=fed)) as pipe:
            prefaced = Prefaced(pipe)
            yield prefaced, await self._told(prefaced, argv)

    async def _told(self, pipe: Prefaced, argv: Sequence[str]) -> Started:
        """What the first line says. Raises Refused when the command did not start."""
        try:
            async with asyncio.timeout(START_LIMIT_S):
                line = await pipe.preface()
                completed = await collect(pipe) if line is None else None
        except TimeoutError:
            raise LinkTimeout(f"{self._title} did not start {printable(argv[0], 80)}") from None
        if line is None or completed is not None:
            said = printable(completed.err, 200) if completed and completed.err else "its shell ended"
            raise Refused(f"{self._title} could not start {printable(argv[0], 80)}: {said}")
        started = guarding.told(line)
        if started is None:
            raise Refused(f"there is no command {printable(argv[0], 80)} on {self._title}")
        return started

    @asynccontextmanager
    async def _leased(
        self, argv: Sequence[str], env: Mapping[str, str], lease: Lease
    ) -> AsyncIterator[LeasedProcess]:
        place = guarding.lease_directory(self._directory, lease)
        known = LEDGER.given(self._title, place) is not None
        line = guarding.leased(
            argv,
            env,
            lease,
            self._directory,
            owner=owning.owner(),
            resume=known,
            real_time=self._real_time,
        )
        async with self._open_pipe(line) as launching:
            started = await self._taken(launching, argv, place)
        given = LEDGER.begin(self._title, place, anew=started.state is guarding.State.NEW)
        stamps = await self._stamps(place, started)
        follow = guarding.follow(place, given.out, given.err)
        async with self._guarded(follow, {}, fed=False) as (following, _):
            pipe = LeasedPipe(following, self._open_pipe, place, given)
            process = LeasedProcess(
                self._clock,
                self._open_pipe,
                pipe,
                started,
                lease,
                stamps=stamps,
                own_clock=OwnClock(self.start, self._clock, real_time=self._real_time),
            )
            try:
                async with process:
                    yield process
            finally:
                if process.given_up:
                    LEDGER.end(self._title, place)

    async def _taken(self, launching: Pipe, argv: Sequence[str], place: str) -> Started:
        try:
            return await self._told(Prefaced(launching), argv)
        except Refused:
            LEDGER.end(self._title, place)
            raise

    async def _stamps(self, place: str, started: Started) -> Stamps:
        """When the output was written that waits there: all of it until now."""
        if started.state is guarding.State.NEW:
            return Stamps()
        text = await read_kept(self._open_pipe, place, "stamps")
        over = started.state is guarding.State.ENDED
        return await asyncio.to_thread(read_stamps, text.decode(errors="replace"), over=over)


async def cleared(shell: ShellLink) -> Sequence[str]:
    """Have a device that was just opened hold and run nothing that nobody comes for; a sentence where there was anything.

    A device on which it does not work shows soon enough in other ways.
    """
    found: Sequence[guarding.Left] = ()
    if isinstance(shell, RemoteShell):
        with suppress(DriverError):
            found = await shell.clear_leases()
    if any(one.lives for one in found):
        return [
            "an engine that an earlier session had left running on it was ended, and what it kept removed"
        ]
    return ["what an earlier session had left running on it has ended, and was removed"] if found else []


class RemoteProcess:
    """A process under the dead-man's switch; leaving the block ends it."""

    def __init__(self, pipe: Pipe, started: Started, open_pipe: OpenPipe) -> None:
        self._pipe = pipe
        self._started = started
        self._open_pipe = open_pipe
        self._output = Output(pipe)
        self._opened = AsyncExitStack()
        self._guard = pipe
        """The pipe whose input keeps the process alive."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with suppress(LinkError):
                await self.kill()
        finally:
            await self._opened.aclose()

    @property
    def pid(self) -> int:
        """Its process id on the device."""
        return self._started.pid

    def lines(self) -> AsyncIterator[Line]:
        """Lines of both streams in order of arrival, until both are closed. Raises LinkLost."""
        return self._output.lines()

    def pieces(self) -> AsyncIterator[Line]:
        """Output of both streams as it comes, instead of its lines. Raises LinkLost."""
        return self._output.pieces()

    async def write(self, data: bytes) -> None:
        """Write to its standard input. Raises LinkLost when that is closed."""
        if self._guard is not self._pipe:
            raise LinkLost(f"the input of process {self.pid} is closed")
        await self._pipe.write(data)

    async def close_stdin(self) -> None:
        """Close its standard input, behind all that was written. Another stream keeps it alive from then on."""
        if self._guard is not self._pipe:
            return
        line = guarding.lifeline(self._started.group, self._started.guard)
        lifeline = Prefaced(await self._opened.enter_async_context(self._open_pipe(line)))
        if await lifeline.preface() != guarding.HELD:
            raise Garbled(f"the guard of process {self.pid} could not be relieved")
        self._guard = lifeline
        await self._pipe.close_stdin()

    async def wait(self) -> int:
        """Its return code; negative for the signal that ended it. Raises LinkLost."""
        await self._output.end()
        return signed(await self._pipe.returncode())

    async def kill(self) -> None:
        """End its group now, and return when it is gone. Raises LinkLost: then its guard ends it; LinkTimeout."""
        await self._guard.close_stdin()
        try:
            async with asyncio.timeout(KILL_LIMIT_S):
                await self._output.end(discard=True)
                await self._pipe.returncode()
        except TimeoutError:
            raise LinkTimeout(f"process {self.pid} did not end within {KILL_LIMIT_S:g} s") from None
