from dataclasses import replace

from melt_tui.ui.renderables.cells import text_of
from melt_tui.ui.renderables.run_lines import RunModel, run_lines

MODEL = RunModel(
    device="pixel-8", model="tiny q8_0", note="toy model", workload="chat · llama_server", phase="turn 2/9  decode",
    running=True, figures=(("TTFT", "0.41 s"),), turns=(("1", "18.4", "0.40 s"),),
)  # fmt: skip


def rows(model: RunModel, width: int = 26, height: int = 12) -> list[str]:
    return text_of(run_lines(model, width, height)).split("\n")


def test_the_panel_has_its_size_and_says_everything() -> None:
    lines = rows(MODEL)
    assert len(lines) == 12
    assert {len(line) for line in lines} == {26}
    assert [line.rstrip() for line in lines[:8]] == [
        " pixel-8", " tiny q8_0", " toy model", " chat · llama_server", " turn 2/9  decode",
        " TTFT              0.41 s", " turn   tok/s    TTFT", " 1       18.4  0.40 s",
    ]  # fmt: skip


def test_a_low_panel_leaves_out_from_below() -> None:
    assert [line.rstrip() for line in rows(MODEL, height=3)] == [" pixel-8", " tiny q8_0", " toy model"]


def test_the_workload_gives_way_to_a_figure() -> None:
    lines = [line.rstrip() for line in rows(MODEL, height=5)]
    assert lines[-2:] == [" turn 2/9  decode", " TTFT              0.41 s"]


def test_progress_has_a_bar_a_share_and_an_eta() -> None:
    lines = rows(RunModel(device="d", model="m", phase="loading", progress=0.5, eta="4 s left"), width=40)
    bar = next(line for line in lines if "%" in line)
    assert bar.rstrip().endswith("50 % 4 s left")
    assert bar.count("█") == bar.count("░")


def test_problems_and_hints_are_wrapped() -> None:
    assert "says where" in " ".join(rows(RunModel(problem="it died: the log above says where"), width=20))
    assert rows(RunModel(hint="no run yet"))[0].strip() == "no run yet"


def test_how_far_a_figure_may_be_off_is_said_where_there_is_room_for_it() -> None:
    model = RunModel(device="d", figures=(("J/tok decode", "0.953 ±0.031"),))
    assert " J/tok decode  0.953 ±0.031" in rows(model, width=28)[4]
    assert rows(model, width=26)[4].split() == ["J/tok", "decode", "0.953"]


def test_what_stands_beside_a_figure_has_no_place_of_its_own() -> None:
    model = RunModel(device="d", figures=(("decode", "9.84 tok/s"),), beside={"decode": "26.2 J ±1.3 J"})
    assert rows(model, width=40)[4].split("  ")[-1] == "9.84 tok/s · 26.2 J ±1.3 J "
    longer = replace(model, figures=(("decode", "9.84 tok/s at best"),))
    assert rows(longer, width=40)[4].endswith(" 9.84 tok/s at best · 26.2 J ")
    assert rows(model, width=35)[4].split() == ["decode", "9.84", "tok/s"]
    most = replace(model, figures=(("decode", "9.84 tok/s in the cool, at best"),))
    assert rows(most, width=40)[4].endswith(" 9.84 tok/s in the cool, at best ")
