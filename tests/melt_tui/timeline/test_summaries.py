"""Summaries of chunks equal summaries of their values."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.model import IDENTITY, Decoding, DType, Samples, linear
from melt_tui.timeline.blocks import blocks_of
from melt_tui.timeline.columns import Buckets, bucketed, values_of
from melt_tui.timeline.stretches import stretch_of
from melt_tui.timeline.summaries import Decoder, base_of, summarized, summed_up
from tests.rigs.sample_blocks import series

RANGES = Decoding(pieces=((0.5, 2.0, 1e-3), (3.0, -0.25), (1.0, 0.1, -2e-4), (0.0, 1.0, 0.0, 1e-9)), bits=12)


def assert_summed_up(
    published: list[Samples], decoding: Decoding, width: int, got: Buckets | None = None
) -> None:
    blocks, dtype = blocks_of(published), published[0].dtype
    times, values = blocks.times, values_of(blocks.codes, dtype, decoding)
    order = np.argsort(times, kind="stable")
    expected = bucketed(times[order], values[order], width)
    got = got or summarized(blocks, Decoder(dtype, decoding), width)
    assert got.starts.tolist() == expected.starts.tolist()
    assert got.counts.tolist() == expected.counts.tolist()
    assert np.array_equal(got.minima, expected.minima, equal_nan=True)
    assert np.array_equal(got.maxima, expected.maxima, equal_nan=True)
    assert got.sums.tolist() == pytest.approx(expected.sums.tolist(), rel=1e-9, abs=1e-9, nan_ok=True)


SIGNALLING = b"\x00\x00\x81\x7f"
"""A NaN of 32 bits that signals."""


@example([Samples("d", "c", 0, 0, DType.F32, code, None) for code in (bytes(4), SIGNALLING)], 1)
@given(series(), st.sampled_from((1, 1000, 10**6, 10**9)))
def test_any_blocks(published: list[Samples], width: int) -> None:
    assert_summed_up(published, IDENTITY, width)


@st.composite
def adc(draw: st.DrawFn) -> list[Samples]:
    """Even blocks one after the other, of codes of one range or of several."""
    dtype = draw(st.sampled_from((DType.U16, DType.U32, DType.I16, DType.I32)))
    piece = draw(st.sampled_from((0, 1, 2, 3, 4))) if dtype is not DType.I16 else draw(st.integers(0, 3))
    mixed = draw(st.booleans())
    published, t_ns = [], draw(st.integers(0, 10**9))
    for k in range(draw(st.integers(1, 4))):
        n = draw(st.integers(1, 300))
        low = (piece << 12) + draw(st.integers(0, 3000))
        step = draw(st.integers(1, 7))
        codes = low + (np.arange(n) * step) % 900 + (4096 * (k % 2) if mixed and piece < 3 else 0)
        packed = codes.astype("<" + dtype).tobytes()
        end = t_ns + (n - 1) * draw(st.integers(1, 10**6))
        published.append(Samples("d", "c", t_ns, end if n > 1 else t_ns, dtype, packed))
        t_ns = end + draw(st.sampled_from((0, 1, 10**6, 10**8)))
    return published


@given(
    adc(),
    st.sampled_from((RANGES, linear(0.5, -3.0), linear(-0.25, 7.0), IDENTITY)),
    st.sampled_from((10**6, 10**7)),
)
def test_codes_of_a_meter(published: list[Samples], decoding: Decoding, width: int) -> None:
    assert_summed_up(published, decoding, width)


@given(
    adc(),
    st.sampled_from((RANGES, linear(0.5, -3.0), linear(-0.25, 7.0), IDENTITY)),
    st.sampled_from((1000, 10**6, 10**7, 10**9)),
    st.integers(1, 3),
)
def test_stretches_that_are_not_laid_side_by_side(
    published: list[Samples], decoding: Decoding, width: int, size: int
) -> None:
    parts = [published[at : at + size] for at in range(0, len(published), size)]
    stretches = [stretch for part in parts if (stretch := stretch_of(part, 1 << 62, 1 << 20))]
    assert len(stretches) == len(parts)
    got = summed_up(stretches, Decoder(published[0].dtype, decoding), width)
    assert_summed_up(published, decoding, width, got)


def narrow(lows: tuple[int, ...], rise: int, n: int) -> list[Samples]:
    """Blocks one after the other, each of codes from a low one to ``rise`` above it."""
    above = np.arange(n) % (rise + 1)
    parts = [(low + above).astype("<u4").tobytes() for low in lows]
    return [Samples("d", "c", k * n, k * n + n - 1, DType.U32, part) for k, part in enumerate(parts)]


@pytest.mark.parametrize("lows", [(100,), (100, 2900, 700), (3000, 12, 12), ((1 << 12) + 9, 40)])
@pytest.mark.parametrize("rise", [0, 255, 256])
def test_blocks_of_different_levels_whose_values_are_squares(lows: tuple[int, ...], rise: int) -> None:
    published = narrow(lows, rise, 600)
    stretches = [stretch for one in published if (stretch := stretch_of([one], 1 << 62, 1 << 20))]
    assert [bool(stretch.lows) for stretch in stretches] == [rise < 256] * len(lows)
    for parts in (stretches, [stretch_of(published, 1 << 62, 1 << 20)]):
        got = summed_up([part for part in parts if part], Decoder(DType.U32, RANGES), 1000)
        assert_summed_up(published, RANGES, 1000, got)


def test_sums_of_squares_that_do_not_fit_32_bits() -> None:
    published = narrow((0, 3), 255, 200_000)
    stretch = stretch_of(published, 1 << 62, 1 << 20)
    assert stretch is not None
    assert_summed_up(published, RANGES, 10**6, summed_up([stretch], Decoder(DType.U32, RANGES), 10**6))


def test_stretches_in_another_order_than_that_of_time() -> None:
    published = [Samples("d", "c", t, t + 4_000_000, DType.U16, bytes(range(80))) for t in (9_000_000, 0)]
    stretches = [stretch for one in published if (stretch := stretch_of([one], 1 << 62, 1 << 20))]
    got = summed_up(stretches, Decoder(DType.U16, linear(2.0)), 1_000_000)
    assert_summed_up(published, linear(2.0), 1_000_000, got)


def test_an_empty_bucket_between_two_blocks() -> None:
    even = [Samples("d", "c", t, t + 4_000_000, DType.U16, bytes(range(80))) for t in (0, 9_000_000)]
    assert_summed_up(even, linear(2.0), 1_000_000)
    buckets = summarized(blocks_of(even), Decoder(DType.U16, linear(2.0)), 1_000_000)
    assert 6_000_000 not in buckets.starts.tolist()


def test_codes_outside_every_piece_are_no_number() -> None:
    block = Samples("d", "c", 0, 9_000_000, DType.U32, (np.arange(10, dtype="<u4") + (9 << 12)).tobytes())
    assert np.isnan(summarized(blocks_of([block]), Decoder(DType.U32, RANGES), 10**7).sums).all()


@pytest.mark.parametrize(
    ("rate_hz", "base_ns"),
    [
        (1e5, 10**6),
        (16_000.0, 10**6),
        (15_999.0, 10**7),
        (10.0, 10**10),
        (16.0, 10**9),
        (1e-9, 10**13),
        (None, 10**13),
    ],
)
def test_the_finest_summaries_hold_sixteen_samples(rate_hz: float | None, base_ns: int) -> None:
    assert base_of(rate_hz) == base_ns
    assert base_of(rate_hz, most_ns=10**8) == min(base_ns, 10**8)


@pytest.mark.parametrize("dtype", [DType.F32, DType.F64, DType.I64])
def test_fast_channels_whose_codes_are_values_already(dtype: DType) -> None:
    codes = (np.arange(5000) * 37 % 1001 - 500).astype("<" + dtype).tobytes()
    assert_summed_up([Samples("d", "c", 7, 50_000_000, dtype, codes)], linear(0.3, 1.0), 10**6)
