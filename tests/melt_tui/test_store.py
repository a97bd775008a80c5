"""The store as a whole: what no single room of it answers for."""

import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, LimitEngaged
from drivers.model import Channel, DType, Quantity, Samples, Unit, block, reading
from melt_tui.events import SELF, Mark, Tick
from melt_tui.store import eventcodec
from melt_tui.store.finish import finish
from melt_tui.store.ingest import Transaction
from melt_tui.store.recording import Recording
from tests.rigs.one_of_everything import SOC, night
from tests.rigs.written import Writer, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "a.melt", night(), size=4)
    return tmp_path / "a.melt"


def test_kinds_of_a_later_version_are_passed_over_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = night()
    writer = Writer(tmp_path / "a.melt")
    writer.write(items, 5)
    kept = [item for item in items if not isinstance(item, Mark | LimitEngaged)]
    known = {name: kind for name, kind in eventcodec.kinds().items() if name not in {"Mark", "LimitEngaged"}}
    monkeypatch.setattr(eventcodec, "kinds", lambda: known)
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert list(recording.items()) == kept
        assert list(recording.events(0, 1 << 60)) == [i for i in kept if not isinstance(i, Samples)]
        assert recording.view(8 * SECOND).limits == {}
        assert [note.split(":")[0] for note in recording.notes] == ["LimitEngaged", "Mark"]
        assert "not known to this version" in recording.notes[0]
    writer.close()


