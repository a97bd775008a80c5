"""Parts that are asked for in words; figures of a part are those of the whole, turn by turn."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.clock import SECOND
from melt_tui.analysis import editing, summary
from melt_tui.analysis.summary import of_file
from melt_tui.analysis.trimming import Choose, TrimRequest, hertz, trim
from melt_tui.errors import BadRecording, CannotWrite, MeltError, UsageError
from melt_tui.events import SELF, Mark, SessionStarted
from melt_tui.store import library
from melt_tui.store.recording import Recording
from tests.rigs import sessions
from tests.rigs.written import Writer, write

NONE = Path()


@pytest.fixture
def evening(tmp_path: Path) -> Path:
    """Three turns of a run from 2 s to 20 s, power at 10 Hz, two marks."""
    turns = [
        item
        for n, sent in enumerate((3.0, 8.0, 13.0), 1)
        for item in sessions.turn(n, sent, [sent + 0.5 + 0.1 * k for k in range(20)], before=20 * (n - 1))
    ]
    watts = sessions.slow(sessions.POWER, [(k / 10, 20 + k % 7) for k in range(240)])
    items = [
        *sessions.opening(),
        *watts,
        *sessions.run(turns, 2.0, 20.0),
        Mark(t_ns=sessions.at(7), device=SELF, name="fan on"),
        Mark(t_ns=sessions.at(9), device=SELF, name="twice"),
        Mark(t_ns=sessions.at(10), device=SELF, name="twice"),
        Mark(t_ns=sessions.at(11.5), device=SELF, name="twice again"),
        *sessions.closing(24),
    ]
    path = tmp_path / "evening.melt"
    write(path, items, size=50)
    return path


def test_turns_of_the_span_have_the_very_same_figures(evening: Path, tmp_path: Path) -> None:
    editing.exclude(evening, 2, reason="the door was open")
    out = trim(TrimRequest(path=evening, begin="mark:fan on", end="0:19"), lambda _: tmp_path / "p.melt")
    whole, part = of_file(evening), of_file(out)
    assert [turn["turn"] for turn in part["runs"][0]["turns"]] == [2, 3]
    assert part["runs"][0]["turns"] == whole["runs"][0]["turns"][1:]
    theirs = [e for e in whole["runs"][0]["energy"] if e.get("turn") in {2, 3}]
    assert [e for e in part["runs"][0]["energy"] if e.get("turn") in {2, 3}] == theirs
    assert part["edits"] == whole["edits"]
    assert part["runs"][0]["outcome"] is None
    assert (part["part"]["from_s"], part["part"]["to_s"], part["part"]["source"]) == (
        7.0,
        19.0,
        "evening.melt",
    )
    assert "the run on desk began 5.0 s before" in part["part"]["notes"]
    assert "part     00:07.0 to 00:19.0 of evening.melt" in summary.text_of_file(out)
    known = library.info(out)
    assert (known.part_of, known.duration_s) == ("evening.melt 00:07.0–00:19.0", 12.0)
    assert (known.started_wall_ns, part["session"]["duration_s"]) == (sessions.WALL + 7 * SECOND, 12.0)
    assert (whole["session"]["started"][14:19], part["session"]["started"][14:19]) == ("13:20", "13:27")


def test_a_part_of_a_part_begins_where_its_span_does(evening: Path, tmp_path: Path) -> None:
    part = trim(TrimRequest(path=evening, begin="7", end="19"), lambda _: tmp_path / "p.melt")
    made = {
        name: trim(replace(request, path=part), to(tmp_path / f"{name}.melt"))
        for name, request in {
            "begun": TrimRequest(path=NONE, end="5"),
            "later": TrimRequest(path=NONE, begin="2", end="mark:twice again"),
            "coarse": TrimRequest(path=NONE, hz=1, name="coarse"),
        }.items()
    }
    told = {name: of_file(path) for name, path in made.items()}
    spans = {name: (one["part"]["from_s"], one["part"]["to_s"]) for name, one in told.items()}
    assert spans == {"begun": (0.0, 5.0), "later": (2.0, 4.5), "coarse": (0.0, 12.0)}
    lengths = {name: one["session"]["duration_s"] for name, one in told.items()}
    assert lengths == {"begun": 5.0, "later": 2.5, "coarse": 12.0}
    assert told["later"]["session"]["started"][14:19] == "13:29"
    assert told["begun"]["part"]["started"][14:19] == "13:27"
    with pytest.raises(UsageError, match="00:00:12 long"):
        trim(TrimRequest(path=part, end="13"), lambda _: tmp_path / "q.melt")


def test_a_turn_that_a_part_begins_in_has_no_figures_of_the_tokens_that_are_left_of_it(
    evening: Path, tmp_path: Path
) -> None:
    out = trim(TrimRequest(path=evening, begin="0:09", end="0:19"), lambda _: tmp_path / "p.melt")
    whole, part = of_file(evening)["runs"][0]["turns"][1:], of_file(out)["runs"][0]["turns"]
    observed = ("decode_tps_observed", "decode_tps_reported", "itl_p50_ms", "itl_p95_ms", "itl_p99_ms")
    assert [part[0][name] for name in observed] == [None] * 5
    assert {name: value for name, value in part[0].items() if name not in {*observed, "notes"}} == {
        name: value for name, value in whole[0].items() if name not in {*observed, "notes"}
    }
    assert part[1] == whole[1]


@pytest.mark.parametrize(
    ("begin", "end", "from_s", "to_s"),
    [
        ("", "12", 0, 12),
        ("1.5", "", 1.5, 24),
        ("start", "end", 0, 24),
        ("0:01:02", "", None, None),
        ("mark:fan on", "0:00:08.25", 7, 8.25),
        ("3 s", "24.4", 3, 24),
    ],
)
def test_moments_in_words(
    evening: Path, begin: str, end: str, from_s: float | None, to_s: float | None
) -> None:
    request = TrimRequest(path=evening, begin=begin, end=end)
    if from_s is None or to_s is None:
        with pytest.raises(UsageError):
            trim(request, lambda _: evening.with_name("p.melt"))
        return
    with closing(Recording(trim(request, lambda _: evening.with_name("p.melt")))) as part:
        told = of_file(part.path)["part"]
        assert (told["from_s"], told["to_s"]) == (from_s, to_s)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (TrimRequest(path=NONE, begin="9", end="4"), "nothing lies between"),
        (TrimRequest(path=NONE, begin="4", end="4"), "nothing lies between"),
        (TrimRequest(path=NONE, begin="4", end="25"), "00:00:24 long"),
        (TrimRequest(path=NONE, begin="mark:fan off"), "there is fan on, twice, twice, twice again"),
        (TrimRequest(path=NONE, begin="mark:twice"), "they are at 9.000, 10.000"),
        (TrimRequest(path=NONE, begin="1:2:3:4"), "is no moment"),
        (TrimRequest(path=NONE, begin="-3"), "is no moment"),
        (TrimRequest(path=NONE), "give --from"),
        (TrimRequest(path=NONE, hz=1000), "nothing to downsample"),
        (TrimRequest(path=NONE, span_ns=(0, 5)), "not within"),
    ],
)
def test_what_cannot_be_cut_is_said(evening: Path, asked: TrimRequest, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trim(replace(asked, path=evening), lambda _: evening.with_name("p.melt"))
    assert list(evening.parent.glob("*p.melt*")) == []


@pytest.mark.parametrize("text", ["20Hz", "10 kHz", "", "-1", "0", "10Hz;"])
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="choose one of 1Hz, 10Hz"):
        hertz(text)


def to(out: Path) -> Choose:
    return lambda _: out


def test_files_that_no_part_can_be_taken_of(evening: Path, tmp_path: Path) -> None:
    writer = Writer(tmp_path / "now.melt")
    writer.write([SessionStarted(t_ns=1, device=SELF, wall_ns=1, name="x", version="1", host="h")], 1)
    write(tmp_path / "none.melt", [Mark(t_ns=SECOND, device=SELF, name="m")])
    (tmp_path / "taken.melt").write_bytes(b"mine")
    cases: list[tuple[Path, Path, type[MeltError], str]] = [
        (tmp_path / "now.melt", tmp_path / "p.melt", CannotWrite, "still being recorded"),
        (tmp_path / "none.melt", tmp_path / "p.melt", BadRecording, "no beginning"),
        (tmp_path / "taken.melt", tmp_path / "p.melt", BadRecording, "not a recording"),
        (evening, tmp_path / "taken.melt", CannotWrite, "exists already"),
        (evening, evening, CannotWrite, "exists already"),
        (evening, Path("/proc/p.melt"), CannotWrite, "choose another folder"),
    ]
    for path, out, kind, said in cases:
        with pytest.raises(kind, match=said):
            trim(TrimRequest(path=path, end="1"), to(out))
    assert (tmp_path / "taken.melt").read_bytes() == b"mine"
    writer.close()
