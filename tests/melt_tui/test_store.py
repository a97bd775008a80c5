"""The store as a whole: what a person with only the sqlite3 shell finds, and what no single room of it answers for."""

import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import (
    Channel,
    DeviceInfo,
    DeviceKind,
    DType,
    ModelFile,
    Prompt,
    Quantity,
    RunSpec,
    Samples,
    Unit,
    Workload,
    block,
    linear,
    reading,
)
from melt_tui.events import (
    SELF,
    DeviceConnecting,
    DeviceLost,
    DeviceUp,
    Mark,
    ModelPrepared,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Tick,
    Wired,
)
from melt_tui.store import eventcodec
from melt_tui.store.finish import finish
from melt_tui.store.ingest import transaction
from melt_tui.store.recording import Recording
from tests.rigs.written import Writer, write

SOC = Channel(
    device="phone",
    name="soc",
    quantity=Quantity.TEMPERATURE,
    unit=Unit.CELSIUS,
    rate_hz=10.0,
    dtype=DType.I16,
    decoding=linear(0.1),
    limit=95.0,
    detail="thermal zone 3",
)
COST = Channel(device=SELF, name="cpu", quantity=Quantity.CPU_USE, unit=Unit.PERCENT)
MODEL = ModelFile(name="asked", path="/m.gguf", size_bytes=9)
READY = ModelFile(name="tiny", path="/t.gguf", size_bytes=9, quantisation="Q4_0", synthetic=True)
SPEC = RunSpec(
    run="r1",
    device="phone",
    runtime="llama",
    model=MODEL,
    workload=Workload(name="chat", conversations=((Prompt(text="hi"),),), max_tokens=8),
)
RUN: dict[str, Any] = {"device": "phone", "run": "r1"}
INFO = DeviceInfo(
    device="phone",
    address="sim:phone",
    kind=DeviceKind.PHONE,
    model="P1",
    simulated=True,
    runtimes=("llama", "mlc"),
    facts=(("governor", "schedutil"), ("ü", "°")),
)


