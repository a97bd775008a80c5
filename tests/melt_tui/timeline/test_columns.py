"""Decoding and summing up by numpy, against the contract's own scalar words."""

import math
import struct
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import IDENTITY, Decoding, DType, Samples, code_struct, linear
from melt_tui.timeline.columns import Buckets, bucketed, coarser, empty, joined, times_of, values_of

RANGES = {
    DType.I64: (-(2**63), 2**63 - 1),
    DType.I32: (-(2**31), 2**31 - 1),
    DType.U32: (0, 2**32 - 1),
    DType.I16: (-(2**15), 2**15 - 1),
    DType.U16: (0, 2**16 - 1),
    DType.U8: (0, 255),
}

coefficients = st.tuples(*[st.floats(-1e6, 1e6)] * 3).map(lambda c: c[: 1 + int(abs(c[0])) % 3])
plain = st.builds(Decoding, pieces=st.tuples(coefficients))
pieced = st.builds(Decoding, pieces=st.tuples(coefficients, coefficients), bits=st.integers(1, 14))


def codes_of(dtype: DType) -> "st.SearchStrategy[list[float]]":
    if dtype in RANGES:
        return st.lists(st.integers(*RANGES[dtype]).map(lambda n: n), max_size=30)
    return st.lists(st.floats(width=32 if dtype is DType.F32 else 64), max_size=30)


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@given(st.data(), st.sampled_from(list(DType)), st.one_of(st.just(IDENTITY), st.just(linear(0.25, 3)), plain))
@settings(max_examples=150, deadline=None)
def test_values_are_those_of_the_decoding_bit_for_bit(
    data: st.DataObject, dtype: DType, decoding: Decoding
) -> None:
    codes = data.draw(codes_of(dtype))
    packed = struct.pack(f"<{len(codes)}{dtype}", *codes)
    exact = [decoding.value(code) for (code,) in code_struct(dtype).iter_unpack(packed)]
    values = values_of(packed, dtype, decoding)
    assert values.dtype == np.float64
    assert all(same(a, b) for a, b in zip(values.tolist(), exact, strict=True))


@given(pieced, st.lists(st.integers(0, 65535), max_size=40))
def test_codes_with_a_range_choose_their_piece(decoding: Decoding, codes: list[int]) -> None:
    values = values_of(struct.pack(f"<{len(codes)}H", *codes), DType.U16, decoding)
    for code, value in zip(codes, values.tolist(), strict=True):
        assert decoding.bits is not None
        if code >> decoding.bits < len(decoding.pieces):
            assert value == decoding.value(code)
        else:
            assert math.isnan(value)


@given(st.integers(-(2**61), 2**61), st.integers(0, 2**60), st.integers(1, 40))
def test_times_are_those_of_the_block(t0: int, span: int, n: int) -> None:
    block = Samples("a", "b", t0, t0 + span * (n > 1), DType.U8, bytes(n))
    assert times_of(block).tolist() == [block.time_at(i) for i in range(n)]


@given(st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=20))
def test_times_of_their_own(times: list[int]) -> None:
    times.sort()
    block = Samples(
        "a", "b", times[0], times[-1], DType.U8, bytes(len(times)), struct.pack(f"<{len(times)}q", *times)
    )
    assert times_of(block).tolist() == times == [block.time_at(i) for i in range(len(times))]


points = st.lists(st.tuples(st.integers(-3000, 3000), st.integers(-9, 9).map(float)), max_size=50).map(sorted)


def by_hand(taken: list[tuple[int, float]], width: int) -> dict[int, list[float]]:
    cells: dict[int, list[float]] = defaultdict(list)
    for t, value in taken:
        cells[t // width * width].append(value)
    return cells


def told(buckets: Buckets) -> list[tuple[float, ...]]:
    columns = (buckets.starts, buckets.counts, buckets.minima, buckets.maxima, buckets.sums)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def expected(taken: list[tuple[int, float]], width: int) -> list[tuple[float, ...]]:
    return [(s, len(v), min(v), max(v), sum(v)) for s, v in sorted(by_hand(taken, width).items())]


def buckets_of(taken: list[tuple[int, float]], width: int) -> Buckets:
    return bucketed(
        np.array([t for t, _ in taken], np.int64), np.array([v for _, v in taken], np.float64), width
    )


@given(points, st.integers(1, 700), st.integers(1, 9))
def test_buckets_and_coarser_buckets(taken: list[tuple[int, float]], width: int, factor: int) -> None:
    buckets = buckets_of(taken, width)
    assert told(buckets) == expected(taken, width)
    assert told(coarser(buckets, width * factor)) == expected(taken, width * factor)


@given(st.lists(points, min_size=1, max_size=5), st.integers(1, 700))
def test_parts_join_in_any_order(parts: list[list[tuple[int, float]]], width: int) -> None:
    together = sorted(point for part in parts for point in part)
    assert told(joined([empty(), *(buckets_of(part, width) for part in parts)], width)) == expected(
        together, width
    )


@pytest.mark.parametrize("value", [math.inf, math.nan, 1e308])
def test_strange_values_pass_without_a_warning(value: float) -> None:
    buckets = bucketed(np.array([1, 2, 3]), np.array([value, value, -value]), 10)
    assert buckets.counts.tolist() == [3]
    assert same(float(buckets.maxima[0]), value)
