"""The corpus of generated traces: the same by seed, in the order of a bus, and true to the tokens that it carries."""

import struct
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured, LimitEngaged, TurnEnded
from drivers.model import DeviceKind, Samples
from melt_tui.events import SessionEnded, SessionStarted, Tick
from tests.rigs.throttling.classes import trace
from tests.rigs.throttling.machines import Draw
from tests.rigs.throttling.plan import Plan, Progress, Span
from tests.rigs.throttling.trace import Trace
from tests.rigs.throttling.truth import tell

THROTTLES = ("sudden, phone", "power limit, board", "100 tok/s, throttles", "clocks off, throttles")
ARRIVALS, TOKENS = "token_arrivals", "tokens"


@cache
def played(name: str) -> Trace:
    return trace(name, 11)


def times(one: Trace, channel: str) -> np.ndarray:
    """Of every token that came, in s since the run's start, as the channel tells them."""
    blocks = [item for item in one.items if isinstance(item, Samples) and item.channel == channel]
    raw = b"".join(block.times or struct.pack("<q", block.t0_ns) for block in blocks)
    found: np.ndarray = (np.frombuffer(raw, "<i8") - one.truth.run_ns[0]) / SECOND
    return found


def rate(arrivals: np.ndarray, a_s: float, b_s: float) -> float:
    """Tokens over time between tokens, pauses and prompts left out."""
    gaps = np.diff(arrivals[(arrivals >= a_s) & (arrivals <= b_s)])
    gaps = gaps[gaps < 5 * np.median(gaps)]
    return float(1 / gaps.mean())


def test_the_same_seed_gives_the_same_trace_and_another_another() -> None:
    one, again, other = (trace("short run", seed) for seed in (5, 5, 6))
    assert one.timed == again.timed
    assert one.truth == again.truth
    assert one.timed != other.timed


@pytest.mark.parametrize("name", THROTTLES)
def test_tokens_slow_down_where_the_truth_says_so_and_by_as_much(name: str) -> None:
    one = played(name)
    episode = one.truth.expected[0]
    onset_s = (episode.onset_ns - one.truth.run_ns[0]) / SECOND
    end_s = (episode.end_ns - one.truth.run_ns[0]) / SECOND
    arrivals = times(one, ARRIVALS)
    before, after = rate(arrivals, onset_s - 30, onset_s), rate(arrivals, onset_s + 1, end_s)
    assert after / before == pytest.approx(episode.share, abs=0.07)
    assert before == pytest.approx(episode.tps, rel=0.1)


@pytest.mark.parametrize("name", THROTTLES)
def test_the_platform_tells_of_a_limit_when_the_truth_has_one(name: str) -> None:
    one = played(name)
    episode = one.truth.expected[0]
    engaged = [item.t_ns for item in one.items if isinstance(item, LimitEngaged)]
    assert episode.mechanism_ns is not None
    assert min(abs(t_ns - episode.mechanism_ns) for t_ns in engaged) < 1.2 * SECOND
    assert any(item.reason in episode.reasons for item in one.items if isinstance(item, LimitEngaged))


def test_a_context_that_grows_slows_tokens_and_is_no_onset() -> None:
    one = played("context growth alone")
    ended = [item for item in one.items if isinstance(item, TurnEnded)]
    speeds = [
        (turn.output_tokens - 1) / (turn.last_token_ns - turn.first_token_ns) * SECOND
        for turn in ended
        if turn.output_tokens and turn.first_token_ns and turn.last_token_ns
    ]
    assert min(speeds) < 0.8 * speeds[0]
    assert not one.truth.episodes
    assert not one.truth.tolerated_ns


def test_items_come_in_the_order_of_a_bus_and_channels_before_their_samples() -> None:
    one = played("sudden, phone")
    at = [at_ns for at_ns, _ in one.timed]
    opened: set[str] = set()
    assert at == sorted(at)
    for item in one.items:
        if isinstance(item, ChannelsOpened):
            opened |= {channel.name for channel in item.channels}
        assert not isinstance(item, Samples) or item.channel in opened
    items = list(one.items)
    ticks = sum(isinstance(item, Tick) for item in items)
    assert isinstance(items[0], SessionStarted)
    assert isinstance(items[-1], SessionEnded)
    assert ticks == pytest.approx(4 * (at[-1] - at[0]) / SECOND, abs=2)


def test_a_clock_that_is_off_is_off_by_what_is_measured() -> None:
    one = played("clocks off, throttles")
    measured = next(item for item in one.items if isinstance(item, ClockMeasured))
    shift = times(one, ARRIVALS) - times(one, TOKENS)
    assert abs(measured.offset_ns) > SECOND
    assert float(np.median(shift)) == pytest.approx(measured.offset_ns / SECOND, abs=0.05)


def share_over(shares: Sequence[tuple[float, float]]) -> Progress:
    """Decoding at 20 tok/s without a break: for so many seconds, that share."""
    parts = np.concatenate([np.full(round(seconds * 10), share) for seconds, share in shares])
    n = len(parts)
    return Progress(
        t_s=[i / 10 for i in range(n)],
        decoding=[True] * n,
        limited=parts.tolist(),
        prefill=parts.tolist(),
        slowed=[1.0] * n,
        tps=(20 * parts).tolist(),
        limit_on=(parts < 1).tolist(),
    )


def plan(*, witnessed: bool = True, gaps_s: tuple[Span, ...] = ()) -> Plan:
    draw = Draw(np.random.default_rng(1))
    machine, work = draw.machine(DeviceKind.PHONE), draw.work()
    return Plan(machine=machine, work=work, witnessed=witnessed, gaps_s=gaps_s)


def test_an_episode_is_what_falls_below_ninety_percent_and_stays_there() -> None:
    progress = share_over([(60, 1.0), (4, 0.6), (40, 1.0), (50, 0.7), (60, 1.0), (30, 0.92)])
    truth = tell(plan(), progress, (0, 244 * SECOND))
    (episode,) = truth.episodes
    assert (episode.onset_ns, episode.end_ns) == (104 * SECOND, 154 * SECOND)
    assert episode.mechanism_ns == 104 * SECOND
    assert episode.share == pytest.approx(0.7)
    assert episode.expected
    assert truth.tolerated_ns[-1][0] == pytest.approx(214 * SECOND, abs=5 * SECOND)


@pytest.mark.parametrize(
    ("shares", "made", "why_not"),
    [
        ([(60, 1.0), (60, 0.885)], plan(), "too short, or too near to the line"),
        ([(4, 1.0), (60, 0.7)], plan(), "too early for a reference"),
        ([(60, 1.0), (60, 0.7)], plan(witnessed=False), "nothing tells of a limit"),
        ([(60, 1.0), (60, 0.7)], plan(gaps_s=((65.0, 70.0),)), "at a gap"),
        ([(60, 1.0), (8, 0.7)], plan(), "over before it had held, or the run was"),
    ],
)
def test_what_nobody_could_say_is_not_expected(
    shares: list[tuple[float, float]], made: Plan, why_not: str
) -> None:
    (episode,) = tell(made, share_over(shares), (0, 120 * SECOND)).episodes
    assert episode.why_not == why_not
    assert not episode.expected
