import re
from dataclasses import replace
from itertools import pairwise
from statistics import fmean, quantiles, stdev

import pytest

from melt_tui.format import number
from melt_tui.ui.figures import AskFigures, figure_rows, stats_within, take_figures
from melt_tui.ui.look import Ask, take_look
from melt_tui.ui.picture import Frame, plots
from melt_tui.ui.playhead import Playhead
from melt_tui.ui.renderables.cells import Ink
from melt_tui.ui.renderables.plot_model import AtCursor
from melt_tui.ui.renderables.plot_scene import layout, scene_of
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, Story, at, timeline

KNOWN = timeline(Story())


def test_figures_between_the_markers_are_those_of_the_samples_in_whole_columns() -> None:
    a, b = at(10), at(40)
    window = KNOWN.window((METER, "main"), a, b, 4000)
    stats = stats_within(window, a, b)
    points = [value for t_ns, _, value in KNOWN.points[METER, "main"] if a <= t_ns < b]
    assert stats is not None
    assert stats.n == len(points) == 120
    assert stats.mean == pytest.approx(fmean(points), rel=1e-12)
    assert (stats.least, stats.greatest) == (min(points), max(points))
    assert stats.exact
    assert stats.spread.sigma == pytest.approx(stdev(points), rel=1e-9)
    assert stats.spread.p50 == pytest.approx(quantiles(points, n=100)[49], abs=0.05)
    assert not (coarse := stats_within(KNOWN.window((METER, "main"), a, b, 30), a, b)) or not coarse.exact


def test_columns_that_straddle_a_marker_are_left_out() -> None:
    window = KNOWN.window((METER, "main"), at(10), at(40), 30)
    inside = stats_within(window, at(10) + 1, at(40))
    whole = stats_within(window, at(10), at(40))
    assert inside is not None
    assert whole is not None
    assert inside.n == whole.n - window.counts[list(window.starts_ns).index(at(10))]
    assert stats_within(window, at(10), at(10)) is None
    short = stats_within(window, at(10), at(40) - 1)
    assert short is not None
    assert short.n == whole.n - window.counts[-1]


def test_tokens_are_counted_between_the_markers() -> None:
    figures = take_figures(KNOWN, AskFigures(device=PHONE, at_ns=at(100), span=(at(20), at(100))))

    def counted(t_s: float) -> float:
        return KNOWN.view(at(t_s)).readings[PHONE, "token_arrivals"].value

    assert figures.tokens == ((PHONE, int(counted(100) - counted(20))),)
    before = take_figures(KNOWN, AskFigures(device=PHONE, at_ns=at(100), span=(at(1), at(100))))
    assert before.tokens == ((PHONE, int(counted(100))),)


def test_energies_told_before_a_meter_was_corrected_have_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = AskFigures(device=PHONE, at_ns=at(40), span=(at(10), at(40)))

    def names() -> set[str]:
        return {one.channel.name for one in take_figures(known, ask).channels}

    known = timeline(Story())
    before, view = names(), known.view
    monkeypatch.setattr(known, "view", lambda t_ns: replace(view(t_ns), corrected=frozenset({PHONE})))
    told = {"energy", "J/token", "J/token whole", "J/token decode"}
    assert before - names() == {f"{one} battery-terminals" for one in told}


def test_the_table_names_device_point_and_unit_and_says_what_it_cut() -> None:
    figures = take_figures(KNOWN, AskFigures(device=PHONE, at_ns=at(40), span=(at(10), at(40))))
    rows, note = figure_rows(figures, "00:40.0", {})
    power = next(row for row in rows if row.texts[0] == "main")
    assert power.texts[1] == "battery-terminals"
    assert power.texts[2].endswith(" W")
    assert power.texts[3:5] == ("", "120")
    meter = next(i for i, one in enumerate(rows) if METER in one.texts[0])
    assert (meter, rows[meter].title) == (0, True), "that with energies first"
    assert rows[meter + 1] is power, "below its device's name"
    said = r"a–b 30\.0 s · pixel-8 240 tok, 0\.46\d J/tok battery-terminals · whole columns of 8\.0 ms"
    assert re.fullmatch(said, note)
    counter = next(row for row in rows if row.texts[0] == "token arrivals")
    assert set(counter.texts[4:]) == {"–"}


def test_without_markers_there_are_only_values() -> None:
    figures = take_figures(KNOWN, AskFigures(device="", at_ns=at(40), span=None))
    rows, note = figure_rows(figures, "00:40.0", {})
    names = [row.texts[0] for row in rows if row.title]
    assert len(rows) == 34 + len(names)
    assert {"energy turn board-input", "J/token melt board-input"} <= {row.texts[0].strip() for row in rows}
    assert names == ["▲ pixel-8 (sim)", "▲ orin-nano (sim)", "▲ this-pc", "▲ hvpm (sim)"]
    assert note == "values at 00:40.0 · a and b mark a span"
    assert {row.texts[4] for row in rows if not row.title} == {"–"}


