from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from drivers.events import TurnPurpose
from drivers.model import OnLinkLoss, Prompt, Quantity, Workload
from melt_tui.measures import points
from melt_tui.timeline import DeviceState, Reading
from melt_tui.ui.run_figures import model_notes, phase_text, planned_turns, run_model, turn_rows
from melt_tui.ui.topics import Stock
from melt_tui.ui.turns import TURN_KINDS, Turn, turns_of
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, Story, at, timeline


def seen(t_s: float, **story: Any) -> tuple[Stock, Sequence[Turn]]:
    known = timeline(Story(**story))
    return Stock(known.view(at(t_s))), turns_of(known.events(at(0), at(t_s), kinds=TURN_KINDS))


def test_a_run_in_progress_with_its_figures() -> None:
    stock, turns = seen(64.0)
    model = run_model(stock, PHONE, turns)
    assert (model.model, model.note) == ("tinyllama-1.1b Q4_0", "synthetic weights · simulated")
    assert (model.workload, model.phase, model.running) == ("chat · simulated", "turn 8/48  decode", True)
    figures = dict(model.figures)
    assert figures["TTFT"] == "0.80 s"
    assert figures["prefill"] == "88.9 tok/s"
    assert figures["decode"] == "9.84 tok/s"
    assert figures["load"] == "2.0 s"
    assert figures["tokens"] == "480"
    assert [number for number, _, _ in model.turns] == ["7", "6", "5", "4", "3", "2", "1"]


def test_energy_stands_with_its_point_and_what_is_missing_of_it() -> None:
    stock, turns = seen(64.0)
    model = run_model(stock, PHONE, turns)
    figures = dict(model.figures)
    assert model.foot == "at battery-terminals"
    assert figures["J/tok decode"].startswith("0.4")
    joules, watts = figures["energy"].split(" · ")
    assert float(joules.removesuffix(" J")) == pytest.approx(61.8 * float(watts.removesuffix(" W")), rel=0.01)
    whole, off = figures["J/tok whole"].split(" ±")
    assert float(figures["tok/J"]) == pytest.approx(1 / float(whole), rel=0.01)
    assert 0 < float(off) < float(whole) / 10
    assert (figures["± ours"].endswith(" J"), figures["meter's ±"]) == (True, "not stated")
    assert "measured" not in figures
    stock, turns = seen(180.0)
    assert dict(run_model(stock, BOARD, turns).figures)["measured"] == "96 % of the run"
    stock, turns = seen(64.0, until_s=64.0, charger=True)
    model = run_model(stock, PHONE, turns)
    assert (dict(model.figures)["J/tok"], model.foot) == ("charging unknown", "at usb-input")


def test_figures_net_of_idle_are_of_the_same_moment_as_those_that_are_not() -> None:
    stock, turns = seen(64.0)
    assert not [name for name in dict(run_model(stock, PHONE, turns).figures) if "net" in name]
    view, channels, readings = stock.view, dict(stock.view.channels), dict(stock.view.readings)
    where = " battery-terminals"
    for name, value in (
        (points.ENERGY, 20.5),
        (points.PER_TOKEN, 0.25),
        (points.PER_TOKEN_WHOLE, float("nan")),
    ):
        gross = view.channels[PHONE, name + where]
        t_ns = readings[gross.key].t_ns
        for told, each in ((points.net(name), value), (points.off(points.net(name)), value / 10)):
            channels[PHONE, told + where] = replace(gross, name=told + where, quantity=Quantity.OTHER)
            readings[PHONE, told + where] = Reading(t_ns, each)
    figures = dict(
        run_model(Stock(replace(view, channels=channels, readings=readings)), PHONE, turns).figures
    )
    assert (figures["net"], figures["J/tok net"]) == ("20.5 J ±2.0 J", "0.250 ±0.025")
    assert "J/tok whole net" not in figures
    key = (PHONE, points.net(points.ENERGY) + where)
    readings[key] = replace(readings[key], t_ns=readings[key].t_ns - 1)
    figures = dict(
        run_model(Stock(replace(view, channels=channels, readings=readings)), PHONE, turns).figures
    )
    assert ("net" in figures, "J/tok net" in figures) == (False, True)


