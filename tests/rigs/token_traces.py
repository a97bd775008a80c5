"""Traces of a run by hand: tokens at a rate that is told, turns, limits, temperatures, as they pass on the bus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import (
    ChannelsOpened,
    Event,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.model import Channel, DType, Kind, Quantity, RunSpec, Samples, Unit, reading
from melt_tui.events import SELF, RunEnded, RunOutcome, RunStarted, Tick
from melt_tui.session.bus import Bus, Transform

T = TypeVar("T")

DEVICE = "phone"
RUN = "r"
TOKENS = Channel(
    device=DEVICE,
    name="tokens",
    quantity=Quantity.TOKENS,
    unit=Unit.TOKENS,
    kind=Kind.COUNTER,
    dtype=DType.I64,
)
SOC = Channel(
    device=DEVICE, name="soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, rate_hz=2.0, limit=75.0
)
CAP = Channel(
    device=DEVICE, name="cap policy4", quantity=Quantity.FREQUENCY_CAP, unit=Unit.HERTZ, rate_hz=2.0
)
STATUS = Channel(
    device=DEVICE, name="thermal status", quantity=Quantity.LIMIT_LEVEL, unit=Unit.NONE, rate_hz=2.0
)
SPEC = RunSpec(run=RUN, device=DEVICE, runtime="x", model=None, workload=None)


def at(seconds: float) -> int:
    """Host time of a moment of the trace."""
    return round((1000 + seconds) * SECOND)


def severe(seconds: float, detail: str = "SEVERE") -> LimitEngaged:
    """The thermal status rises."""
    return LimitEngaged(
        t_ns=at(seconds), device=DEVICE, limit="thermal status", reason="thermal", detail=detail
    )


def calm(seconds: float) -> LimitReleased:
    """And falls."""
    return LimitReleased(t_ns=at(seconds), device=DEVICE, limit="thermal status")


@dataclass
class Trace:
    """A run of ``seconds``: its turns follow each other until then."""

    speed: Callable[[float], float]
    """Tokens per second at a moment, with an empty context."""
    seconds: float = 120.0
    turn_tokens: int = 100_000
    prompt_tokens: int = 20
    prefill: Callable[[float], float] = lambda _: 200.0
    slope: float = 0.0
    """Part by which a token takes longer for each one in context."""
    noise: float = 0.05
    seed: int = 1
    soc: Callable[[float], float] | None = None
    others: Sequence[Item] = ()
    tokens: Channel = TOKENS
    shift_s: float = 0.0
    """What the tokens' clock is behind the host's."""
    lost: Sequence[tuple[float, float]] = ()
    """Tokens of these spans are never told; the count goes on."""
    _random: Random = field(init=False)

    def items(self) -> list[Item]:
        """Everything, in the order of its time; the run's end last."""
        self._random = Random(self.seed)
        timed: list[tuple[float, Item]] = [(_seconds(item), item) for item in self.others]
        timed += [(k / 4, Tick(t_ns=at(k / 4), device=SELF)) for k in range(round(4 * self.seconds))]
        if self.soc is not None:
            timed += [
                (k / 2, reading(SOC, at(k / 2), self.soc(k / 2))) for k in range(round(2 * self.seconds))
            ]
        timed += self._turns()
        opened = ChannelsOpened(t_ns=at(-1), device=DEVICE, channels=(self.tokens, SOC, CAP, STATUS))
        started = RunStarted(t_ns=at(0), device=DEVICE, run=RUN, spec=SPEC)
        early = [item for t, item in timed if t < 0]
        rest = [
            item for _, item in sorted((pair for pair in timed if pair[0] >= 0), key=lambda pair: pair[0])
        ]
        ended = RunEnded(t_ns=at(self.seconds), device=DEVICE, run=RUN, outcome=RunOutcome.DONE)
        return [opened, *early, started, *rest, ended]

    def _turns(self) -> list[tuple[float, Item]]:
        items: list[tuple[float, Item]] = []
        t, count, turn = 0.5, 0, 0
        while t < self.seconds:
            turn += 1
            took = self.prompt_tokens / self.prefill(t)
            items.append((t, TurnStarted(t_ns=at(t), device=DEVICE, run=RUN, turn=turn, context_tokens=0)))
            t += took
            first = t
            items.append((t, FirstToken(t_ns=at(t), device=DEVICE, run=RUN, turn=turn, ttft_s=took)))
            for k in range(self.turn_tokens):
                count += 1
                if not any(a <= t < b for a, b in self.lost):
                    items.append((t, reading(self.tokens, at(t - self.shift_s), count)))
                step = (1 + self.slope * (self.prompt_tokens + k)) / self.speed(t)
                t += step * max(0.1, self._random.gauss(1, self.noise))
                if t >= self.seconds:
                    return items
            done = TurnEnded(
                t_ns=at(t),
                device=DEVICE,
                run=RUN,
                turn=turn,
                end=TurnEnd.LIMIT,
                prompt_tokens=self.prompt_tokens,
                output_tokens=self.turn_tokens,
                first_token_ns=at(first),
                prompt_s=took,
            )
            items.append((t, done))
            t += 0.05
        return items


def _seconds(item: Item) -> float:
    t_ns = item.t0_ns if isinstance(item, Samples) else item.t_ns
    return t_ns / SECOND - 1000


class Found:
    """What a transform concluded from items that pass a bus."""

    def __init__(self, items: Sequence[Item], transform: Transform) -> None:
        self.derived: list[Item] = []
        self._measured = {id(item) for item in items}
        bus = Bus([self], [transform])
        for item in items:
            bus.publish(item)

    def take(self, item: Item) -> None:
        """Keep what is none of the trace's own."""
        if id(item) not in self._measured:
            self.derived.append(item)

    def of(self, kind: type[T]) -> list[T]:
        """Those of a kind."""
        return [item for item in self.derived if isinstance(item, kind)]

    @property
    def story(self) -> list[tuple[str, float]]:
        """Every event with its moment in the trace."""
        return [
            (type(item).__name__, round(_seconds(item), 1))
            for item in self.derived
            if isinstance(item, Event) and not isinstance(item, ChannelsOpened)
        ]
