"""What a block must be to belong to a series."""

import struct
from dataclasses import replace

import pytest

from drivers.model import DType, Samples
from melt_tui.store.series import Series, bulk_base, crowded, unannounced

GOOD = Samples("d", "c", 5, 9, DType.U16, b"\1\2\3\4")
SERIES = Series(1, 1, unannounced(GOOD), DType.U16, bulk=False, base_ns=None)


def test_a_block_is_counted() -> None:
    assert SERIES.count(GOOD) == 2
    assert SERIES.count(GOOD._replace(times=struct.pack("<2q", 5, 9))) == 2


@pytest.mark.parametrize(
    "bad",
    [
        GOOD._replace(codes=b"123"),
        GOOD._replace(times=struct.pack("<q", 1)),
        GOOD._replace(t0_ns=1 << 62),
        GOOD._replace(t1_ns=-(1 << 62)),
    ],
)
def test_a_malformed_block_counts_nothing(bad: Samples) -> None:
    assert SERIES.count(bad) == 0
    assert SERIES.sound([GOOD, GOOD])
    assert not SERIES.sound([GOOD, bad, GOOD])


def test_many_blocks_are_sound_where_none_brings_its_own_times_or_is_empty() -> None:
    assert not SERIES.sound([GOOD, GOOD._replace(times=struct.pack("<2q", 5, 9))])
    assert not SERIES.sound([GOOD, GOOD._replace(codes=b"")])


@pytest.mark.parametrize(
    ("n", "span_ns", "fast"), [(1000, 10**8, True), (999, 10**8, False), (1000, 10**9, False)]
)
def test_a_channel_without_a_rate_shows_that_it_is_fast(n: int, span_ns: int, fast: bool) -> None:
    block = Samples("d", "c", 0, span_ns, DType.U8, bytes(n))
    assert crowded(unannounced(block), block) is fast
    assert not crowded(replace(unannounced(block), rate_hz=9.0), block)


@pytest.mark.parametrize(
    ("rate_hz", "base_ns"), [(1e5, 10**7), (39_999.0, 10**8), (5000.0, 10**8), (2001.0, 10**9), (None, 10**7)]
)
def test_the_finest_summaries_of_a_fast_channel_hold_hundreds_of_samples(
    rate_hz: float | None, base_ns: int
) -> None:
    block = Samples("d", "c", 0, 19_990_000, DType.U8, bytes(2000))
    assert bulk_base(replace(unannounced(block), rate_hz=rate_hz), block) == base_ns
