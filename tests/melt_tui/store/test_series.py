"""What a block must be to belong to a series."""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given

from drivers.model import DType, Samples
from melt_tui.store.database import create
from melt_tui.store.series import Registry, Series, bulk_base, crowded, unannounced
from tests.rigs.sample_blocks import series

_SCHEMA = "".join(
    part.read_text("utf-8")
    for part in sorted(files("melt_tui.store").joinpath("schema").iterdir(), key=lambda part: part.name)
)

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


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with closing(create(tmp_path / "a.melt", 0.25)) as connection:
        yield Registry(connection)


TIMED = GOOD._replace(times=struct.pack("<2q", 5, 9))
OTHER = Samples("d", "other", 5, 5, DType.F64, bytes(8))


def test_blocks_are_looked_at_together_once_their_series_are_known(registry: Registry) -> None:
    assert registry.run([GOOD, OTHER]) is None
    first, second = registry.series(GOOD), registry.series(OTHER)
    run = registry.run([GOOD, OTHER, TIMED, GOOD])
    assert run is not None
    assert run.numbers == (first.id, second.id, first.id, first.id)
    assert run.kinds == (first.kind, second.kind, first.kind, first.kind)
    assert list(run.counts) == [2, 1, 2, 2]
    registry.fix(second, bulk=True, base_ns=10**9)
    assert registry.run([OTHER]) is None
    registry.series(OTHER)
    assert registry.run([OTHER, OTHER]) == ((-second.id, -second.id), (second.kind, second.kind), [1, 1])


@pytest.mark.parametrize(
    "bad",
    [
        GOOD._replace(codes=b"123"),
        GOOD._replace(codes=b""),
        GOOD._replace(times=struct.pack("<q", 1)),
        GOOD._replace(times=b""),
        GOOD._replace(t0_ns=1 << 62),
        GOOD._replace(t1_ns=-(1 << 62)),
        GOOD._replace(channel="never met"),
        GOOD._replace(dtype=DType.U8),
        GOOD._replace(codes=bytes(2000)),
    ],
)
def test_one_block_that_is_odd_has_to_be_looked_at_by_itself(registry: Registry, bad: Samples) -> None:
    registry.series(GOOD)
    assert registry.run([GOOD, TIMED]) is not None
    assert registry.run([GOOD, bad, TIMED]) is None


@given(series(6))
def test_a_run_counts_as_each_block_does(published: list[Samples]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_SCHEMA)
        registry = Registry(connection)
        known = registry.series(published[0])
        run = registry.run(published)
        assert run is not None
        assert list(run.counts) == [known.count(block) for block in published]


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
