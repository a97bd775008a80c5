"""MELT's folders: what comes out of them is what was put in, and a folder that lacks something says so."""

from contextlib import closing
from pathlib import Path

import pytest

from drivers.clock import SECOND
from drivers.events import LimitEngaged, LimitReleased
from melt_tui.analysis.session import Summary, summarise
from melt_tui.analysis.summary import text_of_file
from melt_tui.errors import BadImport
from melt_tui.events import Mark
from melt_tui.importing import choosing
from melt_tui.importing.known import Known
from melt_tui.store import library
from melt_tui.store.recording import Recording
from tests.rigs import melt_folder as melt

TURN_J = melt.TURN_S * melt.BUSY_MA / 1000 * melt.VOLTS
PREFILL_J = melt.PREFILL_S * melt.BUSY_MA / 1000 * melt.VOLTS


def brought(folder: Path) -> list[Path]:
    made = folder.parents[3] if len(folder.parents) > 3 else folder.parent
    out = made / "out"
    out.mkdir(exist_ok=True)
    names = (out / f"{i}.melt" for i in range(100))
    return list(choosing.bring(folder, lambda _: next(names)))


def summary(path: Path) -> Summary:
    with closing(Recording(path)) as recording:
        return summarise(recording)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return melt.mlc_app(tmp_path)


def test_a_record_alone_does_not_tell_its_platform(app: Path) -> None:
    for files, said in (
        (app, "on Android"),
        (app / "melt_measurements" / "measurements_iter0.json", "on a phone"),
    ):
        (path,) = brought(files)
        assert summary(path).imported[0].origin.endswith(said)
        path.unlink()


def test_an_app_of_mlc_beside_a_monsoon(app: Path) -> None:
    (path,) = brought(app)
    told = summary(path)
    (run,) = told.runs
    assert (run.device, run.runtime, run.model, run.load_s) == ("pixel-6a", "mlc", "zephyr-3b-q4f16_1", 2.0)
    assert (run.setup["context"], run.setup["max_tokens"], run.setup["temperature"]) == (1024, 256, None)
    assert (run.counted_turns, run.synthetic) == (2, None)
    for turn in run.turns:
        assert (turn.prompt_tokens, turn.output_tokens) == (50, melt.STEPS + 1)
        assert turn.ttft_ms == pytest.approx(500, abs=1)
        assert turn.prefill_tps == pytest.approx(100)
        assert turn.decode_tps_reported == pytest.approx(10)
        assert turn.decode_tps_observed is None
        assert turn.itl_p50_ms == pytest.approx(100, abs=1)
    joules = {(str(e.scope), e.turn): e.gross_j for e in run.energy}
    assert joules["turn", 1] == pytest.approx(TURN_J, rel=0.01)
    assert joules["prefill", 2] == pytest.approx(PREFILL_J, rel=0.01)
    assert joules["load", None] == pytest.approx(2.0, rel=0.01)
    assert run.power[0].idle_w == pytest.approx(1.0)
    row = library.info(path)
    assert row.imported
    assert row.decode_tps == pytest.approx(10, rel=0.001)
    assert row.joules_point == "battery-terminals"


def test_melts_own_results_beside_ours(app: Path) -> None:
    told = summary(brought(app)[0])
    assert told.melt is not None
    (load,), turns = told.melt.loads, told.melt.turns
    hz, step_s = 100, 0.01
    inside = round(melt.LOAD_S * hz) - 1  # strictly inside, and the first weighs nothing
    assert load.energies[0].energy_mwh == pytest.approx((inside - 1) * step_s * 1.0 / 3.6, rel=1e-3)
    assert load.energies[0].discharge_mah == pytest.approx((inside - 1) * step_s * 250 / 3600, rel=1e-3)
    inside = round(melt.TURN_S * hz) - 1
    for turn in turns:
        assert (turn.output_tokens, turn.prefill_tps, turn.tps) == (melt.STEPS, 100.0, 10.0)
        (each,) = turn.per_token
        assert each.energy_mwh == pytest.approx((inside - 1) * step_s * 4.0 / 3.6 / melt.STEPS, rel=0.01)
        assert each.discharge_mah == pytest.approx((inside - 1) * step_s * 1000 / 3600 / melt.STEPS, rel=0.01)
    ours = [one.gross_j for one in told.runs[0].per_token if one.definition == "melt"]
    theirs = [turn.per_token[0].energy_mwh or 0.0 for turn in turns]
    assert [mwh * 3.6 for mwh in theirs] == pytest.approx(ours, rel=0.02)


