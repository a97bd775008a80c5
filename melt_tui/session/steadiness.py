"""Whether a run's decode rate is steady: told from its own token counts as they come."""

from collections import deque

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ModelLoaded, TurnStarted
from drivers.model import Channel, Quantity, Samples, code_struct
from melt_tui.measures.plateau import SUSTAINED_S, Plateau, Step, plateau


class Steadiness:
    """Decode steps of the last minutes of one run."""

    def __init__(self) -> None:
        self._channel: Channel | None = None
        self._steps: deque[Step] = deque()
        self._last: tuple[int, float] | None = None
        self._begun_s: float | None = None

    def take(self, item: Item) -> None:
        """What the runtime yields. Tokens count by when they came, where that is told: it is the host's own time."""
        if isinstance(item, Samples):
            if self._channel is not None and item.channel == self._channel.name:
                self._count(item, self._channel)
        elif isinstance(item, ChannelsOpened):
            known = {channel.quantity: channel for channel in item.channels}
            found = known.get(Quantity.TOKEN_ARRIVALS) or known.get(Quantity.TOKENS)
            self._channel = found or self._channel
        elif isinstance(item, ModelLoaded):
            self._begun_s = item.t_ns / SECOND
        elif isinstance(item, TurnStarted):
            self._last = None

    def plateau(self, now_ns: int) -> Plateau | None:
        """Of the last 5 min; None of a run that has been ready for less than 20."""
        if self._begun_s is None:
            return None
        return plateau(self._steps, self._begun_s, now_ns / SECOND)

    def _count(self, samples: Samples, channel: Channel) -> None:
        value = channel.decoding.value
        for i, (code,) in enumerate(code_struct(samples.dtype).iter_unpack(samples.codes)):
            t_ns, count = samples.time_at(i), value(code)
            if self._last is not None and count > self._last[1]:
                before_ns, before = self._last
                self._steps.append(Step(t_ns / SECOND, count - before, (t_ns - before_ns) / SECOND))
            self._last = (t_ns, count)
        while self._steps and self._steps[0].t_s < self._steps[-1].t_s - SUSTAINED_S:
            self._steps.popleft()
