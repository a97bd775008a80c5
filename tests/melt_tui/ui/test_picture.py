from dataclasses import replace
from typing import Any

from drivers.events import ChannelsOpened, LimitEngaged
from drivers.metering.losses import loss_channel
from drivers.model import reading, uneven_block
from melt_tui.live import LiveState
from melt_tui.timeline import Interval, IntervalKind
from melt_tui.timeline.filled import Filled
from melt_tui.ui.fleet import fleet_rows
from melt_tui.ui.look import Ask, Look, take_look
from melt_tui.ui.picture import Frame, cards, gap_ns, name_of, plots, status, strip_bands, strip_marks
from melt_tui.ui.playhead import Mode, Playhead
from melt_tui.ui.renderables.cards import CardState
from tests.rigs.night_run import BOARD, CHANNELS, HOST, METER, PHONE, Story, at, items, timeline


def look(t_s: float, **more: Any) -> Look:
    story = Story(**more.pop("story", {}))
    values: dict[str, Any] = {"t_ns": at(t_s), "t0_ns": at(max(0, t_s - 120)), "t1_ns": at(t_s), **more}
    return take_look(timeline(story), Ask(columns=(60, 60, 40, 60), **values))


FRAME = Frame(Playhead(cursor_ns=at(70), a_ns=at(20)), at(0))


def test_charts_carry_devices_limits_and_what_lasts() -> None:
    rate, heat, power, rss = plots(look(80), FRAME)
    assert [s.label for s in rate.series] == [f"{PHONE} (sim)", f"{BOARD} (sim)", HOST]
    assert [s.colour for s in rate.series] == [0, 1, 2]
    assert [s.fall for s in rate.series] == ["▼28 %", "", ""]
    assert {s.fall for s in (*heat.series, *plots(look(60), FRAME)[0].series)} == {""}
    assert heat.limits == ((75.0, "limit 75.0"), (95.0, "limit 95.0"))
    limit = next(band for band in rate.bands if band.style == IntervalKind.LIMIT)
    assert (limit.t0_ns, limit.t1_ns) == (at(72), at(80))
    assert limit.label == "thermal status: thermal, SEVERE"
    throttled = next(band for band in rate.bands if band.style == IntervalKind.THROTTLED)
    assert (throttled.t0_ns, throttled.label) == (at(72.9), "throttled: thermal, SEVERE")
    assert not any(band.label for band in power.bands)
    assert (rate.cursor_ns, rate.a_ns, rate.origin_ns) == (at(70), at(20), at(0))
    assert (rate.status, rss.status) == ("pin ▸ 80 s", "")
    assert [s.label for s in power.series] == [
        f"{BOARD} (sim) board-input",
        f"{METER} (sim) battery-terminals",
    ]


def test_limits_that_engage_together_keep_their_own_words() -> None:
    seen = look(80)
    cap = LimitEngaged(
        t_ns=at(72), device=PHONE, limit="cpu cap", reason="operating-system cap", detail="2.84 → 1.59 GHz"
    )
    lasting = Interval(
        kind=IntervalKind.LIMIT, device=PHONE, t0_ns=at(72), t1_ns=None, label="cpu cap: operating-system cap"
    )
    both = replace(seen, marks=(*seen.marks, cap), intervals=(*seen.intervals, lasting))
    labels = {band.label for band in plots(both, FRAME)[0].bands if band.style == IntervalKind.LIMIT}
    assert labels == {
        "thermal status: thermal, SEVERE",
        "cpu cap: operating-system cap, 2.84 → 1.59 GHz",
    }


def test_no_band_reaches_beyond_the_moment_shown() -> None:
    for model in plots(look(64, t1_ns=at(120)), FRAME):
        assert all(band.t1_ns is not None and band.t1_ns <= at(64) for band in model.bands)


def test_one_device_alone_has_its_own_words_and_nothing_of_the_others() -> None:
    rate, heat, power, _ = plots(look(120, selected=BOARD, alone=True), FRAME)
    assert [s.label for s in heat.series] == ["tj"]
    assert [s.label for s in rate.series] == [f"{BOARD} (sim)"]
    assert {band.style for band in rate.bands} == {"prefill", "decode", "outage", "load"}
    assert {mark.style for mark in rate.marks} == {"error", "good", "event", "mark"}
    assert power.title == "power board-input"


def test_cards_say_state_figures_and_warning() -> None:
    phone, board, host, meter = cards(look(80))
    assert (phone.state, phone.phase, phone.simulated) == (CardState.RUNNING, "decode", True)
    assert phone.warning == "throttled since 01:12"
    assert phone.notes == ("tinyllama-1.1b · synthetic weights",)
    assert phone.rate is not None
    assert phone.rate.text.endswith("tok/s")
    assert len(phone.facts) == 3
    assert phone.facts[1].text.endswith(" W")
    assert (host.simulated, host.notes) == (False, ("tiny-english · toy model",))
    assert len(host.facts) == 1
    assert (meter.state, meter.title, meter.phase) == (CardState.STREAMING, f"{METER} → {PHONE}", "4 S/s")
    assert (meter.notes, [one.text for one in meter.facts]) == (
        ("at battery-terminals",),
        [phone.facts[1].text],
    )
    assert board.warning == ""


