"""A meter that answers when it is asked: one request, one answer of a known length."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random, SystemRandom

from drivers.base import Item
from drivers.clock import SECOND, Clock, pause
from drivers.errors import LinkError, LinkTimeout, NotSupported
from drivers.events import ClockMeasured, SamplesLost
from drivers.foreign import printable
from drivers.inbox import Ended, Inbox
from drivers.links.base import ByteLink, ShellLink
from drivers.metering.looks import REQUESTS, TITLES, family_of
from drivers.metering.losses import counted_losses
from drivers.model import Channel, DeviceInfo, Samples, reading
from drivers.ticks import scattered

ANSWER_S = 1.0
"""An answer that has not come by then is lost."""

SILENT_S = 5.0
"""A meter that has sent nothing for so long is gone."""

TRIES = 3
LEAST = 0.2
"""No request follows another sooner than this part of a period, nor before that one's answer has come. Else each reading
is of a random moment of its period, all alike, so that no load is in step with them."""

SLOWEST = 0.3
"""Answers that take longer than this part of a period make it longer: what waits for them is no random moment any more.
Up to there waiting shifts the mean of a load that keeps in step with the periods by 2 % of its swing at most."""

_SMOOTH = 8
"""Answers over which their time is averaged."""

SETTLED = 10
"""Answers after which the delay of the link is told."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Bytes, and when they came."""

    t_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Tick:
    """It is time to ask."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a family is asked. ``read`` gives the codes of an answer in the order of the channels; None when it is
    damaged."""

    family: str
    request: bytes
    length: int
    period_s: float
    read: Callable[[bytes], Sequence[int] | None]


class Conversation:
    """What is said over one link: bytes are collected all the time, requests are sent now and then."""

    def __init__(self, link: ByteLink, clock: Clock, asking: Asking) -> None:
        self.asking = asking
        self.clock = clock
        self.inbox = Inbox()
        self.link = link

    async def identify(self) -> bytes:
        """The first sound answer. Raises LinkTimeout from a silent port, NotSupported from another family, or what
        the link raises."""
        heard = b""
        for _ in range(TRIES):
            answer = await self._ask(self.asking.request, self.asking.length)
            if self.asking.read(answer[: self.asking.length]) is not None:
                return answer[: self.asking.length]
            heard = answer or heard
        raise await self._mistaken(heard)

    async def pump(self) -> None:
        """Put what arrives into the inbox, until the link breaks."""
        while True:
            self.inbox.put(Arrived(*await self.link.read()))

    async def _ask(self, request: bytes, length: int) -> bytes:
        """What comes within the time for an answer, at most until it is long enough."""
        self.inbox.drop(Arrived)
        await self.link.write(request)
        limit = self.inbox.listen("limit", pause(self.clock, ANSWER_S))
        heard = b""
        try:
            while len(heard) < length:
                match await self.inbox.take():
                    case Arrived(_, data):
                        heard += data
                    case Ended("limit", _):
                        break
                    case Ended(_, error) if error is not None:
                        raise error
            return heard
        finally:
            await self.inbox.dismiss(limit)

    async def _mistaken(self, heard: bytes) -> LinkTimeout | NotSupported:
        """Why no answer was sound; other families are asked before it is called silent."""
        other = family_of(heard)
        for family, request in REQUESTS.items():
            if not other and family != self.asking.family:
                heard = await self._ask(request, 1 << 10) or heard
                other = family_of(heard)
        title = TITLES[self.asking.family]
        if other and other != self.asking.family:
            return NotSupported(
                f"the port answers like {TITLES[other]}, not like {title}",
                remedy=f"put family={other} into its address",
            )
        if heard:
            return NotSupported(
                f"the port answers, but not like {title}: {printable(repr(heard[:16]))}",
                remedy="check the family, and the baud rate where there is one",
            )
        return LinkTimeout(f"{title} does not answer", remedy="check that it is on and that this is its port")


@asynccontextmanager
async def conversing(link: ByteLink, clock: Clock, asking: Asking) -> AsyncIterator[Conversation]:
    """A conversation for as long as the block lasts."""
    conversation = Conversation(link, clock, asking)
    async with conversation.inbox:
        conversation.inbox.listen("port", conversation.pump())
        yield conversation


