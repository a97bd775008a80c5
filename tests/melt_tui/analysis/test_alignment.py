"""A meter that tells its times 37 ms late: found by the power edge, applied on reading, taken back."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, FirstToken, ModelLoaded, TurnEnd, TurnEnded, TurnStarted
from drivers.model import Channel, DeviceInfo, DeviceKind, DType, Quantity, RunSpec, Samples, Unit, linear
from melt_tui.analysis import alignment, meter, summary, traces
from melt_tui.analysis.power import Source
from melt_tui.analysis.recorded import Channels
from melt_tui.errors import CannotWrite, UsageError
from melt_tui.events import SELF, DeviceUp, RunEnded, RunOutcome, RunStarted, SessionStarted, Wired
from melt_tui.store.recording import Recording
from tests.rigs.written import Writer, write

LATE_NS = 37 * MILLISECOND
START = 1000 * SECOND
POWER = Channel(
    device="meter",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=1000.0,
    dtype=DType.U16,
    decoding=linear(0.001),
    point="usb-input",
)
SPEC = RunSpec(run="r1", device="board", runtime="test", model=None, workload=None)
TURNS = ((6.2, 6.7, 9.1), (10.0, 10.4, 12.9))
"""Prompt sent, first and last token, in seconds."""


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def session(rate_hz: float = 1000.0, late_ns: int = LATE_NS) -> list[Item]:
    """A run of two turns and the power of a meter that is late."""
    channel = replace(POWER, rate_hz=rate_hz)
    of = {"device": "board", "run": "r1"}
    items: list[Item] = [
        SessionStarted(t_ns=START, device=SELF, wall_ns=1, name="s", version="1", host="h"),
        *(
            DeviceUp(t_ns=START, device=name, info=DeviceInfo(device=name, address=name, kind=kind))
            for name, kind in (("board", DeviceKind.BOARD), ("meter", DeviceKind.METER))
        ),
        ChannelsOpened(t_ns=START, device="meter", channels=(channel,)),
        Wired(t_ns=START, device="meter", feeds="board", point="usb-input"),
        RunStarted(t_ns=at(1), device="board", run="r1", spec=SPEC),
        ModelLoaded(t_ns=at(2), device="board", run="r1", load_s=1.0),
    ]
    for number, (sent, first, last) in enumerate(TURNS, 1):
        items += [
            TurnStarted(t_ns=at(sent), turn=number, device="board", run="r1"),
            FirstToken(t_ns=at(first), turn=number, ttft_s=first - sent, device="board", run="r1"),
            TurnEnded(
                t_ns=at(last) + 9 * MILLISECOND,
                turn=number,
                end=TurnEnd.LIMIT,
                first_token_ns=at(first),
                last_token_ns=at(last),
                device="board",
                run="r1",
            ),
        ]
    items.append(RunEnded(t_ns=at(14), outcome=RunOutcome.DONE, **of))
    return [*items, *powers(channel, rate_hz, late_ns)]


def powers(channel: Channel, rate_hz: float, late_ns: int) -> list[Samples]:
    seconds = np.arange(round(17 * rate_hz)) / rate_hz
    watts = np.full(len(seconds), 0.4)
    for sent, first, last in TURNS:
        watts[(seconds >= sent) & (seconds < first)] = 4.0
        watts[(seconds >= first) & (seconds < last)] = 2.2
    codes = (1000 * watts + np.random.default_rng(1).normal(0, 60, len(watts))).clip(0).astype("<u2")
    step = max(1, round(rate_hz / 4))
    times = START + late_ns + np.round(seconds * SECOND).astype(np.int64)
    return [
        Samples(
            "meter",
            "power",
            int(times[i]),
            int(times[min(i + step, len(times)) - 1]),
            DType.U16,
            codes[i : i + step].tobytes(),
        )
        for i in range(0, len(codes), step)
    ]


def peak_ns(path: Path) -> int:
    """When power rises for the first time, by what a reader is told."""
    with closing(Recording(path)) as recording:
        window = recording.window(POWER.key, at(5), at(8), 3000)
        return next(t for t, watts in zip(window.starts_ns, window.means, strict=True) if watts > 3)


def test_it_is_found_offered_applied_and_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(), size=20)
    (found,) = alignment.of_file(path)
    assert (found["meter"], found["feeds"], found["point"]) == ("meter", "board", "usb-input")
    assert found["offset_ms"] == pytest.approx(-37, abs=2)
    assert abs(found["offset_ms"] + 37) <= found["uncertainty_ms"] < 5
    assert (found["offered"], found["applied_ms"], found["edges"]) == (True, None, 6)
    assert "ms late" in alignment.text_of_file(path)[0]
    measured_ns = peak_ns(path)

    assert alignment.apply(path) == ["meter"]
    (after,) = alignment.of_file(path)
    assert after["offset_ms"] == pytest.approx(found["offset_ms"], abs=1)
    assert (after["offered"], after["applied_ms"]) == (False, found["offset_ms"])
    assert measured_ns - peak_ns(path) == pytest.approx(37 * MILLISECOND, abs=2 * MILLISECOND)
    with closing(Recording(path)) as recording:
        recording.span()
        row = recording.clock.correction("meter")
        assert row is not None
        assert (row.origin, row.uncertainty_ns) == ("power edge", round(found["uncertainty_ms"] * 1e6))
        blocks = list(recording.samples(POWER.key, START, at(20)))
    assert blocks == [item for item in session() if isinstance(item, Samples)], "what was measured stays"

    assert alignment.take_back(path, "meter") == ["meter"]
    assert peak_ns(path) == measured_ns
    assert alignment.of_file(path) == [found]
    assert alignment.take_back(path) == []


def test_a_meter_on_time_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(late_ns=0), size=20)
    (found,) = alignment.of_file(path)
    assert abs(found["offset_ms"]) < 1
    assert not found["offered"]
    assert alignment.apply(path) == []


def test_what_cannot_be_said_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(rate_hz=0.5), size=20)
    (found,) = alignment.of_file(path)
    assert found["offset_ms"] is None
    assert "too seldom" in alignment.text_of_file(path)[0]
    with pytest.raises(UsageError, match="too seldom"):
        alignment.apply(path, "meter")
    with pytest.raises(UsageError, match="as they were measured"):
        alignment.take_back(path, "meter")


def test_a_recording_in_the_making_is_not_corrected(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    writer = Writer(path)
    writer.write(session(), 20)
    with pytest.raises(CannotWrite, match="still being recorded"):
        alignment.apply(path)
    writer.finish()
    writer.close()
    assert alignment.apply(path) == ["meter"]


def test_the_summary_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(), size=20)
    assert summary.of_file(path)["alignment"] == alignment.of_file(path)
    told = summary.text_of_file(path)
    assert "clock    meter against board: 37" in told
    assert "--apply" in told


@pytest.mark.parametrize("many", [1_000_000, 1000])
def test_energy_is_that_of_corrected_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """Read sample by sample, and from the sums of the pyramid."""
    monkeypatch.setattr(traces, "MANY", many)
    path = tmp_path / "a.melt"
    write(path, session(), size=20)
    sent, first, last = TURNS[0]
    true_j = 4.0 * (first - sent) + 2.2 * (last - first)

    def joules(start_s: float, end_s: float) -> tuple[float, float]:
        with closing(Recording(path)) as recording:
            channels = Channels(recording)
            about = meter.about(recording, channels, Source(POWER, "usb-input", meter=True), at(0), at(17))
            power = traces.measured(recording, channels, POWER, about, at(1), at(16))
            assert power is not None
            energy = power.energy(at(start_s), at(end_s))
            assert energy is not None
            return energy.joules.value, energy.joules.integration

    late_j, _ = joules(sent, last)
    assert late_j - true_j == pytest.approx(0.037 * (0.4 - 2.2), abs=0.02)
    alignment.apply(path)
    corrected_j, within_j = joules(sent, last)
    assert abs(corrected_j - true_j) < min(0.02, within_j)
