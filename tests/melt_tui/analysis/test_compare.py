"""Comparisons of recordings: figures by hand, what is refused and why, what is warned of, and what is laid over."""

import json
from pathlib import Path

import pytest

from melt_tui.analysis.compare import Comparison, compare_runs
from melt_tui.analysis.compare_gate import Verdict, condition_of, judge
from melt_tui.analysis.compare_report import paragraphs
from melt_tui.analysis.compare_request import Axis, CompareRequest, alignment_of
from melt_tui.analysis.compare_row import NO_PAIR, Row
from melt_tui.errors import UsageError
from melt_tui.events import RunEnded, SessionEnded
from melt_tui.measures.comparing import Difference, Method
from tests.rigs.compared import TOKENS_A_TURN, Made
from tests.rigs.sessions import closing, opening, run
from tests.rigs.written import write

MEAN_PART = (1 + 0.8 + 1.25) / 3


def compared(folder: Path, *made: Made, group: str = "", align: str = "start") -> Comparison:
    paths = tuple(one.record(folder / f"{len(list(folder.iterdir()))}.melt") for one in made)
    return compare_runs(CompareRequest(sources=paths, group=group, align=align))


def row(comparison: Comparison, figure: str) -> Row:
    (found,) = (one for one in comparison.rows if one.figure == figure)
    return found


