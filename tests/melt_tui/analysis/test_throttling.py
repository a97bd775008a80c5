"""Throttling in figures: of what was concluded while it was recorded, and of another detector afterwards."""

import json
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, Quantity, Unit, reading
from melt_tui.analysis.report import text_of, throttling_lines
from melt_tui.analysis.session import summarise
from melt_tui.analysis.throttling import ThrottlingSummary, analyse_file
from melt_tui.detectors.throttling import NAME, Throttling
from melt_tui.errors import UsageError
from melt_tui.events import SELF, SessionStarted, ThrottleOnset
from melt_tui.measures.heat import limited
from melt_tui.session.bus import Bus
from melt_tui.store import library
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from tests.rigs.token_traces import CAP, DEVICE, Trace, at, calm, severe

POWER = Channel(
    device=DEVICE,
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=2.0,
    point="battery-terminals",
)
STARTED = SessionStarted(t_ns=at(-2), device=SELF, wall_ns=0, name="s", version="1", host="h")


def drop(t: float) -> float:
    return 20.0 if t < 45 or t > 90 else 12.0


def watts(until: int) -> list[Item]:
    opened = ChannelsOpened(t_ns=at(-1), device=DEVICE, channels=(POWER,))
    return [opened, *(reading(POWER, at(k / 2), 4.0) for k in range(-2, 2 * until))]


def caps(until: int) -> list[Item]:
    return [reading(CAP, at(t), 2.84e9 if t < 44 or t > 90 else 1.8e9) for t in range(-1, until)]


def record(path: Path, items: Sequence[Item], *transforms: Throttling) -> None:
    recorder = Recorder(path)
    bus = Bus((recorder,), transforms)
    for item in (STARTED, *items):
        bus.publish(item)
    recorder.close()


def told(path: Path) -> ThrottlingSummary:
    with closing(Recording(path)) as recording:
        (run,) = summarise(recording).runs
        return run.throttling


@cache
def throttled() -> ThrottlingSummary:
    """A minute and a half of it, recovered; power and caps beside it."""
    others = [severe(44), calm(88), *watts(140), *caps(140)]
    items = Trace(drop, others=others, turn_tokens=400, seconds=140, soc=lambda t: 40 + t / 4).items()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.melt"
        record(path, items, Throttling())
        return told(path)


def test_an_onset_has_all_its_figures() -> None:
    known = throttled()
    assert known.onset_s == known.symptom_s == pytest.approx(46.2, abs=1)
    assert (known.mechanism_s, known.reason, known.limit, known.onsets) == (
        44,
        "thermal",
        "thermal status",
        1,
    )
    assert known.end_s == pytest.approx(94, abs=1.5)
    assert known.confidence == "high"
    assert known.reference_tps == pytest.approx(20, rel=0.02)
    assert known.peak_tps == pytest.approx(20.5, rel=0.03)
    assert known.ratio == pytest.approx(0.62, abs=0.03)
    assert known.temperature_c == pytest.approx(51.5, abs=1)
    assert (known.power_w, known.caps) == (4.0, {"cap policy4": 1.8e9})
    assert (known.detector, known.parameters["hold_s"]) == (NAME, "10")
    first = known.time_to_throttle
    assert (first.s, first.turns) == (known.onset_s, 2)
    assert first.tokens == pytest.approx(20 * 46, abs=25)
    assert first.j == pytest.approx(4.0 * 46.2, abs=5)
    assert (known.energy_point, known.power_point) == ("battery-terminals", "battery-terminals")
    assert known.states == pytest.approx({"none": 96 / 140, "SEVERE": 44 / 140})
    assert known.recovery_s == pytest.approx(6, abs=1.5)
    assert (known.plateau_tps, known.retained, known.steady) == (None, None, None)
    assert any(note.startswith("retained: ") for note in known.notes)


def test_json_has_the_names_that_are_promised() -> None:
    known = json.loads(json.dumps(asdict(throttled())))
    wanted = (
        "onset_s symptom_s mechanism_s end_s reason confidence reference_tps retained time_to_throttle notes"
    )
    assert set(wanted.split()) <= set(known)
    assert set(known["time_to_throttle"]) == {"s", "tokens", "turns", "j"}
    assert known["confidence"] == "high"


def test_it_is_told_in_words_too() -> None:
    first, rates, states, *_ = throttling_lines(throttled())
    assert first.startswith("throttling: from 46 s on, after ")
    assert " J at battery-terminals: thermal" in first
    assert "thermal (thermal status), high confidence, −36 %, back at 9" in first
    assert rates.startswith("  r0 20.")
    assert states == "  of its time: none 69 %, SEVERE 31 %"


