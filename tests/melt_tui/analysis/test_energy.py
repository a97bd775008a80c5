"""The energies of a run, reckoned by hand: of every part, at every point, per token, net of idle; and what is not known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drivers.accuracy import Accuracy
from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import (
    Channel,
    DeviceInfo,
    DeviceKind,
    DType,
    Kind,
    Quantity,
    Samples,
    Unit,
    linear,
    uneven_block,
)
from melt_tui.analysis.runs import RunSummary
from melt_tui.analysis.session import summarise
from melt_tui.events import DeviceUp, RunEnded, RunOutcome, Wired
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import at, closing, opening, run, turn

METER = Channel(
    device="meter",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=20.0,
    point="board-input",
    accuracy=Accuracy(0.01, 0.002),
)
TURN = turn(1, 80.0, [82.0, 83.0, 84.0, 85.0, 86.0])


def power(t_s: float) -> float:
    """Idle at 2 W until the run at 70 s; then 5 W, and 1 W more for each second of decode."""
    return 2.0 if t_s < 70 else 5.0 + min(max(t_s - 82, 0), 4)


def joules(a_s: float, b_s: float) -> float:
    """Of ``power``, in closed form."""
    idle, run, decode = max(min(70, b_s) - a_s, 0), max(b_s - max(70, a_s), 0), _ramp(b_s) - _ramp(a_s)
    return 2.0 * idle + 5.0 * run + decode


def _ramp(t_s: float) -> float:
    risen = min(max(t_s - 82, 0), 4)
    return risen * risen / 2 + 4 * max(t_s - 86, 0)


def measured(channel: Channel, values: Any = power, t0_s: float = 5.0, t1_s: float = 95.0) -> Samples:
    """The values of a channel at its rate."""
    times = np.arange(t0_s, t1_s, 1 / (channel.rate_hz or 20.0))
    return uneven_block(channel, [at(t) for t in times], [values(t) for t in times])


def wired(channel: Channel, point: str = "board-input") -> list[Item]:
    return [
        ChannelsOpened(t_ns=at(1), device=channel.device, channels=(channel,)),
        Wired(t_ns=at(1), device=channel.device, feeds="desk", point=point),
    ]


def summary(*items: Item, turns: Sequence[Item] = TURN, **how: Any) -> RunSummary:
    recorded = [*opening(), *items, *run(turns, 70, 90), *closing(100)]
    (found,) = summarise(MemoryRecording(recorded), **how).runs
    return found


def parts(found: RunSummary, point: str = "board-input") -> dict[tuple[str, int | None], Any]:
    return {(one.scope.value, one.turn): one for one in found.energy if one.point == point}


@pytest.fixture(scope="module")
def whole() -> RunSummary:
    return summary(*wired(METER), measured(METER))


def test_every_part_of_a_run_by_hand(whole: RunSummary) -> None:
    found = parts(whole)
    spans = {
        ("run", None): (70, 90),
        ("load", None): (70, 70.5),
        ("turn", 1): (80, 86),
        ("prefill", 1): (80, 82),
        ("decode", 1): (82, 86),
    }
    assert list(found) == list(spans)
    for part, (a, b) in spans.items():
        edge = 0.5 if a == 70 else 1e-6
        assert found[part].gross_j == pytest.approx(joules(a, b), abs=0.08 if a == 70 else 1e-3), part
        assert found[part].net_j == pytest.approx(found[part].gross_j - 2.0 * (b - a), abs=0.08)
        assert found[part].coverage == pytest.approx(1)
        assert found[part].mean_w == pytest.approx(found[part].gross_j / (b - a))
        assert found[part].integration_j < edge + 1
    assert found["decode", 1].gross_j == pytest.approx(4 * 5 + 8)
    assert found["decode", 1].peak_w == pytest.approx(9)
    assert found["decode", 1].accuracy_j == pytest.approx(0.01 * 28 + 0.002 * 4)
    assert found["decode", 1].uncertainty_j >= found["decode", 1].accuracy_j
    assert found["decode", 1].net_uncertainty_j > found["decode", 1].uncertainty_j


def test_per_token_by_the_four_definitions(whole: RunSummary) -> None:
    by_definition = {one.definition.value: one for one in whole.per_token}
    turn_j, decode_j, prefill_j = 10 + 28, 28, 10
    assert {name: one.tokens for name, one in by_definition.items()} == {
        "whole": 5,
        "melt": 4,
        "decode": 4,
        "prefill": 50,
    }
    assert {name: one.gross_j for name, one in by_definition.items()} == pytest.approx(
        {"whole": turn_j / 5, "melt": turn_j / 4, "decode": decode_j / 4, "prefill": prefill_j / 50}
    )
    assert by_definition["decode"].net_j == pytest.approx((28 - 8) / 4, abs=1e-3)
    assert {one.point for one in whole.per_token} == {"board-input"}
    uncertainty = parts(whole)["decode", 1].uncertainty_j
    assert by_definition["decode"].uncertainty_j == pytest.approx(uncertainty / 4)


def test_what_else_is_known_of_a_point(whole: RunSummary) -> None:
    (known,) = whole.power
    assert (known.point, known.source, known.baseline_s) == ("board-input", "meter power", 60)
    assert known.idle_w == pytest.approx(2.0, abs=1e-3)
    assert known.tokens_per_joule == pytest.approx(5 / 38)
    assert known.sustained_w is None
    assert whole.notes[2:] == ("net_j: less the mean power of the 60 s before the run, model not loaded",)


def test_a_hole_is_told_and_too_large_a_one_is_not_divided() -> None:
    def cut(t: float) -> float:
        return float("nan") if 82.98 < t < 84.48 else power(t)

    found = summary(*wired(METER), measured(METER, cut))
    decode = parts(found)["decode", 1]
    assert decode.coverage == pytest.approx((4 - 1.5 - 0.05) / 4, abs=0.02)
    assert decode.gross_j == pytest.approx(joules(82, 82.95) + joules(84.5, 86), abs=0.01)
    per_token = {one.definition.value: one.gross_j for one in found.per_token}
    assert (per_token["decode"], per_token["whole"]) == (None, None)
    assert per_token["prefill"] == pytest.approx(0.2)
    assert any("decode of turn 1" in note and "were measured" in note for note in found.notes)


def test_nothing_is_guessed_of_what_is_not_stated() -> None:
    bare = replace(METER, accuracy=None)
    found = summary(*wired(bare), measured(bare), turns=turn(1, 80.0, [82.0], prompt_s=None))
    assert {one.accuracy_j for one in found.energy} == {None}
    assert parts(found)["turn", 1].uncertainty_j == parts(found)["turn", 1].integration_j > 0
    assert parts(found)["decode", 1].gross_j is None
    assert [one.tokens for one in found.per_token] == [1, None, None, 50]
    assert "energy at board-input: decode of turn 1: a single output token has no decode" in found.notes
    assert any(note.startswith("uncertainty_j at board-input") for note in found.notes)


def test_meters_at_one_point_are_summed_only_when_told() -> None:
    second = replace(METER, device="other")
    items = [*wired(METER), *wired(second), measured(METER), measured(second, lambda t: 1.0)]
    apart = summary(*items)
    assert [one.source for one in apart.energy if one.scope == "run"] == ["meter power", "other power"]
    told = summary(*items, added=("board-input",))
    summed = [one for one in told.energy if one.source == "meter power + other power"]
    assert {(one.scope.value, one.turn): one.gross_j for one in summed}["decode", 1] == pytest.approx(32)
    alone = "energy at {}: nothing was summed up, for no two meters measured there"
    assert not any(note.startswith("energy at board-input: nothing") for note in told.notes)
    assert alone.format("usb-input") in summary(*items, added=("usb-input",)).notes
    assert (
        alone.format("board-input") in summary(*wired(METER), measured(METER), added=("board-input",)).notes
    )


def test_another_point_for_another_device_is_none_of_ours() -> None:
    elsewhere = Wired(t_ns=at(2), device="meter", feeds="phone", point="board-input")
    found = summary(*wired(METER), elsewhere, measured(METER))
    assert (found.energy, found.per_token) == ((), ())
    assert "energy: nothing measured the power of this device" in found.notes


def test_a_meter_that_was_wired_anew() -> None:
    elsewhere = Wired(t_ns=at(2), device="meter", feeds="phone", point="board-input")
    back = Wired(t_ns=at(30), device="meter", feeds="desk", point="board-input")
    again = replace(back, t_ns=at(83))
    found = summary(*wired(METER), elsewhere, back, again, measured(METER))
    assert parts(found)["decode", 1].gross_j == pytest.approx(28)
    assert parts(found)["decode", 1].net_j is None
    assert any("wired to something else in the time before the run" in note for note in found.notes)
    late = summary(*wired(METER), elsewhere, replace(back, t_ns=at(75)), measured(METER))
    assert late.energy == ()


def test_what_the_device_tells_itself_enters_by_the_same_door() -> None:
    counter = Channel(
        device="desk", name="energy package-0", quantity=Quantity.ENERGY, unit=Unit.JOULE, kind=Kind.COUNTER,
        rate_hz=10.0, dtype=DType.I64, decoding=linear(1e-6), point="package",
    )  # fmt: skip
    mean = Channel(
        device="desk", name="power package-0", quantity=Quantity.POWER, unit=Unit.WATT,
        kind=Kind.INTERVAL_MEAN, rate_hz=10.0, point="package",
    )  # fmt: skip
    opened = ChannelsOpened(t_ns=at(1), device="desk", channels=(counter, mean))
    micro = measured(counter, lambda t: round(1e6 * (1000 + joules(5, t))) if t > 5 else 10**9)
    found = summary(opened, micro, measured(mean, lambda t: 99.0))
    assert {one.source for one in found.energy} == {"desk energy package-0"}, "power was made of the counter"
    assert parts(found, "package")["decode", 1].gross_j == pytest.approx(28, abs=0.01)


def test_samples_of_power_are_finer_than_a_counter_beside_them() -> None:
    counter = replace(
        METER, name="energy", quantity=Quantity.ENERGY, unit=Unit.JOULE, kind=Kind.COUNTER, rate_hz=0.5
    )
    opened = ChannelsOpened(t_ns=at(1), device="meter", channels=(counter,))
    found = summary(*wired(METER), measured(METER), opened, measured(counter, lambda t: 9 * t))
    assert {one.source for one in found.energy} == {"meter power"}


GAUGE = Channel(
    device="desk", name="battery power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=1.0,
    point="battery-gauge",
)  # fmt: skip
REFRESH = Channel(device="desk", name="battery refresh", quantity=Quantity.OTHER, unit=Unit.SECOND)
USB = replace(METER, point="usb-input")
LONG = turn(1, 80.0, [82.0, 125.0])
_OTHER = replace(USB, device="other")
SECOND_METER = (*wired(_OTHER, "usb-input"), measured(_OTHER, lambda t: 1.0, t1_s=140.0))


def charged(*more: Item, **how: Any) -> RunSummary:
    recorded = [
        *opening(), *wired(USB, "usb-input"), measured(USB, lambda t: 9.0, t1_s=140.0), *more,
        *run(LONG, 70, 130), *closing(145),
    ]  # fmt: skip
    (found,) = summarise(MemoryRecording(recorded), **how).runs
    return found


def test_net_device_power_is_an_upper_bound_and_never_per_token() -> None:
    opened = ChannelsOpened(t_ns=at(1), device="desk", channels=(GAUGE, REFRESH))
    stood = measured(replace(REFRESH, rate_hz=0.25), lambda t: 4.0, t1_s=140.0)
    found = charged(opened, measured(GAUGE, lambda t: -6.5, t1_s=140.0), stood)
    net = parts(found, "net-device")
    assert net["turn", 1].gross_j == pytest.approx(45 * 2.5)
    assert net["run", None].mean_w == pytest.approx(2.5)
    assert net["prefill", 1].gross_j is None
    assert any("net-device" in note and "shorter than 40 s" in note for note in found.notes)
    assert {one.gross_j for one in found.per_token if one.point in {"net-device", "usb-input"}} == {None}
    by_gauge = {one.definition.value: one.gross_j for one in found.per_token if one.point == "battery-gauge"}
    assert by_gauge["whole"] == pytest.approx(-6.5 * 45 / 2), "a turn of more than 10 refresh periods"
    assert by_gauge["prefill"] is None
    gauge = (opened, measured(GAUGE, lambda t: -6.5, t1_s=140.0), stood)
    assert parts(charged(*gauge, *SECOND_METER), "net-device") == {}, (
        "two meters, and nobody said that they are parts"
    )
    (apart,) = (note for note in charged(*gauge, *SECOND_METER).notes if "charging unknown" in note)
    assert "for several meters measured there" in apart
    assert apart.endswith(": --sum usb-input sums them up")
    together = charged(*gauge, *SECOND_METER, added=("usb-input",))
    assert not any("charging unknown" in note for note in together.notes)
    told = parts(together, "net-device")
    assert told["turn", 1].gross_j == pytest.approx(45 * 3.5)
    assert parts(found, "battery-gauge")["prefill", 1].gross_j is None, "2 s of a gauge refreshed every 4"
    assert parts(found, "battery-gauge")["turn", 1].gross_j == pytest.approx(-6.5 * 45)


def test_a_battery_that_nobody_reads_is_told() -> None:
    level = Channel(device="desk", name="level", quantity=Quantity.BATTERY_LEVEL, unit=Unit.PERCENT)
    found = charged(ChannelsOpened(t_ns=at(1), device="desk", channels=(level,)))
    assert any("charging unknown, for nothing tells" in note for note in found.notes)
    of_two = charged(ChannelsOpened(t_ns=at(1), device="desk", channels=(level,)), *SECOND_METER)
    assert any("charging unknown, for nothing tells" in note for note in of_two.notes)
    assert not any("charging unknown" in note for note in charged().notes)
    assert parts(found, "usb-input")["turn", 1].gross_j == pytest.approx(405)


def test_a_gauge_is_not_divided_over_a_few_refreshes() -> None:
    opened = ChannelsOpened(t_ns=at(1), device="desk", channels=(GAUGE,))
    found = summary(opened, measured(GAUGE, lambda t: 3.0))
    assert parts(found, "battery-gauge")["turn", 1].gross_j == pytest.approx(18)
    assert {one.gross_j for one in found.per_token} == {None}
    assert any("shorter than 10 refresh periods of the gauge" in note for note in found.notes)


def test_prompts_per_charge_where_the_battery_is_measured() -> None:
    phone = DeviceInfo(
        device="desk", address="adb:1", kind=DeviceKind.PHONE, facts=(("full battery", "1.9 Wh, by this"),)
    )
    there, elsewhere = replace(METER, point="battery-terminals"), replace(METER, device="other")
    items: list[Item] = [
        DeviceUp(t_ns=at(1), device="desk", info=phone),
        measured(there),
        measured(elsewhere),
    ]
    found = summary(*wired(there, "battery-terminals"), *wired(elsewhere), *items)
    charge = {one.point: (one.battery_wh, one.prompts_per_charge) for one in found.power}
    assert charge["board-input"] == (None, None)
    (why,) = (note for note in found.notes if "cannot be compared" in note)
    assert why.endswith(
        "(board-input: at the board's power plug; battery-terminals: at the battery, or in its place)"
    )
    assert charge["battery-terminals"] == pytest.approx((1.9, 1.9 * 3600 / 38))


def test_clocks_are_corrected_and_what_is_not_known_of_them_enters() -> None:
    """A meter whose own clock is 1,000 s behind."""
    own = replace(METER, own_clock=True)
    samples = measured(own)
    assert samples.times is not None
    behind_ns = 1000 * SECOND
    moved = Samples(
        "meter",
        "power",
        samples.t0_ns - behind_ns,
        samples.t1_ns - behind_ns,
        samples.dtype,
        samples.codes,
        (np.frombuffer(samples.times, "<i8") - behind_ns).tobytes(),
    )
    measured_at = [
        ClockMeasured(
            t_ns=at(t),
            device="meter",
            offset_ns=1000 * SECOND,
            uncertainty_ns=SECOND // 5,
            origin="round trip",
        )
        for t in (2, 60, 99)
    ]
    found = parts(summary(*wired(own), *measured_at, moved))
    assert found["decode", 1].gross_j == pytest.approx(28, abs=1e-3)
    assert found["decode", 1].integration_j == pytest.approx(0.2 * 4, rel=0.2), (
        "± 0.2 s where power differs by 4 W"
    )


def test_clipped_samples_taint_what_they_are_in() -> None:
    count = Channel(
        device="meter", name="clipped samples", quantity=Quantity.OTHER, unit=Unit.NONE, kind=Kind.COUNTER,
        dtype=DType.I64, rate_hz=2.0,
    )  # fmt: skip
    opened = ChannelsOpened(t_ns=at(1), device="meter", channels=(count,))
    found = summary(*wired(METER), measured(METER), opened, measured(count, lambda t: 7 + 3 * (t > 83)))
    clipped = {part: one.clipped for part, one in parts(found).items()}
    assert clipped == {
        ("run", None): 3, ("load", None): 0, ("turn", 1): 3, ("prefill", 1): 0, ("decode", 1): 3,
    }  # fmt: skip
    assert any("3 samples were at the end of the meter's range" in note for note in found.notes)


def test_a_run_that_failed_has_what_was_measured_of_it() -> None:
    started, *_ = run([], 70, 90)
    ended = RunEnded(t_ns=at(75), device="desk", run="r1", outcome=RunOutcome.FAILED)
    recorded = [*opening(), *wired(METER), measured(METER), started, ended, *closing(100)]
    (found,) = summarise(MemoryRecording(recorded)).runs
    assert parts(found)["run", None].gross_j == pytest.approx(25, abs=0.1)
    assert parts(found)["load", None].gross_j is None
    assert "energy at board-input: load: no load of the model was seen" in found.notes