def night() -> list[Item]:
    """A session with one of everything."""
    s = SECOND
    return [
        SessionStarted(
            t_ns=1 * s,
            device=SELF,
            wall_ns=1_700_000_000 * s,
            name="night",
            version="0.1.0",
            host="desk",
            settings=(("fps", "10"), ("theme", "dark")),
        ),
        ChannelsOpened(t_ns=1 * s, device=SELF, channels=(COST,)),
        DeviceConnecting(t_ns=1 * s, device="phone", address="sim:phone"),
        DeviceUp(t_ns=2 * s, device="phone", info=INFO),
        ChannelsOpened(t_ns=2 * s, device="phone", channels=(SOC,)),
        Wired(t_ns=2 * s, device="meter", feeds="phone", point="battery-terminals"),
        ClockMeasured(t_ns=3 * s, device="phone", offset_ns=500, uncertainty_ns=20, origin="round trip"),
        *(reading(SOC, 3 * s + k * s // 10, 400 + k) for k in range(25)),
        reading(COST, 3 * s, 2.5),
        RunStarted(t_ns=4 * s, spec=SPEC, **RUN),
        ModelPrepared(t_ns=4 * s, model=READY, **RUN),
        ModelLoaded(t_ns=5 * s, load_s=0.75, build="b1", backend="CPU", threads=4, **RUN),
        TurnStarted(t_ns=6 * s, turn=1, conversation=2, prompt=3, context_tokens=5, **RUN),
        FirstToken(t_ns=7 * s, turn=1, ttft_s=1.0, **RUN),
        LimitEngaged(t_ns=7 * s, device="phone", limit="thermal", reason="thermal", detail="SEVERE"),
        TurnEnded(
            t_ns=9 * s,
            turn=1,
            end=TurnEnd.EOS,
            prompt_tokens=7,
            cached_tokens=1 << 70,
            output_tokens=5,
            first_token_ns=7 * s,
            last_token_ns=9 * s,
            prompt_s=0.9,
            decode_s=1.9,
            output_sha256="ab",
            **RUN,
        ),
        TurnStarted(t_ns=10 * s, turn=2, purpose=TurnPurpose.WARMUP, **RUN),
        TurnEnded(t_ns=11 * s, turn=2, end=TurnEnd.STOPPED, **RUN),
        LimitReleased(t_ns=12 * s, device="phone", limit="thermal"),
        RunEnded(t_ns=13 * s, outcome=RunOutcome.FAILED, reason="gone", **RUN),
        DeviceLost(t_ns=14 * s, device="phone", reason="unplugged"),
        Tick(t_ns=15 * s, device=SELF),
        Mark(t_ns=15 * s, device=SELF, name="here"),
        SessionEnded(t_ns=16 * s, device=SELF, wall_ns=1_700_000_015 * s, reason="quit"),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "a.melt", night(), size=4)
    return tmp_path / "a.melt"


@pytest.fixture
def sql(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def rows(sql: sqlite3.Connection, text: str) -> list[dict[str, Any]]:
    return [dict(row) for row in sql.execute(text)]


class TestWithTheShell:
    def test_the_session(self, sql: sqlite3.Connection) -> None:
        told = dict(sql.execute("SELECT key, value FROM session").fetchall())
        assert told["name"] == "night"
        assert (told["version"], told["host"]) == ("0.1.0", "desk")
        assert (told["started_ns"], told["ended_ns"], told["newest_ns"]) == (SECOND, 16 * SECOND, 16 * SECOND)
        assert (told["state"], told["end_reason"], told["lost"]) == ("ended", "quit", "")
        assert dict(sql.execute("SELECT * FROM settings").fetchall()) == {"fps": "10", "theme": "dark"}

    def test_devices(self, sql: sqlite3.Connection) -> None:
        phone = rows(sql, "SELECT * FROM devices WHERE device = 'phone'")[0]
        assert (phone["address"], phone["kind"], phone["model"], phone["simulated"]) == (
            "sim:phone",
            "phone",
            "P1",
            1,
        )
        assert json.loads(phone["runtimes"]) == ["llama", "mlc"]
        assert phone["facts"] == '[["governor", "schedutil"], ["ü", "°"]]'
        assert phone["first_ns"] == SECOND
        assert [row["device"] for row in rows(sql, "SELECT device FROM devices ORDER BY id")] == [
            SELF,
            "phone",
            "meter",
        ]

    def test_channels(self, sql: sqlite3.Connection) -> None:
        soc = rows(sql, "SELECT * FROM channels WHERE name = 'soc'")[0]
        assert (soc["quantity"], soc["unit"], soc["rate_hz"], soc["limit_value"], soc["derived"]) == (
            "temperature",
            "°C",
            10.0,
            95.0,
            0,
        )
        assert json.loads(soc["definition"])["decoding"] == {"pieces": [[0.0, 0.1]], "bits": None}

    def test_a_run_and_its_turns(self, sql: sqlite3.Connection) -> None:
        (run,) = rows(sql, "SELECT * FROM runs")
        assert (run["run"], run["device"], run["runtime"], run["workload"]) == (
            "r1",
            "phone",
            "llama",
            "chat",
        )
        assert (run["model"], run["quantisation"], run["synthetic"]) == ("tiny", "Q4_0", 1)
        assert (run["build"], run["backend"], run["threads"], run["load_s"]) == ("b1", "CPU", 4, 0.75)
        assert (run["outcome"], run["reason"], run["ended_ns"]) == ("failed", "gone", 13 * SECOND)
        assert json.loads(run["spec"])["workload"]["max_tokens"] == 8
        one, two = rows(sql, "SELECT * FROM turns")
        assert (one["purpose"], one["conversation"], one["prompt"]) == ("measured", 2, 3)
        assert (one["prompt_tokens"], one["output_tokens"], one["context_tokens"]) == (7, 5, 5)
        assert one["cached_tokens"] is None, "no column holds a number that great"
        assert (one["ttft_s"], one["prompt_s"], one["decode_s"], one["observed_decode_s"]) == (
            1.0,
            0.9,
            1.9,
            2.0,
        )
        assert (one["ending"], one["output_sha256"], one["approximate"]) == ("eos", "ab", 0)
        assert (two["purpose"], two["output_tokens"], two["observed_decode_s"]) == ("warmup", None, None)

    def test_what_happened_and_what_lasted(self, sql: sqlite3.Connection) -> None:
        (mark,) = rows(sql, "SELECT * FROM events WHERE kind = 'Mark'")
        assert (mark["t_ns"], mark["device"], mark["detail"]) == (15 * SECOND, SELF, '{"name":"here"}')
        assert rows(sql, "SELECT run, turn FROM events WHERE kind = 'FirstToken'") == [
            {"run": "r1", "turn": 1}
        ]
        lasted = rows(
            sql, "SELECT kind, t0_ns, t1_ns, label FROM intervals WHERE kind IN ('limit', 'outage', 'run')"
        )
        assert lasted == [
            {"kind": "run", "t0_ns": 4 * SECOND, "t1_ns": 13 * SECOND, "label": "r1"},
            {"kind": "limit", "t0_ns": 7 * SECOND, "t1_ns": 12 * SECOND, "label": "thermal: thermal"},
            {"kind": "outage", "t0_ns": 14 * SECOND, "t1_ns": 16 * SECOND, "label": "unplugged"},
        ]

    def test_clocks_and_wires(self, sql: sqlite3.Connection) -> None:
        assert rows(sql, "SELECT device, t_ns, offset_ns, uncertainty_ns, origin FROM clock") == [
            {
                "device": "phone",
                "t_ns": 3 * SECOND - 500,
                "offset_ns": 500,
                "uncertainty_ns": 20,
                "origin": "round trip",
            }
        ]
        assert rows(sql, "SELECT meter, feeds, point FROM wires") == [
            {"meter": "meter", "feeds": "phone", "point": "battery-terminals"}
        ]

    def test_a_row_per_second(self, sql: sqlite3.Connection) -> None:
        seconds = rows(sql, "SELECT s, n, min, mean, max FROM readable_seconds WHERE name = 'soc'")
        assert [(row["s"], row["n"], row["min"], row["max"]) for row in seconds] == [
            (2, 10, 40.0, pytest.approx(40.9)),
            (3, 10, 41.0, pytest.approx(41.9)),
            (4, 5, 42.0, pytest.approx(42.4)),
        ]
        assert [row["mean"] for row in seconds] == pytest.approx([40.45, 41.45, 42.2])


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
        assert recording.clock.to_host("phone", 0) == 500


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
    with suppress(ZeroDivisionError), transaction(writer.connection):
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