def test_what_a_meter_lost_stands_on_its_card() -> None:
    state, lost = LiveState(), loss_channel(METER, "damaged lines")
    for item in items(Story(until_s=30.0)):
        state.take(item)
    state.take(ChannelsOpened(t_ns=at(29), device=METER, channels=(lost,)))
    seen = []
    for count in (0, 12):
        state.take(reading(lost, at(29), count))
        meter = cards(take_look(Filled(state), Ask(t_ns=at(30), t0_ns=at(0), t1_ns=at(30))))[3]
        seen.append([(one.text, one.alarm) for one in meter.facts[1:]])
    assert seen == [[], [("12 damaged lines", True)]]


def test_a_lost_device_says_how_long_and_why_and_no_old_figures() -> None:
    _, board, _, _ = cards(look(112, story={"until_s": 112.0, "lost": True}))
    assert (board.state, board.phase, board.warning) == (CardState.LOST, "away 12 s", "the cable was pulled")
    assert (board.rate, board.facts) == (None, ())
    [rate, *_] = plots(look(112, story={"until_s": 112.0, "lost": True}), FRAME)
    assert [(s.stale, s.last_age_s) for s in rate.series] == [(False, None), (True, 12.0), (False, None)]


def test_what_a_device_read_while_it_was_away_stands_in_its_card_and_row() -> None:
    """At a moment at which it was away, looked at when it is back."""
    soc = next(one for one in CHANNELS[BOARD] if one.name == "tj")
    kept = replace(soc, name="kept tj", rate_hz=1.0, fills=("tj",), own_clock=True)
    state = LiveState()
    for item in items(Story(until_s=112.0, lost=True)):
        state.take(item)
    seen = take_look(Filled(state), Ask(t_ns=at(112), t0_ns=at(0), t1_ns=at(112)))
    assert cards(seen)[1].facts == ()
    state.take(ChannelsOpened(t_ns=at(101), device=BOARD, channels=(kept,)))
    state.take(uneven_block(kept, [at(second) for second in range(101, 112)], [96.5] * 11))
    seen = take_look(Filled(state), Ask(t_ns=at(112), t0_ns=at(0), t1_ns=at(112)))
    board = cards(seen)[1]
    assert (board.state, board.warning) == (CardState.LOST, "the cable was pulled")
    (fact,) = board.facts
    assert (fact.text, fact.stale, fact.alarm) == ("96.5 °C", False, True)
    row = fleet_rows(seen)[1]
    assert (row.temperature.text if row.temperature else "", row.power) == ("96.5", None)


def test_past_its_limit_a_value_is_an_alarm() -> None:
    hot = cards(look(178))[0]
    assert hot.facts[0].alarm
    assert not cards(look(30))[0].facts[0].alarm


def test_holes_are_wider_than_five_periods_or_two_columns() -> None:
    fast = CHANNELS[METER][0]
    assert gap_ns(fast, 1) == 1_250_000_000
    assert gap_ns(fast, 10_000_000_000) == 20_000_000_000
    assert gap_ns(CHANNELS[PHONE][0], 1) == 10_000_000_000


def test_what_the_view_is_doing() -> None:
    assert status(Playhead(), 0, 120_000_000_000) == "pin ▸ 2 min"
    assert status(Playhead(mode=Mode.FROZEN), 0, 30_000_000_000) == "frozen ▸ 30 s"
    assert status(Playhead(mode=Mode.PLAYING, speed=0.25), 0, 10_000_000_000) == "×0.25 ▸ 10 s"


def test_the_strip_has_what_went_wrong_and_what_was_marked() -> None:
    known = timeline(Story())
    kinds = {band.style for band in strip_bands(known.intervals(at(0), at(180)))}
    assert kinds == {IntervalKind.LIMIT, IntervalKind.THROTTLED, IntervalKind.OUTAGE}
    assert [mark.glyph for mark in strip_marks(known.events(at(0), at(180)))] == ["◆", "▼", "◣", "✕"]


def test_names_of_the_simulated_are_marked() -> None:
    view = timeline(Story()).view(at(60))
    assert name_of(view.devices[PHONE], PHONE) == f"{PHONE} (sim)"
    assert name_of(view.devices[HOST], HOST) == HOST
    assert name_of(None, "x") == "x"


def test_a_run_that_ended_has_no_current_rate_in_chart_or_card() -> None:
    seen = look(112, story={"until_s": 112.0, "failed": True})
    rate = plots(seen, FRAME)[0]
    ended = next(series for series in rate.series if series.label == HOST)
    assert (ended.last, ended.last_age_s, ended.stale) == (None, None, True)
    assert ended.window.means
    card = next(card for card in cards(seen) if card.device == HOST)
    assert card.rate is None
    assert (card.warning, card.notes) == ("run failed at 01:30", ("r starts a run again",))
    recorded = replace(seen, ask=replace(seen.ask, live=False))
    assert [card.notes for card in cards(recorded) if card.device == HOST] == [()]
