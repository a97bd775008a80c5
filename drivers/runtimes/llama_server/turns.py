"""The turns of a workload, one after the other, on a server that is ready."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.clock import Clock, pause
from drivers.errors import DriverError, LinkError, LinkLost
from drivers.events import TurnEnd, TurnStarted, bounded
from drivers.inbox import Ended, Inbox
from drivers.links.http import Arrived, Reply
from drivers.model import RunSpec, Workload
from drivers.runs.hearing import Cut, Ear
from drivers.runs.stage import Emit
from drivers.runtimes.llama_server.answer import AnswerReader, Asked
from drivers.runtimes.llama_server.channels import TokenChannels
from drivers.runtimes.llama_server.conversation import Conversation, Request
from drivers.runtimes.llama_server.protocol import read_chunk
from drivers.runtimes.llama_server.server import PromptTooLong, Server
from drivers.schedule import ScheduledTurn, schedule

POST_MORTEM_S = 1.0
"""How long after a broken answer the engine's end may become known."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The prompt goes out."""

    t_ns: int


class Turns:
    """The turns of one run, and its count of output tokens. It goes on where it was broken off."""

    _server: Server
    _clock: Clock
    _emit: Emit

    def __init__(self, spec: RunSpec, workload: Workload, channels: TokenChannels) -> None:
        self._spec = spec
        self._workload = workload
        self._channels = channels
        self._conversation = Conversation(spec, workload)
        self._schedule = schedule(workload)
        self._waiting = next(self._schedule, None)
        self._tokens = 0

    async def run(self, ear: Ear, server: Server, clock: Clock, emit: Emit) -> None:
        """All turns of the schedule whose prompt has not been sent yet.

        Raises Cut when it is to end before, DriverError when it cannot go on.
        """
        self._server, self._clock, self._emit = server, clock, emit
        while (scheduled := self._waiting) is not None:
            if scheduled.turn > 1 and self._workload.pause_s > 0:
                await ear.attend("pause", pause(clock, self._workload.pause_s))
            await self._knock(ear)
            self._waiting = next(self._schedule, None)
            await self._turn(ear, scheduled)

    async def _knock(self, ear: Ear) -> None:
        """Make sure of a living connection: the time of a prompt is not to count connecting."""
        try:
            await ear.attend("knock", self._question())
        except LinkError as error:
            raise await self._cause(ear, error) from error

    async def _question(self) -> None:
        await self._server.http.get("/health")

    async def _turn(self, ear: Ear, scheduled: ScheduledTurn) -> None:
        context_tokens = 0 if scheduled.fresh else self._conversation.context_tokens
        request = self._conversation.ask(scheduled)
        name = f"answer {scheduled.turn}"
        asking = ear.inbox.listen(name, self._ask(ear.inbox, request))
        try:
            sent_ns = await _sent(ear)
            self._emit(self._started(scheduled, sent_ns, context_tokens))
            reader = AnswerReader(self._asked(scheduled, sent_ns), self._channels)
            try:
                await self._answered(ear, asking, reader, scheduled)
            finally:
                self._tokens += reader.output_tokens
        finally:
            await ear.inbox.dismiss(asking)
            ear.inbox.drop(Sent, Arrived, Reply)

    async def _ask(self, inbox: Inbox, request: Request) -> None:
        path, body = request
        inbox.put(Sent(self._clock.now()))
        async with self._server.http.stream(path, body) as answer:
            if answer.status != 200:
                inbox.put(Reply(answer.status, await answer.text()))
                return
            async for arrived in answer.lines():
                inbox.put(arrived)

    async def _answered(
        self, ear: Ear, asking: asyncio.Task[None], reader: AnswerReader, scheduled: ScheduledTurn
    ) -> None:
        try:
            await self._follow(ear, asking.get_name(), reader)
        except Cut as cut:
            await self._end_cut(ear, asking, reader, cut.end)
            raise
        except PromptTooLong as full:
            self._end(reader, TurnEnd.REFUSED, str(full))
            if scheduled.fresh:
                raise
        except DriverError as error:
            cause = await self._cause(ear, error)
            self._end(reader, TurnEnd.FAILED, str(cause))
            self._conversation.unanswered()
            raise cause from error
        else:
            await self._clock.sleep_until(reader.engine_ns)
            self._end(reader)
            self._conversation.answered(reader.reply, reader.context_tokens)

    async def _follow(self, ear: Ear, asking: str, reader: AnswerReader) -> None:
        while not reader.done:
            heard = await ear.hear()
            if isinstance(heard, Arrived):
                self._read(reader, (heard, *ear.inbox.more(Arrived)))
            elif isinstance(heard, Reply):
                raise self._server.rejection(heard)
            elif isinstance(heard, Ended) and heard.listener == asking:
                raise LinkLost(f"{self._server.http.title} broke off its answer")

    def _read(self, reader: AnswerReader, together: Sequence[Arrived]) -> None:
        heard = [(arrived.t_ns, read_chunk(line)) for arrived in together for line in arrived.lines]
        for item in reader.read([(t_ns, chunk) for t_ns, chunk in heard if chunk is not None]):
            self._emit(item)

    async def _end_cut(
        self, ear: Ear, asking: asyncio.Task[None], reader: AnswerReader, end: TurnEnd
    ) -> None:
        """Closing the connection makes the server stop; whether it did is looked at, and told."""
        t_ns = self._clock.now()
        await ear.inbox.dismiss(asking)
        idle = await self._server.idle_soon()
        self._end(reader, end, "" if idle else "the server was not seen to stop within half a second", t_ns)

    def _end(
        self, reader: AnswerReader, cut: TurnEnd | None = None, detail: str = "", t_ns: int | None = None
    ) -> None:
        at_ns = max(self._clock.now() if t_ns is None else t_ns, reader.engine_ns)
        for item in reader.ended(at_ns, cut, detail):
            self._emit(item)

    async def _cause(self, ear: Ear, error: DriverError) -> DriverError:
        """A broken link to an engine of our own mostly means that it has died: wait until that is known."""
        if not (self._server.ours and isinstance(error, LinkError)):
            return error
        try:
            async with asyncio.timeout(POST_MORTEM_S):
                while True:
                    await ear.hear()
        except (TimeoutError, Cut):
            return error
        except DriverError as cause:
            return cause

    def _asked(self, scheduled: ScheduledTurn, sent_ns: int) -> Asked:
        return Asked(
            run=self._spec.run,
            turn=scheduled.turn,
            max_tokens=self._workload.max_tokens,
            sent_ns=sent_ns,
            tokens_before=self._tokens,
        )

    def _started(self, scheduled: ScheduledTurn, t_ns: int, context_tokens: int | None) -> TurnStarted:
        return TurnStarted(
            t_ns=t_ns,
            device=self._spec.device,
            run=self._spec.run,
            turn=scheduled.turn,
            conversation=scheduled.conversation,
            prompt=scheduled.prompt_index,
            repetition=scheduled.repetition,
            purpose=scheduled.purpose,
            context_tokens=context_tokens,
            text=bounded(scheduled.prompt.text),
        )


async def _sent(ear: Ear) -> int:
    while True:
        heard = await ear.hear()
        if isinstance(heard, Sent):
            return heard.t_ns
