from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured, LogLine
from drivers.model import Channel, DType, Quantity, Unit, block, reading
from melt_tui.analysis.session import summarise
from melt_tui.analysis.tables import events_table, samples_table
from melt_tui.errors import BadImport
from melt_tui.events import Wired
from melt_tui.importing import own
from melt_tui.store.recording import Recording
from tests.rigs.sessions import (
    CPU,
    LAG,
    OWN_RSS,
    POWER,
    RSS,
    START,
    TEMPERATURE,
    at,
    opening,
    run,
    slow,
    turn,
)
from tests.rigs.sessions import (
    closing as ending,
)
from tests.rigs.written import write

RAIL = Channel(
    device="=desk",
    name='+rail,"5V"',
    quantity=Quantity.VOLTAGE,
    unit=Unit.VOLT,
    dtype=DType.F32,
    own_clock=True,
)


def session() -> list[Item]:
    return [
        *opening(),
        ChannelsOpened(t_ns=at(0), device="=desk", channels=(RAIL,)),
        ClockMeasured(t_ns=at(1), device="=desk", offset_ns=-7, uncertainty_ns=1, origin="round trip"),
        reading(RAIL, at(2), 5.1),
        Wired(t_ns=at(0), device="meter", feeds="desk", point="board-input"),
        LogLine(t_ns=at(1), device="desk", source="log", text='-1, "quoted"\nline'),
        block(POWER, at(0), at(59.9), [5000 + 7 * i for i in range(600)]),
        *slow(TEMPERATURE, [(2.0, 55.5), (20.0, 83.25)]),
        *slow(CPU, [(1.0, 1.5)]),
        *slow(OWN_RSS, [(1.0, 50_000_000)]),
        *slow(LAG, [(1.0, 0.01)]),
        *run(
            [
                *slow(RSS, [(3.0, 1 << 60)]),
                *turn(1, 10, [10.5, 11, 11.5], decode_s=1.0),
                *turn(2, 20, [20.5, 21.5], before=3, decode_s=0.5),
            ],
            1,
            50,
        ),
        *ending(60),
    ]


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path, dict[str, Any]]:
    """Samples, events, and the summary of what they were exported from."""
    write(tmp_path / "a.melt", session())
    paths = tmp_path / "samples.csv", tmp_path / "events.csv"
    with closing(Recording(tmp_path / "a.melt")) as recording:
        for path, table in zip(paths, (samples_table, events_table), strict=True):
            with path.open("w", encoding="utf-8", newline="") as out:
                table(recording, out)
        return *paths, asdict(summarise(recording))


def summary(path: Path) -> dict[str, Any]:
    with closing(Recording(path)) as recording:
        return asdict(summarise(recording))


def test_back_from_the_tables_with_the_same_figures(
    tables: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    samples, events, before = tables
    assert before["runs"][0]["energy"], "there is an energy to be the same"
    after = summary(own.write(tmp_path / "b.melt", samples, events))
    (imported,) = after.pop("imported")
    assert before.pop("imported") == ()
    assert after == before
    assert imported["origin"] == "tables that melt exported"
    assert [one["file"] for one in imported["sources"]] == ["samples.csv", "events.csv"]
    assert [len(one["sha256"]) for one in imported["sources"]] == [64, 64]


def test_exact_values_and_names_come_back(tables: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    own.write(tmp_path / "b.melt", *tables[:2])
    with closing(Recording(tmp_path / "b.melt")) as recording:
        (rss,) = recording.samples(("desk", "rss"), 0, START * 2)
        assert (rss.last_code, rss.t0_ns) == (1 << 60, at(3))
        (rail,) = recording.samples(RAIL.key, 0, START * 2)
        assert rail.last_code == pytest.approx(5.1)
        assert rail.t0_ns == at(2) - 7
        assert recording.clock.moves(RAIL.key) is False, "corrected already"
        lines = recording.events(*recording.span(), kinds=(LogLine,))
        assert [line.text for line in lines if isinstance(line, LogLine)] == ['-1, "quoted"\nline']


def test_what_is_damaged_is_counted(tables: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    samples, events, _ = tables
    text = samples.read_text("utf-8")
    samples.write_text(
        text[: text.rindex("\n")] + "\nnonsense\n1.0,desk,rss,B,none\n5.000000000,desk,rss,B\x00,1", "utf-8"
    )
    told = summary(own.write(tmp_path / "b.melt", samples, events))
    assert "2 rows of samples could not be read" in told["imported"][0]["notes"]


@pytest.mark.parametrize(
    ("which", "content", "said"),
    [
        (0, "", "does not begin with t_s,device,channel"),
        (0, "t_s,device,kind,detail\n", "does not begin with t_s,device,channel"),
        (1, "t_s,device,kind,detail\n", "lacks the start of its session"),
        (1, "t_s,device,kind,detail\n0.000000000,melt,SessionStarted,{\n", "lacks the start of its session"),
        (0, f"t_s,device{'x' * 17_000_000}", "a line of more than 16 MB"),
    ],
    ids=["empty", "other head", "no events", "cut event", "endless line"],
)
def test_one_sentence_and_nothing_left(
    tables: tuple[Path, Path, dict[str, Any]], tmp_path: Path, which: int, content: str, said: str
) -> None:
    (tables[0], tables[1])[which].write_text(content, "utf-8")
    with pytest.raises(BadImport, match=said):
        own.write(tmp_path / "b.melt", *tables[:2])
    assert [path.name for path in tmp_path.iterdir() if "b.melt" in path.name] == []


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadImport, match="there is no file"):
        own.write(tmp_path / "b.melt", tmp_path / "no.csv", tmp_path / "none.csv")
