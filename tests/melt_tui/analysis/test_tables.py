import csv
import io
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured, LogLine
from drivers.model import Channel, DType, Quantity, Unit, block, reading
from melt_tui.analysis.tables import cell, events_table, samples_table, seconds
from melt_tui.events import Mark
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import CPU, POWER, TEMPERATURE, at, opening, slow, ticks


def rows(table: Any, items: list[Any]) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    table(MemoryRecording(items), out)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def test_samples_are_exact() -> None:
    third = 100 / 3
    items = [
        *opening(),
        *slow(TEMPERATURE, [(0.5, 61.25), (1.5, third)]),
        block(POWER, at(2), at(3), [5, 17, 65535]),
    ]
    assert rows(samples_table, items) == [
        {"t_s": "0.500000000", "device": "desk", "channel": "Package id 0", "unit": "°C", "value": "61.25"},
        {
            "t_s": "1.500000000",
            "device": "desk",
            "channel": "Package id 0",
            "unit": "°C",
            "value": repr(third),
        },
        {"t_s": "2.000000000", "device": "meter", "channel": "power", "unit": "W", "value": "0.005"},
        {"t_s": "2.500000000", "device": "meter", "channel": "power", "unit": "W", "value": repr(17 * 0.001)},
        {
            "t_s": "3.000000000",
            "device": "meter",
            "channel": "power",
            "unit": "W",
            "value": repr(65535 * 0.001),
        },
    ]


def test_a_device_clock_is_corrected() -> None:
    measured = ClockMeasured(
        t_ns=at(1), device="desk", offset_ns=2 * SECOND, uncertainty_ns=1000, origin="round trip"
    )
    own = ChannelsOpened(t_ns=at(0), device="desk", channels=(replace(TEMPERATURE, own_clock=True),))
    items = [*opening(), own, measured, *slow(TEMPERATURE, [(1.0, 50.0)])]
    assert rows(samples_table, items)[0]["t_s"] == "3.000000000"


def test_a_channel_announced_anew_is_decoded_anew() -> None:
    other = Channel(
        device="desk", name="Package id 0", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, dtype=DType.I16
    )
    items = [
        *opening(),
        *slow(TEMPERATURE, [(0.0, 50.5)]),
        ChannelsOpened(t_ns=at(1), device="desk", channels=(other,)),
        reading(other, at(2), 51),
    ]
    assert [row["value"] for row in rows(samples_table, items)] == ["50.5", "51"]


def test_events_carry_their_detail_as_json_and_no_ticks() -> None:
    items = [*opening(), *ticks(3), Mark(t_ns=at(1.5), device="melt", name='warm "up", again')]
    told = rows(events_table, items)
    assert [row["kind"] for row in told][-2:] == ["ChannelsOpened", "Mark"]
    assert told[-1]["t_s"] == "1.500000000"
    assert told[-1]["detail"] == '{"name":"warm \\"up\\", again"}'
    assert len(told) == len(opening()) + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Package id 0", "Package id 0"),
        ("=1+1", '"\'=1+1"'),
        ("@SUM(A1)", '"\'@SUM(A1)"'),
        ("-2", '"\'-2"'),
        ("+49", '"\'+49"'),
        ("\t=cmd|' /C calc'!A0", "\"'\t=cmd|' /C calc'!A0\""),
        ("＝1", '"\'＝1"'),
        ("a;=1", '"a;=1"'),
        ('say "x", y', '"say ""x"", y"'),
        ("two\nlines", '"two\nlines"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_hostile_text_is_no_formula(text: str, expected: str) -> None:
    assert cell(text) == expected


@given(st.text(), st.text())
def test_any_text_stays_in_its_cell(device: str, text: str) -> None:
    line = LogLine(t_ns=at(1), device=device, source="s", text=text)
    (row,) = rows(events_table, [*opening(), line])[len(opening()) :]
    plain = device.encode("utf-8", "backslashreplace").decode()
    assert row["device"] in {plain, f"'{plain}"}
    assert row["device"].lstrip()[:1] not in {"=", "+", "-", "@"}
    assert row["kind"] == "LogLine"
    assert row["detail"].startswith("{")


@given(st.integers(-(10**18), 10**18))
def test_seconds_are_exact(t_ns: int) -> None:
    text = seconds(t_ns)
    whole, fraction = text.split(".")
    assert len(fraction) == 9
    assert int(whole + fraction) == t_ns


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_values_read_back_bit_for_bit(values: list[float]) -> None:
    items = [*opening(), block(CPU, at(0), at(1), values)]
    read = [float(row["value"]) for row in rows(samples_table, items)]
    assert struct.pack(f"{len(read)}d", *read) == struct.pack(f"{len(values)}d", *values)


def test_constant_memory() -> None:
    """Rows go out block by block: while the items still come, their rows are already written."""

    class Watched(MemoryRecording):
        def items(self) -> Any:
            for item in super().items():
                lengths.append(out.tell())
                yield item

    lengths: list[int] = []
    out = io.StringIO(newline="")
    blocks = [block(POWER, at(i), at(i + 1), range(100)) for i in range(5)]
    samples_table(Watched([*opening(), *blocks]), out)
    assert len(set(lengths[-5:])) == 5
