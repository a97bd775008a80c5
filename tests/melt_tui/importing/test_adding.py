"""A meter's capture that somebody brings into a session, in the formats of several programs, at a time that nobody tells."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.base import Item
from melt_tui.analysis import editing
from melt_tui.analysis.session import Summary, summarise
from melt_tui.errors import BadImport, UsageError
from melt_tui.importing.adding import Capture, add
from melt_tui.importing.capture import channels_of, shape_of
from melt_tui.store import library
from melt_tui.store.recording import Recording
from tests.rigs.sessions import WALL, opening, run, turn
from tests.rigs.sessions import closing as ending
from tests.rigs.written import write

BEGAN_S = 3.25
"""When the capture began, in seconds of the session."""
SENT_S = (10.0, 14.5, 20.0, 23.0, 31.5, 36.0)
BUSY_W, IDLE_W = 6.0, 1.5
HZ = 200


def busy(at_s: float) -> bool:
    return any(sent <= at_s < sent + 1.5 for sent in SENT_S)


def session() -> list[Item]:
    turns = [
        item
        for number, sent in enumerate(SENT_S)
        for item in turn(
            number + 1, sent, [sent + 0.5, sent + 1, sent + 1.5], before=3 * number, decode_s=1.0
        )
    ]
    return [*opening(), *run(turns, 1, 50), *ending(60)]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    write(tmp_path / "a.melt", session())
    return tmp_path / "a.melt"


def rows(told: Callable[[float, float], str], head: str, began_s: float = 0.0) -> str:
    body = []
    for i in range(50 * HZ):
        t_s = i / HZ
        body.append(told(began_s + t_s, BUSY_W if busy(BEGAN_S + t_s) else IDLE_W))
    return f"{head}\n" + "\n".join(body) + "\n"


JOULESCOPE = rows(lambda t, w: f"{t:.6f},{w / 5:.6f},5.0", "#time,current,voltage")
OTII = rows(
    lambda t, w: f"{t:.4f};{w / 5:.4f};5.0", "Relative time (s);Main current - Arc (A);Main voltage - Arc (V)"
)
POWERTOOL = rows(
    lambda t, w: f"{t:.4f},{w / 5 * 1000:.4f},9999,{w * 1000:.3f},5.0",
    "Time (s),Main Avg Current (mA),Main Max Current (mA),Main Avg Power (mW),Main Avg Voltage (V)",
)
MONSOON = rows(lambda t, w: f"{t:.4f},{w / 5 * 1000:.4f},5.0,", "0.0,300.0,5.0,").split("\n", 1)[1]
CURRENT = rows(lambda t, w: f"{t * 1000:.1f}\t{w / 4 * 1e6:.1f}", "time (ms)\tcurrent (uA)")


def summary(path: Path) -> Summary:
    with closing(Recording(path)) as recording:
        return summarise(recording)


HOW = Capture(path=Path(), point="board-input")


def bring(recorded: Path, text: str, how: Capture = HOW) -> Path:
    capture = recorded.with_name("capture.csv")
    capture.write_text(text, "utf-8")
    return add(recorded, replace(how, path=capture), lambda _: recorded.with_name("b.melt")).path


@pytest.mark.parametrize(
    ("text", "meter", "volts"),
    [
        (JOULESCOPE, "joulescope", None),
        (OTII, "otii", None),
        (POWERTOOL, "powertool", None),
        (MONSOON, "monsoon", None),
        (CURRENT, "meter-2", 4.0),
    ],
    ids=["joulescope", "otii", "powertool", "monsoon", "current alone"],
)
def test_placed_by_the_power_edge(recorded: Path, text: str, meter: str, volts: float | None) -> None:
    before = recorded.read_bytes()
    after = summary(bring(recorded, text, replace(HOW, volts=volts)))
    assert recorded.read_bytes() == before, "the session itself stays"
    (told,) = after.runs
    joules = [e.gross_j for e in told.energy if e.scope == "turn" and e.source == f"{meter} power"]
    assert joules == pytest.approx([BUSY_W * 1.5] * len(SENT_S), rel=0.01)
    assert {e.point for e in told.energy} == {"board-input"}
    (imported,) = after.imported
    assert imported.sources[0].file == "capture.csv"
    assert imported.notes[0].startswith("placed by power edge, ±")
    (before_run,) = summary(recorded).runs
    assert told.turns == before_run.turns
    device = next(device for device in after.devices if device.device == meter)
    assert (device.feeds, device.address) == ("desk", "imported:capture.csv")


def test_a_wall_clock_that_is_off_is_corrected(recorded: Path) -> None:
    text = rows(lambda t, w: f"{t:.6f},{w}", "timestamp (s),power (W)", began_s=WALL / 1e9 + BEGAN_S + 0.8)
    (told,) = summary(bring(recorded, text)).runs
    joules = [e.gross_j for e in told.energy if e.scope == "turn"]
    assert joules == pytest.approx([BUSY_W * 1.5] * len(SENT_S), rel=0.01)


def test_the_time_may_be_said(recorded: Path) -> None:
    flat = "time (s),power (W)\n" + "".join(f"{i / 100},2.0\n" for i in range(4000))
    with pytest.raises(BadImport, match="cannot be placed by its power"):
        bring(recorded, flat)
    assert not recorded.with_name("b.melt").exists()
    after = summary(bring(recorded, flat, replace(HOW, starts_s=5.0)))
    assert after.imported[0].notes[0].startswith("placed by hand, ±")
    (told,) = after.runs
    assert [e.gross_j for e in told.energy if e.scope == "turn"][:2] == pytest.approx([3.0, 3.0], rel=1e-3)


@pytest.mark.parametrize("starts_s", [500_000.0, -500_000.0])
def test_a_capture_of_another_time_is_refused(recorded: Path, starts_s: float) -> None:
    with pytest.raises(
        BadImport, match=f"lies outside the session, which lasted .* at {starts_s:.0f} s of it"
    ):
        bring(recorded, JOULESCOPE, replace(HOW, starts_s=starts_s))
    assert not recorded.with_name("b.melt").exists()


def test_a_stated_voltage_can_be_corrected(recorded: Path) -> None:
    path = bring(recorded, CURRENT, replace(HOW, volts=2.0))
    editing.set_voltage(path, "meter-2", 4.0, reason="half of it was typed")
    editing.exclude(path, 2, reason="a call")
    (told,) = summary(path).runs
    joules = [e.gross_j for e in told.energy if e.scope == "turn" and e.source == "meter-2 power"]
    assert joules == pytest.approx([BUSY_W * 1.5] * len(SENT_S), rel=0.01)
    assert told.counted_turns == len(SENT_S) - 1


def test_what_people_said_goes_with_it(recorded: Path) -> None:
    library.set_tags(recorded, ["cold"])
    editing.exclude(recorded, 1, reason="warm-up")
    path = bring(recorded, JOULESCOPE)
    assert library.info(path).tags == ("cold",)
    assert summary(path).runs[0].turns[0].excluded == "warm-up"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("hello\nworld\n", "no capture that is known"),
        ("time (s),current (A)\n", "holds no row of numbers"),
        ("time (s),current\n0,1\n1,1\n", "no capture that is known"),
        (CURRENT, "a current without a voltage: state the voltage"),
        ("time (s),voltage (V)\n0,1\n1,1\n", "no current and no power"),
        ("\ufeff".encode("utf-16").decode("latin-1") * 3, "no capture that is known"),
    ],
)
def test_one_sentence_for_a_bad_capture(recorded: Path, text: str, said: str) -> None:
    with pytest.raises(BadImport, match=said):
        bring(recorded, text)
    assert not recorded.with_name("b.melt").exists()


def test_what_must_be_said(recorded: Path) -> None:
    with pytest.raises(UsageError, match="where the meter measured: add --point"):
        bring(recorded, JOULESCOPE, replace(HOW, point=""))
    with pytest.raises(UsageError, match="which device the meter fed: add --feeds: there is desk"):
        bring(recorded, JOULESCOPE, replace(HOW, feeds="phone"))
    with pytest.raises(UsageError, match="a device meter in the session already"):
        bring(recorded, JOULESCOPE, replace(HOW, meter="meter"))


def test_the_columns_of_an_export_with_extremes(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "Time (s),Main Max Current (mA),Main Avg Current (mA),Main Avg Voltage (V)\n0,9,1,4\n0.1,9,1,4\n0.2,9,1,4\n"
    )
    shape = shape_of(path)
    assert [(column.place, column.scale) for column in shape.columns] == [(2, 1e-3), (3, 1.0)]
    assert shape.rate_hz == pytest.approx(10)
    assert [channel.name for channel in channels_of(shape, "m", "usb-input", None)] == [
        "current",
        "voltage",
        "power",
    ]
