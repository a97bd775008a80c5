"""Recordings of runs that differ in what is asked for, and in nothing else: what comparisons are tested with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.base import Item
from drivers.events import ChannelsOpened, LimitEngaged, ModelLoaded, TurnStarted
from drivers.model import Channel, Quantity, Unit, uneven_block
from melt_tui.events import DeviceUp, Mark, ModelPrepared, RunStarted, SessionStarted, Wired
from tests.rigs.sessions import ARRIVALS, TEMPERATURE, WALL, at, closing, opening, run, slow, turn
from tests.rigs.written import write

RATE = Channel(
    device="desk", name="token_rate", quantity=Quantity.TOKEN_RATE, unit=Unit.TOKENS_PER_SECOND, rate_hz=4.0
)
TOKENS_A_TURN = 21
GAP_S = 1.0
"""From the prompt to the first token, and before each turn."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One run: its decode rate, on each prompt a part of it, and its surroundings."""

    rate: float = 10.0
    prompts: Sequence[float] = (1.0, 0.8, 1.25)
    first_prompt: int = 0
    address: str = "host"
    """Of the device."""
    wall_s: float = 0.0
    celsius: float = 40.0
    watts: float = 5.0
    point: str = "board-input"
    unmeasured_s: float = 0.0
    """So long, from 6 s on, there is no power."""
    synthetic: bool = False
    model: str = "demo"
    workload: str | None = None
    """By another name than as it is."""
    asked: str = "hello"
    """The text of each prompt; empty for one of token ids."""
    threads: int = 3
    limited: bool = False
    warming: float = 0.0
    """By so many degrees until the end."""
    falling: float = 0.0
    """The live rate, by that share of it until the end."""
    spike_s: float | None = None
    """For one sample the power is ten times what it was."""
    name: str = "evening"
    rated: bool = True
    """Its live rate is recorded."""
    mark_s: float | None = None
    tokens: int = TOKENS_A_TURN
    """Of each turn."""
    engine: bool = True
    """It tells its own times of tokens."""

    @property
    def seconds(self) -> float:
        """How long it lasts, from 2 s on."""
        return 1 + sum(2 * GAP_S + (self.tokens - 1) / (self.rate * part) for part in self.prompts)

    def items(self) -> list[Item]:
        """The session."""
        turns, ends_s = self._turns()
        asked = [self._changed(item) for item in run(turns, 2.0, ends_s + 0.5, synthetic=self.synthetic)]
        stop_s = ends_s + 2
        around: list[Item] = [
            ChannelsOpened(t_ns=at(1), device="desk", channels=(RATE,)),
            ChannelsOpened(t_ns=at(1), device="scale", channels=(meter(self.point),)),
            Wired(t_ns=at(1), device="scale", feeds="desk", point=self.point),
            self._power(stop_s),
            *slow(
                TEMPERATURE, [(t, self.celsius + self.warming * t / stop_s) for t in range(2, int(stop_s))]
            ),
            *slow(RATE, self._live(ends_s)),
        ]
        if self.limited:
            around.append(LimitEngaged(t_ns=at(2), device="desk", limit="thermal status", reason="thermal"))
        if self.mark_s is not None:
            around.append(Mark(t_ns=at(self.mark_s), device="desk", name="here"))
        return [*map(self._changed, map(self._placed, opening())), *around, *asked, *closing(stop_s)]

    def record(self, path: Path) -> str:
        """As a file; its path as text."""
        write(path, self.items(), size=1000)
        return str(path)

    def _turns(self) -> tuple[list[Item], float]:
        items, t_s, before = list[Item](), 3.0, 0
        for i, part in enumerate(self.prompts):
            first_s, step_s = t_s + GAP_S, 1 / (self.rate * part)
            arrivals = [first_s + k * step_s for k in range(self.tokens)]
            made = turn(i + 1, t_s, arrivals, before=before)
            items += [
                replace(one, conversation=self.first_prompt + i, text=self.asked)
                if isinstance(one, TurnStarted)
                else one
                for one in made
                if self.engine or getattr(one, "channel", "") != "tokens"
            ]
            t_s, before = arrivals[-1] + GAP_S, before + self.tokens
        return items, t_s - GAP_S

    def _power(self, stop_s: float) -> Item:
        every = (k / 20 for k in range(20, int(20 * stop_s)))
        times = [t_s for t_s in every if not 6 <= t_s < 6 + self.unmeasured_s]
        spike = None if self.spike_s is None else min(times, key=lambda t_s: abs(t_s - (self.spike_s or 0)))
        watts = [self.watts * (10 if t_s == spike else 1) for t_s in times]
        return uneven_block(meter(self.point), [at(t) for t in times], watts)

    def _live(self, ends_s: float) -> list[tuple[float, float]]:
        every = (2 + t / 4 for t in range(int(4 * (ends_s - 2)) if self.rated else 0))
        return [(t_s, self.rate * (1 - self.falling * t_s / ends_s)) for t_s in every]

    def _placed(self, item: Item) -> Item:
        if isinstance(item, DeviceUp) and item.device == "desk":
            return replace(item, info=replace(item.info, address=self.address))
        return item

    def _changed(self, item: Item) -> Item:
        match item:
            case SessionStarted():
                return replace(item, name=self.name, wall_ns=WALL + round(self.wall_s * 1e9))
            case RunStarted() if item.spec.model is not None and item.spec.workload is not None:
                model = replace(item.spec.model, name=self.model)
                name = self.workload or item.spec.workload.name
                workload = replace(item.spec.workload, name=name)
                return replace(item, spec=replace(item.spec, model=model, workload=workload))
            case ModelPrepared():
                return replace(item, model=replace(item.model, name=self.model))
            case ModelLoaded():
                return replace(item, threads=self.threads)
            case ChannelsOpened() if ARRIVALS in item.channels and not self.engine:
                return replace(item, channels=tuple(c for c in item.channels if c.name != "tokens"))
        return item


def meter(point: str) -> Channel:
    """What measures its power."""
    return Channel(
        device="scale", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=20.0, point=point
    )
