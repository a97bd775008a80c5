"""Events and channels as JSON: every class of the vocabulary comes back as it was."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.events import ChannelsOpened, Event, LogLine, ModelLoaded, RunEvent, TurnEnded, TurnStarted
from drivers.model import IDENTITY, Channel, DeviceInfo, DType, Quantity, RunSpec, Unit
from melt_tui.events import Mark, RunStarted, Tick
from melt_tui.store.eventcodec import (
    UnknownEvent,
    detail_of,
    event_of,
    from_json,
    kinds,
    names_of,
    plain,
    to_json,
)

st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(str, st.text(st.characters(), max_size=12))


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_every_kind_of_event_comes_back(data: st.DataObject) -> None:
    for name, kind in kinds().items():
        event = data.draw(st.from_type(kind))
        again = event_of(name, event.t_ns, plain(event.device), detail_of(event))
        assert type(again) is kind
        assert again == event


@pytest.mark.parametrize("cls", [Channel, DeviceInfo, RunSpec])
def test_parts_of_events_come_back(cls: type) -> None:
    @settings(max_examples=25, deadline=None)
    @given(st.from_type(cls))
    def comes_back(value: Any) -> None:
        assert from_json(cls, to_json(value)) == value

    comes_back()


def test_all_kinds_are_known() -> None:
    assert {Event, RunEvent, Tick, Mark, RunStarted, ChannelsOpened, TurnEnded} <= set(kinds().values())
    assert names_of((Tick,)) == ("Tick",)
    assert {"TurnStarted", "ModelLoaded"} < set(names_of((RunEvent,)))


def test_text_is_readable_and_safe() -> None:
    line = LogLine(t_ns=1, device="ü", source="ß", text="71.5 °C \x00\n")
    assert '"71.5 °C \\u0000\\n"' in detail_of(line)
    broken = replace(line, text="\ud800", device="\udfff")
    assert json.loads(detail_of(broken))["device"] == "\udfff"
    assert event_of("LogLine", 1, plain("\udfff"), detail_of(broken)) == broken


def test_numbers_that_json_has_not() -> None:
    loaded = ModelLoaded(t_ns=1, device="d", load_s=float("inf"))
    assert json.loads(detail_of(loaded))["load_s"] == "inf"
    assert event_of("ModelLoaded", 1, "d", detail_of(loaded)) == loaded


def test_what_a_later_version_adds_is_passed_over() -> None:
    known = json.loads(detail_of(Mark(t_ns=1, device="d", name="here")))
    assert event_of("Mark", 5, "d", json.dumps({**known, "colour": "red"})) == Mark(
        t_ns=5, device="d", name="here"
    )
    started = json.loads(detail_of(TurnStarted(t_ns=1, device="d", turn=3)))
    del started["purpose"]
    assert event_of("TurnStarted", 1, "d", json.dumps(started)) == TurnStarted(t_ns=1, device="d", turn=3)


@pytest.mark.parametrize(
    ("kind", "detail", "why"),
    [
        ("Eclipse", "{}", "not known"),
        ("Mark", "{", "no JSON"),
        ("Mark", "[" * 100_000, "no JSON"),
        ("Mark", "[]", "no JSON object"),
        ("Mark", "{}", "lacks its name"),
        ("Mark", '{"name": 7}', "is no"),
        ("TurnStarted", '{"turn": true}', "is no"),
        ("TurnStarted", '{"turn": 1, "purpose": "fun"}', "fun"),
        ("FirstToken", '{"turn": 1, "ttft_s": "soon"}', "no number"),
        ("FirstToken", '{"turn": 1, "ttft_s": []}', "is no"),
        ("ChannelsOpened", '{"channels": {}}', "no list"),
        ("SessionStarted", '{"wall_ns":1,"name":"","version":"","host":"","settings":[["a"]]}', "list of 1"),
    ],
)
def test_what_cannot_be_read_says_why(kind: str, detail: str, why: str) -> None:
    with pytest.raises(UnknownEvent, match=why):
        event_of(kind, 1, "d", detail)


def test_a_decoding_keeps_its_floats() -> None:
    channel = Channel(device="d", name="n", quantity=Quantity.POWER, unit=Unit.WATT, dtype=DType.U16)
    assert from_json(Channel, to_json(channel)).decoding == IDENTITY
    odd = replace(channel, decoding=replace(IDENTITY, pieces=((0.1, 1 / 3, 5e-324),)), limit=1e308)
    assert from_json(Channel, to_json(odd)) == odd
