"""The library's J/token: of the first run, of its ended turns, at the point that sees most of its device."""

from pathlib import Path

import pytest

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, RunSpec, Unit, reading
from melt_tui.events import SELF, DeviceUp, RunEnded, RunOutcome, RunStarted, SessionEnded, SessionStarted
from melt_tui.store import library
from melt_tui.store.info import RecordingInfo
from tests.rigs.written import write

S = 1_000_000_000


def told(device: str, name: str, point: str) -> Channel:
    return Channel(
        device=device, name=f"{name} {point}", quantity=Quantity.ENERGY_PER_TOKEN, unit=Unit.JOULES_PER_TOKEN,
        point=point, derived=True,
    )  # fmt: skip


def run(device: str, name: str, t0_s: int, t1_s: int) -> list[Item]:
    spec = RunSpec(run=name, device=device, runtime="x", model=None, workload=None)
    return [
        RunStarted(t_ns=t0_s * S, device=device, run=name, spec=spec),
        RunEnded(t_ns=t1_s * S, device=device, run=name, outcome=RunOutcome.DONE),
    ]


def recorded(path: Path, *items: Item) -> RecordingInfo:
    begin = SessionStarted(t_ns=0, device=SELF, wall_ns=5, name="s", version="1", host="h")
    up = [
        DeviceUp(t_ns=0, device=name, info=DeviceInfo(device=name, address="x", kind=DeviceKind.BOARD))
        for name in ("board", "other")
    ]
    write(path, [begin, *up, *items, SessionEnded(t_ns=300 * S, device=SELF, wall_ns=9)])
    return library.info(path)


def test_it_is_the_mean_of_the_first_runs_turns(tmp_path: Path) -> None:
    board, other = (
        told("board", "J/token decode", "board-input"),
        told("other", "J/token decode", "board-input"),
    )
    rail = told("board", "J/token decode", "rail:SOC")
    so_far, whole = told("board", "J/token", "board-input"), told("board", "J/token whole", "board-input")
    opened = ChannelsOpened(t_ns=0, device="board", channels=(rail, board, so_far, whole))
    started, ended = run("board", "r1", 10, 200)
    again = run("board", "r2", 250, 280)
    found = recorded(
        tmp_path / "a.melt",
        opened,
        ChannelsOpened(t_ns=0, device="other", channels=(other,)),
        started,
        reading(rail, 20 * S, 0.05),
        reading(so_far, 20 * S, 9.0),
        reading(board, 20 * S, 0.2),
        reading(other, 21 * S, 7.0),
        reading(board, 20 * S + S // 2, 0.5),
        reading(whole, 20 * S, 8.0),
        reading(board, 130 * S, 0.2),
        ended,
        again[0],
        reading(board, 260 * S, 3.0),
        again[1],
    )
    assert found.joules_per_token == pytest.approx(0.3)
    assert found.joules_point == "board-input"


def test_without_a_figure_there_is_none(tmp_path: Path) -> None:
    nothing = recorded(tmp_path / "a.melt", *run("board", "r1", 10, 20))
    assert (nothing.joules_per_token, nothing.joules_point) == (None, "")
    assert recorded(tmp_path / "b.melt").joules_per_token is None
