"""The figures of one turn: observed from our own token times, reported from the engine's, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import lt

from drivers.events import TurnEnded, TurnStarted
from melt_tui.measures import rates
from melt_tui.measures.percentiles import Spread, spread


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Cumulative token counts of one turn, at the moments when they rose; both sequences rise."""

    times_ns: Sequence[int]
    counts: Sequence[float]

    @property
    def elapsed_s(self) -> float | None:
        """First to last arrival; None below two."""
        return rates.between(self.times_ns[0], self.times_ns[-1]) if len(self.times_ns) > 1 else None

    @property
    def rate(self) -> float | None:
        """Tokens that came after the first arrival, per second from it to the last.

        These are the decode tokens, as long as the first arrival brought one token.
        """
        elapsed_s = self.elapsed_s
        if elapsed_s is None or elapsed_s <= 0:
            return None
        return (self.counts[-1] - self.counts[0]) / elapsed_s


@dataclass(frozen=True, slots=True)
class Gap:
    """From one arrival to the next: ``tokens`` came together at its end. It is not spread over them."""

    end_ns: int
    seconds: float
    tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFigures:
    """What can be said of one turn. Times in s, rates in tok/s; None where it is not known."""

    prompt_tokens: int | None
    output_tokens: int | None
    ttft_s: float | None
    e2e_s: float | None
    tpot_s: float | None
    prefill_tps: float | None
    decode_tps_observed: float | None
    decode_tps_reported: float | None
    itl_s: Spread | None
    """Over the gaps of the engine's times where it gives them, else over those of the arrivals; a gap counts once."""
    flagged: bool
    """Observed and reported decode rate differ by more than 5 %."""


def arrivals(
    times_ns: Sequence[int], counts: Sequence[float], t0_ns: int, t1_ns: int, before: float = 0
) -> Arrivals:
    """The arrivals of ``t0_ns <= t <= t1_ns`` out of a run's cumulative counts, in order of time.

    ``before`` is the count when the span began. Samples that bring no token are left out; a fall of the count is a
    restart, from which it counts anew.
    """
    if _rise(counts, before) and t0_ns <= times_ns[0] and times_ns[-1] <= t1_ns:
        return Arrivals(list(times_ns), list(counts))
    kept_times: list[int] = []
    kept_counts: list[float] = []
    for t_ns, count in zip(times_ns, counts, strict=True):
        if count < before:
            kept_times, kept_counts, before = [], [], 0
        if t0_ns <= t_ns <= t1_ns and count > before:
            kept_times.append(t_ns)
            kept_counts.append(count)
        before = count
    return Arrivals(kept_times, kept_counts)


def _rise(counts: Sequence[float], before: float) -> bool:
    """Whether each brings a token: as a rule all of them do."""
    return bool(counts) and counts[0] > before and all(map(lt, counts, islice(counts, 1, None)))


def gaps(seen: Arrivals) -> list[Gap]:
    """Between successive arrivals: one fewer than there are."""
    return [
        Gap(t1_ns, (t1_ns - t0_ns) / rates.SECOND_NS, c1 - c0)
        for t0_ns, t1_ns, c0, c1 in zip(
            seen.times_ns, seen.times_ns[1:], seen.counts, seen.counts[1:], strict=False
        )
    ]


def turn_figures(
    started: TurnStarted, ended: TurnEnded, observed: Arrivals, engine: Arrivals | None
) -> TurnFigures:
    """The figures of a turn that has ended.

    ``observed`` are its ``token_arrivals``, ``engine`` its ``tokens`` (None where the engine gives no times).
    Observed figures come from the former and the events' arrival times alone, reported ones from the latter and what
    the engine said at the end.
    """
    output = ended.output_tokens
    sent_ns = started.t_ns if started.sent else None
    ttft_s = rates.ttft(sent_ns, ended.first_token_ns)
    e2e_s = rates.e2e(sent_ns, ended.last_token_ns)
    reported = rates.reported_decode_rate(output, ended.decode_s)
    if reported is None and engine is not None:
        reported = engine.rate
    timed = engine if engine is not None and len(engine.times_ns) > 1 else observed
    return TurnFigures(
        prompt_tokens=ended.prompt_tokens,
        output_tokens=output,
        ttft_s=ttft_s,
        e2e_s=e2e_s,
        tpot_s=rates.tpot(e2e_s, ttft_s, output)
        if started.sent
        else rates.tpot(rates.e2e(ended.first_token_ns, ended.last_token_ns), 0.0, output),
        prefill_tps=rates.prefill_rate(ended.prompt_tokens, ended.prompt_s),
        decode_tps_observed=observed.rate,
        decode_tps_reported=reported,
        itl_s=spread([(b - a) / rates.SECOND_NS for a, b in pairwise(timed.times_ns)]),
        flagged=rates.differ(observed.rate, reported) is True,
    )
