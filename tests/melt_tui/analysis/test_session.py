import json
from dataclasses import replace
from itertools import pairwise
from statistics import fmean, quantiles
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured, ModelLoaded, TurnEnd, TurnEnded, TurnPurpose
from drivers.model import Samples, reading
from melt_tui.analysis.report import text_of
from melt_tui.analysis.session import Summary, summarise
from melt_tui.analysis.turns import FIGURES
from melt_tui.events import (
    RunEnded,
    RunOutcome,
    RunStarted,
)
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import (
    ARRIVALS,
    CPU,
    LAG,
    OWN_RSS,
    RSS,
    TEMPERATURE,
    at,
    closing,
    opening,
    run,
    slow,
    turn,
)

CONTRACT_TURN = [
    "prompt_tokens",
    "output_tokens",
    "ttft_ms",
    "prefill_tps",
    "decode_tps_observed",
    "decode_tps_reported",
    "itl_p50_ms",
    "itl_p95_ms",
    "itl_p99_ms",
    "tpot_ms",
    "e2e_ms",
]


def of(*items: Item) -> Summary:
    return summarise(MemoryRecording([*opening(), *items, *closing(60)]))


def one_run(*turns: list[Item], **how: Any) -> Any:
    (summary,) = of(*run([item for turn in turns for item in turn], 1, 50, **how)).runs
    return summary


def test_a_turn_by_hand() -> None:
    arrivals = [10.4, 10.5, 10.6, 10.7, 11.4]
    summary = one_run(turn(1, 10.0, arrivals, decode_s=1.0))
    (figures,) = summary.turns
    assert figures.prompt_tokens == 50
    assert figures.output_tokens == 5
    assert figures.ttft_ms == pytest.approx(400)
    assert figures.prefill_tps == pytest.approx(50 / 0.25)
    assert figures.decode_tps_observed == pytest.approx(4 / 1.0)
    assert figures.decode_tps_reported == pytest.approx(4.0)
    assert figures.itl_p50_ms == pytest.approx(100)
    assert figures.itl_p95_ms == pytest.approx(
        100 + 0.85 * 600
    )  # ranks 0…3 of 100, 100, 100, 700: position 2.85
    assert figures.itl_p99_ms == pytest.approx(100 + 0.97 * 600)
    assert figures.tpot_ms == pytest.approx(1000 / 4)
    assert figures.e2e_ms == pytest.approx(1400)
    assert (figures.flagged, figures.notes) == (False, ())


@given(
    st.lists(st.floats(0.001, 0.6), min_size=2, max_size=60),  # the run lasts 49 s
    st.floats(0.01, 2.0),
    st.floats(0.1, 2.0),
    st.integers(0, 400),
)
def test_against_an_independent_computation(
    gaps: list[float], ttft: float, slower: float, before: int
) -> None:
    arrivals = [10 + ttft]
    for gap in gaps:
        arrivals.append(arrivals[-1] + gap)
    decode_s = (arrivals[-1] - arrivals[0]) * slower
    (figures,) = one_run(turn(1, 10.0, arrivals, decode_s=decode_s, before=before)).turns
    true_gaps = [1000 * (after - earlier) for earlier, after in pairwise(arrivals)]
    assert figures.decode_tps_observed == pytest.approx(len(gaps) / sum(gaps), rel=1e-6)
    assert figures.decode_tps_reported == pytest.approx(len(gaps) / sum(gaps) / slower, rel=1e-6)
    percentiles = quantiles(true_gaps, n=100, method="inclusive")
    assert figures.itl_p50_ms == pytest.approx(percentiles[49], abs=1e-5)
    assert figures.itl_p95_ms == pytest.approx(percentiles[94], abs=1e-5)
    assert figures.itl_p99_ms == pytest.approx(percentiles[98], abs=1e-5)
    assert figures.tpot_ms == pytest.approx(fmean(true_gaps), rel=1e-6)
    assert figures.e2e_ms == pytest.approx(1000 * (arrivals[-1] - 10), rel=1e-6)
    if abs(slower - 1) > 0.06:
        assert figures.flagged == (abs(slower - 1) > 0.05)


def test_more_than_five_percent_apart_is_flagged() -> None:
    summary = one_run(
        turn(1, 10.0, [10.5, 11.5], decode_s=1.04), turn(2, 20.0, [20.5, 21.5], before=2, decode_s=1.10)
    )
    assert [t.flagged for t in summary.turns] == [False, True]
    assert summary.turns[1].notes == ("observed and reported decode rate differ by +10.0 %, more than 5 %",)