def test_a_run_whose_start_cannot_be_read(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET detail = '{}' WHERE kind = 'RunStarted'")
    with closing(Recording(path)) as recording:
        assert recording.view(8 * SECOND).runs == {}


def test_a_channel_that_nobody_announced_is_kept_but_not_shown(tmp_path: Path) -> None:
    early, late = reading(SOC, 5, 1), reading(SOC, 10, 2)
    items: list[Item] = [early, ChannelsOpened(t_ns=7, device="phone", channels=(SOC,)), late]
    write(tmp_path / "a.melt", items)
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert list(recording.items()) == items
        assert list(recording.samples(SOC.key, 0, 100)) == [late]
        assert recording.window(SOC.key, 0, 100, 1).counts.tolist() == [1]
        assert recording.view(6).readings == {}


def test_a_channel_announced_anew_means_something_else_from_then_on(tmp_path: Path) -> None:
    other = Channel(
        device="phone",
        name="soc",
        quantity=Quantity.TEMPERATURE,
        unit=Unit.CELSIUS,
        rate_hz=10.0,
        dtype=DType.I16,
    )
    items: list[Item] = []
    for t_ns, channel in ((0, SOC), (100, other), (200, other), (300, SOC)):
        items += [
            ChannelsOpened(t_ns=t_ns, device="phone", channels=(channel,)),
            reading(channel, t_ns + 10, 50),
            Samples("phone", "soc", t_ns + 20, t_ns + 20, DType.U8, b"\x14"),
        ]
    write(tmp_path / "a.melt", items, size=2)
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert list(recording.items()) == items
        values = {t: recording.view(t).readings[SOC.key].value for t in (10, 20, 110, 120, 210, 320)}
        assert values == pytest.approx({10: 5.0, 20: 2.0, 110: 50.0, 120: 20.0, 210: 50.0, 320: 2.0})
        assert recording.view(150).channels == {SOC.key: other}
        assert recording.view(300).channels == {SOC.key: SOC}
        assert recording.window(SOC.key, 0, 400, 1).counts.tolist() == [8]


def test_the_newest_readings_of_the_uncompacted_part(tmp_path: Path) -> None:
    """Blocks that a moment cuts, late ones, and two at the same time."""
    token = Channel(
        device="phone", name="tokens", quantity=Quantity.TOKENS, unit=Unit.TOKENS, dtype=DType.I64
    )
    items: list[Item] = [
        ChannelsOpened(t_ns=0, device="phone", channels=(token,)),
        block(token, 100, 200, [1, 2, 3]),
        block(token, 50, 300, [7, 8]),
        reading(token, 200, 9),
        block(token, 400, 600, [10, 11, 12]),
    ]
    writer = Writer(tmp_path / "a.melt", 1000)
    writer.write(items, 2)
    with closing(Recording(tmp_path / "a.melt")) as recording:

        def last(t_ns: int) -> tuple[int, float] | None:
            found = recording.view(t_ns).readings.get(token.key)
            return (found.t_ns, found.value) if found else None

        expected = {49: None, 50: (50, 7), 149: (100, 1), 150: (150, 2), 200: (200, 9), 299: (200, 9)}
        expected |= {300: (300, 8), 499: (400, 10), 500: (500, 11), 9999: (600, 12)}
        assert {t: last(t) for t in expected} == expected
        writer.finish()
        assert {t: last(t) for t in expected} == expected
    writer.close()


def test_looking_while_looking(path: Path) -> None:
    with closing(Recording(path)) as recording:
        walk = recording.items()
        first = next(walk)
        assert recording.view(5 * SECOND).session == first
        assert [first, *walk] == night()
        assert recording.span() == (SECOND, 16 * SECOND)
        assert recording.clock.to_host(("phone", "soc"), 0) == 500


def test_ticks_are_events_like_others(tmp_path: Path) -> None:
    ticks: list[Item] = [Tick(t_ns=k * SECOND // 4, device=SELF) for k in range(400)]
    marks: list[Item] = [Mark(t_ns=50 * SECOND, device=SELF, name=str(k)) for k in range(3)]
    items = [*ticks[:200], marks[0], ticks[200], marks[1], marks[2], *ticks[201:]]
    writer = Writer(tmp_path / "a.melt", 7)
    writer.write(items, 20)
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert list(recording.events(0, 1 << 60)) == items
        around = [marks[0], ticks[200], marks[1], marks[2]]
        assert list(recording.events(50 * SECOND, 50 * SECOND)) == around
        assert list(recording.events(0, 50 * SECOND, limit=3)) == around[1:]
        assert list(recording.events(0, 1 << 60, kinds=(Tick,), limit=2)) == ticks[-2:]
        assert recording.event_after(-1, (Tick,)) == ticks[0]
        assert recording.event_after(50 * SECOND, ()) == ticks[201]
        assert recording.event_before(50 * SECOND, (Mark, Tick)) == ticks[199]
        assert recording.event_before(0, (Tick,)) is None
        assert recording.event_after(1 << 60, (Tick,)) is None
        assert list(recording.events(200 * SECOND, 300 * SECOND)) == []
    writer.close()


def test_ticks_that_come_seldom(tmp_path: Path) -> None:
    ticks: list[Item] = [Tick(t_ns=k * 40 * SECOND, device=SELF) for k in range(9)]
    write(tmp_path / "a.melt", ticks)
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert list(recording.events(0, 1 << 60, limit=3)) == ticks[-3:]
        assert recording.event_after(1, ()) == ticks[1]
        assert recording.span() == (0, 320 * SECOND)


def test_more_events_than_are_remembered(tmp_path: Path) -> None:
    marks: list[Item] = [Mark(t_ns=k, device=SELF, name=str(k)) for k in range(700)]
    write(tmp_path / "a.melt", marks, size=1000)
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert list(recording.events(0, 1000)) == marks
        assert list(recording.events(0, 1000, limit=1)) == marks[-1:]


def test_finishing_twice_is_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.melt")
    writer.write(night(), 5)
    writer.finish()
    before = (tmp_path / "a.melt").read_bytes()
    finish(writer.connection, lost="all")
    assert (tmp_path / "a.melt").read_bytes() == before
    writer.close()


def test_all_of_a_commit_or_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.melt")
    with suppress(ZeroDivisionError), Transaction(writer.connection):
        writer.connection.execute("DELETE FROM session")
        raise ZeroDivisionError
    assert writer.connection.execute("SELECT count(*) FROM session").fetchone()[0] > 0
    writer.close()


def test_a_block_that_says_to_begin_before_its_first_sample(tmp_path: Path) -> None:
    odd = Samples("phone", "soc", 0, 90, DType.I16, b"\1\0\2\0", struct.pack("<2q", 10, 20))
    write(tmp_path / "a.melt", [ChannelsOpened(t_ns=0, device="phone", channels=(SOC,)), odd])
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert recording.view(9).readings == {}
        assert recording.view(15).readings[SOC.key].t_ns == 10
        assert list(recording.samples(SOC.key, 0, 100)) == [odd]
