"""One run under watch: symptom, mechanism, and what follows from the two."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from math import hypot, inf, sqrt
from typing import Any

from drivers.clock import SECOND
from drivers.events import TurnEnded
from melt_tui import format as fmt
from melt_tui.detectors.cause import POWERS, Surroundings, weak
from melt_tui.detectors.decoding import Decoding
from melt_tui.detectors.mechanism import Episode
from melt_tui.detectors.parameters import Parameters
from melt_tui.detectors.reference import Prefills, Reference
from melt_tui.detectors.window import Lately, Part, Spell, Stretch, Trailing
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

_SIGMAS = 1.25
"""A stay is below for good when it still is by so many sigmas of what is expected and of its own mean."""
_SURELY = 2.0
"""At contexts that were not learnt from, what so many sigmas of the slope explain is no symptom."""
_SURE, _UNSURE = 0.03, 0.06
"""Uncertainty of the expected rate up to which, and from which on, an onset is sure and is not."""
_LONG_NS = 300 * SECOND


@dataclass(frozen=True, slots=True)
class Seen:
    """How the run stood when a rate crossed."""

    t_ns: int
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
        self._turns = 0
        """That have ended."""
        self._turn = [0.0, 0.0, 0.0]
        """Tokens, seconds, context of the turn in progress."""
        self._whole = True
        """The turn in progress began after the crossing, if there was one."""
        self._warm = False
        self._changes = at.mechanisms.changes
        self._spells: dict[Phase, Spell] = {}
        self._seen: dict[tuple[Phase, int], Seen] = {}
        """At each crossing."""
        self._onset: ThrottleOnset | None = None
        self._told: set[object] = set()
        self._grown: tuple[int, float] | None = None
        """Since when the context's growth alone has made it slower, and how much was decoded since."""

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
        if not self._spells and ratio >= self._p.below:
            return self._well(one)
        spell = self._spells.get(Phase.DECODE)
        leeway = line.leeway(window.context / window.tokens, _SURELY)
        if ratio * leeway < self._line(spell) and (spell is None or spell.ruled_out):
            return self._crossed(one.t_ns, ratio)
        if spell is not None:
            expected_s = line.expected_s(one.tokens, one.context)
            return self._slow(one.t_ns, ratio, Part(one.tokens, expected_s, one.seconds, leeway), spell)
        return self._judge(one.t_ns) if self._spells else self._well(one)

    def turn_ended(self, event: TurnEnded, last: Stretch | None) -> Iterator[DerivedEvent]:
        """The turn's end, and what was left of its decoding."""
        yield from self.take(last)
        (tokens, seconds, context), self._turn = self._turn, [0.0, 0.0, 0.0]
        spell, line = self._spells.get(Phase.DECODE), self._reference.line
        whole, self._whole = self._whole, True
        if spell is not None and line is not None and whole and tokens >= self._p.window_tokens:
            spell.turn(slow=line.expected_s(tokens, context) < spell.line * seconds)
        if not self._warm:
            yield from self._prefilled(event)
            yield from self._judge(event.t_ns)
        self._turns += 1

    def tick(self, t_ns: int) -> Iterator[DerivedEvent]:
        """Time goes by: a limit may come that explains what is slow, or may not come any more."""
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
            back = all(one.back_ns is not None or one.good_turns >= 2 for one in self._spells.values())
            yield self._ended(t_ns, recovered=back)

    def _begin(self, one: Stretch) -> Iterator[DerivedEvent]:
        """The first cool window."""
        hot = self._at.mechanisms.hot()
        if hot is not None:
            self._warm = True
            said = f"{fmt.words(hot.limit)} ({hot.reason}{f', {hot.detail}' if hot.detail else ''})"
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

    def _crossed(self, t_ns: int, ratio: float) -> Iterator[DerivedEvent]:
        """A window fell below: begin a stay there."""
        yield from self._suspect(Phase.DECODE, self._seen_now(t_ns, ratio), ratio)
        yield from self._judge(t_ns)

    def _slow(self, t_ns: int, ratio: float, part: Part, spell: Spell) -> Iterator[DerivedEvent]:
        """A stay goes on."""
        most = ratio * part.leeway
        spell.go_on(t_ns, ratio, part, below=most < spell.line, deep=most < self._p.deep)
        if t_ns in spell.crossings:
            self._seen[Phase.DECODE, t_ns] = self._seen_now(t_ns, ratio)
        yield from self._judge(t_ns)

    def _seen_now(self, t_ns: int, ratio: float) -> Seen:
        """How the run stands at the end of the newest window."""
        tps = self._window.tokens / self._window.seconds
        return self._seen_at(t_ns, (tps, tps / ratio), self.decoding.reached)

    def _seen_at(self, t_ns: int, rates: tuple[float, float], tokens: int) -> Seen:
        heat = self._at.thermometer
        return Seen(t_ns, *rates, tokens, self._turns, heat.celsius, heat.sensor, heat.still_s)

    def _line(self, spell: Spell | None) -> float:
        """The ratio whose crossing is a symptom: of what is expected, or of what a stay that nothing explained left of it."""
        return self._p.below * (1.0 if spell is None else min(1.0, spell.at_most))

    def _well(self, one: Stretch) -> Iterable[DerivedEvent]:
        """Nothing is slow, as far as anybody knows: learn from it where nothing could make it so."""
        if self._at.mechanisms.cool:
            self._reference.learn(one)
        window = self._window
        ratio = window.tokens / (window.seconds * self._reference.rate_tps)
        if ratio >= self._p.below:
            self._grown = None
            return ()
        since_ns, grown_s = self._grown or (one.t_ns, 0.0)
        self._grown = since_ns, grown_s + one.seconds
        if grown_s < self._p.hold_s:
            return ()
        return self._rule_out(one.t_ns, Verdict.CONTEXT_GROWTH, symptom_ns=since_ns, ratio=ratio)

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
        rates = tokens / took_s, tokens / expected.seconds
        seen = self._seen_at(t_ns, rates, self.decoding.before + 1)
        if spell is None and ratio * (1 + expected.scatter) < self._p.below:
            yield from self._suspect(Phase.PREFILL, seen, ratio)
            spell = self._spells[Phase.PREFILL]
        if spell is not None:
            self._seen[Phase.PREFILL, t_ns] = seen
            spell.turn(slow=slow)
            spell.scatter = expected.scatter * sqrt(1 / expected.known + 1 / max(1, spell.slow_turns))
            part = Part(float(tokens), expected.seconds, took_s)
            spell.go_on(t_ns, ratio, part, below=slow, deep=ratio < self._p.deep)

    def _suspect(self, phase: Phase, seen: Seen, ratio: float) -> Iterator[DerivedEvent]:
        self._reference.doubt()
        self._grown, self._whole = None, phase is Phase.PREFILL and self._whole
        outer, lately = self._spells.get(phase), Lately(self._p.hold_s, self._p.window_tokens)
        deep_ns = seen.t_ns if ratio < self._p.deep else None
        spell = Spell(seen.t_ns, ratio, self._line(outer), lately, outer, deepest=ratio, deep_ns=deep_ns)
        self._spells[phase] = spell
        self._seen[phase, seen.t_ns] = seen
        if self._onset is None:
            yield ThrottleSuspected(
                t_ns=seen.t_ns,
                phase=phase,
                ratio=ratio,
                rate_tps=seen.rate_tps,
                expected_tps=seen.expected_tps,
                **self._who,
            )

    def _judge(self, t_ns: int) -> Iterator[DerivedEvent]:
        """What the stays below have come to."""
        if self._onset is not None:
            if all(self._back(phase, self._p.recovered_s) for phase in self._spells):
                yield self._ended(t_ns, recovered=True)
            return
        for phase, spell in list(self._spells.items()):
            if self._over(phase, spell):
                yield from self._passed(phase, spell, t_ns)
            elif self._held(spell) and (yield from self._conclude(phase, spell, t_ns)):
                return

    def _passed(self, phase: Phase, spell: Spell, t_ns: int) -> Iterator[DerivedEvent]:
        """A stay is over that was none of throttling; one that it was part of goes on."""
        del self._spells[phase]
        if spell.outer is not None:
            self._spells[phase] = spell.outer
        if not self._spells:
            self._seen.clear()
        if not spell.ruled_out:
            told = {"symptom_ns": spell.since_ns, "ratio": spell.ratio_below}
            yield from self._rule_out(t_ns, Verdict.RECOVERED, **told)

    def _over(self, phase: Phase, spell: Spell) -> bool:
        """Whether a rate is back that nothing was concluded from."""
        if phase is Phase.PREFILL:
            return spell.good_turns >= self._p.hold_turns
        return spell.back_ns is not None

    def _back(self, phase: Phase, seconds: float) -> bool:
        """Whether a rate is back for so long, and not just falling again; a prompt's, for so many turns."""
        spell = self._spells[phase]
        turns = inf if phase is Phase.DECODE else self._p.hold_turns
        return (spell.above and spell.back_s >= seconds) or spell.good_turns >= turns

    def _held(self, spell: Spell) -> bool:
        """Long enough, and on the whole lower than what is not known well explains; nothing was said of it yet."""
        p = self._p
        low = not spell.ruled_out and spell.at_most * (1 + self._doubt(spell)) < spell.line
        return low and spell.held(p.hold_s, p.hold_turns, p.window_s)

    def _doubt(self, spell: Spell) -> float:
        """How far its ratio may be off, as a part of it."""
        line, window = self._reference.line, self._window
        if spell.scatter or line is None or not window.tokens:
            return _SIGMAS * spell.scatter
        known = line.uncertainty(window.context / window.tokens)
        return _SIGMAS * hypot(known, line.scatter(spell.tokens))

    def _conclude(self, phase: Phase, spell: Spell, t_ns: int) -> Generator[DerivedEvent, None, bool]:
        """A symptom that held: whether it is an onset; ruled out once no mechanism can come any more."""
        known = [one for one in self._spells.items() if not one[1].ruled_out and one[1].at_most < one[1].line]
        first = min(known, key=lambda one: one[1].since_ns)
        for one, stay in (first, (phase, spell)):
            for crossed_ns in stay.crossings:
                cause = self._at.cause(crossed_ns, self._started_ns, self._p.near_s)
                if cause is not None:
                    stay.fixed = True
                    self._onset = self._begun(one, stay, self._seen[one, crossed_ns], cause, t_ns)
                    yield self._onset
                    return True
        if t_ns >= spell.crossings[-1] + round(self._p.near_s * SECOND):
            spell.ruled_out = True
            said = self._at.silence()
            yield from self._rule_out(
                t_ns, Verdict.UNEXPLAINED, symptom_ns=spell.since_ns, ratio=spell.ratio, detail=said
            )
        return False

    def _begun(
        self, phase: Phase, spell: Spell, seen: Seen, cause: Episode, confirmed_ns: int
    ) -> ThrottleOnset:
        return ThrottleOnset(
            t_ns=seen.t_ns,
            confirmed_ns=confirmed_ns,
            phase=phase,
            reason=cause.reason,
            limit=cause.limit,
            detail=cause.detail,
            mechanism_ns=cause.t0_ns,
            confidence=self._confidence(seen.t_ns, cause),
            ratio=spell.ratio,
            rate_tps=seen.rate_tps,
            expected_tps=seen.expected_tps,
            deep_ns=spell.deep_ns,
            temperature_c=None if seen.still_s else seen.celsius,
            sensor=seen.sensor,
            elapsed_s=(seen.t_ns - self._started_ns) / SECOND,
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
            yield f"{fmt.words(seen.sensor)} has read {seen.celsius:.1f} °C for {seen.still_s:.0f} s: it stands still"

    def _ended(self, t_ns: int, *, recovered: bool) -> ThrottleEnded:
        onset, spells = self._onset, list(self._spells.values())
        assert onset is not None
        back = [spell.back_ns for spell in spells if spell.back_ns is not None]
        chosen = self._spells.get(Phase.DECODE) or spells[0]
        deep = [spell.deep_ns for spell in spells if spell.deep_ns is not None]
        self._onset = None
        self._spells.clear()
        self._seen.clear()
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
