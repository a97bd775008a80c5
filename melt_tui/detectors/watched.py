"""One run under watch: symptom, mechanism, and what follows from the two."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from math import hypot, inf, sqrt
from typing import Any

from drivers.clock import SECOND
from drivers.events import TurnEnded
from melt_tui.detectors.cause import POWERS, Surroundings, weak
from melt_tui.detectors.decoding import Decoding
from melt_tui.detectors.mechanism import Episode
from melt_tui.detectors.parameters import Parameters
from melt_tui.detectors.reference import Prefills, Reference
from melt_tui.detectors.window import Spell, Stretch, Trailing
from melt_tui.events import (
    Confidence,
    DerivedEvent,
    Phase,
    RunStarted,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    ThrottleRuledOut,
    ThrottleSuspected,
    Verdict,
)
from melt_tui.measures.heat import Reason
from melt_tui.measures.pace import Line

_SIGMAS = 1.25
_SURE, _UNSURE = 0.03, 0.06
"""Uncertainty of the expected rate up to which, and from which on, an onset is sure and is not."""
_LONG_NS = 300 * SECOND


@dataclass(frozen=True, slots=True)
class Seen:
    """How the run stood when a rate crossed."""

    rate_tps: float
    expected_tps: float
    tokens: int
    turns: int
    celsius: float | None
    sensor: str
    still_s: float


class WatchedRun:
    """Told what comes of one run, in order; answers with what is concluded from it."""

    def __init__(self, started: RunStarted, parameters: Parameters, at: Surroundings) -> None:
        self.decoding = Decoding()
        self.ratio: float | None = None
        """Of the newest window to what is expected, once there is one."""
        self._who: dict[str, Any] = {"device": started.device, "run": started.run}
        self._started_ns = started.t_ns
        self._p = parameters
        self._at = at
        self._reference = Reference(parameters)
        self._prefills = Prefills()
        self._window = Trailing(parameters.window_s, parameters.window_tokens)
        self._turn = [0.0, 0.0, 0.0]
        """Tokens, seconds, context of the turn in progress."""
        self._whole = True
        """The turn in progress began after the crossing, if there was one."""
        self._warm = False
        self._changes = at.mechanisms.changes
        self._spells: dict[Phase, Spell] = {}
        self._seen: dict[Phase, Seen] = {}
        self._onset: ThrottleOnset | None = None
        self._level = 1.0
        """Of the expected rate, what was reached in a stay of slowness that nothing explained."""
        self._told: set[object] = set()
        self._grown: Spell | None = None

    def take(self, one: Stretch | None) -> Iterable[DerivedEvent]:
        """The next stretch of decoding, if there is one."""
        if one is None or self._warm:
            return ()
        window, line = self._window, self._reference.line
        window.add(one)
        if line is None:
            return self._begin(one)
        if self._changes != self._at.mechanisms.changes:
            self._changes = self._at.mechanisms.changes
            self._reference.forget(one.t_ns)
        turn = self._turn
        turn[0] += one.tokens
        turn[1] += one.seconds
        turn[2] += one.context
        self.ratio = ratio = window.expected_s(line) / window.seconds
        if ratio >= self._p.below and not self._spells:
            return self._well(one)
        return self._low(one, ratio, line)

    def turn_ended(self, event: TurnEnded, last: Stretch | None) -> Iterator[DerivedEvent]:
        """The turn's end, and what was left of its decoding."""
        yield from self.take(last)
        (tokens, seconds, context), self._turn = self._turn, [0.0, 0.0, 0.0]
        spell, line = self._spells.get(Phase.DECODE), self._reference.line
        whole, self._whole = self._whole, True
        if spell is not None and line is not None and whole and tokens >= self._p.window_tokens:
            spell.turn(slow=line.expected_s(tokens, context) < self._p.below * self._level * seconds)
        if not self._warm:
            yield from self._prefilled(event)
            yield from self._judge(event.t_ns)

    def tick(self, t_ns: int) -> Iterator[DerivedEvent]:
        """Time goes by."""
        if self._spells:
            yield from self._judge(t_ns)
        elif self._reference.line is not None:
            yield from self._idle_limits(t_ns)

    def interrupt(self) -> None:
        """The device is away: what was measured goes on after it, not across it."""
        self.decoding.interrupt()

    def end(self, t_ns: int) -> Iterator[DerivedEvent]:
        """The run is over."""
        if self._onset is None:
            yield from self._judge(t_ns)
        if self._onset is None and self._reference.line is None and "reference" not in self._told:
            yield self._no_reference(t_ns, "there was no cool window of {} long enough")
        if self._onset is not None:
            spells = self._spells.values()
            back = all(spell.back_s >= self._p.hold_s or spell.good_turns >= 2 for spell in spells)
            yield self._ended(t_ns, recovered=back)

    def _begin(self, one: Stretch) -> Iterator[DerivedEvent]:
        """The first cool window."""
        hot = self._at.mechanisms.hot()
        if hot is not None:
            self._warm = True
            said = f"{hot.limit} ({hot.reason}{f', {hot.detail}' if hot.detail else ''})"
            yield self._no_reference(one.t_ns, f"{said} was in force before a cool window of {{}} was over")
        elif self._reference.begin(one):
            self._told.add("reference")
            known = self._reference
            yield ThrottleReference(
                t_ns=one.t_ns,
                rate_tps=known.rate_tps,
                tokens=int(known.tokens),
                seconds=known.seconds,
                context_tokens=known.context,
                **self._who,
            )

    def _no_reference(self, t_ns: int, why: str) -> ThrottleReference:
        self._told.add("reference")
        needed = f"{self._p.reference_s:g} s and {self._p.reference_tokens:g} tokens"
        return ThrottleReference(t_ns=t_ns, rate_tps=None, reason=why.format(needed), **self._who)

    def _low(self, one: Stretch, ratio: float, line: Line) -> Iterator[DerivedEvent]:
        """Begin a stay below, or go on with it."""
        window, spell = self._window, self._spells.get(Phase.DECODE)
        doubt = line.uncertainty(window.context / window.tokens)
        below = ratio * (1 + doubt * (doubt > _UNSURE)) < self._p.below * self._level
        if below and (spell is None or spell.ruled_out):
            tps = window.tokens / window.seconds
            yield from self._suspect(Phase.DECODE, one.t_ns, ratio, (tps, tps / ratio))
        elif spell is not None:
            spell.spend(one.tokens, line.expected_s(one.tokens, one.context), one.seconds)
            low = below if not spell.ruled_out else ratio < self._p.below
            spell.go_on(one.t_ns, ratio, below=low, deep=ratio < self._p.deep, took_s=one.seconds)
        yield from self._judge(one.t_ns)

    def _well(self, one: Stretch) -> Iterable[DerivedEvent]:
        """Nothing is slow: learn from it where nothing could make it so."""
        if self._at.mechanisms.cool:
            self._reference.learn(one)
        window = self._window
        ratio = window.tokens / (window.seconds * self._reference.rate_tps)
        if ratio >= self._p.below:
            self._grown = None
            return ()
        self._grown = self._grown or Spell(one.t_ns, ratio)
        self._grown.below_s += one.seconds
        if self._grown.below_s < self._p.hold_s:
            return ()
        told = {"symptom_ns": self._grown.since_ns, "ratio": ratio}
        return self._rule_out(one.t_ns, Verdict.CONTEXT_GROWTH, **told)

    def _prefilled(self, event: TurnEnded) -> Iterator[DerivedEvent]:
        """A prompt was evaluated: against its like."""
        tokens, took_s = event.prompt_tokens or 0, event.prompt_s or 0.0
        if tokens < self._p.prompt_tokens or not 0 < took_s < inf:
            return
        context = self.decoding.started_with
        expected = self._prefills.expected(tokens, context)
        if self._at.mechanisms.cool and not self._spells:
            self._prefills.learn(tokens, context, took_s)
        if expected is None:
            return
        ratio, spell = expected.seconds / took_s, self._spells.get(Phase.PREFILL)
        t_ns = event.t_ns if event.first_token_ns is None else event.first_token_ns
        slow = ratio < self._p.below
        if spell is None and ratio * (1 + expected.scatter) < self._p.below:
            rates = tokens / took_s, tokens / expected.seconds
            yield from self._suspect(Phase.PREFILL, t_ns, ratio, rates)
            spell = self._spells[Phase.PREFILL]
        if spell is not None:
            spell.turn(slow=slow)
            spell.scatter = expected.scatter * sqrt(1 / expected.known + 1 / max(1, spell.slow_turns))
            spell.spend(tokens, expected.seconds, took_s)
            spell.go_on(t_ns, ratio, below=slow, deep=ratio < self._p.deep, took_s=took_s)

    def _suspect(
        self, phase: Phase, t_ns: int, ratio: float, rates: tuple[float, float]
    ) -> Iterator[DerivedEvent]:
        self._reference.doubt()
        self._grown, self._whole = None, phase is Phase.PREFILL and self._whole
        deep_ns = t_ns if ratio < self._p.deep else None
        self._spells[phase] = Spell(t_ns, ratio, deepest=ratio, deep_ns=deep_ns)
        heat, known = self._at.thermometer, self.decoding
        self._seen[phase] = Seen(*rates, known.tokens, known.turns, heat.celsius, heat.sensor, heat.still_s)
        if self._onset is None:
            yield ThrottleSuspected(
                t_ns=t_ns, phase=phase, ratio=ratio, rate_tps=rates[0], expected_tps=rates[1], **self._who
            )

    def _judge(self, t_ns: int) -> Iterator[DerivedEvent]:
        """What the stays below have come to."""
        if self._onset is not None:
            if all(self._back(phase, self._p.recovered_s) for phase in self._spells):
                yield self._ended(t_ns, recovered=True)
            return
        for phase, spell in list(self._spells.items()):
            if self._back(phase, self._p.hold_s):
                del self._spells[phase]
                self._level = 1.0
                if not spell.ruled_out:
                    yield from self._rule_out(
                        t_ns, Verdict.RECOVERED, symptom_ns=spell.since_ns, ratio=spell.ratio_below
                    )
            elif not spell.ruled_out and self._held(spell):
                begun = yield from self._conclude(phase, spell, t_ns)
                if begun:
                    return

    def _back(self, phase: Phase, seconds: float) -> bool:
        """Whether a rate is back for so long; a prompt's, for so many turns."""
        spell = self._spells[phase]
        turns = inf if phase is Phase.DECODE else self._p.hold_turns
        return spell.back_s >= seconds or spell.good_turns >= turns

    def _held(self, spell: Spell) -> bool:
        """Long enough, and on the whole lower than what is not known well explains."""
        p = self._p
        low = spell.ratio * (1 + self._doubt(spell)) < p.below * self._level
        return low and spell.held(p.hold_s, p.hold_turns, p.window_s)

    def _doubt(self, spell: Spell) -> float:
        """How far its ratio may be off, as a part of it."""
        line, window = self._reference.line, self._window
        if spell.scatter or line is None or not window.tokens:
            return _SIGMAS * spell.scatter
        known = line.uncertainty(window.context / window.tokens)
        return hypot(known, _SIGMAS * line.scatter(spell.tokens))

    def _conclude(self, phase: Phase, spell: Spell, t_ns: int) -> Generator[DerivedEvent, None, bool]:
        """A symptom that held: whether it is an onset; ruled out once no mechanism can come any more."""
        low = self._p.below * self._level
        known = [one for one in self._spells.items() if not one[1].ruled_out and one[1].ratio < low]
        first = min(known, key=lambda one: one[1].since_ns)
        for one, stay in (first, (phase, spell)):
            for crossed_ns in stay.crossings:
                cause = self._at.cause(crossed_ns, self._started_ns, self._p.near_s)
                if cause is not None:
                    self._onset = self._begun((one, stay, crossed_ns), cause, t_ns)
                    yield self._onset
                    return True
        if t_ns >= spell.crossings[-1] + round(self._p.near_s * SECOND):
            spell.ruled_out = True
            if phase is Phase.DECODE:
                self._level = min(1.0, spell.ratio)
            said = self._at.silence()
            yield from self._rule_out(
                t_ns, Verdict.UNEXPLAINED, symptom_ns=spell.since_ns, ratio=spell.ratio, detail=said
            )
        return False

    def _begun(self, crossing: tuple[Phase, Spell, int], cause: Episode, t_ns: int) -> ThrottleOnset:
        phase, spell, crossed_ns = crossing
        seen = self._seen[phase]
        return ThrottleOnset(
            t_ns=crossed_ns,
            confirmed_ns=t_ns,
            phase=phase,
            reason=cause.reason,
            limit=cause.limit,
            detail=cause.detail,
            mechanism_ns=cause.t0_ns,
            confidence=self._confidence(crossed_ns, cause),
            ratio=spell.ratio,
            rate_tps=seen.rate_tps,
            expected_tps=seen.expected_tps,
            deep_ns=spell.deep_ns,
            temperature_c=None if seen.still_s else seen.celsius,
            sensor=seen.sensor,
            elapsed_s=(crossed_ns - self._started_ns) / SECOND,
            tokens=seen.tokens,
            turns=seen.turns,
            disagreement="; ".join(self._disagreements(seen, cause)),
            **self._who,
        )

    def _confidence(self, crossed_ns: int, cause: Episode) -> Confidence:
        line = self._reference.line
        context = self._window.context / self._window.tokens if self._window.tokens else 0.0
        doubt = line.uncertainty(context) if line is not None else _UNSURE
        away_ns = abs(cause.t0_ns - crossed_ns)
        if doubt > _UNSURE or away_ns > _LONG_NS or weak(cause):
            return Confidence.LOW
        sure = doubt <= _SURE and away_ns <= self._p.near_s * SECOND and cause.reason != Reason.SYSTEM
        return Confidence.HIGH if sure else Confidence.MEDIUM

    def _disagreements(self, seen: Seen, cause: Episode) -> Iterator[str]:
        if cause.reason == Reason.SYSTEM and self._at.mechanisms.status_told:
            yield "the cap was lowered while the platform's thermal status says NONE"
        if seen.still_s:
            yield f"{seen.sensor} has read {seen.celsius:.1f} °C for {seen.still_s:.0f} s: it stands still"

    def _ended(self, t_ns: int, *, recovered: bool) -> ThrottleEnded:
        onset, spells = self._onset, list(self._spells.values())
        assert onset is not None
        back = [spell.back_ns for spell in spells if spell.back_ns is not None]
        chosen = self._spells.get(Phase.DECODE) or spells[0]
        deep = [spell.deep_ns for spell in spells if spell.deep_ns is not None]
        self._onset = None
        self._spells.clear()
        return ThrottleEnded(
            t_ns=max([*back, onset.t_ns + 1]) if recovered and back else t_ns,
            onset_ns=onset.t_ns,
            recovered=recovered,
            ratio=chosen.ratio_below,
            deepest=chosen.deepest,
            deep_ns=min(deep, default=None),
            **self._who,
        )

    def _idle_limits(self, t_ns: int) -> Iterator[DerivedEvent]:
        """A limit that has been in force for long, and nothing is slower."""
        for one in self._at.lasting(t_ns, round((self._p.near_s + self._p.hold_s) * SECOND)):
            verdict = Verdict.POWER_LIMITED if one.reason in POWERS else Verdict.CAPPED
            told = {"mechanism_ns": one.t0_ns, "reason": one.reason, "limit": one.limit, "ratio": self.ratio}
            if one.reason != Reason.MEMORY:
                yield from self._rule_out(t_ns, verdict, detail=one.detail, **told)

    def _rule_out(self, t_ns: int, verdict: Verdict, **told: Any) -> Iterator[DerivedEvent]:
        """Each verdict on a limit is told once in a run, and so is the context's growth."""
        key = (
            verdict,
            told.get("limit", told.get("symptom_ns", 0) if verdict is not Verdict.CONTEXT_GROWTH else 0),
        )
        if key not in self._told:
            self._told.add(key)
            yield ThrottleRuledOut(t_ns=t_ns, verdict=verdict, **told, **self._who)
