"""The decoding of a recorded run, token by token: what its peak and its plateau are taken from."""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

import numpy as np

from drivers.clock import SECOND
from drivers.model import Channel, Quantity
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.runevents import RunEvents
from melt_tui.analysis.turns import read_counts
from melt_tui.measures.integral import Times, Values
from melt_tui.measures.plateau import SUSTAINED_S, Plateau, Step, peak, plateau

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
        _, tokens, seconds = self._steps
        return peak(tokens, seconds, _WINDOW_S, _WINDOW_TOKENS)

    def plateau(self, end_ns: int) -> Plateau | None:
        """Of the last 5 min, if the run was long enough."""
        times, tokens, seconds = self._steps
        late = slice(int(np.searchsorted(times, end_ns - round(SUSTAINED_S * SECOND), "right")), None)
        last = map(Step, (times[late] / SECOND).tolist(), tokens[late].tolist(), seconds[late].tolist())
        return plateau(list(last), self._run.started.t_ns / SECOND, end_ns / SECOND)

    @cached_property
    def _steps(self) -> tuple[Times, Values, Values]:
        """When the last token of each came, how many they were, how long decoding took for them in s."""
        channel = self._channel()
        turns = list(self._decoded(channel)) if channel is not None else []
        times = np.concatenate([np.empty(0, np.int64), *(at[1:] for at, _ in turns)])
        tokens = np.concatenate([np.empty(0), *(np.diff(counts) for _, counts in turns)])
        seconds = np.concatenate([np.empty(0), *(np.diff(at) / SECOND for at, _ in turns)])
        return times, tokens, seconds

    def _channel(self) -> Channel | None:
        for quantity in (Quantity.TOKENS, Quantity.TOKEN_ARRIVALS):
            found = next((one for one in self._channels if one.quantity is quantity), None)
            if found is not None:
                return found
        return None

    def _decoded(self, channel: Channel) -> Iterator[tuple[Times, Values]]:
        """Of each turn when tokens came, and how many there were then."""
        ended_ns = self._run.ended.t_ns if self._run.ended else self._recording.span()[1]
        starts = [turn.t_ns for turn in self._run.turns]
        counts = read_counts(self._recording, channel, self._run.started.t_ns, ended_ns)
        for t0_ns, t1_ns in pairwise([*starts, ended_ns + 1]):
            seen = counts.of_turn(t0_ns, t1_ns - 1)
            yield np.array(seen.times_ns, np.int64), np.array(seen.counts, np.float64)