def test_energies_stand_beside_the_figures_of_the_same_turn() -> None:
    stock, turns = seen(64.0)
    beside = run_model(stock, PHONE, turns).beside
    assert set(beside) == {"load", "decode", "tokens", "tok/J"}
    joules = stock.view.readings[PHONE, "energy decode battery-terminals"].value
    assert beside["decode"].split(" J ±")[0] == f"{joules:.1f}"
    assert beside["tokens"].startswith("last turn ")
    assert beside["tok/J"].startswith("MELT's 0.4")
    last = next(turn for turn in reversed(turns) if turn.started.device == PHONE and turn.ended)
    assert last.ended is not None
    later = replace(last.ended, last_token_ns=(last.ended.last_token_ns or 0) + 1)
    newer = [replace(last, ended=later) if turn is last else turn for turn in turns]
    assert set(run_model(stock, PHONE, newer).beside) == {"load"}


def test_the_energy_of_a_prefill_stands_beside_the_ttft_until_the_next_turn_has_one() -> None:
    stock, turns = seen(64.0)
    view, decode = stock.view, stock.view.channels[PHONE, "energy decode battery-terminals"]
    prefill = replace(decode, name="energy prefill battery-terminals")
    known = Reading(view.readings[decode.key].t_ns, 2.5)
    channels, readings = {**view.channels, prefill.key: prefill}, {**view.readings, prefill.key: known}
    told = Stock(replace(view, channels=channels, readings=readings))
    own = [turn for turn in turns if turn.started.device == PHONE]
    assert own[-1].ended is None
    assert "TTFT" not in run_model(told, PHONE, own).beside
    assert run_model(told, PHONE, own[:-1]).beside["TTFT"] == "2.50 J"


def test_turns_that_do_not_count_give_no_figure() -> None:
    stock, turns = seen(64.0)
    *before, last = [turn for turn in turns if turn.started.device == PHONE and turn.ended]
    assert last.ended is not None
    doubtful = replace(last, ended=replace(last.ended, decode_s=2 * (last.ended.decode_s or 0)))
    slower = replace(last.ended, decode_s=None, last_token_ns=(last.ended.last_token_ns or 0) + 10**9)
    warm = replace(last, started=replace(last.started, purpose=TurnPurpose.WARMUP), ended=slower)
    assert dict(run_model(stock, PHONE, [*before, doubtful]).figures)["decode"] == "9.84 tok/s"
    assert dict(run_model(stock, PHONE, [*before, warm]).figures)["decode"] == "9.84 tok/s"
    assert not {"TTFT", "prefill", "decode"} & dict(run_model(stock, PHONE, [warm]).figures).keys()
    assert "decode" not in dict(run_model(stock, PHONE, [doubtful]).figures)


def test_a_rate_that_was_not_renewed_tells_its_age() -> None:
    stock, turns = seen(64.0)
    assert dict(run_model(stock, PHONE, turns).figures)["now"].endswith(" tok/s")
    later = Stock(replace(stock.view, t_ns=at(67.5)))
    assert dict(run_model(later, PHONE, turns).figures)["now"].endswith(" tok/s 3 s ago")


def test_loading_has_a_bar_and_an_eta() -> None:
    stock, turns = seen(3.4, until_s=3.4, loading=True)
    model = run_model(stock, HOST, turns)
    assert (model.phase, model.eta) == ("expanding the model", "2.0 s left")
    assert model.progress == pytest.approx(4 / 6)
    assert model.note == "toy model"


def test_a_failure_says_why_and_what_to_do() -> None:
    stock, turns = seen(100.0, until_s=100.0, failed=True)
    model = run_model(stock, HOST, turns)
    assert model.problem == "llama-server ended with code 139: the log above says where"
    assert model.phase.startswith("failed  after ")
    assert not model.running


def test_a_run_that_its_device_took_along_says_when_that_is_back() -> None:
    stock, turns = seen(100.0, until_s=100.0, failed=True)
    host = stock.view.devices[HOST]
    back = replace(stock.view, devices={**stock.view.devices, HOST: replace(host, since_ns=at(95.0))})
    said = run_model(Stock(back), HOST, turns).problem
    assert said == f"llama-server ended with code 139: {HOST} is back, r starts a run again"


