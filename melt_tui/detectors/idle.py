"""The time before a run as it is known while it goes on: since when its device was left alone, and what it took idle."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from drivers.clock import SECOND
from drivers.events import ChannelsOpened, Event
from drivers.model import Channel, ChannelKey, Samples
from melt_tui.detectors.history import History
from melt_tui.detectors.marks import Mark, Off, Source
from melt_tui.events import RunEnded, RunStarted, Wired
from melt_tui.measures.baseline import ROUNDING_NS, SCREEN, bounds, steadied
from melt_tui.measures.energy import IDLE_S, LEAST_COVERAGE, Amount

_EVER: Final = -(1 << 62)


class Quiet:
    """When the baselines of runs began, by the rules of recordings: recorded, nothing else running, the same screen and
    the same wires."""

    def __init__(self) -> None:
        self._began_ns: int | None = None
        self._running: dict[str, set[str]] = {}
        self._busy_ns: dict[str, int] = {}
        """By device: until then a run was in progress."""
        self._screens: dict[ChannelKey, Channel] = {}
        self._shown: dict[ChannelKey, float] = {}
        self._changed_ns: dict[str, int] = {}
        """By device: when its screen was not as before."""
        self._wires: dict[str, Wired] = {}
        self._wired_ns: dict[str, int] = {}
        """By meter: since when it feeds what it does, if that was something else before."""

    def notice(self, event: Event) -> None:
        """Any event."""
        if self._began_ns is None:
            self._began_ns = event.t_ns
        if isinstance(event, ChannelsOpened):
            self._screens |= {one.key: one for one in event.channels if one.name in SCREEN}
        elif isinstance(event, RunEnded):
            self._running.get(event.device, set()).discard(event.run)
            self._busy_ns[event.device] = max(event.t_ns, self._busy_ns.get(event.device, _EVER))
        elif isinstance(event, Wired):
            known = self._wires.setdefault(event.device, event)
            if (known.feeds, known.point) != (event.feeds, event.point):
                self._wires[event.device], self._wired_ns[event.device] = event, event.t_ns

    def hears(self, channel: Channel) -> bool:
        """Whether it tells what a screen is like."""
        return channel.key in self._screens

    def take(self, samples: Samples) -> None:
        """What a screen is like now."""
        value = self._screens[samples.key].decoding.value(samples.last_code)
        if self._shown.setdefault(samples.key, value) != value:
            self._shown[samples.key], self._changed_ns[samples.device] = value, samples.t1_ns

    def begin(self, event: RunStarted) -> int | None:
        """A run begins: since when its device is taken for idle, None where it was not, or not recorded for so long."""
        running = self._running.setdefault(event.device, set())
        since_ns = event.t_ns - round((event.spec.baseline_s or IDLE_S) * SECOND)
        late = self._began_ns is None or self._began_ns > since_ns + ROUNDING_NS
        idle = not running - {event.run} and self._busy_ns.get(event.device, _EVER) <= since_ns
        running.add(event.run)
        return since_ns if idle and not late else None

    def as_shown(self, device: str, since_ns: int) -> bool:
        """Whether its screen has been the same ever since."""
        return self._changed_ns.get(device, _EVER) <= since_ns

    def as_wired(self, meter: str, since_ns: int) -> bool:
        """Whether it has fed the same ever since."""
        return self._wired_ns.get(meter, _EVER) <= since_ns


@dataclass(slots=True)
class Idle:
    """The mean power of one source before one run."""

    source: Source
    _past: tuple[History, ...] = ()
    _known: tuple[Any, Amount | None] = (None, None)
    """What it was found for."""

    def mean(self, since_ns: int, t0_ns: int, start: Mark | None, off: Off) -> Amount | None:
        """Between two moments, of which the later one is marked; None where too little of it was measured."""
        if start is None:
            return None
        self._past = self._past or self.source.past(t0_ns)
        asked = since_ns, off, start.final, bool(self._past)
        if asked != self._known[0]:
            self._known = asked, self._found(since_ns, t0_ns, start, off) if self._past else None
        return self._known[1]

    def _found(self, since_ns: int, t0_ns: int, start: Mark, off: Off) -> Amount | None:
        first = self.source.mark_past(self._past, since_ns, off)
        mean = self._mean(first, start)
        if mean is None:
            return None
        between = [self.source.mark_past(self._past, t_ns, off) for t_ns in bounds(since_ns, t0_ns)[1:-1]]
        parts = [self._mean(*both) for both in pairwise([first, *between, start])]
        return steadied(mean, [part for part in parts if part is not None])

    def _mean(self, start: Mark, end: Mark) -> Amount | None:
        """Power between two moments, where enough of that was measured."""
        used, covered_ns = self.source.amount(start, end), self.source.between(start, end).covered_ns
        enough = covered_ns >= LEAST_COVERAGE * (end.t_ns - start.t_ns)
        return used.times(SECOND / covered_ns) if used is not None and enough else None
