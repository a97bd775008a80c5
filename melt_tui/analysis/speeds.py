"""The decoding of a recorded run, token by token: what its peak and its plateau are taken from."""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from drivers.clock import SECOND
from drivers.model import Channel, Quantity
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.runevents import RunEvents
from melt_tui.analysis.turns import read_counts
from melt_tui.measures.plateau import Plateau, Step, peak, plateau

_WINDOW_S, _WINDOW_TOKENS = 5.0, 8.0
"""The rate of a moment is that of so much, as of a symptom."""


class Speeds:
    """Decode steps of one run, by the engine's times where it gives them."""

    def __init__(self, recording: Recorded, run: RunEvents, channels: Channels) -> None:
        self._recording = recording
        self._run = run
        self._channels = channels.of(run.started.device)

    def peak(self) -> float | None:
        """The greatest decode rate over 5 s or 8 tokens."""
        return peak(self._steps, _WINDOW_S, _WINDOW_TOKENS)

    def plateau(self, end_ns: int) -> Plateau | None:
        """Of the last 5 min, if the run was long enough."""
        return plateau(self._steps, self._run.started.t_ns / SECOND, end_ns / SECOND)

    @cached_property
    def _steps(self) -> list[Step]:
        channel = self._channel()
        return list(self._decoded(channel)) if channel is not None else []

    def _channel(self) -> Channel | None:
        for quantity in (Quantity.TOKENS, Quantity.TOKEN_ARRIVALS):
            found = next((one for one in self._channels if one.quantity is quantity), None)
            if found is not None:
                return found
        return None

    def _decoded(self, channel: Channel) -> Iterator[Step]:
        ended_ns = self._run.ended.t_ns if self._run.ended else self._recording.span()[1]
        starts = [turn.t_ns for turn in self._run.turns]
        counts = read_counts(self._recording, channel, self._run.started.t_ns, ended_ns)
        for t0_ns, t1_ns in pairwise([*starts, ended_ns + 1]):
            seen = counts.of_turn(t0_ns, t1_ns - 1)
            for (a_ns, a), (b_ns, b) in pairwise(zip(seen.times_ns, seen.counts, strict=True)):
                yield Step(b_ns / SECOND, b - a, (b_ns - a_ns) / SECOND)
