"""Energy block by block against the formulas of recordings, which see all samples at once."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import (
    Channel,
    Decoding,
    DType,
    Kind,
    Quantity,
    Samples,
    Unit,
    block,
    linear,
    reading,
    uneven_block,
)
from melt_tui.detectors.integral import HELD_NS, Integral
from melt_tui.detectors.reached import Reached
from melt_tui.measures.integral import Trace, integrate
from melt_tui.timeline.columns import times_of, values_of

S = 1_000_000_000
MS = 1_000_000
RANGED = Decoding(pieces=((0.5, 1e-3), (-1.0, 2e-3, 1e-7)), bits=12)
DECODINGS = (linear(1e-3), linear(0.5, -0.25), RANGED)


def power(
    kind: Kind = Kind.INSTANT, rate_hz: float | None = 1000.0, decoding: Decoding = DECODINGS[0]
) -> Channel:
    return Channel(
        device="meter", name="power", quantity=Quantity.POWER, unit=Unit.WATT, kind=kind, rate_hz=rate_hz,
        dtype=DType.U16, decoding=decoding,
    )  # fmt: skip


def between(integral: Integral, a_ns: int, b_ns: int) -> Reached:
    a, b = integral.at(a_ns), integral.at(b_ns)
    assert a is not None
    assert b is not None
    return Reached(b.joules - a.joules, b.covered_ns - a.covered_ns)


@st.composite
def streams(draw: st.DrawFn, channel: Channel) -> list[Samples]:
    """Blocks of every shape, with holes between some, at a kHz."""
    t_ns, blocks, count = 10 * S, [], 1000
    for seed in draw(st.lists(st.integers(0, 1 << 20), min_size=2, max_size=12)):
        random = np.random.default_rng(seed)
        n = (1, 2, 7, 40)[seed % 4]
        high = 4096 if seed % 3 and channel.decoding is RANGED else 8192
        codes = random.integers(0, high, n).tolist()
        if channel.kind is Kind.COUNTER:
            codes = _counts(random, n, count)
            count = codes[-1]
        if seed % 5 == 0:
            times = (t_ns + np.cumsum(random.integers(MS // 2, 9 * MS, n))).tolist()
            blocks.append(uneven_block(channel, times, codes))
        elif n == 1:
            blocks.append(reading(channel, t_ns, codes[0]))
        else:
            blocks.append(block(channel, t_ns, t_ns + (n - 1) * MS, codes))
        t_ns = blocks[-1].t1_ns + (MS, MS + 1, 4 * MS, 30 * MS)[seed // 7 % 4]
    return blocks


def _counts(random: np.random.Generator, n: int, before: int) -> list[int]:
    """A counter that goes on, begins again, or is set; or one of its counts is damaged."""
    begins = before > 1000 and random.integers(4) == 0
    rises = random.integers(0, 9, n)
    rises[-1] += 250 * (random.integers(8) == 0)
    counts: list[int] = ((random.integers(0, 200) if begins else before) + np.cumsum(rises)).tolist()
    for i in random.integers(0, n, random.integers(3)).tolist():
        counts[i] = max(0, counts[i] + int(random.choice([-900, -5, 5, 900])))
    return counts


def traced(channel: Channel, blocks: list[Samples]) -> Trace:
    return Trace(
        kind=channel.kind,
        times_ns=np.concatenate([times_of(one) for one in blocks]),
        values=np.concatenate([values_of(one.codes, one.dtype, channel.decoding) for one in blocks]),
        period_ns=MS,
    )


@given(st.data(), st.sampled_from(tuple(Kind)), st.sampled_from(DECODINGS))
@settings(max_examples=120, deadline=None)
def test_it_is_what_the_formulas_make_of_all_samples(
    data: st.DataObject, kind: Kind, decoding: Decoding
) -> None:
    channel = power(kind, decoding=decoding)
    blocks = data.draw(streams(channel))
    integral = Integral(channel)
    for one in blocks:
        integral.take(one)
    after_ns, code = blocks[-1].t1_ns + 100 * MS, blocks[-1].codes[-2:]
    integral.take(Samples("meter", "power", after_ns, after_ns, channel.dtype, code))
    trace = traced(channel, blocks)
    first, last = int(trace.times_ns[0]), int(trace.times_ns[-1])
    ends = data.draw(st.lists(st.integers(first, last), min_size=2, max_size=6, unique=True))
    for a, b in pairwise(sorted([first, last, *ends])):
        if b - a < MS:
            continue
        wanted = integrate(trace, a, b)
        found = between(integral, a, b)
        assert found.covered_ns == pytest.approx(wanted.covered_ns if wanted else 0.0, abs=2.0)
        assert found.joules == pytest.approx(wanted.joules.value if wanted else 0.0, rel=1e-9, abs=1e-9)


def test_a_counter_that_was_set_between_two_readings_did_not_count() -> None:
    channel = power(Kind.COUNTER, rate_hz=1.0, decoding=linear(1.0))
    integral = Integral(channel)
    for i, count in enumerate([0, 2, 20_002, 20_004, 20_005]):
        integral.take(reading(channel, (10 + i) * S, count))
    assert between(integral, 10 * S, 13 * S) == Reached(4.0, 2.0 * S)


def test_a_count_that_stands_alone_is_left_out_and_never_shown() -> None:
    channel = power(Kind.COUNTER, rate_hz=1.0, decoding=linear(1.0))
    for counts in ([0, 2, 92, 6, 8, 9], [1, 3, 0, 6, 8, 9]):
        integral = Integral(channel)
        for i, count in enumerate(counts):
            integral.take(reading(channel, (10 + i) * S, count))
            seen = integral.at(integral.newest_ns) if integral.newest_ns else None
            assert seen is None or seen.joules <= 4
        assert between(integral, 10 * S, 14 * S) == Reached(4.0, 2.0 * S)


def test_what_is_no_number_or_comes_late_is_passed_over() -> None:
    channel = Channel(device="m", name="p", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0)
    integral = Integral(channel)
    integral.take(reading(channel, S, float("nan")))
    assert integral.newest_ns is None
    integral.take(block(channel, S, 2 * S, [2.0] * 11))
    integral.take(block(channel, S // 2, S + S // 2, [50.0] * 11))
    integral.take(uneven_block(channel, [S, 2 * S + S // 10, 2 * S + S // 5], [50.0, float("nan"), 2.0]))
    seen = between(integral, S, 2 * S + S // 5)
    assert (seen.joules, seen.covered_ns) == pytest.approx((2.4, 1.2 * S))


def test_a_code_of_a_range_that_there_is_not_is_passed_over() -> None:
    integral = Integral(power(decoding=RANGED))
    integral.take(reading(power(), S, 9000))
    assert integral.newest_ns is None
    integral.take(block(power(), S, S + 4 * MS, [1500, 1500, 9000, 1500, 1500]))
    integral.take(reading(power(), S + 5 * MS, 9000))
    seen = between(integral, S, S + 4 * MS)
    assert (seen.joules, seen.covered_ns) == pytest.approx((2.0 * 4e-3, 4 * MS))


def test_moments_that_are_not_known() -> None:
    channel = power(rate_hz=None)
    integral = Integral(channel)
    assert integral.at(0) is None
    for i in range(200):
        integral.take(reading(channel, i * S, 3000))
    assert integral.at(199 * S + 1) is None
    assert integral.at(-5) == Reached(0.0, 0.0)
    assert integral.at(199 * S - HELD_NS - 70 * S) is None
    assert between(integral, 185 * S, 199 * S).joules == pytest.approx(14 * 3.0)


def test_a_dense_block_of_some_seconds_ago_is_known_by_its_ends() -> None:
    channel = power(rate_hz=1000.0)
    integral = Integral(channel)
    for second in range(20):
        t_ns = second * S
        integral.take(block(channel, t_ns, t_ns + S - MS, [2000, 4000] * 500))
    assert between(integral, 2 * S, 19 * S).joules == pytest.approx(51.0, rel=1e-3)
    assert between(integral, 3 * S + S // 2, 18 * S).covered_ns == pytest.approx(14.5 * S, rel=1e-6)


def test_without_a_nominal_rate_the_period_is_that_of_the_last_samples() -> None:
    channel = power(rate_hz=None)
    integral = Integral(channel)
    for t_s in (0, 2, 5, 7, 10, 12, 60, 62):
        integral.take(reading(channel, t_s * S, 1000))
    assert integral.period_ns == 2 * S
    seen = between(integral, 0, 62 * S)
    assert (seen.joules, seen.covered_ns) == pytest.approx((14.0, 14 * S))


@pytest.mark.parametrize("dtype", [DType.U8, DType.U16, DType.U32, DType.I32])
@pytest.mark.parametrize("bits", [12, 16, 40])
def test_codes_of_any_width_mean_what_their_pieces_say(dtype: DType, bits: int) -> None:
    channel = replace(power(decoding=replace(RANGED, bits=bits)), dtype=dtype)
    codes = [1, 2, 250] if dtype is DType.U8 else [1, 4095, 4096, 8191, 250]
    integral = Integral(channel)
    integral.take(block(channel, 10 * S, 10 * S + (len(codes) - 1) * MS, codes))
    values = [channel.decoding.value(code) for code in codes]
    expected = sum((a + b) / 2 for a, b in pairwise(values)) / 1000
    found = integral.at(10 * S + (len(codes) - 1) * MS)
    assert found is not None
    assert found.joules == pytest.approx(expected)
