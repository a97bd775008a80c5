"""Boards behind a real sshd."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.clock import SECOND, SystemClock
from drivers.devices.jetson.driver import JetsonDriver, over_ssh
from drivers.devices.jetson.overssh import SshDriver
from drivers.errors import AskUser, LinkLost, Refused
from drivers.links.sshroute import SshSettings
from tests.rigs.boards import lines, trees
from tests.rigs.boards.planting import Planted
from tests.rigs.boards.watching import Heard, listen
from tests.rigs.llama_runs import plant_leftover
from tests.rigs.ssh_board import SshBoard

CLOCK = SystemClock()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("jetson") / "board") as board:
        yield board


@pytest.fixture
def board(sshd: SshBoard, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshBoard]:
    """A board that knows us, and we know it. What a test leaves on it is its failure."""
    monkeypatch.setenv("HOME", str(sshd.person.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    yield sshd
    sshd.wait_until_empty(15.0)


@pytest.fixture
def planted(board: SshBoard, tmp_path: Path) -> Planted:
    return Planted(tmp_path, trees.AGX_ORIN, board.bin)


@asynccontextmanager
async def opened(board: SshBoard, planted: Planted, tmp_path: Path) -> AsyncIterator[Heard]:
    settings = SshSettings(tmp_path / "known_hosts", connect_s=10.0)
    driver = JetsonDriver(over_ssh(settings))
    async with driver.open(f"{board.address}?root={planted.root}", "orin", CLOCK) as device:
        yield Heard(device)


async def test_a_board_over_ssh(board: SshBoard, planted: Planted, tmp_path: Path) -> None:
    left = plant_leftover(board.home / ".cache/melt")
    async with opened(board, planted, tmp_path) as heard:
        assert not left.exists(), "nobody comes for it"
        await listen(
            heard, lambda heard: heard.has("board input", "GR3D", "cpu-thermal", "fan", "memory_available")
        )
        assert heard.device.info.address == board.address
        assert not [command for command in board.commands() if "tegrastats" in command or "-S -E" in command]
    assert heard.values["board input"][-1] == pytest.approx(trees.AGX_ORIN.input_w)
    assert heard.values["GR3D"][-1] == 12
    assert dict(heard.device.info.facts)["power mode"] == "MAXN (0)"
    measured = heard.clocks()[0]
    assert abs(measured.offset_ns) <= measured.uncertainty_ns < SECOND


async def test_nothing_is_left_when_the_connection_is_cut(
    board: SshBoard, planted: Planted, tmp_path: Path
) -> None:
    seen: list[str] = []

    def cut(heard: Heard) -> bool:
        if not seen and heard.has("board input", "GR3D"):
            seen.extend(board.commands())
            board.drop()
        return False

    with pytest.raises(LinkLost):
        async with opened(board, planted, tmp_path) as heard:
            await listen(heard, cut)
    assert any("tegrastats" in command for command in seen)
    await asyncio.to_thread(board.wait_until_empty, 15.0)


async def test_a_board_that_goes_silent_is_lost_and_no_sensor_is_blamed(
    board: SshBoard, planted: Planted, tmp_path: Path
) -> None:
    told: list[Heard] = []

    def stall(heard: Heard) -> bool:
        if not told and heard.has("board input", "GR3D"):
            board.stall()
            told.append(heard)
        return False

    try:
        with pytest.raises(LinkLost):
            async with opened(board, planted, tmp_path) as heard:
                await listen(heard, stall)
        assert told[0].absent() == {}
    finally:
        board.resume()
        board.drop()


async def test_a_board_that_was_updated_tells_lines_of_another_generation(
    board: SshBoard, planted: Planted, tmp_path: Path
) -> None:
    planted.say(lines.AGX_ORIN_JP5)

    def updated(heard: Heard) -> bool:
        if heard.values.get("GR3D2"):
            planted.say(lines.AGX_ORIN_JP6)
        return heard.values["GR3D"][-1:] == [12]

    async with opened(board, planted, tmp_path) as heard:
        await listen(heard, updated)
    assert heard.values["GR3D"][0] == 0
    assert heard.lost() == []


async def test_a_server_that_allows_one_session_only_says_so(
    board: SshBoard, planted: Planted, tmp_path: Path
) -> None:
    board.configure("MaxSessions 1")
    try:
        with pytest.raises((Refused, LinkLost)) as caught:
            async with opened(board, planted, tmp_path) as heard:
                await listen(heard, lambda heard: False)
    finally:
        board.configure()
    assert isinstance(caught.value, AskUser)
    assert "MaxSessions" in str(caught.value)


async def test_a_jetson_without_tegrastats_is_remarked_on_when_it_is_looked_at(
    board: SshBoard, planted: Planted, tmp_path: Path
) -> None:
    driver = SshDriver(tmp_path / "known_hosts")
    address = f"{board.address}?root={planted.root}"
    whole = await driver.look_at(address, CLOCK)
    (board.bin / "tegrastats").unlink()
    lacking = await driver.look_at(address, CLOCK)
    elsewhere = await driver.look_at(f"{board.address}?root={tmp_path / 'empty'}", CLOCK)
    assert (whole.ready, whole.reason, whole.next_step) == (True, "", "")
    assert lacking.ready
    assert "no tegrastats" in lacking.reason
    assert "apt install nvidia-l4t-tools" in lacking.next_step
    assert (elsewhere.ready, elsewhere.reason) == (True, "")
