"""What a person with only the sqlite3 shell finds in a recording."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drivers.clock import SECOND
from melt_tui.events import SELF
from tests.rigs.one_of_everything import night
from tests.rigs.written import write


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    write(tmp_path / "a.melt", night(), size=4)
    with closing(sqlite3.connect(tmp_path / "a.melt")) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def rows(sql: sqlite3.Connection, text: str) -> list[dict[str, Any]]:
    return [dict(row) for row in sql.execute(text)]


def test_the_session(sql: sqlite3.Connection) -> None:
    told = dict(sql.execute("SELECT key, value FROM session").fetchall())
    assert told["name"] == "night"
    assert (told["version"], told["host"]) == ("0.1.0", "desk")
    assert (told["started_ns"], told["ended_ns"], told["newest_ns"]) == (SECOND, 16 * SECOND, 16 * SECOND)
    assert (told["state"], told["end_reason"], told["lost"]) == ("ended", "quit", "")
    assert dict(sql.execute("SELECT * FROM settings").fetchall()) == {"fps": "10", "theme": "dark"}


def test_devices(sql: sqlite3.Connection) -> None:
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


def test_channels(sql: sqlite3.Connection) -> None:
    soc = rows(sql, "SELECT * FROM channels WHERE name = 'soc'")[0]
    assert (soc["quantity"], soc["unit"], soc["rate_hz"], soc["limit_value"], soc["derived"]) == (
        "temperature",
        "°C",
        10.0,
        95.0,
        0,
    )
    assert (soc["accuracy_gain"], soc["accuracy_offset"]) == (0.01, 0.5)
    assert rows(sql, "SELECT accuracy_gain FROM channels WHERE name = 'cpu'") == [{"accuracy_gain": None}]
    assert json.loads(soc["definition"])["decoding"] == {"pieces": [[0.0, 0.1]], "bits": None}


def test_a_run_and_its_turns(sql: sqlite3.Connection) -> None:
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


def test_what_happened_and_what_lasted(sql: sqlite3.Connection) -> None:
    (mark,) = rows(sql, "SELECT * FROM events WHERE kind = 'Mark'")
    assert (mark["t_ns"], mark["device"], mark["detail"]) == (15 * SECOND, SELF, '{"name":"here"}')
    assert rows(sql, "SELECT run, turn FROM events WHERE kind = 'FirstToken'") == [{"run": "r1", "turn": 1}]
    lasted = rows(
        sql, "SELECT kind, t0_ns, t1_ns, label FROM intervals WHERE kind IN ('limit', 'outage', 'run')"
    )
    assert lasted == [
        {"kind": "run", "t0_ns": 4 * SECOND, "t1_ns": 13 * SECOND, "label": "r1"},
        {"kind": "limit", "t0_ns": 7 * SECOND, "t1_ns": 12 * SECOND, "label": "thermal: thermal"},
        {"kind": "outage", "t0_ns": 14 * SECOND, "t1_ns": 16 * SECOND, "label": "unplugged"},
    ]


def test_clocks_and_wires(sql: sqlite3.Connection) -> None:
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


def test_a_row_per_second(sql: sqlite3.Connection) -> None:
    seconds = rows(sql, "SELECT s, n, min, mean, max FROM readable_seconds WHERE name = 'soc'")
    assert [(row["s"], row["n"], row["min"], row["max"]) for row in seconds] == [
        (2, 10, 40.0, pytest.approx(40.9)),
        (3, 10, 41.0, pytest.approx(41.9)),
        (4, 5, 42.0, pytest.approx(42.4)),
    ]
    assert [row["mean"] for row in seconds] == pytest.approx([40.45, 41.45, 42.2])
