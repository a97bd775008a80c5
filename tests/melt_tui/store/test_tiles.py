"""Summaries come back exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.store.codec import Damaged
from melt_tui.store.tiles import decode_tiles, encode_tile, merged, within
from melt_tui.timeline.columns import Buckets, bucketed, coarser, joined

WIDTH = 1_000_000


def made(times: list[int], values: list[float]) -> Buckets:
    return bucketed(np.array(sorted(times), np.int64), np.array(values), WIDTH)


def rows(buckets: Buckets) -> list[tuple[float, ...]]:
    columns = (buckets.starts, buckets.counts, buckets.minima, buckets.maxima, buckets.sums)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@st.composite
def tiles(draw: st.DrawFn) -> Buckets:
    n = draw(st.sampled_from((1, 2, 30, 400)))
    start, step = draw(st.integers(-(10**12), 10**12)), draw(st.integers(0, 10**7))
    times = [start + step * k * (k % 5) for k in range(n)]
    return made(times, [float(k) / 3 for k in range(n)])


@given(st.lists(tiles(), max_size=4))
def test_tiles_come_back(parts: list[Buckets]) -> None:
    got = rows(decode_tiles([encode_tile(part) for part in parts]))
    assert sorted(got) == sorted(row for part in parts for row in rows(part))


@given(st.lists(tiles(), min_size=1, max_size=4))
def test_merged_is_joined(parts: list[Buckets]) -> None:
    assert rows(merged(parts, 10 * WIDTH)) == rows(joined(parts, 10 * WIDTH))
    assert rows(merged(parts[:1], 10 * WIDTH)) == rows(coarser(parts[0], 10 * WIDTH))


def test_within() -> None:
    buckets = made([0, WIDTH, 2 * WIDTH], [1.0, 2.0, 3.0])
    assert rows(within(buckets, WIDTH, 2 * WIDTH)) == rows(buckets)[1:2]
    assert within(buckets, 0, 3 * WIDTH) is buckets


@pytest.mark.parametrize("blob", [b"", b"\1nonsense", b"\0abc"])
def test_damage_is_told(blob: bytes) -> None:
    with pytest.raises(Damaged, match="summary"):
        decode_tiles([blob])
