"""Rates and times of inference, each as metrics define it. ``output_tokens`` counts all, the first included."""

from bisect import bisect_right
from collections.abc import Sequence

SECOND_NS = 1e9

LIVE_NS = 2_000_000_000
LIVE_TOKENS = 8
"""The live rate is taken over the last 2 s or 8 tokens, whichever is longer."""

FLAG_SHARE = 0.05
"""Observed and reported figures that are further apart than this are flagged."""


def between(t0_ns: int | None, t1_ns: int | None) -> float | None:
    """Seconds from ``t0_ns`` to ``t1_ns``; None when either is unknown or they are the wrong way round."""
    if t0_ns is None or t1_ns is None or t1_ns < t0_ns:
        return None
    return (t1_ns - t0_ns) / SECOND_NS


def ttft(sent_ns: int | None, first_token_ns: int | None) -> float | None:
    """Time to first token, s: prompt sent until the first output token."""
    return between(sent_ns, first_token_ns)


def e2e(sent_ns: int | None, last_token_ns: int | None) -> float | None:
    """End to end, s: prompt sent until the last output token."""
    return between(sent_ns, last_token_ns)


def tpot(e2e_s: float | None, ttft_s: float | None, output_tokens: int | None) -> float | None:
    """Time per output token, s: ``(E2E - TTFT) / decode tokens``; None below two output tokens."""
    if e2e_s is None or ttft_s is None or output_tokens is None or output_tokens < 2 or e2e_s < ttft_s:
        return None
    return (e2e_s - ttft_s) / (output_tokens - 1)


def prefill_rate(prompt_tokens: int | None, prompt_s: float | None) -> float | None:
    """New prompt tokens per second of prompt-evaluation time; None without new tokens or time."""
    return _per_second(prompt_tokens, prompt_s)


def decode_rate(
    output_tokens: int | None, first_token_ns: int | None, last_token_ns: int | None
) -> float | None:
    """Observed: decode tokens (output tokens - 1) per second from first to last arrival; None below two."""
    return reported_decode_rate(output_tokens, between(first_token_ns, last_token_ns))


def reported_decode_rate(output_tokens: int | None, decode_s: float | None) -> float | None:
    """Reported: decode tokens per second of the engine's own time from first to last; None below two."""
    return None if output_tokens is None else _per_second(output_tokens - 1, decode_s)


def live_rate(times_ns: Sequence[int], counts: Sequence[float], now_ns: int) -> float | None:
    """Token rate at ``now_ns``: tokens per second since ``live_start``; None before there is a second arrival.

    ``counts[i]`` tokens had come by ``times_ns[i]``; both rise, and all are arrivals of one turn, none later than
    ``now_ns``. While nothing comes the rate falls, as ``now_ns`` goes on.
    """
    if not times_ns:
        return None
    start = live_start(times_ns, counts, now_ns)
    tokens, elapsed_ns = counts[-1] - counts[start], now_ns - times_ns[start]
    return tokens * SECOND_NS / elapsed_ns if tokens > 0 and elapsed_ns > 0 else None


def live_start(times_ns: Sequence[int], counts: Sequence[float], now_ns: int) -> int:
    """Index of the arrival that the live rate is counted from, itself left out.

    The latest that is at least ``LIVE_NS`` ago and has at least ``LIVE_TOKENS`` after it; else the first. It never
    goes back as ``now_ns`` and the arrivals go on.
    """
    by_time = bisect_right(times_ns, now_ns - LIVE_NS) - 1
    by_tokens = bisect_right(counts, counts[-1] - LIVE_TOKENS) - 1
    return max(0, min(by_time, by_tokens))


def differ(observed: float | None, reported: float | None) -> bool | None:
    """Whether two figures of the same thing are more than 5 % of the reported one apart; None unless both are known."""
    if observed is None or reported is None:
        return None
    return abs(observed - reported) > FLAG_SHARE * abs(reported)


def _per_second(amount: float | None, seconds: float | None) -> float | None:
    if amount is None or seconds is None or amount <= 0 or seconds <= 0:
        return None
    return amount / seconds
