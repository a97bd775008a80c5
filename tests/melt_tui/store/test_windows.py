"""Windows, readings and seconds of a long, busy recording against brute force over all of its samples."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.model import Channel, ChannelKey, DType, Quantity, Samples, Unit
from melt_tui.store import chunks, fast, pyramid
from melt_tui.store.recording import Recording
from melt_tui.timeline.columns import Times, Values, bucketed
from melt_tui.timeline.grid import cut
from tests.rigs.busy_night import CHANNELS, OFFSET_NS, night, points
from tests.rigs.written import Writer

pytestmark = pytest.mark.xdist_group("windows of a busy night")
"""On one worker: the night is made once, and written twice."""

Points = dict[ChannelKey, tuple[Times, Values]]


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return list(night())


@pytest.fixture(scope="module")
def known(items: list[Item]) -> Points:
    return points(items)


@pytest.fixture(scope="module", params=["in the making", "ended"])
def recording(
    request: pytest.FixtureRequest, items: list[Item], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recording]:
    """Compacted every 40 commits; a third of a minute is not, in the making."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid, "FAN", 4)
        patch.setattr(fast, "TOGETHER", 3)
        patch.setattr(chunks, "_KEPT_BYTES", 200_000)
        patch.setattr(chunks, "_WHOLE_BYTES", 100_000)
        patch.setattr(chunks, "_KEPT_AXES", 2)
        writer = Writer(tmp_path_factory.mktemp("busy") / "a.melt", 40)
        writer.write(items, 190)
        if request.param == "ended":
            writer.finish()
        with closing(
            Recording(Path(writer.connection.execute("PRAGMA database_list").fetchone()[2]))
        ) as opened:
            yield opened
        writer.close()


@pytest.mark.parametrize("name", CHANNELS)
def test_windows_of_every_zoom(recording: Recording, known: Points, name: str) -> None:
    key = ("board", name)
    times, values = known[key]
    chance = np.random.default_rng(7)
    for _ in range(60):
        span = int(np.exp(chance.uniform(np.log(1e6), np.log(650 * SECOND))))
        start = int(chance.integers(-10 * SECOND, 610 * SECOND))
        columns = int(chance.choice([1, 7, 40, 200]))
        window = recording.window(key, start + OFFSET_NS, start + span + OFFSET_NS, columns)
        part = cut(span, columns, start, start + span)
        low, high = np.searchsorted(times, [part.start_ns, part.stop_ns])
        expected = bucketed(times[low:high], values[low:high], part.width_ns)
        assert window.width_ns == part.width_ns
        assert window.starts_ns.tolist() == (expected.starts + OFFSET_NS).tolist()
        assert window.counts.tolist() == expected.counts.tolist()
        assert window.minima.tolist() == expected.minima.tolist()
        assert window.maxima.tolist() == expected.maxima.tolist()
        means = (expected.sums / expected.counts).tolist()
        assert window.means.tolist() == pytest.approx(means, rel=1e-9, abs=1e-9)


def test_readings_at_any_moment(recording: Recording, known: Points) -> None:
    chance = np.random.default_rng(8)
    edges = [int(times[k]) + d for times, _ in known.values() for k in (0, -1, 4) for d in (-1, 0, 1)]
    for t_ns in [*chance.integers(-SECOND, 610 * SECOND, 60).tolist(), *edges]:
        view = recording.view(t_ns + OFFSET_NS)
        if t_ns < 0:
            assert view.readings == {}
            continue
        for key, (times, values) in known.items():
            at = int(np.searchsorted(times, t_ns, "right")) - 1
            got = view.readings.get(key)
            assert (got is None) == (at < 0)
            if got is not None:
                assert (got.t_ns, got.value) == (int(times[at]) + OFFSET_NS, values[at])


def test_blocks_of_a_span(recording: Recording, items: list[Item]) -> None:
    for name in CHANNELS:
        key, t0_ns, t1_ns = ("board", name), 150 * SECOND + 7, 290 * SECOND
        got = list(recording.samples(key, t0_ns, t1_ns))
        blocks = [item for item in items if getattr(item, "channel", "") == name]
        touching = [b for b in blocks if b.t0_ns <= t1_ns and b.t1_ns >= t0_ns]  # type: ignore[union-attr]
        assert got == touching
    assert list(recording.samples(("board", "none"), 0, 1 << 60)) == []


def test_everything_in_order(recording: Recording, items: list[Item]) -> None:
    assert list(recording.items()) == items


def test_rows_per_second(recording: Recording, known: Points) -> None:
    if recording.meta.state != "ended":
        return
    with closing(sqlite3.connect(recording.path)) as connection:
        for name in CHANNELS:
            rows = connection.execute(_SECONDS, (name,)).fetchall()
            expected = bucketed(*known["board", name], SECOND)
            assert [row[0] for row in rows] == (expected.starts // SECOND).tolist()
            assert [row[1] for row in rows] == expected.counts.tolist()
            assert [row[2] for row in rows] == expected.minima.tolist()
            assert [row[4] for row in rows] == expected.maxima.tolist()
            means = (expected.sums / expected.counts).tolist()
            assert [row[3] for row in rows] == pytest.approx(means, rel=1e-9)
        readable = connection.execute("SELECT count(*), min(s) FROM readable_seconds").fetchone()
        assert readable[0] == connection.execute("SELECT count(*) FROM seconds").fetchone()[0]


def test_levels_were_built(recording: Recording) -> None:
    with closing(sqlite3.connect(recording.path)) as connection:
        levels = dict(connection.execute("SELECT level, count(*) FROM tiles GROUP BY level"))
        assert levels[0] > levels[1] > levels[2] > 0
        bulk = dict(
            connection.execute("SELECT name, bulk FROM series JOIN channels ON channels.id = channel")
        )
        assert {name for name, fast_ in bulk.items() if fast_} == {"adc", "adc late", "turns fast"}


_SECONDS = """
    SELECT second, n, min, mean, max FROM seconds JOIN channels ON channels.id = channel
    WHERE name = ? ORDER BY second"""


def test_channels_that_share_their_ends_but_not_their_counts(tmp_path: Path) -> None:
    """Where samples stand is remembered for all channels of an axis; it depends on how many each block holds."""
    writer = Writer(tmp_path / "a.melt")
    sizes = {"three": 3, "five": 5}
    blocks = [
        Samples("board", name, t_ns, t_ns + 800, DType.U8, bytes(range(n)))
        for t_ns in range(0, 20_000, 1000)
        for name, n in sizes.items()
    ]
    channels = tuple(
        Channel(device="board", name=name, quantity=Quantity.OTHER, unit=Unit.NONE, dtype=DType.U8)
        for name in sizes
    )
    writer.write([ChannelsOpened(t_ns=0, device="board", channels=channels)], 1)
    writer.write(blocks, 10)
    writer.finish()
    writer.close()
    with closing(Recording(tmp_path / "a.melt")) as recording:
        for t_ns in range(0, 20_000, 90):
            readings = recording.view(t_ns).readings
            for name, n in sizes.items():
                told = readings["board", name]
                inside = min(t_ns % 1000, 800) * (n - 1) // 800
                assert (told.t_ns, told.value) == (t_ns // 1000 * 1000 + 800 * inside // (n - 1), inside)