def test_what_melts_results_file_says_stands_beside(app: Path) -> None:
    head = "iteration,conversation,prompt,duration (sec),tps,energy_pt (mWh),discharge_pt (mAh)"
    rows = [head, "0,0,1,1.5,10.0,0.0,-1", "0,0,x,1,1,1,1"]
    (app / "results_model_inference_measurements.csv").write_text("\n".join(rows))
    (path,) = brought(app)
    told = summary(path).melt
    assert told is not None
    assert [turn.reported for turn in told.turns] == [
        {},
        {"duration (sec)": "1.5", "tps": "10.0", "energy_pt (mWh)": "0.0"},
    ]
    assert "MELT's results file says energy_pt (mWh) 0.0" in text_of_file(path)


def test_llmfarm_with_thermal_states(tmp_path: Path) -> None:
    (path,) = brought(melt.llmfarm(tmp_path))
    (run,) = summary(path).runs
    assert (run.run, run.runtime) == ("iter0-conv0", "llmfarm")
    assert [turn.output_tokens for turn in run.turns] == [melt.STEPS + 1] * 2
    assert run.turns[0].ttft_ms == pytest.approx(500, abs=1)
    assert run.turns[0].decode_tps_reported == pytest.approx(10)
    with closing(Recording(path)) as recording:
        limits = recording.events(*recording.span(), kinds=(LimitEngaged, LimitReleased))
        (engaged, released) = limits
        assert isinstance(engaged, LimitEngaged)
        assert (engaged.reason, engaged.detail) == ("thermal", "fair")
        assert isinstance(released, LimitReleased)
        assert (released.t_ns - engaged.t_ns) / SECOND == pytest.approx(4.8, abs=0.001)
    melts = summary(path).melt
    assert melts is not None
    assert [turn.output_tokens for turn in melts.turns] == [melt.STEPS + 1] * 2, "as LLMFarmEval counts"


def test_the_result_files_of_an_app_alone(tmp_path: Path) -> None:
    inner = melt.llmfarm(tmp_path) / "melt_measurements"
    for path in list(inner.iterdir()):
        path.rename(inner / path.name.replace("_iter0", ""))
    (path,) = brought(inner / "measurements.json")
    told = summary(path)
    assert told.runs[0].counted_turns == 2
    assert told.runs[0].energy == () or all(e.gross_j is None for e in told.runs[0].energy)
    assert {source.file for source in told.imported[0].sources} == {
        "measurements.json",
        "measurements_conv0.csv",
        "measurements_timing_conv0.csv",
        "measurements_thermals.json",
    }


def test_a_jetson(tmp_path: Path) -> None:
    (path,) = brought(melt.jetson(tmp_path))
    told = summary(path)
    (run,) = told.runs
    assert (run.device, run.setup["build"], run.load_s) == ("orin-nano", "1307 (cb07976)", 2.0)
    assert [turn.output_tokens for turn in run.turns] == [melt.STEPS + 1] * 2
    assert run.turns[0].decode_tps_reported == pytest.approx(10)
    assert run.turns[0].itl_p50_ms == pytest.approx(100, abs=1)
    (device,) = told.devices
    assert device.facts["power mode"] == "15 W"
    assert [(power.channel, power.point) for power in device.powers] == [("VDD_IN power", "board-input")]
    joules = {(str(e.scope), e.turn): e.gross_j for e in run.energy}
    assert joules["turn", 1] == pytest.approx(10 * 1.5 + 2 * 0.05, rel=0.08), "a sample each 100 ms"
    assert [(t.sensor, round(t.start_c)) for t in run.temperatures] == [("GPU-therm", 42)]
    assert "two rails of the board bear one name, NC: they are left out" in told.imported[0].notes
    assert told.melt is not None
    assert (told.melt.turns[0].per_token[0].energy_mwh or 0) * 3.6 * melt.STEPS == pytest.approx(
        13.2, rel=0.05
    )


def test_a_phone_whose_clock_is_off_the_hosts(tmp_path: Path) -> None:
    folder = tmp_path / "s23" / "LlamaCpp" / "zephyr" / "run_cs2048_mgl256"
    melt.command_line(folder, 3, device_late_s=12.4, extra_block=True)
    melt.monsoon(folder, 3)
    told = summary(brought(folder)[0])
    (run,) = told.runs
    assert [turn.ttft_ms for turn in run.turns] == pytest.approx([550] * 3, abs=60)
    assert [turn.decode_tps_reported for turn in run.turns] == pytest.approx([10] * 3)
    notes = " ".join(told.imported[0].notes)
    assert "the device's clock was -12.4" in notes
    assert "one more block of timings than prompts" in notes