def test_a_run_that_goes_on_on_a_device_that_is_away_says_for_how_long() -> None:
    stock, turns = seen(64.0)
    view, run = stock.view, stock.view.runs[PHONE]
    lost = replace(view.devices[PHONE], state=DeviceState.LOST, since_ns=at(60.0))
    devices = {**view.devices, PHONE: lost}

    def told(**spec: Any) -> tuple[str, str, bool]:
        runs = {**view.runs, PHONE: replace(run, spec=replace(run.spec, **spec))}
        model = run_model(Stock(replace(view, devices=devices, runs=runs)), PHONE, turns)
        return model.phase, model.problem, model.running

    away = f"{PHONE} is away: it goes on there, for 5.0 s more at most"
    assert told(on_link_loss=OnLinkLoss.KEEP, lease_s=8.5) == ("turn 8/48  out of reach", away, True)
    over = f"its lease of 4 s has run out: what {PHONE} kept is waited for"
    assert told(on_link_loss=OnLinkLoss.KEEP, lease_s=4.0) == ("turn 8/48  out of reach", over, True)
    assert told(on_link_loss=OnLinkLoss.STOP) == ("turn 8/48  decode", "", True)
    devices[PHONE] = replace(lost, state=DeviceState.UP)
    assert told(on_link_loss=OnLinkLoss.KEEP) == ("turn 8/48  decode", "", True)


def test_without_a_run_it_says_what_to_do() -> None:
    stock, _ = seen(20.0, until_s=20.0, runs=False)
    assert run_model(stock, PHONE, ()).hint == "no run yet: r starts one"
    assert "runs no model" in run_model(stock, METER, ()).hint


def test_in_a_recording_no_key_is_told_that_starts_a_run() -> None:
    stock, turns = seen(100.0, until_s=100.0, failed=True)
    host = stock.view.devices[HOST]
    back = replace(stock.view, devices={**stock.view.devices, HOST: replace(host, since_ns=at(95.0))})
    model = run_model(Stock(back), HOST, turns, live=False)
    assert model.problem == f"llama-server ended with code 139: {HOST} is back"
    for device in (PHONE, METER):
        assert run_model(Stock(replace(stock.view, runs={})), device, (), live=False).hint == "no run yet"


def test_phases_of_a_turn() -> None:
    stock, _ = seen(60.6)
    run = stock.view.runs[PHONE]
    assert phase_text(run) == "turn 8/48  prefill 50 %"
    assert run.spec.workload is not None
    endless = replace(run.spec, workload=replace(run.spec.workload, repeat=0))
    assert phase_text(replace(run, spec=endless)) == "turn 8  prefill 50 %"


@pytest.mark.parametrize(
    ("repeat", "turns", "planned"),
    [(1, None, 4), (3, None, 12), (3, 5, 5), (1, 9, 4), (0, None, None), (0, 7, 7)],
)
def test_how_many_turns_are_planned(repeat: int, turns: int | None, planned: int | None) -> None:
    prompt = Prompt(text="x")
    workload = Workload(
        name="w",
        conversations=((prompt, prompt, prompt), (prompt,)),
        max_tokens=1,
        repeat=repeat,
        turns=turns,
    )
    assert planned_turns(workload) == planned
    assert planned_turns(None) is None


def test_the_table_of_turns_is_newest_first_with_marks_of_the_simulated() -> None:
    stock, turns = seen(21.0)
    rows = turn_rows(stock, turns, at(0))
    assert [row.texts[0] for row in rows] == ["3", "3", "3", "2", "2", "2", "1", "1", "1"]
    assert {row.texts[1] for row in rows} == {f"{PHONE} (sim)", f"{BOARD} (sim)", HOST}
    last = rows[-1]
    assert last.texts[2:] == ("00:04.2", "64", "0", "64", "0.80 s", "88.9", "9.84", "9.84", "limit")
    assert rows[0].texts[-1] == "…"


def test_the_note_of_a_model_goes_with_its_text() -> None:
    stock, _ = seen(21.0)
    assert model_notes(stock.view) == {
        "r1": "synthetic weights",
        "r2": "synthetic weights",
        "r3": "toy model",
    }