def test_energy_between_the_markers_is_of_each_point_for_itself() -> None:
    figures = take_figures(KNOWN, AskFigures(device="", at_ns=at(40), span=(at(10), at(40))))
    found = {one.channel.key: one for one in figures.channels if one.energy is not None}
    assert set(found) == {(BOARD, "VDD_IN"), (METER, "main")}
    main = found[METER, "main"]
    points = [(t_ns, value) for t_ns, _, value in KNOWN.points[METER, "main"] if at(10) <= t_ns <= at(40)]
    joules = sum((u + v) / 2 * (s - t) / 1e9 for (t, u), (s, v) in pairwise(points))
    assert main.energy is not None
    assert main.energy.joules == pytest.approx(joules, rel=1e-3)
    assert main.energy.per_token == pytest.approx(joules / 240, rel=1e-3)
    assert main.energy.coverage == pytest.approx(1.0)
    board = found[BOARD, "VDD_IN"].energy
    assert board is not None
    assert board.per_token is None
    row = next(row for row in figure_rows(figures, "", {})[0] if row.texts[0] == "main")
    assert row.texts[8:10] == (f"{joules:.0f} J", f"{joules / 240:.3f}")


def test_of_fewer_samples_than_tell_it_no_energy_per_token_is_told() -> None:
    def per_token(seconds: float) -> float | None:
        span = (at(25), at(25 + seconds))
        figures = take_figures(KNOWN, AskFigures(device="", at_ns=at(40), span=span))
        assert dict(figures.tokens)[PHONE] > 0
        main = next(one.energy for one in figures.channels if one.channel.key == (METER, "main"))
        assert main is not None
        assert main.joules > 0
        return main.per_token

    assert per_token(0.75) is None
    assert per_token(2.0) is not None


def test_an_energy_with_a_hole_says_so() -> None:
    lost = timeline(Story(until_s=112.0, lost=True))
    figures = take_figures(lost, AskFigures(device=BOARD, at_ns=at(112), span=(at(90), at(110))))
    rows, note = figure_rows(figures, "", {})
    assert next(row for row in rows if row.texts[0] == "VDD IN").texts[8].endswith(" J!")
    assert note.startswith("a–b 20.0 s · ! measured for 49 % only · ")


def test_what_is_old_says_so_and_the_rate_of_a_run_that_ended_is_none() -> None:
    ended = timeline(Story(until_s=112.0, failed=True, lost=True))
    rows, _ = figure_rows(take_figures(ended, AskFigures(device="", at_ns=at(112), span=None)), "01:52.0", {})
    said, device = {}, ""
    for row in rows:
        device = row.texts[0].split()[1] if row.title else device
        said[device, row.texts[0]] = row
    lost = said[BOARD, "tj"]
    assert (lost.texts[3], lost.ink) == ("12 s ago", Ink.DIM)
    assert said[HOST, "token rate"].texts[2:4] == ("–", "")
    assert (said[PHONE, "soc"].texts[3], said[PHONE, "soc"].ink) == ("", Ink.TEXT)


def test_a_chart_says_of_the_cursor_what_the_figures_say() -> None:
    here, shown = at(38) + 123_456_789, at(120)
    ask = Ask(t_ns=shown, t0_ns=at(0), t1_ns=shown, columns=(60,) * 9, cursor_ns=here)
    models = plots(take_look(KNOWN, ask), Frame(Playhead(cursor_ns=here), at(0)))
    figures = take_figures(KNOWN, AskFigures(device="", at_ns=here, span=None))
    told = {one.channel.key: one.value for one in figures.channels}
    rates = {s.label: s.at_cursor.value for s in models[0].series if s.at_cursor is not None}
    assert rates["pixel-8 (sim)"] == told[PHONE, "token_rate"]
    assert len(rates) == 3
    scene = scene_of(models[0], layout(120, 20), [])
    assert [row[1] for row in scene.readings[1:]] == [number(value) for value in rates.values()]


def test_ahead_of_the_moment_shown_no_channel_has_a_value_at_the_cursor() -> None:
    ask = Ask(t_ns=at(60), t0_ns=at(0), t1_ns=at(120), columns=(60,) * 30, cursor_ns=at(61))
    models = plots(take_look(KNOWN, ask), Frame(Playhead(cursor_ns=at(61)), at(0)))
    assert {s.at_cursor for model in models for s in model.series} == {AtCursor(None)}
