from dataclasses import replace
from typing import Any

from melt_tui.events import RunEnded, RunOutcome
from melt_tui.timeline import RunPhase
from melt_tui.ui.look import Ask, age_s, default_device, last_reading, running, stale, take_look
from tests.rigs.night_run import BOARD, CHANNELS, HOST, METER, PHONE, Story, at, timeline


def ask(t_s: float, **more: Any) -> Ask:
    values: dict[str, Any] = {
        "t_ns": at(t_s),
        "t0_ns": at(t_s - 60),
        "t1_ns": at(t_s),
        "columns": (60, 60),
        **more,
    }
    return Ask(**values)


def test_nothing_later_than_the_moment_shown_is_asked() -> None:
    known = timeline(Story())
    look = take_look(known, ask(90, t1_ns=at(120)))
    for panel in look.panels:
        for window in panel.windows:
            assert not window.starts_ns or window.starts_ns[-1] <= at(90)
    assert all(event.t_ns <= at(90) for event in look.marks)
    assert look.span == known.span()


def test_the_first_device_that_runs_is_shown_until_one_is_chosen() -> None:
    known = timeline(Story())
    assert take_look(known, ask(60)).selected == PHONE
    assert take_look(known, ask(60, selected=BOARD)).selected == BOARD
    assert take_look(known, ask(60, selected="gone")).selected == PHONE
    idle = timeline(Story(until_s=20.0, runs=False)).view(at(20))
    assert (default_device(idle), running(idle)) == (PHONE, [])
    assert running(known.view(at(60))) == [PHONE, BOARD, HOST]


def test_a_device_whose_run_failed_stays_in_sight() -> None:
    view = timeline(Story()).view(at(60))
    for outcome, shown in ((RunOutcome.FAILED, PHONE), (RunOutcome.DONE, BOARD)):
        ended = RunEnded(t_ns=at(60), device=PHONE, run="r1", outcome=outcome)
        over = replace(view.runs[PHONE], phase=RunPhase.ENDED, ended=ended)
        assert default_device(replace(view, runs={**view.runs, PHONE: over})) == shown


def test_charts_without_room_have_their_turn() -> None:
    known = timeline(Story())
    titles = [panel.panel.topic.title for panel in take_look(known, ask(60, skipped=2)).panels]
    assert titles == ["power", "RSS"]
    wide = take_look(known, ask(60, columns=(60,) * 9, skipped=2))
    assert wide.panels[0].panel.topic.title == "token rate"


def test_a_value_older_than_three_periods_is_stale() -> None:
    view = timeline(Story(until_s=112.0, lost=True)).view(at(112))
    board = next(channel for channel in CHANNELS[BOARD] if channel.name == "tj")
    assert stale(view, board)
    assert age_s(view, board.key) == 12.25
    meter = CHANNELS[METER][0]
    assert not stale(view, meter)
    assert age_s(view, ("nobody", "x")) is None


def test_a_token_rate_is_stale_after_a_second_and_gone_with_its_run() -> None:
    known = timeline(Story(until_s=120.0, failed=True))
    rate = next(channel for channel in CHANNELS[HOST] if channel.name == "token_rate")
    told = known.view(at(83))
    assert not stale(told, rate)
    later = replace(told, t_ns=told.readings[rate.key].t_ns + 1_000_000_001)
    assert stale(later, rate)
    assert last_reading(later, rate) == told.readings[rate.key]
    ended = known.view(at(100))
    assert rate.key in ended.readings
    assert stale(ended, rate)
    assert last_reading(ended, rate) is None
    soc = next(channel for channel in CHANNELS[PHONE] if channel.name == "soc")
    assert last_reading(ended, soc) == ended.readings[soc.key]


def test_cards_have_a_trend_of_the_last_half_minute() -> None:
    look = take_look(timeline(Story()), ask(60))
    assert set(look.sparks) == {PHONE, BOARD, HOST}
    assert min(look.sparks[PHONE].starts_ns) >= at(30) - look.sparks[PHONE].width_ns
