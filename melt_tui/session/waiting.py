"""The waits before a run: for a time, or until a condition holds. How it stands is told every 2 s; a stop ends it at once."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isinf

from drivers.clock import SECOND, Clock
from drivers.model import RunSpec
from melt_tui import format as fmt
from melt_tui.errors import MeltError
from melt_tui.events import RunWaited, RunWaiting, Wait
from melt_tui.measures.conditions import Comparison, comparisons, least, parse, seconds_of
from melt_tui.measures.cooling import Course, course, line, seconds_to, since_turn
from melt_tui.session.backoff import wait_unless
from melt_tui.session.bus import Bus
from melt_tui.session.sensing import Probe, Sensing

TELL_S = 2.0
LOST_S = 60.0
"""A sensor that was silent for so long does not come back."""
_LOOK_S = 0.25
_PAST_S = 60.0
"""From so much of the past it is foretold how a sensor goes on."""
_STILL_S = 60.0
_STILL_K = 0.1
"""What changed by less in so long stands still."""


class NotMet(MeltError):
    """What was waited for did not come."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far a wait has come."""

    done: float
    eta_s: float | None
    note: str = ""


class Waits:
    """What one run waits for before it begins."""

    def __init__(self, spec: RunSpec, clock: Clock, sensing: Sensing | None, stopped: asyncio.Event) -> None:
        self._spec = spec
        self._clock = clock
        self._sensing = sensing
        self._stopped = stopped
        self._gate = self._probe(spec.fair.gate)
        self._cooling = (
            None if seconds_of(spec.fair.cooldown) is not None else self._probe(spec.fair.cooldown)
        )

    async def all(self, bus: Bus) -> None:
        """The cool-down between runs, the gate, the idle time, as far as they were asked for. Raises NotMet."""
        fair = self._spec.fair
        if fair.place > 1 and fair.cooldown:
            if self._cooling is not None:
                await self._condition(bus, Wait.COOLDOWN, self._cooling)
            else:
                await self._time(bus, Wait.COOLDOWN, seconds_of(fair.cooldown) or 0.0)
        if self._gate is not None:
            await self._condition(bus, Wait.GATE, self._gate)
        if self._spec.baseline_s:
            await self._time(bus, Wait.IDLE, self._spec.baseline_s)

    def _probe(self, text: str) -> Probe | None:
        if not text or self._sensing is None:
            return None
        return self._sensing.probe(self._spec.device, parse(text))

    async def _time(self, bus: Bus, why: Wait, seconds: float) -> None:
        begun_ns = self._clock.now()

        def stand() -> _Standing:
            left_s = max(0.0, seconds - self._since_s(begun_ns))
            return _Standing(1 - left_s / seconds if seconds else 1.0, left_s)

        await self._wait(bus, why, None, stand, lambda: self._since_s(begun_ns) >= seconds)

    async def _condition(self, bus: Bus, why: Wait, probe: Probe) -> None:
        begun_ns, way = self._clock.now(), _Way(probe)

        def met() -> bool:
            self._check(why, probe, way, self._since_s(begun_ns))
            return probe.holds() is True

        try:
            await self._wait(bus, why, probe, way.standing, met)
        except NotMet as failure:
            self._say_over(bus, why, probe, begun_ns, reason=failure.sentence)
            raise

    def _check(self, why: Wait, probe: Probe, way: "_Way", waited_s: float) -> None:
        """Raises NotMet where it has been waited for in vain."""
        device, condition, limit_s = self._spec.device, probe.condition, self._spec.fair.gate_timeout_s
        silent = probe.silent()
        if silent is not None and silent[1] > LOST_S and probe.holds() is None:
            raise NotMet(
                f"{silent[0]} of {device} has said nothing for {silent[1]:.0f} s: it cannot be told whether {condition}",
                "look at the device, or wait for another sensor",
            )
        if waited_s >= limit_s and probe.holds() is not True:
            note = way.standing().note
            said = "; ".join(filter(None, (said_of(probe), note)))
            raise NotMet(
                f"{device} did not come to {condition} within {fmt.seconds(limit_s)} ({why}): {said}",
                "ask for less, or give it more time with --gate-timeout",
            )

    async def _wait(
        self,
        bus: Bus,
        why: Wait,
        probe: Probe | None,
        stand: Callable[[], _Standing],
        over: Callable[[], bool],
    ) -> None:
        begun_ns, told_ns = self._clock.now(), None
        while not self._stopped.is_set() and not over():
            now_ns = self._clock.now()
            if told_ns is None or now_ns - told_ns >= TELL_S * SECOND:
                told_ns = now_ns
                self._tell(bus, why, probe, stand(), begun_ns)
            left_s = _LOOK_S if probe else stand().eta_s or 0.0
            await wait_unless(self._clock, min(_LOOK_S, left_s), self._stopped)
        if told_ns is not None or probe is not None:
            reason = "stopped" if self._stopped.is_set() else ""
            self._say_over(bus, why, probe, begun_ns, reason=reason)

    def _tell(self, bus: Bus, why: Wait, probe: Probe | None, standing: _Standing, begun_ns: int) -> None:
        bus.publish(
            RunWaiting(
                t_ns=self._clock.now(),
                device=self._spec.device,
                run=self._spec.run,
                why=why,
                wanted=str(probe.condition) if probe else "",
                waited_s=self._since_s(begun_ns),
                done=standing.done,
                eta_s=standing.eta_s,
                sensed=probe.sensed() if probe else (),
                note=standing.note,
                title=title_of(self._spec),
            )
        )

    def _say_over(self, bus: Bus, why: Wait, probe: Probe | None, begun_ns: int, *, reason: str) -> None:
        bus.publish(
            RunWaited(
                t_ns=self._clock.now(),
                device=self._spec.device,
                run=self._spec.run,
                why=why,
                wanted=str(probe.condition) if probe else "",
                waited_s=self._since_s(begun_ns),
                met=not reason,
                sensed=probe.sensed() if probe else (),
                reason=reason,
            )
        )

    def _since_s(self, t_ns: int) -> float:
        return (self._clock.now() - t_ns) / SECOND


