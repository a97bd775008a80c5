"""How a run is told on the bus: turns, tokens at the engine's times and at ours, over a link that is late or away."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import (
    ChannelsOpened,
    FirstToken,
    ModelLoaded,
    PrefillProgress,
    RunEvent,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import Channel, uneven_block
from drivers.runs.channels import arrivals_channel, tokens_channel
from tests.rigs.throttling.engine import Answered, Asked
from tests.rigs.throttling.plan import Plan

RUN = "r1"
Publish = Callable[[int, Item], None]
"""At that host time, that item."""
Clock = Callable[[int], int]
"""From the host's time to the device's own."""


class RunVoice:
    """Voice of one run on one device."""

    def __init__(
        self, plan: Plan, device: str, start_ns: int, own: Clock, rng: np.random.Generator, publish: Publish
    ) -> None:
        self._plan = plan
        self._device = device
        self._start_ns = start_ns
        self._own = own
        self._rng = rng
        self._publish = publish
        self._own_clock = bool(plan.clock_s)
        self._tokens = tokens_channel(device, "engine's clock, placed at the first token's arrival")
        if self._own_clock:
            self._tokens = replace(self._tokens, own_clock=True)
        self._arrivals = arrivals_channel(device, "our clock, when the bytes arrived")
        self._count = 0
        self._sent_ns = self._first_ns = self._last_ns = 0
        self._stall_ns = (start_ns, start_ns)
        self._together: list[tuple[int, int]] = []
        """Tokens that arrive at one time: the engine's time and the count."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those of the run."""
        return (self._tokens, self._arrivals) if self._plan.telling.engine_times else (self._arrivals,)

    def opened(self) -> None:
        """The run begins: its channels are there."""
        at_ns = self._at(0.01)
        self._publish(at_ns, ChannelsOpened(t_ns=at_ns, device=self._device, channels=self.channels))

    def loaded(self, t_s: float) -> None:
        """Ready."""
        t_ns = self._at(t_s)
        self._tell(ModelLoaded(t_ns=t_ns, device=self._device, run=RUN, load_s=t_s, threads=4, context=4096))

    def started(self, t_s: float, asked: Asked) -> None:
        """The prompt was sent."""
        self._sent_ns, self._first_ns = self._at(t_s), 0
        self._tell(
            TurnStarted(
                t_ns=self._sent_ns,
                device=self._device,
                run=RUN,
                turn=asked.number,
                conversation=asked.conversation,
                prompt=asked.index,
                purpose=TurnPurpose.WARMUP if asked.warmup else TurnPurpose.MEASURED,
                context_tokens=asked.context,
            )
        )

    def evaluated(self, t_s: float, asked: Asked, processed: int) -> None:
        """A batch of the prompt."""
        t_ns = self._at(t_s)
        self._tell(
            PrefillProgress(
                t_ns=t_ns,
                device=self._device,
                run=RUN,
                turn=asked.number,
                processed=processed,
                total=asked.prompt,
            )
        )

    def token(self, t_s: float, asked: Asked, number: int) -> None:
        """One more."""
        self._count += 1
        t_ns = self._at(t_s)
        noise = self._plan.noise
        late_ms = float(self._rng.uniform(*noise.late_ms))
        if self._rng.random() < noise.very_late:
            late_ms += float(self._rng.uniform(5, 40))
        arrival_ns = max(self._last_ns, t_ns + round(late_ms * MILLISECOND), self._stalled_ns(t_ns))
        if arrival_ns > self._last_ns:
            self._flush()
        self._last_ns = arrival_ns
        if number == 1:
            self._first_ns = arrival_ns
            ttft_s = (arrival_ns - self._sent_ns) / SECOND
            self._tell(
                FirstToken(t_ns=arrival_ns, device=self._device, run=RUN, turn=asked.number, ttft_s=ttft_s)
            )
        self._together.append((t_ns, self._count))

    def ended(self, t_s: float, asked: Asked, answered: Answered, *, cut: bool) -> None:
        """The last token came."""
        self._flush()
        engine = self._plan.telling.engine_times
        self._tell(
            TurnEnded(
                t_ns=self._last_ns + MILLISECOND,
                device=self._device,
                run=RUN,
                turn=asked.number,
                end=TurnEnd.STOPPED if cut else TurnEnd.EOS,
                prompt_tokens=asked.prompt,
                cached_tokens=asked.context,
                output_tokens=answered.tokens,
                first_token_ns=self._first_ns,
                last_token_ns=self._last_ns,
                prompt_s=answered.prompt_s if engine else None,
                decode_s=answered.last_s - answered.first_s if engine else None,
            )
        )

    def _stalled_ns(self, t_ns: int) -> int:
        """Until when the link holds back what is sent at that time."""
        if not self._plan.stall_s:
            return 0
        while t_ns > self._stall_ns[1]:
            begun_ns = self._stall_ns[1] + round(float(self._rng.exponential(self._plan.stall_s)) * SECOND)
            long_s = float(self._rng.uniform(0.3, 3.0))
            self._stall_ns = (begun_ns, begun_ns + round(long_s * SECOND))
        return self._stall_ns[1] if t_ns >= self._stall_ns[0] else 0

    def _flush(self) -> None:
        together, self._together = self._together, []
        if not together or self._back_ns(self._last_ns) is not None:
            return
        counts = [count for _, count in together]
        if self._plan.telling.engine_times:
            times = [self._own(t_ns) if self._own_clock else t_ns for t_ns, _ in together]
            self._publish(self._last_ns, uneven_block(self._tokens, times, counts))
        self._publish(self._last_ns, uneven_block(self._arrivals, [self._last_ns] * len(counts), counts))

    def _tell(self, event: RunEvent) -> None:
        """At its time, or when the link is back, with the time at which it happened."""
        back_ns = self._back_ns(event.t_ns)
        self._publish(event.t_ns if back_ns is None else back_ns, event)

    def _back_ns(self, t_ns: int) -> int | None:
        """When the link that is away at that time is back; None where it is there."""
        for a_s, b_s in self._plan.gaps_s:
            if self._at(a_s) <= t_ns < self._at(b_s):
                return self._at(b_s + 0.2)
        return None

    def _at(self, t_s: float) -> int:
        return self._start_ns + round(t_s * SECOND)
