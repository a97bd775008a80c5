"""A process under a lease, as seen over a link: its output is read from files on the device, by offset."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from types import TracebackType
from typing import Self

from drivers.clock import Clock, pause
from drivers.errors import LinkError, LinkLost, LinkTimeout, NotSupported, Refused
from drivers.inbox import Inbox
from drivers.links import guarding
from drivers.links.base import Lease, Line, Pipe
from drivers.links.guarding import Started
from drivers.links.output import Chunk, Offsets, Output, collect, signed
from drivers.links.owntime import OwnClock
from drivers.links.stamping import End, Stamps

END_LIMIT_S = 5.0
"""How long what was given up may take to be gone."""
KEPT_LIMIT = 64 << 20
"""Bytes of what is kept beside a process's output that are read at once."""
RENEWALS = 4
"""How often a lease is renewed before it would expire."""

OpenPipe = Callable[[str], AbstractAsyncContextManager[Pipe]]
"""Runs one command line at the far end. Entering raises LinkLost, LinkTimeout, Refused; leaving closes it at once."""


class Ledger:
    """How much of each leased process's output has been given: lines are neither lost nor doubled across links."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], Offsets] = {}

    def given(self, device: str, place: str) -> Offsets | None:
        """What has been given of the process kept in that place; None when it is not known."""
        return self._given.get((device, place))

    def begin(self, device: str, place: str, *, anew: bool) -> Offsets:
        """The offsets to go on from, and to advance."""
        if anew:
            self._given[device, place] = Offsets()
        return self._given.setdefault((device, place), Offsets())

    def end(self, device: str, place: str) -> None:
        """There is nothing more to give."""
        self._given.pop((device, place), None)


class LeasedPipe:
    """The output of a leased process from an offset to its end: first followed, then, when it has ended, the rest."""

    def __init__(self, following: Pipe, open_pipe: OpenPipe, place: str, given: Offsets) -> None:
        self._pipe = following
        self._open_pipe = open_pipe
        self.place = place
        self.given = given
        self._position = Offsets(given.out, given.err)
        self._opened = AsyncExitStack()
        self._at_rest = False

    async def close(self) -> None:
        """Let go of what was opened for the rest."""
        await self._opened.aclose()

    async def read(self) -> Chunk | None:
        """As every pipe."""
        chunk = await self._pipe.read()
        while chunk is None and not self._at_rest:
            await self._turn_to_the_rest()
            chunk = await self._pipe.read()
        if chunk is not None:
            self._position.add(chunk[1], len(chunk[2]))
        return chunk

    async def write(self, data: bytes) -> None:
        """It takes no input."""
        raise _no_input()

    async def close_stdin(self) -> None:
        """Its input is empty."""

    async def returncode(self) -> int:
        """Of the leased process; 137 when it was ended."""
        return await self._pipe.returncode()

    async def _turn_to_the_rest(self) -> None:
        if await self._pipe.returncode() != 0:
            raise LinkLost("the output of a leased process is no longer followed")
        line = guarding.rest(self.place, self._position.out, self._position.err)
        self._pipe = await self._opened.enter_async_context(self._open_pipe(line))
        self._at_rest = True


class LeasedProcess:
    """A process that outlives its link. Inside the block its lease is renewed.

    Leaving the block ends it and removes what it left on the device, unless the link was lost.
    """

    def __init__(
        self,
        clock: Clock,
        open_pipe: OpenPipe,
        pipe: LeasedPipe,
        started: Started,
        lease: Lease,
        *,
        stamps: Stamps,
        own_clock: OwnClock,
    ) -> None:
        self.given_up = False
        """Nothing of it is left on the device."""
        self._clock = clock
        self._open_pipe = open_pipe
        self._pipe = pipe
        self._started = started
        self._lease = lease
        self.stamps = stamps
        """When what waited on the device was written, by its own clock; empty for one that was only just started."""
        self.own_clock = own_clock
        """The clock of the device by which its lines are stamped."""
        self._output = Output(pipe, pipe.given, stamps)
        self._read_beside = 0
        self._inbox = Inbox()

    async def __aenter__(self) -> Self:
        await self._inbox.__aenter__()
        self._inbox.listen("renewals", self._renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._inbox.__aexit__(kind, error, trace)
            if not isinstance(error, LinkError):
                with suppress(LinkError):
                    await self._give_up()
        finally:
            await self._pipe.close()

    @property
    def pid(self) -> int:
        """Its process id on the device."""
        return self._started.pid

    @property
    def taken_up(self) -> bool:
        """Whether it lived before, or had ended since, and was not started now."""
        return self._started.state is not guarding.State.NEW

    @property
    def caught_up(self) -> bool:
        """Whether everything that waited on the device has been given."""
        return self._output.caught_up

    @property
    def ended(self) -> End | None:
        """How it had ended when it was taken up; None of one that lived, or whose end nobody noted."""
        return self.stamps.end

    async def beside(self) -> str:
        """Whole lines that the lease's script beside it has written since they were last ``merged``, over all links.

        Raises LinkLost.
        """
        text = await read_kept(self._open_pipe, self._pipe.place, "beside", self._pipe.given.beside)
        whole = text[: text.rfind(b"\n") + 1]
        self._read_beside = len(whole)
        return whole.decode(errors="replace")

    def merged(self) -> None:
        """What ``beside`` gave last has been told."""
        self._pipe.given.beside += self._read_beside
        self._read_beside = 0

    def lines(self) -> AsyncIterator[Line]:
        """Lines of both streams, from the first that was not yet given, until it has ended; in order within a stream.

        Raises LinkLost: it goes on, and starting under the same key goes on with the next line.
        """
        return self._output.lines()

    def pieces(self) -> AsyncIterator[Line]:
        """Output of both streams as it comes, instead of its lines. Raises LinkLost."""
        return self._output.pieces()

    async def write(self, data: bytes) -> None:
        """Raises NotSupported: a leased process takes no input."""
        raise _no_input()

    async def close_stdin(self) -> None:
        """Its input is empty."""

    async def wait(self) -> int:
        """Its return code; -9 when it was ended, also by its lease. Raises LinkLost."""
        await self._output.end()
        return signed(await self._pipe.returncode())

    async def kill(self) -> None:
        """End it now, its children too, and return when it is gone. Raises LinkLost, LinkTimeout."""
        await self._give_up()
        await self._output.end(discard=True)

    async def _give_up(self) -> None:
        if self.given_up:
            return
        try:
            async with (
                asyncio.timeout(END_LIMIT_S),
                self._open_pipe(guarding.give_up(self._pipe.place)) as pipe,
            ):
                await collect(pipe)
        except TimeoutError:
            raise LinkTimeout(f"process {self.pid} did not end within {END_LIMIT_S:g} s") from None
        self.given_up = True

    async def _renew(self) -> None:
        while True:
            await pause(self._clock, self._lease.seconds / RENEWALS)
            # what is refused now, as when no session is free, may be taken the next time: three may fail in a row
            with suppress(LinkError, Refused):
                async with self._open_pipe(guarding.renew(self._pipe.place)) as pipe:
                    await collect(pipe)


async def read_kept(open_pipe: OpenPipe, place: str, name: str, start: int = 0) -> bytes:
    """A file of a lease from a byte on, its first ``KEPT_LIMIT`` bytes. Raises LinkLost."""
    text = bytearray()
    async with open_pipe(guarding.kept(place, name, start)) as pipe:
        while (chunk := await pipe.read()) and len(text) < KEPT_LIMIT:
            text += chunk[2] if chunk[1] == "out" else b""
    return bytes(text)


def _no_input() -> NotSupported:
    return NotSupported("a process under a lease takes no input")
