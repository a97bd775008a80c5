"""Turns asked of a server over HTTP, one after the other: what every server's run has in common."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from drivers.base import Item
from drivers.clock import pause
from drivers.errors import DriverError, LinkLost
from drivers.events import TurnEnd, TurnStarted
from drivers.inbox import Ended, Inbox
from drivers.links.http import Arrived, HttpLink, Reply
from drivers.model import Workload
from drivers.runs.hearing import Cut, Ear
from drivers.runs.stage import Stage
from drivers.schedule import ScheduledTurn, schedule


@dataclass(frozen=True, slots=True)
class Request:
    """A POST whose answer comes line by line."""

    path: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sent:
    """The prompt goes out."""

    t_ns: int


class AnswerReader(Protocol):
    """Reads one answer."""

    @property
    def done(self) -> bool:
        """Whether the last line has come."""
        ...

    def started(self) -> TurnStarted:
        """The prompt was sent."""
        ...

    def read(self, arrived: Sequence[Arrived]) -> Iterator[Item]:
        """What follows from lines. Raises RunFailed for the server's error, Garbled."""
        ...

    def ended(self, t_ns: int, cut: TurnEnd | None = None, detail: str = "") -> Iterator[Item]:
        """The end of the turn; ``cut`` says why it was cut, if it was."""
        ...

    def refused(self, reply: Reply) -> DriverError:
        """The error behind an answer with an HTTP error."""
        ...


async def take_turns(
    stage: Stage, ear: Ear, workload: Workload, take: Callable[[ScheduledTurn], Awaitable[None]]
) -> None:
    """Every turn of the workload in order, with its pauses. Raises Cut when the run is to end before."""
    for scheduled in schedule(workload):
        if scheduled.turn > 1 and workload.pause_s > 0:
            await ear.attend("pause", pause(stage.clock, workload.pause_s))
        await take(scheduled)


Reader = TypeVar("Reader", bound=AnswerReader)


async def ask(
    stage: Stage, ear: Ear, http: HttpLink, request: Request, open_reader: Callable[[int], Reader]
) -> Reader:
    """Send one prompt and tell its answer to the end. ``open_reader`` gets the time when the prompt was sent.

    Raises Cut, and whatever the turn failed of; either way the turn's end is told.
    """
    asking = ear.inbox.listen("answer", _ask(stage, ear.inbox, http, request))
    try:
        reader = open_reader(await _sent(ear))
        stage.emit(reader.started())
        await _answered(stage, ear, asking, reader, http.title)
    finally:
        await ear.inbox.dismiss(asking)
        ear.inbox.drop(Sent, Arrived, Reply)
    return reader


async def _ask(stage: Stage, inbox: Inbox, http: HttpLink, request: Request) -> None:
    inbox.put(Sent(stage.clock.now()))
    async with http.stream(request.path, request.body) as answer:
        if answer.status != 200:
            inbox.put(Reply(answer.status, await answer.text()))
            return
        async for arrived in answer.lines():
            inbox.put(arrived)


async def _answered(
    stage: Stage, ear: Ear, asking: asyncio.Task[None], reader: AnswerReader, title: str
) -> None:
    try:
        await _follow(stage, ear, asking.get_name(), reader, title)
    except Cut as cut:
        t_ns = stage.clock.now()
        await ear.inbox.dismiss(asking)
        _tell(stage, reader.ended(t_ns, cut.end))
        raise
    except DriverError as error:
        _tell(stage, reader.ended(stage.clock.now(), TurnEnd.FAILED, str(error)))
        raise
    _tell(stage, reader.ended(stage.clock.now()))


async def _follow(stage: Stage, ear: Ear, asking: str, reader: AnswerReader, title: str) -> None:
    while not reader.done:
        heard = await ear.hear()
        if isinstance(heard, Arrived):
            _tell(stage, reader.read((heard, *ear.inbox.more(Arrived))))
        elif isinstance(heard, Reply):
            raise reader.refused(heard)
        elif isinstance(heard, Ended) and heard.listener == asking:
            raise LinkLost(f"{title} broke off its answer")


def _tell(stage: Stage, items: Iterator[Item]) -> None:
    for item in items:
        stage.emit(item)


async def _sent(ear: Ear) -> int:
    while True:
        heard = await ear.hear()
        if isinstance(heard, Sent):
            return heard.t_ns
