"""A meter that tells its times 37 ms late, found by a line that the device moves: a PPK2's, or a csv meter's trigger."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.address import parse
from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, RunEvent, TurnEnded
from drivers.meters.csv import channels as csv_channels
from drivers.meters.ppk2.frames import Words
from drivers.meters.ppk2.sampling import Logic
from drivers.model import Channel, Samples, block
from melt_tui.analysis import alignment, clocks
from melt_tui.analysis.logic_lines import Line, parse_line
from melt_tui.cli.aligning import align
from melt_tui.cli.parser import parser
from melt_tui.errors import UsageError
from melt_tui.measures.integral import Values
from melt_tui.measures.logic_lines import Moment
from melt_tui.store.recording import Recording
from tests.rigs.late_meter import LATE_NS, POWER, START, TURNS, at, session
from tests.rigs.written import write

D0 = Line("D0")


def busy(seconds: Values) -> NDArray[np.bool_]:
    """Whether a turn goes on then."""
    going: NDArray[np.bool_] = np.logical_or.reduce(
        [(seconds >= sent) & (seconds < last) for sent, _, last in TURNS]
    )
    return going


def ppk2(tmp_path: Path) -> Path:
    """Its power at 1 kHz stands for that of 100 kHz: the lines are told by their changes, and now and then as they are."""
    logic = Logic("meter")
    words: Words = busy(np.arange(20_000) / 1000).astype(np.uint32)
    blocks: list[Item] = []
    for first in range(0, 20_000, 1000):
        times = [START + LATE_NS + (first + i) * MILLISECOND for i in (0, 999)]
        blocks += [*logic.take(words[first : first + 1000], times[0], times[1]), *logic.state(times[1])]
    return recorded(tmp_path, [POWER, *logic.channels], blocks)


def csv(tmp_path: Path, columns: str = "W,trigger") -> Path:
    form = csv_channels.parse_format(parse(f"serial:/dev/x?columns={columns}&rate=1000&point=usb-input"))
    trigger = csv_channels.measured("meter", form)[-1]
    levels = busy(np.arange(20_000) / 1000).astype(float)
    times = [
        (START + LATE_NS + i * MILLISECOND, START + LATE_NS + (i + 499) * MILLISECOND)
        for i in range(0, 20_000, 500)
    ]
    blocks = [block(trigger, t0, t1, levels[500 * i :][:500].tolist()) for i, (t0, t1) in enumerate(times)]
    return recorded(tmp_path, [POWER, trigger] if "W" in columns else [trigger], blocks)


def recorded(tmp_path: Path, channels: Sequence[Channel], blocks: Sequence[Item]) -> Path:
    items = [
        replace(item, channels=tuple(channels)) if isinstance(item, ChannelsOpened) else item
        for item in session()
        if not isinstance(item, Samples) or POWER in channels
    ]
    path = tmp_path / "a.melt"
    write(path, [*items, *blocks], size=20)
    return path


def test_a_line_of_a_ppk2_is_found_applied_and_taken_back(tmp_path: Path) -> None:
    path = ppk2(tmp_path)
    (by_power,) = alignment.of_file(path)
    assert by_power["evidence"] == by_power["runs"][0]["evidence"] == "power edge"
    (found,) = alignment.of_file(path, line=D0)
    assert (found["meter"], found["feeds"], found["point"]) == ("meter", "board", "usb-input")
    assert (found["channel"], found["edges"], found["offered"]) == ("D0", 4, True)
    assert found["evidence"] == found["runs"][0]["evidence"] == "line D0 from prompt to last-token"
    assert abs(found["offset_ms"] + 37) <= found["uncertainty_ms"] < 1
    (said,) = alignment.text_of_file(path, line=D0)
    assert said == (
        "meter against board: 36.5 ms late, ± 0.5 ms by the line D0 from prompt to last-token (confidence 1.00, 4 edges):"
        " `melt align FILE --apply --line D0` corrects it"
    )
    assert clocks.apply(path, line=D0) == ["meter"]
    (after,) = alignment.of_file(path, line=D0)
    assert (after["offset_ms"], after["applied_ms"]) == (found["offset_ms"], found["offset_ms"])
    assert after["offered"] is False
    with closing(Recording(path)) as recording:
        recording.span()
        row = recording.clock.correction("meter")
        assert row is not None
        assert (row.origin, row.offset_ns) == (
            "line D0 from prompt to last-token",
            round(found["offset_ms"] * 1e6),
        )
    assert clocks.take_back(path) == ["meter"]
    assert alignment.of_file(path, line=D0) == [found]


@pytest.mark.parametrize("columns", ["W,trigger", "trigger"])
def test_a_column_of_a_csv_meter_tells_it_too(tmp_path: Path, columns: str) -> None:
    """Also of one that measures no power."""
    (found,) = alignment.of_file(csv(tmp_path, columns), line=Line("trigger"))
    assert found["offset_ms"] == pytest.approx(-37, abs=1)
    assert abs(found["offset_ms"] + 37) <= found["uncertainty_ms"] < 1
    assert found["evidence"] == "line trigger from prompt to last-token"


def test_what_cannot_be_told_by_a_line_is_said(tmp_path: Path) -> None:
    path = ppk2(tmp_path)
    (still,) = alignment.of_file(path, line=Line("D3"))
    assert (still["offset_ms"], still["reason"]) == (None, "D3 does not change beside the run")
    with pytest.raises(UsageError, match="meter cannot be aligned: D3 does not change"):
        clocks.apply(path, line=Line("D3"))
    with pytest.raises(UsageError, match="has a line D9") as refused:
        alignment.of_file(path, line=Line("D9"))
    assert refused.value.remedy == "there are D0, D1, D2, D3, D4, D5, D6, D7"
    other = tmp_path / "b.melt"
    write(other, session(), size=20)
    with pytest.raises(UsageError, match="has a line D9") as refused:
        alignment.of_file(other, line=Line("D9"))
    assert refused.value.remedy.startswith("a PPK2 has D0 to D7")


def test_the_command_line_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(ppk2(tmp_path))

    def melt(*words: str) -> str:
        assert align(parser().parse_args(["align", path, *words])) == 0
        return capsys.readouterr().out

    (told,) = json.loads(melt("--line", "D0=prompt", "--apply", "--json"))
    assert told["applied_ms"] == told["offset_ms"] == pytest.approx(-36.5)
    assert "not in step with the 2 turns" in melt("--line", "D0=first-token")
    with pytest.raises(UsageError, match="leave --line away"):
        melt("--line", "D0", "--undo")
    with pytest.raises(UsageError, match="there are prompt, first-token, last-token"):
        melt("--line", "D0=noon")
    assert "its times are as they were measured" in melt("--undo")


def test_a_line_is_named_with_or_without_its_moment() -> None:
    assert parse_line("D0") == Line("D0")
    assert parse_line("D0=prompt") == Line("D0", Moment.PROMPT)
    assert parse_line("D0=prompt").text == "D0=prompt"


def test_edges_of_a_run_that_follows_closely_are_not_left_over(tmp_path: Path) -> None:
    """Two more turns, half a second later, as a run of their own."""
    away_s = 7.2
    later = [_again(item, away_s) for item in session() if isinstance(item, RunEvent)]
    seconds = np.arange(22_000) / 1000
    logic = Logic("meter")
    words: Words = (busy(seconds) | busy(seconds - away_s)).astype(np.uint32)
    edges = list(logic.take(words, START + LATE_NS, START + LATE_NS + 21_999 * MILLISECOND))
    first = [item for item in session() if not isinstance(item, Samples)]
    opened = ChannelsOpened(t_ns=START, device="meter", channels=(POWER, *logic.channels))
    path = tmp_path / "a.melt"
    write(path, [*first, opened, *later, *edges], size=20)
    (found,) = alignment.of_file(path, line=D0)
    assert [run["edges"] for run in found["runs"]] == [4, 4]
    assert [run["confidence"] > 0.99 for run in found["runs"]] == [True, True]
    assert abs(found["offset_ms"] + 37) <= found["uncertainty_ms"] < 1


def _again(event: RunEvent, away_s: float) -> RunEvent:
    """The same of a second run."""
    moved = replace(event, t_ns=event.t_ns + round(away_s * SECOND), run="r2")
    if isinstance(moved, TurnEnded):
        return replace(moved, last_token_ns=at(TURNS[moved.turn - 1][2] + away_s))
    return moved