def test_what_is_replayed_through_the_same_detector_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    record(path, Trace(drop, others=[severe(44)], seconds=80).items(), Throttling())
    (again,) = analyse_file(path, "", ())
    assert again.throttling == told(path)
    assert again.throttling.onset_s is not None
    assert library.info(path).throttled is True
    (deaf,) = analyse_file(path, NAME, ["below=0.5"])
    assert (deaf.throttling.onset_s, deaf.throttling.parameters["below"]) == (None, "0.5")
    with pytest.raises(UsageError):
        analyse_file(path, "no such", ())
    with closing(Recording(path)) as recording:
        kept = [item for item in recording.items(derived=False) if isinstance(item, ThrottleOnset)]
        assert kept == []
        assert "throttling: from 47 s" in text_of(summarise(recording))


def test_an_old_recording_says_that_nobody_looked_and_can_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "old.melt"
    record(path, Trace(drop, others=[severe(44)], turn_tokens=400, seconds=80).items())
    assert told(path).notes[0] == "no detector looked at this run when it was recorded: melt analyse does"
    assert library.info(path).throttled is None
    (found,) = analyse_file(path, "", ())
    assert found.throttling.onset_s == pytest.approx(46.2, abs=1)


def test_none_is_never_blank(tmp_path: Path) -> None:
    path = tmp_path / "calm.melt"
    record(path, Trace(lambda _: 20.0, seconds=60).items(), Throttling())
    known = told(path)
    assert (known.onset_s, known.reason, known.time_to_throttle.s) == (None, None, None)
    assert "onset_s: none within 60 s" in known.notes
    assert library.info(path).throttled is False


def test_a_slower_run_without_a_cause_says_so(tmp_path: Path) -> None:
    path = tmp_path / "load.melt"
    record(path, Trace(drop, turn_tokens=400, seconds=100).items(), Throttling())
    known = told(path)
    assert (known.onset_s, known.reason) == (None, "unknown")
    assert known.symptom_s == pytest.approx(46.2, abs=1)
    (note,) = [one for one in known.notes if one.startswith("slower, cause unknown")]
    assert re.fullmatch(
        r"slower, cause unknown from 4[67] s on, 6\d % of the expected rate: the platform .*", note
    )


def test_context_growth_is_named_and_a_warm_start_has_no_reference(tmp_path: Path) -> None:
    path = tmp_path / "growth.melt"
    record(path, Trace(lambda _: 20.0, slope=3e-4, seconds=90).items(), Throttling())
    assert told(path).reason == "context growth"
    warm = tmp_path / "warm.melt"
    record(warm, Trace(drop, others=[severe(-0.5)], seconds=80).items(), Throttling())
    known = told(warm)
    assert (known.reference_tps, known.onset_s, known.mechanism_s) == (None, None, None)
    assert any("no onset can be told" in note and "thermal status" in note for note in known.notes)
    assert known.states == {"SEVERE": 1.0}


def test_until_something_tells_of_limits_none_are_not_claimed(tmp_path: Path) -> None:
    """An app prints its first thermal word some time after its run has begun."""
    path = tmp_path / "late.melt"
    late = [reading(CAP, at(t), 2.84e9) for t in range(30, 100)]
    record(path, Trace(lambda _: 20.0, others=late, seconds=100).items(), Throttling())
    known = told(path)
    first_s = (late[0].t0_ns - at(0)) / 1e9
    assert known.states == pytest.approx({"not told": first_s / 100, "none": 1 - first_s / 100})
    assert limited(known.states) == 0
    silent = tmp_path / "silent.melt"
    record(silent, Trace(lambda _: 20.0, seconds=100).items(), Throttling())
    assert told(silent).states == {}


def test_the_end_of_a_run_that_throttled_is_where_recovery_begins(tmp_path: Path) -> None:
    path = tmp_path / "end.melt"
    items = Trace(drop, others=[severe(44)], seconds=80).items()
    record(path, [*items, calm(95), reading(CAP, at(100), 2.84e9)], Throttling())
    known = told(path)
    assert (known.end_s, known.recovery_s) == (None, 15.0)
    assert "end_s: the rate was not back until the run's end" in known.notes


def test_a_fall_at_the_very_end_is_left_open(tmp_path: Path) -> None:
    path = tmp_path / "late.melt"
    record(path, Trace(drop, others=[severe(44)], seconds=50).items(), Throttling())
    known = told(path)
    assert known.onset_s is None
    assert any("too late to tell why" in note for note in known.notes)
