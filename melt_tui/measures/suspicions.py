"""Which suspicions of throttling have come to something: pure."""

from collections.abc import Iterable

from melt_tui.events import ThrottleOnset, ThrottleRuledOut, ThrottleSuspected, Verdict

_ANSWERS = frozenset({Verdict.RECOVERED, Verdict.UNEXPLAINED})


def answered(told: Iterable[object]) -> frozenset[ThrottleSuspected]:
    """Those of the events that are suspicions and that an onset or a verdict among them answers.

    An onset answers every suspicion of its run until it was confirmed: there is none while it lasts. A verdict answers
    the newest open one at its crossing or before it, for a crossing may be dated later than it was first suspected.
    """
    known = list(told)
    waiting = sorted((one for one in known if isinstance(one, ThrottleSuspected)), key=lambda one: one.t_ns)
    found: set[ThrottleSuspected] = set()
    for onset in (one for one in known if isinstance(one, ThrottleOnset)):
        found.update(one for one in waiting if _same(one, onset) and one.t_ns <= onset.confirmed_ns)
    verdicts = [one for one in known if isinstance(one, ThrottleRuledOut) and one.verdict in _ANSWERS]
    for verdict in sorted(verdicts, key=lambda one: one.t_ns):
        crossed_ns = verdict.t_ns if verdict.symptom_ns is None else verdict.symptom_ns
        before = (one for one in reversed(waiting) if _same(one, verdict) and one.t_ns <= crossed_ns)
        found.update([one for one in before if one not in found][:1])
    return frozenset(found)


def _same(one: ThrottleSuspected, other: ThrottleOnset | ThrottleRuledOut) -> bool:
    return (one.device, one.run) == (other.device, other.run)