def test_a_flagged_turn_does_not_count() -> None:
    summary = one_run(
        turn(1, 10.0, [10.5, 11.5], decode_s=1.04), turn(2, 20.0, [20.5, 20.6], before=2, decode_s=1.10)
    )
    assert (summary.counted_turns, summary.mean["decode_tps_observed"]) == (1, pytest.approx(1.0))
    assert [note for note in summary.notes if note.startswith("mean")] == [
        "mean: 1 turn left out whose observed and reported decode rates differ by more than 5 %"
    ]
    summary = one_run(turn(1, 10.0, [10.5, 10.6], decode_s=1.10))
    assert (summary.counted_turns, summary.mean["decode_tps_observed"]) == (0, None)
    assert "mean: no turn to count" in summary.notes


def test_itl_takes_the_engines_times_and_the_observed_rate_ours() -> None:
    (figures,) = one_run(turn(1, 10.0, [10.5, 10.5, 11.5], engine_s=[10.5, 11.0, 11.55])).turns
    assert figures.decode_tps_observed == pytest.approx(2.0)
    assert figures.itl_p50_ms == pytest.approx(525)
    assert figures.decode_tps_reported == pytest.approx(2 / 1.05)


def test_a_count_that_stood_already_is_no_token_of_this_turn() -> None:
    first, second = turn(1, 10.0, [10.5, 11.5]), turn(2, 20.0, [20.5, 21.5], before=2)
    figures = one_run(first, [second[0], reading(ARRIVALS, at(20.0), 2), *second[1:]]).turns[1]
    assert figures.decode_tps_observed == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("cached", "why"),
    [(50, "the whole prompt came from the cache"), (0, "no token of a prompt was evaluated")],
)
def test_why_there_is_no_prefill_rate(cached: int, why: str) -> None:
    *begun, ended = turn(1, 10.0, [10.5, 11.5])
    assert isinstance(ended, TurnEnded)
    (figures,) = one_run([*begun, replace(ended, prompt_tokens=0, cached_tokens=cached)]).turns
    assert f"prefill_tps: {why}" in figures.notes


def test_what_is_missing_is_null_with_its_reason() -> None:
    nothing = turn(1, 10.0, [], prompt_s=None, end=TurnEnd.FAILED)
    single = turn(2, 20.0, [20.5], before=0)
    untold = turn(3, 30.0, [30.5, 31.0], before=1, prompt_s=None, output_tokens=None)
    summary = one_run(nothing, single, untold)
    failed, lone, silent = summary.turns
    assert failed.output_tokens == 0
    assert [getattr(failed, name) for name in CONTRACT_TURN[2:]] == [None] * 9
    assert failed.notes[0] == "the turn was cut short (failed)"
    assert failed.notes[1].endswith("e2e_ms: no token came")
    assert failed.notes[2] == "prefill_tps: the engine did not tell its prompt tokens and their time"
    assert lone.ttft_ms == pytest.approx(500)
    assert lone.e2e_ms == pytest.approx(500)
    decode = "decode_tps_observed, decode_tps_reported, itl_p50_ms, itl_p95_ms, itl_p99_ms, tpot_ms"
    assert lone.notes == (f"{decode}: a single output token has no decode",)
    assert silent.output_tokens is None
    assert silent.decode_tps_observed == pytest.approx(2.0)
    assert "output_tokens: the engine did not tell this count" in silent.notes


def test_every_null_has_a_note_that_names_it() -> None:
    cases = [
        turn(1, 10.0, [], prompt_s=None),
        turn(2, 12.0, [12.1], prompt_s=0.1),
        turn(3, 14.0, [14.1, 14.1], before=1),
        turn(4, 16.0, [16.1, 16.2], before=3, output_tokens=None)[:-1],  # it never ended
    ]
    for figures in one_run(*cases).turns:
        for name in CONTRACT_TURN:
            if getattr(figures, name) is None:
                assert any(name in note.split(":")[0].split(", ") for note in figures.notes), (
                    figures.turn,
                    name,
                )


def test_warm_up_and_cut_turns_do_not_count() -> None:
    summary = one_run(
        turn(1, 5.0, [5.5, 9.5], purpose=TurnPurpose.WARMUP),
        turn(2, 10.0, [10.5, 11.0], before=2),
        turn(3, 20.0, [20.5, 21.5], before=4),
        turn(4, 30.0, [30.5, 39.0], before=6, end=TurnEnd.STOPPED),
    )
    assert summary.counted_turns == 2
    assert summary.mean["decode_tps_observed"] == pytest.approx((2 + 1) / 2)
    assert summary.mean["ttft_ms"] == pytest.approx(500)
    assert [t.purpose for t in summary.turns] == ["warmup", "measured", "measured", "measured"]
    assert "mean: 1 warm-up turn left out" in summary.notes
    assert "mean: 1 turn left out that did not end by themselves" in summary.notes


