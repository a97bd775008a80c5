"""The turns of a run as figures, each missing one with its reason."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.events import FirstToken, TurnEnd, TurnEnded, TurnPurpose, TurnStarted
from drivers.model import Channel
from melt_tui.analysis.recorded import Recorded
from melt_tui.analysis.samples import read_as
from melt_tui.measures import rates
from melt_tui.measures.heat import UNLIMITED
from melt_tui.measures.turns import Arrivals, TurnFigures, arrivals, turn_figures


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSummary:
    """One turn. What could not be measured is None, with its reason in ``notes``."""

    turn: int
    purpose: TurnPurpose
    conversation: int
    prompt: int
    repetition: int
    end: TurnEnd | None
    """None: it had not ended when the recording or the run did."""
    context_tokens: int | None
    prompt_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    ttft_ms: float | None
    prefill_tps: float | None
    decode_tps_observed: float | None
    decode_tps_reported: float | None
    itl_p50_ms: float | None
    itl_p95_ms: float | None
    itl_p99_ms: float | None
    tpot_ms: float | None
    e2e_ms: float | None
    flagged: bool
    """Observed and reported decode rate differ by more than 5 %."""
    excluded: str | None
    """Why somebody had it left out of every figure of the run; None: it is not."""
    thermal: str
    """The state of its device as the prompt was sent: the platform's word, a reason, or ``none``."""
    notes: tuple[str, ...]


FIGURES = (
    "prompt_tokens",
    "output_tokens",
    "ttft_ms",
    "prefill_tps",
    "decode_tps_observed",
    "decode_tps_reported",
    "itl_p50_ms",
    "itl_p95_ms",
    "itl_p99_ms",
    "tpot_ms",
    "e2e_ms",
)
"""Fields of a TurnSummary that hold a figure: each is a number, or None with a reason."""


@dataclass(frozen=True, slots=True)
class TurnEvents:
    """What was said of one turn, and when the next thing began."""

    started: TurnStarted
    first: FirstToken | None
    ended: TurnEnded | None
    until_ns: int
    """Until then tokens belong to it: the engine's time of the last one may lie behind its arrival."""
    excluded: str | None = None
    """Why somebody had it left out."""
    thermal: str = UNLIMITED
    """The state of its device as the prompt was sent."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Cumulative token counts of a run, in host time."""

    times_ns: "array[int]"
    counts: "array[float]"

    def of_turn(self, t0_ns: int, t1_ns: int) -> Arrivals:
        """The arrivals of ``t0_ns <= t <= t1_ns``."""
        first, last = bisect_left(self.times_ns, t0_ns), bisect_right(self.times_ns, t1_ns)
        before = self.counts[first - 1] if first else 0
        return arrivals(self.times_ns[first:last], self.counts[first:last], t0_ns, t1_ns, before)


def read_counts(recording: Recorded, channel: Channel, t0_ns: int, t1_ns: int) -> Counts:
    """The samples of a channel of counts within ``t0_ns … t1_ns``, by time."""
    times, values = read_as(recording, channel, t0_ns, t1_ns)
    return Counts(array("q", times.tobytes()), array("d", values.tobytes()))


def summarise_turn(events: TurnEvents, observed: Counts | None, engine: Counts | None) -> TurnSummary:
    """The figures of one turn; ``observed`` are the run's arrivals, ``engine`` its tokens at the engine's times."""
    started, ended = events.started, events.ended
    seen = observed.of_turn(started.t_ns, events.until_ns) if observed else Arrivals((), ())
    timed = engine.of_turn(started.t_ns, events.until_ns) if engine else None
    figures = turn_figures(started, ended, seen, timed) if ended else None
    values = _values(figures, events.first)
    return TurnSummary(
        turn=started.turn,
        purpose=started.purpose,
        conversation=started.conversation,
        prompt=started.prompt,
        repetition=started.repetition,
        end=ended.end if ended else None,
        context_tokens=started.context_tokens,
        cached_tokens=ended.cached_tokens if ended else None,
        prompt_tokens=figures.prompt_tokens if figures else None,
        output_tokens=figures.output_tokens if figures else None,
        **values,
        flagged=figures is not None and figures.flagged,
        excluded=events.excluded,
        thermal=events.thermal,
        notes=(*_left_out(events), *_remarks(ended, figures), *_reasons(values, started, ended, seen)),
    )