def test_without_a_log_of_stages_no_token_time_is_made_up(tmp_path: Path) -> None:
    folder = melt.jetson(tmp_path)
    (folder / "melt_measurements" / "measurements_iter0_conv0.tsv").unlink()
    (run,) = summary(brought(folder)[0]).runs
    turn = run.turns[0]
    assert (turn.ttft_ms, turn.itl_p50_ms, turn.tpot_ms) == (None, None, None)
    assert turn.decode_tps_reported == pytest.approx(10)
    assert turn.e2e_ms == pytest.approx(1600)
    joules = {(str(e.scope), e.turn): e.gross_j for e in run.energy}
    assert joules["turn", 1] is not None
    assert (joules["prefill", 1], joules["decode", 1]) == (None, None)


def test_stages_become_marks(app: Path) -> None:
    (path,) = brought(app)
    with closing(Recording(path)) as recording:
        marks = [
            event.name
            for event in recording.events(*recording.span(), kinds=(Mark,))
            if isinstance(event, Mark)
        ]
    assert marks == ["Experiment begins", "Experiment ends"]


def test_of_a_tree_only_what_is_new_is_brought(tmp_path: Path) -> None:
    names = (tmp_path / f"{i}.melt" for i in range(9))

    def again() -> list[Path]:
        return choosing.bring_new(tmp_path / "tree", lambda _: next(names), Known(tmp_path))

    melt.mlc_app(tmp_path / "tree")
    (first,) = again()
    with pytest.raises(choosing.AlreadyImported, match=r"was imported before, as .*0\.melt: delete that"):
        again()
    melt.llmfarm(tmp_path / "tree")
    (second,) = again()
    first.unlink()
    (anew,) = again()
    runs = [run.device for path in (second, anew) for run in summary(path).runs]
    assert len(set(runs)) == 2, "each the run that was not there"


def test_a_tree_of_runs_gives_a_recording_each(tmp_path: Path) -> None:
    for make in (melt.mlc_app, melt.llmfarm, melt.jetson):
        make(tmp_path / "tree")
    names = (tmp_path / f"{i}.melt" for i in range(9))
    found = list(choosing.bring(tmp_path / "tree", lambda _: next(names)))
    assert sorted(run.device for path in found for run in summary(path).runs) == [
        "iphone-14-pro",
        "orin-nano",
        "pixel-6a",
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (".t_monsoon", "which says when it began, is missing"),
        ("measurements_monsoon.csv", "power: neither measurements_monsoon.csv"),
        (
            "melt_measurements/measurements_iter0_conv0.csv",
            "no log of stages: when each token came is not told",
        ),
    ],
)
def test_what_is_missing_is_said(app: Path, spoil: str, said: str) -> None:
    (app / spoil).unlink()
    told = summary(brought(app)[0])
    assert said in " ".join(told.imported[0].notes)
    assert told.runs[0].counted_turns == 2


def test_a_truncated_capture_and_a_clock_that_jumps(app: Path) -> None:
    path = app / "measurements_monsoon.csv"
    lines = path.read_text().splitlines()
    lines[3000], lines[4000] = "1.0,1,1,", "garbage"
    path.write_text("\n".join(lines)[:-6])
    notes = summary(brought(app)[0]).imported[0].notes
    assert "measurements_monsoon.csv: 2 lines could not be read" in notes
    assert "measurements_monsoon.csv: 1 row left out whose time does not rise" in notes


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("measurements_iter0.json", "[{", "was cut off, or is no JSON"),
        ("measurements_iter0.json", "", "is empty"),
        ("measurements_iter0.json", "{}", "holds no list"),
        ("measurements_iter0.json", "[]", "holds no prompt of a MELT run"),
        ("measurements_iter0.json", "[[[[" * 5000, "was cut off, or is no JSON"),
        ("measurements_iter0_conv0.csv", "\xff\xfe\xfa", "is no UTF-8 text"),
    ],
)
def test_one_sentence_and_nothing_left(app: Path, name: str, content: str, said: str) -> None:
    (app / "melt_measurements" / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(BadImport, match=said):
        brought(app)
    assert list((app.parents[3] / "out").iterdir()) == []


def test_nothing_of_melt(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadImport, match="holds no MELT run"):
        brought(tmp_path / "empty")
    with pytest.raises(BadImport, match="there is nothing at"):
        brought(tmp_path / "gone")
