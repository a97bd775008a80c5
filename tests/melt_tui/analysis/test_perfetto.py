"""Traces, read by the public field numbers of Perfetto's protocol: what stands on each track of each device."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import LimitEngaged, LimitReleased
from drivers.model import block
from melt_tui.analysis import perfetto
from melt_tui.analysis.export import export
from melt_tui.analysis.export_request import ExportRequest, Format
from melt_tui.analysis.tracepacket import Kind, event, numbers
from melt_tui.errors import UsageError
from melt_tui.events import Mark, SessionStarted
from tests.rigs.compared import Made
from tests.rigs.protobuf_reader import fields
from tests.rigs.sessions import POWER, START, WALL, at, closing, opening
from tests.rigs.written import write


@dataclass
class Track:
    """A track as a reader sees it: events as (ns, type, name or value)."""

    name: str
    parent: int
    unit: str = ""
    events: list[tuple[int, int, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)


def read(path: Path) -> dict[int, Track]:
    """Every track, by its number."""
    tracks: dict[int, Track] = {}
    for packet in map(fields, fields(path.read_bytes())[1]):
        assert packet[10] == [1], "all of one sequence"
        if 60 in packet:
            told = fields(packet[60][0])
            unit = fields(told[8][0]).get(6, [b""])[0].decode() if 8 in told else ""
            tracks[told[1][0]] = Track(told[2][0].decode(), told.get(5, [0])[0], unit)
        elif 11 in packet:
            told = fields(packet[11][0])
            (kind,), (uuid,) = told[9], told[11]
            what = told[44][0] if kind == Kind.COUNTER else told.get(23, [b""])[0].decode()
            tracks[uuid].events.append((packet[8][0], kind, what))
            tracks[uuid].notes.append(dict(map(_note, told.get(4, []))))
        else:
            assert 6 in packet
    return tracks


def _note(data: bytes) -> tuple[str, Any]:
    told = fields(data)
    (value,) = [each[0] for number, each in told.items() if number != 10]
    return told[10][0].decode(), value


def exported(path: Path, *more: Path) -> dict[int, Track]:
    out = path.with_suffix(".pftrace")
    export(ExportRequest(files=(path, *more), out=out))
    return read(out)


def of(tracks: dict[int, Track], device: str) -> dict[str, Track]:
    (group,) = [number for number, one in tracks.items() if not one.parent and one.name.startswith(device)]
    return {one.name: one for one in tracks.values() if one.parent == group}


def made(path: Path, items: Sequence[Item]) -> Path:
    write(path, items, size=1000)
    return path


def wall(t_s: float) -> int:
    return WALL + round(t_s * SECOND)


def test_a_run_with_its_turns_phases_counters_and_events(tmp_path: Path) -> None:
    path = tmp_path / "run.melt"
    Made(limited=True, mark_s=5.0).record(path)
    tracks = exported(path)
    desk, scale = of(tracks, "desk · AMD Ryzen 7"), of(tracks, "scale")
    (run,) = [desk["runs"]]
    assert [(kind, name) for _, kind, name in run.events] == [(Kind.BEGIN, "r1"), (Kind.END, "")]
    assert run.events[0][0] == wall(2.0)
    assert run.notes[0]["model"] == b"demo"
    turns = desk["turns"]
    assert [name for _, kind, name in turns.events if kind == Kind.BEGIN] == ["turn 1", "turn 2", "turn 3"]
    assert turns.notes[0]["output_tokens"] == 21
    assert turns.notes[0]["decode_tps_observed"] == pytest.approx(10.0)
    assert {name for _, _, name in desk["phases"].events} == {"load", "prefill", "decode", ""}
    assert desk["limits"].events[0][:2] == (wall(2.0), Kind.BEGIN)
    heat = desk["Package id 0"]
    assert heat.unit == "°C"
    assert heat.events[:2] == [(wall(2), Kind.COUNTER, 40.0), (wall(3), Kind.COUNTER, 40.0)]
    assert (wall(5.0), Kind.INSTANT, "mark here") in desk["events"].events
    assert scale["power"].events[0] == (wall(1.0), Kind.COUNTER, 5.0)
    for one in tracks.values():
        depths = np.cumsum([{Kind.BEGIN: 1, Kind.END: -1}.get(Kind(kind), 0) for _, kind, _ in one.events])
        assert not len(depths) or (depths.min() >= 0 and depths.max() <= 1 and depths[-1] == 0)


def test_slices_that_overlap_lie_on_tracks_of_their_own(tmp_path: Path) -> None:
    told = {"device": "desk", "reason": "thermal"}
    limits = [
        LimitEngaged(t_ns=at(1), limit="a", **told),
        LimitEngaged(t_ns=at(2), limit="b", **told),
        LimitReleased(t_ns=at(3), device="desk", limit="a"),
        LimitReleased(t_ns=at(4), device="desk", limit="b"),
        LimitEngaged(t_ns=at(4), limit="c", **told),
    ]
    tracks = exported(made(tmp_path / "limits.melt", [*opening(), *limits, *closing(5)]))
    lanes = [one.events for one in tracks.values() if one.name == "limits"]
    assert [[t_ns - WALL for t_ns, _, _ in lane] for lane in lanes] == [
        [1 * SECOND, 3 * SECOND, 4 * SECOND, 5 * SECOND],
        [2 * SECOND, 4 * SECOND],
    ]


def test_a_block_of_numbers_is_packets_of_one_each() -> None:
    times = np.array([WALL, WALL + 1, WALL + 128, 1 << 56, (1 << 63) - 1], np.int64)
    values = np.array([0.0, -1.5, 1e300, 40.25, float("inf")])
    for packet, t_ns, value in zip(fields(numbers(300, times, values))[1], times, values, strict=True):
        told = fields(packet)
        assert told[8] == [t_ns]
        assert told[10] == [1]
        assert fields(told[11][0]) == {9: [4], 11: [300], 44: [value]}
    alone = fields(event(Kind.INSTANT, int(times[0]), 7, "x", {"n": -2, "b": True, "f": 0.5, "t": "é"}))
    told = fields(fields(alone[1][0])[11][0])
    assert dict(map(_note, told[4])) == {"n": 2**64 - 2, "b": 1, "f": 0.5, "t": "é".encode()}


@pytest.mark.parametrize("at_once", [1_000_000, 1_700])
def test_many_samples_become_least_and_greatest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(perfetto, "MOST", 200)
    monkeypatch.setattr(perfetto, "_AT_ONCE", at_once)
    codes = [1000] * 5000
    codes[2500] = 60000
    path = made(tmp_path / "fast.melt", [*opening(), block(POWER, at(1), at(6), codes), *closing(7)])
    power = of(exported(path), "meter")["power"]
    assert 20 <= len(power.events) <= 210
    assert {value for _, _, value in power.events} == {1.0, 60.0}
    times = [t_ns for t_ns, _, _ in power.events]
    assert times == sorted(set(times))


def test_recordings_side_by_side_keep_their_own_times(tmp_path: Path) -> None:
    paths = [tmp_path / "a.melt", tmp_path / "b.melt"]
    Made().record(paths[0])
    Made(wall_s=100.0).record(paths[1])
    tracks = exported(*paths)
    begins = [of(tracks, f"{name}: desk")["runs"].events[0][0] for name in "ab"]
    assert begins == [wall(2.0), wall(102.0)]


def test_clocks_that_cannot_be_and_hostile_names(tmp_path: Path) -> None:
    start = SessionStarted(t_ns=START, device="melt", wall_ns=5, name="x", version="1", host="h")
    marks = [Mark(t_ns=at(t), device="a\x1b[2J\u202eb", name="<b>\n") for t in (1, 0.5)]
    path = made(tmp_path / "odd.melt", [start, *marks])
    tracks = exported(path)
    ((_, _, said), *_) = of(tracks, "a?[2J?b")["events"].events
    assert said == "mark <b>?"
    export(ExportRequest(files=(made(tmp_path / "empty.melt", []),), out=tmp_path / "empty.pftrace"))
    assert read(tmp_path / "empty.pftrace") == {}


def test_a_trace_is_no_table_and_nothing_for_a_screen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not for a screen"):
        export(ExportRequest(files=(tmp_path,), format=Format.PERFETTO))