def test_a_turn_that_the_engine_refused_has_no_figures_and_is_not_counted() -> None:
    *asked, last = turn(2, 20.0, [], output_tokens=None)
    assert isinstance(last, TurnEnded)
    refused = replace(last, end=TurnEnd.REFUSED, prompt_tokens=None, prompt_s=None, detail="no room")
    summary = one_run([*turn(1, 10.0, [10.5, 11.0]), *asked, refused])
    assert summary.counted_turns == 1
    assert "mean: 1 turn left out that the engine refused" in summary.notes
    assert not any("did not end" in note for note in summary.notes)
    assert summary.turns[1].notes == (f"{', '.join(FIGURES)}: the engine refused this turn: no room",)
    assert [getattr(summary.turns[1], name) for name in FIGURES] == [None] * len(FIGURES)


def test_load_memory_and_temperatures_are_those_of_the_run() -> None:
    summary = of(
        *slow(TEMPERATURE, [(0.2, 40.0), (2.0, 55.5)]),
        *run(turn(1, 10.0, [10.5, 11.0]), 1, 50),
        *slow(RSS, [(3.0, 100_000_000), (20.0, 637_000_001), (40.0, 500_000_000), (55.0, 999_000_000)]),
        *slow(TEMPERATURE, [(20.0, 83.25), (49.0, 71.0), (55.0, 95.0)]),
    ).runs[0]
    assert summary.load_s == 0.5
    assert summary.rss_peak_bytes == 637_000_001
    (temperature,) = summary.temperatures
    assert (temperature.device, temperature.sensor) == ("desk", "Package id 0")
    assert (temperature.start_c, temperature.max_c, temperature.end_c) == (55.5, 83.25, 71.0)
    assert summary.notes == ("energy: nothing measured the power of this device",)


def test_unknown_memory_and_heat_are_said() -> None:
    summary = one_run(turn(1, 10.0, [10.5, 11.0]))
    assert (summary.rss_peak_bytes, summary.temperatures) == (None, ())
    assert "rss_peak_bytes: the runtime's memory was not observed" in summary.notes
    assert any(note.startswith("temperatures: ") for note in summary.notes)


def test_synthetic_weights_are_said() -> None:
    summary = one_run(turn(1, 10.0, [10.5, 11.0]), synthetic=True)
    assert summary.synthetic is True
    assert "synthetic weights" in summary.notes


def test_a_run_in_progress() -> None:
    items = [*opening(), *run(turn(1, 10.0, [10.5, 11.0]), 1, 50)[:-1]]
    summary = summarise(MemoryRecording(items))
    assert summary.session.ended is False
    assert summary.runs[0].outcome is None
    assert summary.runs[0].turns[0].decode_tps_observed == pytest.approx(2.0)
    assert "outcome: the end of the run is not in the recording" in summary.runs[0].notes


def test_a_device_clock_is_corrected() -> None:
    """The desk's clock is 1000 s behind: figures are the same as with host time, those of host times untouched."""
    own = tuple(replace(channel, own_clock=True) for channel in (TEMPERATURE, RSS))
    opened = ChannelsOpened(t_ns=at(0), device="desk", channels=own)
    measured = ClockMeasured(
        t_ns=at(0), device="desk", offset_ns=1000 * 10**9, uncertainty_ns=10, origin="round trip"
    )
    events = run(turn(1, 10.0, [10.4, 10.5, 11.4]), 1, 50)
    behind = [
        Samples(i.device, i.channel, i.t0_ns - 1000 * 10**9, i.t1_ns - 1000 * 10**9, i.dtype, i.codes)
        if isinstance(i, Samples)
        else i
        for i in (*slow(TEMPERATURE, [(2.0, 55.5)]), *slow(RSS, [(20.0, 5000)]))
    ]
    (summary,) = of(opened, measured, *events, *behind).runs
    assert summary.turns[0].decode_tps_observed == pytest.approx(2.0)
    assert summary.rss_peak_bytes == 5000
    assert summary.temperatures[0].max_c == 55.5