def _values(figures: TurnFigures | None, first: FirstToken | None) -> dict[str, float | None]:
    """The figures that are times and rates, by the summary's names."""
    told_ttft_s = first.ttft_s if first else None
    if figures is None:
        return dict.fromkeys(FIGURES[2:], None) | {"ttft_ms": _ms(told_ttft_s)}
    itl = figures.itl_s
    return {
        "ttft_ms": _ms(figures.ttft_s if figures.ttft_s is not None else told_ttft_s),
        "prefill_tps": figures.prefill_tps,
        "decode_tps_observed": figures.decode_tps_observed,
        "decode_tps_reported": figures.decode_tps_reported,
        "itl_p50_ms": _ms(itl.p50) if itl else None,
        "itl_p95_ms": _ms(itl.p95) if itl else None,
        "itl_p99_ms": _ms(itl.p99) if itl else None,
        "tpot_ms": _ms(figures.tpot_s),
        "e2e_ms": _ms(figures.e2e_s),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _left_out(events: TurnEvents) -> Sequence[str]:
    return [] if events.excluded is None else [f"left out by hand: {events.excluded or 'no reason given'}"]


def _remarks(ended: TurnEnded | None, figures: TurnFigures | None) -> Sequence[str]:
    """What a reader must know of the figures that are there."""
    remarks = []
    if figures is not None and figures.flagged:
        remarks.append(_difference(figures.decode_tps_observed, figures.decode_tps_reported))
    if ended is not None and ended.approximate:
        remarks.append("approximate: times were read off a text stream, not told by the engine")
    if ended is not None and ended.end in {TurnEnd.STOPPED, TurnEnd.TIME, TurnEnd.FAILED}:
        remarks.append(f"the turn was cut short ({ended.end}){f': {ended.detail}' if ended.detail else ''}")
    return remarks


def _difference(observed: float | None, reported: float | None) -> str:
    if not observed or not reported:
        return ""
    share = 100 * (observed - reported) / reported
    return f"observed and reported decode rate differ by {share:+.1f} %, more than {100 * rates.FLAG_SHARE:.0f} %"


def _reasons(
    values: Mapping[str, float | None], started: TurnStarted, ended: TurnEnded | None, seen: Arrivals
) -> Sequence[str]:
    """Why figures are missing: one note for each reason, naming what it leaves unknown."""
    if ended is None:
        missing = [name for name in FIGURES if values.get(name) is None]
        return [f"{', '.join(missing)}: the turn did not end"]
    if ended.end is TurnEnd.REFUSED:
        why = f": {ended.detail}" if ended.detail else ""
        return [f"{', '.join(FIGURES)}: the engine refused this turn{why}"]
    told = {**values, "prompt_tokens": ended.prompt_tokens, "output_tokens": ended.output_tokens}
    by_reason: dict[str, list[str]] = {}
    for name in FIGURES:
        if told[name] is None:
            by_reason.setdefault(_reason(name, started, ended, seen), []).append(name)
    return [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def _reason(name: str, started: TurnStarted, ended: TurnEnded, seen: Arrivals) -> str:
    if name in {"prompt_tokens", "output_tokens"}:
        return "the engine did not tell this count"
    if name == "prefill_tps":
        return _no_prefill(ended)
    if ended.output_tokens == 0:
        return "no token came"
    if name in {"ttft_ms", "e2e_ms"} and not started.sent:
        return "the source did not tell when the prompt was sent"
    if name in {"ttft_ms", "e2e_ms"}:
        return "no arrival of a token was recorded"
    return _no_decode(name, ended, seen)


def _no_prefill(ended: TurnEnded) -> str:
    if ended.prompt_tokens == 0:
        cached = bool(ended.cached_tokens)
        return "the whole prompt came from the cache" if cached else "no token of a prompt was evaluated"
    return "the engine did not tell its prompt tokens and their time"


def _no_decode(name: str, ended: TurnEnded, seen: Arrivals) -> str:
    if ended.output_tokens == 1:
        return "a single output token has no decode"
    if name == "decode_tps_reported":
        return "the engine did not tell its decode time"
    if name == "tpot_ms" and ended.output_tokens is None:
        return "the engine did not tell how many tokens it wrote"
    return "the arrivals of tokens were not recorded" if not seen.times_ns else "all tokens arrived at once"


def mean_figures(turns: Sequence[TurnSummary]) -> dict[str, float | None]:
    """The arithmetic mean of each figure over these turns, those without it left out; None when all are."""
    means: dict[str, float | None] = {}
    for name in FIGURES:
        known = [value for turn in turns if (value := getattr(turn, name)) is not None]
        means[name] = sum(known) / len(known) if known else None
    return means
