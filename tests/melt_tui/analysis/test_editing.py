from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, DeviceInfo, DeviceKind, DType, Quantity, Samples, Unit, block, linear
from melt_tui.analysis import editing
from melt_tui.analysis.edited import as_edited
from melt_tui.analysis.session import Summary, summarise
from melt_tui.analysis.summary import text_of_file
from melt_tui.errors import CannotWrite, UsageError
from melt_tui.events import DeviceUp, Wired
from melt_tui.store import library
from melt_tui.store.recording import Recording
from melt_tui.timeline.edits import Edit, EditKind, edits_of
from tests.rigs.sessions import at, opening, run, turn
from tests.rigs.sessions import closing as ending
from tests.rigs.written import write

CURRENT_3V = Channel(
    device="ppk",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=100.0,
    dtype=DType.I32,
    decoding=linear(0.003),
    point="battery-terminals",
    provenance="current × 3 V of the supply, as stated",
)


def power(t0_s: float, t1_s: float, codes: list[int]) -> Samples:
    return block(CURRENT_3V, at(t0_s), at(t1_s), codes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two turns on ``desk``, 3 W by a meter that was wired to nothing that is there."""
    ppk = DeviceInfo(device="ppk", address="serial:x", kind=DeviceKind.METER)
    items: list[Item] = [
        *opening(),
        DeviceUp(t_ns=at(0), device="ppk", info=ppk),
        ChannelsOpened(t_ns=at(0), device="ppk", channels=(CURRENT_3V,)),
        Wired(t_ns=at(0), device="ppk", feeds="phone", point="battery-terminals"),
        power(0, 59.99, [1000] * 6000),
        *run(
            [
                *turn(1, 10, [10.5, 11, 11.5], decode_s=1.0),
                *turn(2, 20, [20.5, 21.5, 22.5], before=3, decode_s=2.0),
            ],
            1,
            50,
        ),
        *ending(60),
    ]
    made = tmp_path / "one.melt"
    write(made, items)
    return made


def summary(path: Path) -> Summary:
    with closing(Recording(path)) as recording:
        return summarise(recording)


def decode(path: Path) -> dict[tuple[int, str], float | None]:
    (run,) = summary(path).runs
    return {(one.turn, one.point): one.gross_j for one in run.per_token if one.definition == "decode"}


def test_a_meter_that_was_wired_wrongly(path: Path) -> None:
    assert decode(path) == {}
    assert library.info(path).joules_per_token is None
    editing.wire(path, "ppk", feeds="desk", reason="cables were swapped")
    assert decode(path)[1, "battery-terminals"] == pytest.approx(3 * 1.0 / 2)
    assert decode(path)[2, "battery-terminals"] == pytest.approx(3 * 2.0 / 2)
    editing.wire(path, "ppk", point="usb-input")
    assert {point for _, point in decode(path)} == {"usb-input"}
    row = library.info(path)
    assert row.joules_per_token == pytest.approx(2.25)
    assert (row.joules_point, row.edits) == ("usb-input", 1)
    meter = next(device for device in summary(path).devices if device.device == "ppk")
    assert meter.feeds == "desk"
    assert [one.point for one in meter.powers] == ["usb-input"]
    assert "edited   2" in text_of_file(path)
    assert "edited   1" not in text_of_file(path)


def test_what_was_measured_stays(path: Path) -> None:
    with closing(Recording(path)) as recording:
        before = list(recording.items())
    editing.wire(path, "ppk", feeds="desk", point="usb-input")
    editing.set_voltage(path, "ppk", 4.5)
    editing.exclude(path, 1, reason="a call came in")
    with closing(Recording(path)) as recording:
        assert list(recording.items()) == before


def test_a_voltage_that_was_set_wrongly(path: Path) -> None:
    editing.wire(path, "ppk", feeds="desk")
    editing.set_voltage(path, "ppk", 4.5, reason="3 V was typed")
    assert decode(path)[1, "battery-terminals"] == pytest.approx(4.5 * 1.0 / 2)
    with pytest.raises(UsageError, match="measured, not set"):
        editing.set_voltage(path, "meter", 5.0)


def test_a_turn_left_out(path: Path) -> None:
    with pytest.raises(UsageError, match="without a reason"):
        editing.exclude(path, 1, reason=" ")
    editing.exclude(path, 1, reason="a call came in")
    (told,) = summary(path).runs
    assert told.counted_turns == 1
    assert told.mean["decode_tps_observed"] == pytest.approx(1.0)
    assert "mean: 1 turn left out by hand" in told.notes
    assert told.turns[0].notes[0] == "left out by hand: a call came in"
    assert library.info(path).decode_tps == pytest.approx(1.0)


def test_taken_back(path: Path) -> None:
    before = summary(path)
    editing.wire(path, "ppk", feeds="desk")
    editing.wire(path, "ppk", feeds="desk", point="usb-input")
    editing.undo(path)
    assert {point for _, point in decode(path)} == {"battery-terminals"}
    editing.undo(path, 1)
    assert [(edit.number, edit.standing) for edit in editing.listing(path)] == [(1, False), (2, False)]
    assert summary(path).runs == before.runs
    assert library.info(path).joules_per_token is None
    with pytest.raises(UsageError, match="no such correction"):
        editing.undo(path)


def test_what_cannot_be_meant_is_said(path: Path) -> None:
    with pytest.raises(UsageError, match="no meter desk in this recording: there is meter, ppk"):
        editing.wire(path, "desk", feeds="ppk")
    with pytest.raises(UsageError, match="there is no device nowhere"):
        editing.wire(path, "ppk", feeds="nowhere")
    with pytest.raises(UsageError, match="no reference point"):
        editing.wire(path, "ppk", point="somewhere")
    with pytest.raises(UsageError, match="no turn 3: its turns are 1 to 2"):
        editing.exclude(path, 3, reason="x")
    with pytest.raises(UsageError, match="its runs are 1 on desk"):
        editing.exclude(path, 1, run="2", reason="x")
    assert editing.listing(path) == ()
    write(path.with_name("on.melt"), opening())
    path.chmod(0o400)
    with pytest.raises((CannotWrite, UsageError)):
        editing.wire(path.with_name("on.melt"), "meter", feeds="nothing")


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=8))
def test_the_last_word_that_stands_is_in_force(words: list[tuple[int, bool]]) -> None:
    made = [
        Edit(number=i, wall_ns=0, kind=EditKind.VOLTAGE, meter="ppk", volts=float(volts), undone=undone)
        for i, (volts, undone) in enumerate(words)
    ]
    left = [edit.volts for edit in made if not edit.undone]
    edits = edits_of(made)
    assert edits.volts("ppk") == (left[-1] if left else None)
    channel = as_edited(CURRENT_3V, edits)
    assert channel.decoding.value(1000) == pytest.approx(left[-1] if left else 3.0)