class _Way:
    """From where each comparison began to where it is to come."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._starts: dict[Comparison, float] = {}
        self._courses: dict[str, Course | None] = {}

    def standing(self) -> _Standing:
        """How far it is now."""
        for one in comparisons(self._probe.condition):
            points = self._probe.points(one)
            falling = one.upper or one.span_s is not None
            self._courses[one.sensor] = course(since_turn(points, _PAST_S, falling=falling))
        condition = self._probe.condition
        eta_s = -least(condition, lambda one: -self._eta_s(one))
        return _Standing(
            least(condition, self._done), None if isinf(eta_s) else eta_s, next(self._notes(), "")
        )

    def _done(self, one: Comparison) -> float:
        value = self._probe.value(one)
        if value is None:
            return 0.0
        if one.holds(value):
            return 1.0
        start = self._starts.setdefault(one, value)
        whole = start - one.bound
        return min(0.99, max(0.0, (start - value) / whole)) if whole else 0.0

    def _eta_s(self, one: Comparison) -> float:
        value = self._probe.value(one)
        if value is not None and one.holds(value):
            return 0.0
        foretold = seconds_to(one, self._probe.points(one), self._courses.get(one.sensor))
        return inf if foretold is None else foretold

    def _notes(self) -> Iterator[str]:
        silent = self._probe.silent()
        if silent is not None:
            yield f"{silent[0]} silent for {silent[1]:.0f} s"
        for one in comparisons(self._probe.condition):
            value = self._probe.value(one)
            level = self._level(one) if value is not None and not one.holds(value) else None
            if level is not None:
                yield f"{one.sensor} levels off near {level:.1f} {self._probe.unit(one)}: {one} may never hold"

    def _level(self, one: Comparison) -> float | None:
        """Where it levels off, on the wrong side; None where it does not."""
        if one.span_s is not None:
            return None
        known, points = self._courses.get(one.sensor), self._probe.points(one)
        if known is not None and known.misses(one) and points[-1][0] - points[0][0] > _STILL_S / 2:
            return known.level
        still = line(points, _STILL_S)
        return points[-1][1] if still is not None and still < _STILL_K else None


def said_of(probe: Probe) -> str:
    """``soc 43.1 °C, slope(soc)/60s 3.2 °C``."""
    return ", ".join(
        f"{one.what} {fmt.UNKNOWN if one.value is None else f'{one.value:.1f}'} {one.unit}".rstrip()
        for one in probe.sensed()
    )


def title_of(spec: RunSpec) -> str:
    """What will run, and which of how many."""
    fair = spec.fair
    place = f"{fair.place} of {fair.planned}" if fair.planned > 1 else ""
    parts = [fair.variant, place, spec.model.name if spec.model else ""]
    return " · ".join([*filter(None, parts), spec.workload.name if spec.workload else "watching"])