class PolledMeter:
    """An open meter that is asked at a random moment of each period. The time of a reading is the middle between request and
    answer."""

    def __init__(
        self,
        info: DeviceInfo,
        channels: Sequence[Channel],
        conversation: Conversation,
        damage: str = "damaged frames",
        chance: Random | None = None,
    ) -> None:
        self._info = info
        self._measured = tuple(channels)
        self._talk = conversation
        self._asking = conversation.asking
        self._clock = conversation.clock
        self._losses = counted_losses(info.device, damage)
        self._heard = b""
        self._chance = chance or SystemRandom()
        self._sent_ns: int | None = None
        self._taken_ns = 0.0
        """From a request to the end of its answer, as a rule."""
        self._waiting = False
        """A reading is due, and asked for once the answer to the one before has come."""
        self._missed = 0
        """Readings that were due while it said nothing, and that are not told yet."""
        self._answered_ns: int | None = None
        self._last_heard_ns = conversation.clock.now()
        self._delays_ns: list[int] = []

    @property
    def info(self) -> DeviceInfo:
        """Who it is."""
        return self._info

    @property
    def channels(self) -> Sequence[Channel]:
        """What it measures, and the count of frames that came damaged."""
        return (*self._measured, self._losses.channel)

    @property
    def shell(self) -> ShellLink | None:
        """A meter runs nothing."""
        return None

    def watch(self, pid: int) -> None:
        """A meter watches no process."""

    def unwatch(self, pid: int) -> None:
        """A meter watches no process."""

    async def stream(self) -> AsyncGenerator[Item, None]:
        """Readings as they are answered, losses beside them. Raises LinkError when it is gone or silent."""
        for item in self._losses.told(self._clock.now()):
            yield item
        self._talk.inbox.drop(Arrived)
        self._last_heard_ns = self._clock.now()
        ticker = self._talk.inbox.listen("ticker", self._tick())
        try:
            while True:
                for item in await self._next():
                    yield item
        except LinkError:
            for item in self._silence(self._clock.now()):
                yield item
            for item in self._losses.told(self._clock.now(), all_of_them=True):
                yield item
            raise
        finally:
            await self._talk.inbox.dismiss(ticker)

    async def _tick(self) -> None:
        least_ns = round(LEAST * self._asking.period_s * SECOND)
        async for _ in scattered(self._clock, self._period_ns, self._chance, least_ns):
            self._talk.inbox.put(Tick())

    def _period_ns(self) -> int:
        return round(max(self._asking.period_s * SECOND, self._taken_ns / SLOWEST))

    async def _next(self) -> list[Item]:
        match await self._talk.inbox.take():
            case Tick():
                await self._ask()
                return self._losses.told(self._clock.now())
            case Arrived(t_ns, data):
                return [*self._silence(t_ns), *self._hear(t_ns, data)]
            case Ended(_, error) if error is not None:
                raise error
        return []

    async def _ask(self) -> None:
        """Ask; while an answer is still on its way, later. Raises LinkTimeout from a silent meter."""
        now = self._clock.now()
        if now - self._last_heard_ns > SILENT_S * SECOND:
            raise LinkTimeout(f"{self._info.device} is silent", remedy="check that it is on and plugged in")
        if self._sent_ns is not None:
            if now - self._sent_ns < ANSWER_S * SECOND:
                self._waiting = True
                return
            if self._heard:
                self._losses.add(1)
            else:
                self._missed += round((now - self._sent_ns) / SECOND / self._asking.period_s)
        self._heard, self._answered_ns, self._sent_ns, self._waiting = b"", None, now, False
        await self._talk.link.write(self._asking.request)

    def _silence(self, t_ns: int) -> list[Item]:
        """What it did not tell as long as it said nothing at all, if it did so: that is no damage."""
        missed, self._missed = self._missed, 0
        lost = SamplesLost(
            t_ns=t_ns,
            device=self._info.device,
            channel=self._measured[0].name,
            count=missed,
            reason="it did not answer",
        )
        return [lost] if missed else []

    def _hear(self, t_ns: int, data: bytes) -> list[Item]:
        self._last_heard_ns = t_ns
        sent_ns, self._answered_ns = self._sent_ns, self._answered_ns or t_ns
        if sent_ns is None:
            return []
        self._heard += data[: 2 * self._asking.length]
        if len(self._heard) < self._asking.length:
            return []
        codes = self._asking.read(self._heard) if len(self._heard) == self._asking.length else None
        self._heard, self._sent_ns = b"", None
        self._taken_ns += (t_ns - sent_ns - self._taken_ns) / _SMOOTH
        if self._waiting:
            self._talk.inbox.put(Tick())
        if codes is None:
            self._losses.add(1)
            return self._losses.told(t_ns)
        return [*self._readings(sent_ns, self._answered_ns, codes), *self._losses.told(t_ns)]

    def _readings(self, sent_ns: int, answered_ns: int, codes: Sequence[int]) -> list[Item]:
        middle_ns = (sent_ns + answered_ns) // 2
        samples: list[Samples] = [
            reading(channel, middle_ns, code) for channel, code in zip(self._measured, codes, strict=True)
        ]
        return [*self._delay(answered_ns, answered_ns - sent_ns), *samples]

    def _delay(self, t_ns: int, delay_ns: int) -> list[Item]:
        """How exactly the times of readings are known, told once."""
        if len(self._delays_ns) >= SETTLED:
            return []
        self._delays_ns.append(delay_ns)
        if len(self._delays_ns) < SETTLED:
            return []
        measured = ClockMeasured(
            t_ns=t_ns,
            device=self._info.device,
            offset_ns=0,
            uncertainty_ns=max(self._delays_ns) // 2 + round(self._asking.period_s * SECOND / 2),
            origin="request and answer",
        )
        return [measured]
