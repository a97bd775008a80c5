"""A meter that tells its times 37 ms late: found by the power edge, applied on reading, taken back."""

from contextlib import closing
from pathlib import Path
from statistics import fmean

import pytest

from drivers.clock import MILLISECOND
from drivers.model import Samples
from melt_tui.analysis import alignment, clocks, meter, summary, traces
from melt_tui.analysis.power import Source
from melt_tui.analysis.recorded import Channels
from melt_tui.errors import CannotWrite, UsageError
from melt_tui.store import library
from melt_tui.store.recording import Recording
from tests.rigs.late_meter import POWER, START, TURNS, at, session
from tests.rigs.written import Writer, write


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

    assert clocks.apply(path) == ["meter"]
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

    assert clocks.take_back(path, "meter") == ["meter"]
    assert peak_ns(path) == measured_ns
    assert alignment.of_file(path) == [found]
    assert clocks.take_back(path) == []


def test_a_meter_on_time_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(late_ns=0), size=20)
    (found,) = alignment.of_file(path)
    assert abs(found["offset_ms"]) < 1
    assert not found["offered"]
    assert clocks.apply(path) == []


def test_what_cannot_be_said_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(rate_hz=0.5), size=20)
    (found,) = alignment.of_file(path)
    assert found["offset_ms"] is None
    assert "too seldom" in alignment.text_of_file(path)[0]
    with pytest.raises(UsageError, match="too seldom"):
        clocks.apply(path, "meter")
    with pytest.raises(UsageError, match="as they were measured"):
        clocks.take_back(path, "meter")
    for act in (alignment.of_file, clocks.apply, clocks.take_back):
        with pytest.raises(UsageError, match="no nix in this recording"):
            act(path, "nix")


def test_a_recording_in_the_making_is_not_corrected(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    writer = Writer(path)
    writer.write(session(), 20)
    with pytest.raises(CannotWrite, match="still being recorded"):
        clocks.apply(path)
    writer.finish()
    writer.close()
    assert clocks.apply(path) == ["meter"]


def test_the_summary_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(), size=20)
    assert summary.of_file(path)["alignment"] == alignment.of_file(path)
    told = summary.text_of_file(path)
    assert "clock    meter against board: 37" in told
    assert "--apply" in told


def test_a_clock_that_is_off_is_said_beside_the_energies_until_it_is_corrected(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(), size=20)

    def notes() -> list[str]:
        (run,) = summary.of_file(path)["runs"]
        return [note for note in run["notes"] if "not corrected" in note]

    (note,) = notes()
    assert note.startswith("energy at usb-input: the clock of meter is 37")
    assert " ms late and not corrected" in note
    clocks.apply(path)
    assert notes() == []
    clocks.take_back(path)
    assert notes() == [note]


def test_a_look_says_whose_energies_were_told_before_the_correction(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(), size=20)

    def corrected() -> frozenset[str]:
        with closing(Recording(path)) as recording:
            return recording.view(at(10)).corrected

    assert corrected() == frozenset()
    clocks.apply(path)
    assert corrected() == {"board"}
    clocks.take_back(path)
    assert corrected() == frozenset()


def test_the_library_tells_energy_per_token_by_the_corrected_times(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, session(), size=20)
    live = library.info(path).joules_per_token

    def reckoned() -> float:
        (run,) = summary.of_file(path)["runs"]
        return fmean(one["gross_j"] for one in run["per_token"] if one["definition"] == "decode")

    late = reckoned()
    clocks.apply(path)
    assert library.info(path).joules_per_token == pytest.approx(reckoned(), rel=1e-12)
    assert abs(reckoned() - late) > 0.001 * late
    clocks.take_back(path)
    assert library.info(path).joules_per_token == live


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
    clocks.apply(path)
    corrected_j, within_j = joules(sent, last)
    assert abs(corrected_j - true_j) < min(0.02, within_j)
