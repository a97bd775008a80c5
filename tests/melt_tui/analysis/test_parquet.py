"""Tables as Parquet, against the same tables as CSV: rows, exact values, units; long and wide."""

import csv
import io
import math
import sys
from collections.abc import Sequence
from contextlib import closing as closing_file
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import block, uneven_block
from melt_tui.analysis import parquet, wide
from melt_tui.analysis.bulk import parts
from melt_tui.analysis.export import export, export_all
from melt_tui.analysis.export_request import ExportRequest, Format, Table
from melt_tui.analysis.recorded import Channels
from melt_tui.errors import UsageError
from melt_tui.store.recording import Recording
from tests.rigs.compared import Made
from tests.rigs.sessions import CPU, LAG, POWER, TEMPERATURE, at, closing, opening, slow
from tests.rigs.written import write


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two recordings with a run each, the second's device throttled and its clock its own."""
    place = tmp_path_factory.mktemp("recordings")
    Made().record(place / "a.melt")
    Made(limited=True, rate=12.5, celsius=61.25).record(place / "b.melt")
    return [place / "a.melt", place / "b.melt"]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Codes with a decoding, a clock that is off and jumps, a gap, samples out of order and at one moment."""
    place = tmp_path_factory.mktemp("mixed") / "mixed.melt"
    own = TEMPERATURE.__class__(
        device="desk", name="own", quantity=TEMPERATURE.quantity, unit=TEMPERATURE.unit, own_clock=True
    )
    items: list[Item] = [
        *opening(),
        ChannelsOpened(t_ns=at(0), device="desk", channels=(own,)),
        clock(1, 2_000_000_007),
        clock(3, -1_500_000_001),
        *slow(TEMPERATURE, [(0.5, 61.25), (1.5, 100 / 3), (1.5, 7.0), (9.0, -40.0)]),
        uneven_block(own, [at(0), at(1), at(2), at(5)], [1.0, 2.0, 3.0, 4.0]),
        block(POWER, at(2), at(3), [5, 17, 65535]),
        *slow(CPU, [(2, 10.0), (1, 20.0)]),
        *slow(LAG, [(0.1, math.nan)]),
        *closing(10),
    ]
    write(place, items, size=3)
    return place


def clock(t_s: float, offset_ns: int) -> Item:
    return ClockMeasured(
        t_ns=at(t_s), device="desk", offset_ns=offset_ns, uncertainty_ns=1000, origin="round trip"
    )


def rows(out: io.StringIO) -> list[list[str]]:
    return list(csv.reader(io.StringIO(out.getvalue())))


def as_csv(files: Sequence[Path], table: Table, **more: Any) -> list[list[str]]:
    out = io.StringIO()
    export(ExportRequest(files=tuple(files), table=table, **more), out)
    return rows(out)


def as_parquet(files: Sequence[Path], table: Table, out: Path, **more: Any) -> Any:
    export(ExportRequest(files=tuple(files), table=table, out=out, **more))
    return pq.read_table(out)


def said(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("table", [table for table in Table if table is not Table.SAMPLES])
def test_tables_hold_what_csv_holds(paths: list[Path], table: Table, tmp_path: Path) -> None:
    head, *lines = as_csv(paths, table)
    told = as_parquet(paths, table, tmp_path / "x.parquet")
    assert told.column_names == head
    assert head[0] == "recording"
    assert {line[0] for line in lines} == {"a", "b"}
    columns = [told.column(name).to_pylist() for name in head]
    seen = [[said(cell) for cell in row] for row in zip(*columns, strict=True)]
    if table is Table.EVENTS:
        seen, lines = (
            [[*row[:1], f"{float(row[1]):.9f}", *row[2:]] for row in part] for part in (seen, lines)
        )
    assert seen == lines


def test_samples_are_those_of_csv_in_the_order_of_channels(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP", 2)
    head, *lines = as_csv([mixed], Table.SAMPLES)
    told = as_parquet([mixed], Table.SAMPLES, tmp_path / "x.parquet")
    assert told.column_names == head == ["t_s", "device", "channel", "unit", "value"]
    seen = [
        (f"{r['t_s']:.9f}", r["device"], r["channel"], r["unit"], repr(r["value"])) for r in told.to_pylist()
    ]
    assert sorted(seen) == sorted(map(tuple, lines))
    assert len(seen) == 14
    assert told.schema.field("t_s").metadata[b"unit"] == b"s"
    with closing_file(Recording(mixed)) as recording:
        found = [part for key in Channels(recording).latest for part in parts(recording, key)]
    sizes = [sum(len(part.times) for part in group) for group in parquet._groups(found)]
    assert sum(sizes) == len(lines)
    assert max(sizes) <= 3, "no more is held at once than a group and a piece"
    assert pq.read_metadata(tmp_path / "x.parquet").num_row_groups == len(sizes)
    assert b'"session": "evening"' in told.schema.metadata[b"melt.recordings"]


@pytest.mark.parametrize("most", [3, 1000])
def test_wide_tables_hold_every_moment_once(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(wide, "MOST", most)
    told = as_parquet([mixed], Table.SAMPLES, tmp_path / "x.parquet", wide=True).to_pylist()
    long = as_csv([mixed], Table.SAMPLES)[1:]
    last = {
        (f"{float(t):.9f}", f"{device}/{channel} [{unit}]"): value for t, device, channel, unit, value in long
    }
    seen = {
        (f"{row['t_s']:.9f}", name): repr(value)
        for row in told
        for name, value in row.items()
        if name != "t_s" and value is not None
    }
    assert seen == {key: value for key, value in last.items() if value != "nan"}
    times = [row["t_s"] for row in told]
    assert times == sorted(set(times))
    cells = as_csv([mixed], Table.SAMPLES, wide=True)
    assert cells[0] == list(told[0])
    assert [[said(value) for value in list(row.values())[1:]] for row in told] == [
        row[1:] for row in cells[1:]
    ]


def test_steps_hold_means_and_of_counters_the_last(paths: list[Path], tmp_path: Path) -> None:
    told = as_parquet(paths[:1], Table.SAMPLES, tmp_path / "x.parquet", wide=True, every_s=1.0).to_pylist()
    by_time = {row["t_s"]: row for row in told}
    assert len(by_time) == len(told)
    assert all(t_s == int(t_s) for t_s in by_time)
    assert by_time[5.0]["scale/power [W]"] == 5.0
    assert by_time[5.0]["desk/Package id 0 [°C]"] == 40.0
    # the first turn's tokens come at 4.0, 4.1 … 6.0 s: ten of them in each whole second
    assert [by_time[t]["desk/token_arrivals [tok]"] for t in (4.0, 5.0, 6.0)] == [10.0, 20.0, 21.0]


def test_figures_of_runs(paths: list[Path]) -> None:
    head, *lines = as_csv(paths, Table.RUNS)
    first, second = (dict(zip(head, line, strict=True)) for line in lines)
    assert first["started"] == "2026-09-21T14:13:22.000+00:00"
    assert [float(row["temperature_start_c"]) for row in (first, second)] == [40.0, 61.25]
    assert first["limited_share"] == "", "nobody looked for limits there"
    assert float(second["limited_share"]) == 1.0
    assert first["power_point"] == "board-input"
    # 5 W at 10, 8 and 12.5 tok/s: 0.5, 0.625 and 0.4 J for a token
    assert float(first["decode_j_per_token"]) == pytest.approx((0.5 + 0.625 + 0.4) / 3, rel=0.03)
    head, *lines = as_csv(paths, Table.TURNS)
    turns = [dict(zip(head, line, strict=True)) for line in lines]
    assert [turn["thermal_state"] for turn in turns] == ["not told"] * 3 + ["thermal"] * 3
    assert {turn["temperature_start_c"] for turn in turns} == {"40.0", "61.25"}
    assert [float(turn["began_s"]) for turn in turns[:2]] == [1.0, 5.0]


def test_parquet_is_asked_for_by_name_and_says_what_it_needs(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ExportRequest(files=(), out=Path("x.pq")).chosen is Format.PARQUET
    assert ExportRequest(files=(), out=Path("x.txt")).chosen is Format.CSV
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "melt_tui.analysis.parquet")
    with pytest.raises(UsageError, match=r"needs the package pyarrow.*: pip install 'melt-tui\[parquet\]'"):
        export(ExportRequest(files=(paths[0],), out=tmp_path / "x.parquet"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said(paths: list[Path], tmp_path: Path) -> None:
    for form in Format:
        with pytest.raises(
            Exception, match=r"full could not be written .No space left on device.: choose another place"
        ):
            export(ExportRequest(files=(paths[0],), out=Path("/dev/full"), format=form))


def test_events_lie_beside_samples(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    assert export_all(ExportRequest(files=(paths[0],), out=out)) == [
        out,
        tmp_path / "x.parquet.events.parquet",
    ]
    assert pq.read_table(tmp_path / "x.parquet.events.parquet").column_names == [
        "t_s",
        "device",
        "kind",
        "detail",
    ]