def difference(comparison: Comparison, figure: str) -> Difference:
    found = row(comparison, figure).against[0].difference
    assert found is not None
    return found


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A B B A B A: B has a tenth more tok/s on four threads, draws 6 W for 5."""
    folder = tmp_path_factory.mktemp("six")
    old = [Made(rate=rate, wall_s=wall) for rate, wall in ((10.0, 0), (10.2, 300), (9.8, 500))]
    new = [Made(rate=r, wall_s=w, watts=6.0, threads=4) for r, w in ((11.0, 100), (11.1, 200), (10.9, 400))]
    return compared(folder, *old, *new, group="old,old,old,new,new,new")


def test_figures_by_hand(six: Comparison) -> None:
    assert [group.title for group in six.groups] == ["old", "new"]
    assert [(run.label, run.place) for run in six.runs] == [
        ("A1", 1), ("A2", 4), ("A3", 6), ("B1", 2), ("B2", 3), ("B3", 5),
    ]  # fmt: skip
    decode = difference(six, "decode_tps")
    assert [decode.a, decode.b] == pytest.approx([10 * MEAN_PART, 11 * MEAN_PART])
    assert decode.relative == pytest.approx(0.10)
    assert (decode.method, decode.runs_a, decode.prompts, decode.shown) == (Method.WELCH, 3, 3, True)
    whole = difference(six, "j_per_token_whole")
    first = [1 + (TOKENS_A_TURN - 1) / (10 * part) for part in (1, 0.8, 1.25)]
    assert row(six, "j_per_token_whole").values[0] == pytest.approx(5 * sum(first) / 3 / TOKENS_A_TURN)
    assert (whole.shown, row(six, "j_per_token_whole").point) == (True, "board-input")
    assert difference(six, "mean_w").interval == pytest.approx((1, 1))
    assert difference(six, "max_c").relative is None


def test_what_differs_is_told_and_the_order_is_fair(six: Comparison) -> None:
    (threads,) = (one for one in six.setup if one.between)
    assert (threads.name, threads.values) == ("threads", ("3", "3", "3", "4", "4", "4"))
    assert not [said for said in six.warnings if "order" in said or "these runs only" in said]
    assert any("one in twenty" in said for said in six.warnings)


def test_laid_over_one_another_along_time_tokens_and_joules(six: Comparison) -> None:
    assert [one.axis for one in six.overlays] == list(Axis)
    for overlay in six.overlays:
        power = next(panel for panel in overlay.panels if panel.title == "power")
        assert (power.point, len(power.lines), len(power.lines[0].mean)) == (
            "board-input",
            6,
            overlay.columns,
        )
        ((name, trace),) = power.differences
        told = [step for step in trace if step is not None]
        assert name == "B"
        assert told == pytest.approx([1.0] * len(told))
        assert len(told) > 0.75 * overlay.columns
    tokens, joules = (six.overlay(axis) for axis in (Axis.TOKENS, Axis.JOULES))
    assert tokens is not None
    assert joules is not None
    assert (tokens.start, tokens.columns) == (0, 3 * TOKENS_A_TURN)
    longest_j = max(value for value in row(six, "run_j").values if value is not None)
    assert joules.columns * joules.step == pytest.approx(longest_j, rel=1e-3)


@pytest.mark.parametrize(
    "sides",
    [
        (Made(asked="hello"), Made(asked="good night")),
        (Made(asked="", workload="pp512/tg128"), Made(asked="", workload="pp64/tg128")),
    ],
)
def test_the_same_place_in_another_workload_is_another_prompt(
    tmp_path: Path, sides: tuple[Made, Made]
) -> None:
    decode = row(compared(tmp_path, *sides), "decode_tps").against[0]
    assert decode.difference is not None
    assert (decode.difference.prompts, decode.difference.method, decode.notes) == (0, Method.NONE, (NO_PAIR,))


def test_a_longer_run_is_not_worse_for_its_joules_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(prompts=(1.0, 0.8, 1.25, 1.0)))
    joules = row(found, "run_j")
    assert joules.better == ""
    assert "did not do the same work, output tokens A1 63, B1 84" in joules.notes[0]
    assert "all of these runs have: 3; left out: 1" in row(found, "decode_tps").against[0].notes[0]
    assert row(found, "j_per_token_whole").better == "lower"


def test_few_runs_in_a_row_on_a_warm_device(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        Made(),
        Made(rate=9.0, wall_s=60, celsius=52.0, limited=True, threads=4, model="other"),
    )
    decode = difference(found, "decode_tps")
    assert (decode.method, decode.general) == (Method.PAIRED, False)
    said = "\n".join(found.warnings)
    for words in (
        "about these runs only: 1 a side",
        "order bias: B ran after A",
        "began at 40.0 °C, B at 52.0 °C",
        "A 0 % and B 100 % of the time",
        "differ in model and threads",
    ):
        assert words in said
    begun = next(one for one in found.setup if one.name == "start temperature")
    assert begun.values == ("40.0 °C, Package id 0", "52.0 °C, Package id 0")


def test_two_devices_do_not_warm_each_other(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(wall_s=60, celsius=42.0, address="adb:1"))
    assert not [said for said in found.warnings if "order" in said or "thermal" in said]
    assert [one.name for one in found.setup] == []


@pytest.mark.parametrize(
    ("other", "figure", "words"),
    [
        (Made(synthetic=True), "decode_tps", "B1 ran with synthetic weights, A1 with real ones"),
        (
            Made(point="rail:VDD_IN"),
            "mean_w",
            "A1 at board-input (at the board's power plug); B1 at rail:VDD_IN",
        ),
        (Made(engine=False), "itl_p50_ms", "by the engine's own times in A1, by arrivals in B1"),
    ],
)
def test_what_may_not_be_compared_is_refused_in_words(
    tmp_path: Path, other: Made, figure: str, words: str
) -> None:
    found = compared(tmp_path, Made(), other)
    refused = row(found, figure)
    assert refused.against[0].difference is None
    assert words in refused.against[0].refusal
    assert None not in refused.values
    assert bool(found.refusal) == other.synthetic
    assert other.synthetic or difference(found, "ttft_ms").absolute == pytest.approx(0, abs=1e-6)


def test_energies_with_holes_are_not_compared(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(unmeasured_s=4.0))
    assert row(found, "run_j").against[0].refusal == "of B1 not all was measured"
    assert difference(found, "mean_w").absolute == pytest.approx(0, abs=1e-6)
    assert row(found, "mean_w").notes[0].startswith("not all of the run was measured: B1 6")
    assert any(said.startswith("B1: power was measured for less than 95 %") for said in found.warnings)
    joules = found.overlay(Axis.JOULES)
    assert joules is not None
    assert joules.columns * joules.step == pytest.approx(5 * Made().seconds, rel=0.15)


def test_other_prompts_are_not_paired(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(first_prompt=7))
    assert row(found, "decode_tps").against[0].notes == (NO_PAIR,)
    assert difference(found, "decode_tps").interval is None


def test_aligned_by_first_token_mark_and_hand(tmp_path: Path) -> None:
    runs = [Made(mark_s=6.0), Made(rate=20.0)]
    start = compared(tmp_path, *runs).overlays[0].start
    assert (start, compared(tmp_path, *runs, align="first-token").overlays[0].start) == (0, -2)
    moved = compared(tmp_path, *runs, align="3.5").overlays[0]
    ends = [[i for i, value in enumerate(line.mean) if value is not None] for line in moved.panels[0].lines]
    assert moved.start + ends[1][0] * moved.step == pytest.approx(3.5, abs=2 * moved.step)
    marked, tokens, joules = compared(tmp_path, *runs, align="mark:here").overlays
    assert [marked.start, tokens.start] == pytest.approx([-4, -TOKENS_A_TURN])
    assert joules.start == pytest.approx(-5 * 4, rel=0.02)
    assert marked.missing == ("B1: it has no such moment to be aligned by",)
    with pytest.raises(UsageError, match="no run has a moment"):
        compared(tmp_path, *runs, align="onset")


@pytest.mark.parametrize("wrong", ["end", "mark:", "1,x", "nan"])
def test_what_is_no_alignment_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        alignment_of(wrong)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("decode_tps<-3%", False),
        ("decode_tps>3%", True),
        ("decode_tps>10.5%", False),
        ("mean_w@board-input >= 0.5", True),
        ("ttft_ms>-1%", False),
        ("max_c>3%", None),
        ("net_j_per_token_decode>3%", None),
    ],
)
def test_conditions(six: Comparison, condition: str, holds: bool | None) -> None:
    """A difference that chance explains holds nothing; what cannot be told is not passed over."""
    (verdict,) = judge(condition_of(condition), six.rows)
    assert isinstance(verdict, Verdict)
    assert verdict.holds is holds


@pytest.mark.parametrize("wrong", ["decode_tps", "decode_tps=3", "speed<3%", "decode_tps<x%"])
def test_what_is_no_condition_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        condition_of(wrong)


def test_recordings_that_hold_little_or_were_cut_short(tmp_path: Path) -> None:
    """Without turns, of no length, not ended: what there is is told, and nothing is made up."""
    good = Made().record(tmp_path / "good.melt")
    cut = [one for one in Made(rate=9.0).items() if not isinstance(one, RunEnded | SessionEnded)]
    made = {
        "no turn": [*opening(), *run([], 2, 10), *closing(12)],
        "no time": [*opening(), *run([], 2, 2), *closing(2)],
        "cut": cut,
        "no run": [*opening(), *closing(2)],
    }
    for name, items in made.items():
        write(tmp_path / f"{name}.melt", items, size=1000)
    for name, warned in (("no turn", "without a turn"), ("no time", "without a turn"), ("cut", "not run to")):
        found = compare_runs(CompareRequest(sources=(good, str(tmp_path / f"{name}.melt"))))
        assert any(f"B1: {warned}" in said for said in found.warnings)
        assert (row(found, "decode_tps").against[0].difference is None) == (name != "cut")
        for axis in Axis:
            json.dumps(found.as_json(axis), default=str, allow_nan=False)
            assert list(paragraphs(found, axis))
    with pytest.raises(UsageError, match="nothing was run"):
        compare_runs(CompareRequest(sources=(good, str(tmp_path / "no run.melt"))))


def test_sources_and_groups(tmp_path: Path) -> None:
    a, b = Made().record(tmp_path / "a#1.melt"), Made(threads=4).record(tmp_path / "b.melt")
    found = compare_runs(CompareRequest(sources=(a, f"{b}#1"), group="threads"))
    assert [group.title for group in found.groups] == ["threads 3", "threads 4"]
    wrong: list[tuple[tuple[str, ...], str]] = [
        ((a,), ""),
        ((a, a), ""),
        ((a, f"{b}#9"), ""),
        ((a, b), "one"),
        ((a, b), "x,y,z"),
        ((a, b), "x,x"),
        ((a, b), "model"),
    ]
    for sources, group in wrong:
        with pytest.raises(UsageError):
            compare_runs(CompareRequest(sources=sources, group=group))