def test_session_devices_and_our_own_cost() -> None:
    lags = [i / 1000 for i in range(101)]
    summary = of(
        *slow(CPU, [(1, 10.0), (2, 20.0)]),
        *slow(OWN_RSS, [(1, 50_000_000), (2, 60_000_000), (3, 55_000_000)]),
        *slow(LAG, [(i / 10, lag) for i, lag in enumerate(lags)]),
    )
    assert summary.session.name == "evening"
    assert summary.session.started == "2026-09-21T14:13:20.000+00:00"
    assert summary.session.duration_s == 60
    assert summary.own.cpu_percent == 15
    assert summary.own.rss_bytes == 60_000_000
    assert summary.own.loop_lag_p99_ms == pytest.approx(99)
    desk, meter = summary.devices
    assert (desk.device, desk.model, desk.simulated, dict(desk.facts)) == (
        "desk",
        "AMD Ryzen 7",
        False,
        {"governor": "powersave"},
    )
    assert desk.absent[0]["what"] == "battery"
    assert (meter.simulated, meter.kind) == (True, "meter")
    assert of().own.cpu_percent is None
    assert "cpu_percent: melt's own cost was not recorded" in of().own.notes


def test_the_json_is_the_contract() -> None:
    items = run([*turn(1, 10.0, [10.5, 11.0]), *turn(2, 20.0, [], before=2)], 1, 50, note="toy model")
    told = json.loads(json.dumps(of(*items).as_json(), allow_nan=False))
    assert list(told) == [
        "session",
        "devices",
        "runs",
        "alignment",
        "self",
        "part",
        "imported",
        "edits",
        "melt",
    ]
    (run_told,) = told["runs"]
    assert {
        "device",
        "runtime",
        "model",
        "synthetic",
        "workload",
        "load_s",
        "rss_peak_bytes",
        "turns",
    } <= run_told.keys()
    assert {"temperatures", "notes"} <= run_told.keys()
    assert set(CONTRACT_TURN) | {"notes"} <= run_told["turns"][0].keys()
    assert {"cpu_percent", "rss_bytes", "loop_lag_p99_ms"} <= told["self"].keys()
    assert (run_told["model"], run_told["workload"], run_told["outcome"]) == ("demo", "chat", "done")
    assert run_told["notes"][0] == "toy model"
    assert run_told["setup"]["threads"] == 3


def test_text_for_people() -> None:
    text = text_of(
        of(
            *run([*turn(1, 10.0, [10.5, 11.0]), *turn(2, 20.0, [20.5, 21.5], before=2, decode_s=0.5)], 1, 50),
            *slow(TEMPERATURE, [(2.0, 55.5), (20.0, 83.25)]),
        )
    )
    lines = text.splitlines()
    assert lines[0] == "session  evening, 2026-09-21T14:13:20.000+00:00, 60 s"
    assert "device   desk, AMD Ryzen 7, Debian 12" in lines
    assert "device   meter, simulated" in lines
    assert "         no battery: no battery in this host" in lines
    assert "run r1, on desk, llama_server, demo, chat, done" in lines
    assert any(line.split()[:3] == ["1", "50", "2"] for line in lines)
    assert any(line.endswith("differs > 5 %") for line in lines)
    assert "  desk Package id 0: start 55.5 °C, max 83.2 °C, end 83.2 °C" in lines
    assert "\x1b" not in text


def test_what_is_in_force_stands_beside_what_was_asked_for() -> None:
    items = run(turn(1, 10.0, [10.5, 11.0]), 1, 50)
    started, loaded = items[0], items[4]
    assert isinstance(started, RunStarted)
    assert isinstance(loaded, ModelLoaded)
    items[0] = replace(started, spec=replace(started.spec, context=3000, threads=4, batch=256))
    items[4] = replace(loaded, context=2048, threads=4, batch=None)
    (summary,) = of(*items).runs
    assert [summary.setup[name] for name in ("context", "threads", "batch")] == [2048, 4, 256]
    assert "context: 3000 asked for, 2048 in force" in summary.notes
    assert not [note for note in summary.notes if note.startswith(("threads", "batch"))]


def test_why_a_run_failed_comes_with_what_to_do() -> None:
    *items, ended = run(turn(1, 10.0, [10.5, 11.0]), 1, 50)
    assert isinstance(ended, RunEnded)
    ended = replace(ended, outcome=RunOutcome.FAILED, reason="it is gone", remedy="start it again")
    (summary,) = of(*items, ended).runs
    assert "failed: it is gone: start it again" in summary.notes


def test_text_of_a_session_that_did_not_end_in_order() -> None:
    whole = of()
    broken = replace(whole.session, ended=False, lost="the disk is full")
    first, second, *_ = text_of(replace(whole, session=broken)).splitlines()
    assert first.endswith(", not ended in order")
    assert second == "         the disk is full"
    going_on = replace(whole.session, ended=False, lost=None)
    assert text_of(replace(whole, session=going_on)).splitlines()[0].endswith(", still being recorded")


def test_text_of_an_empty_session() -> None:
    assert "no run" in text_of(of())


def test_hostile_text_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in text_of(of(*run(turn(1, 10.0, [10.5, 11.0]), 1, 50, note="\x1b[2J\x07evil")))
