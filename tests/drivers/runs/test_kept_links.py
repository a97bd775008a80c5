"""Kept runs over the real adb server and a real sshd, their cables pulled and plugged."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.clock import SECOND, SystemClock, pause
from drivers.errors import LinkLost
from drivers.events import ChannelsOpened, ClockMeasured, ProcessStarted, TurnEnd, TurnEnded, TurnStarted
from drivers.links import sshconnection
from drivers.links.ssh import SshShell
from drivers.links.sshconnection import SshConnection
from drivers.links.sshroute import SshSettings
from drivers.model import OnLinkLoss, Prompt, RunSpec, Samples
from drivers.runs.kept import TICK_NS
from drivers.runs.places import PHONE_HOME
from drivers.runtimes.llama_bench.driver import LlamaBench
from drivers.runtimes.llama_cli.driver import LlamaCli
from drivers.ticks import ticks
from tests.rigs.adb_phone import Phone, Server, adb_server, phone
from tests.rigs.adb_shells import bring_back, shell_of
from tests.rigs.llama_runs import gone, run_spec, workload
from tests.rigs.phones.phone import DUMPSYS, Thermal
from tests.rigs.programs import install
from tests.rigs.runs import Run, follow, stopping
from tests.rigs.ssh_board import SshBoard

CLOCK = SystemClock()
LATE_NS = SECOND // 2
"""How late a process of a busy computer may come to its tick."""
SLACK_NS = SECOND // 20
AWAY = "the link was away"
ENGINE = "data/local/tmp/melt/runtimes/llama.cpp"
ZONE, POLICY, BATTERY = (
    "sys/class/thermal/thermal_zone3",
    "sys/devices/system/cpu/cpufreq/policy4",
    "sys/class/power_supply/battery",
)
FILES = {
    f"{ZONE}/type": "cpu-0-0", f"{ZONE}/temp": "45000",
    f"{POLICY}/related_cpus": "0 1", f"{POLICY}/scaling_cur_freq": "2400000", f"{POLICY}/scaling_max_freq": "2800000",
    f"{BATTERY}/type": "Battery", f"{BATTERY}/status": "Discharging", f"{BATTERY}/capacity": "57",
    f"{BATTERY}/voltage_now": "3912000", f"{BATTERY}/current_now": "-812000", f"{BATTERY}/temp": "314",
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with adb_server() as server:
        yield server


@pytest.fixture
def pixel(server: Server) -> Iterator[Phone]:
    with phone(server) as pixel:
        for name, text in FILES.items():
            write(pixel, name, text)
        write(pixel, "system/rig/dumpsys/thermalservice", Thermal([(38.5, 3, "skin", 0)], status=1).text())
        write(pixel, "system/bin/dumpsys", DUMPSYS)
        (pixel.root / "system/bin/dumpsys").chmod(0o755)
        yield pixel


def write(pixel: Phone, name: str, text: str) -> None:
    path = pixel.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def bench(folder: Path, home: str, repeat: int, lease_s: float = 60.0) -> RunSpec:
    install(folder, "llama_bench.py", "llama-bench", "diary")
    work = workload(conversations=((Prompt(tokens=(1,)),),), max_tokens=25, repeat=repeat)
    return run_spec(work, home=home, on_link_loss=OnLinkLoss.KEEP, lease_s=lease_s)


def dropping(pixel: Phone) -> Callable[[object], object]:
    return lambda item: pixel.cue("drop") if isinstance(item, TurnEnded) and item.turn == 3 else None


def check(whole: Run, diary: Path, repeat: int) -> None:
    """Every row once, in order, at the time at which it was written."""
    turns = whole.of(TurnEnded)
    assert [turn.turn for turn in whole.of(TurnStarted)] == [turn.turn for turn in turns]
    assert [turn.turn for turn in turns] == [*range(1, repeat + 1)]
    assert all(earlier.t_ns <= later.t_ns for earlier, later in pairwise(turns))
    assert sum(AWAY in turn.detail for turn in turns) > 5
    uncertain_ns = max(measured.uncertainty_ns for measured in whole.of(ClockMeasured))
    assert uncertain_ns < SECOND // 10
    written = [int(line) for line in diary.read_text().split()][1:]
    for turn, written_ns in zip(turns, written, strict=True):
        assert -SLACK_NS - uncertain_ns <= turn.t_ns - written_ns <= TICK_NS + LATE_NS + uncertain_ns
    counts = [count for name in ("token_arrivals", "kept token_arrivals") for _, count in whole.samples(name)]
    assert sorted(counts) == [25 * turn for turn in range(1, repeat + 1)]


async def test_a_night_of_a_phone_whose_cable_is_out(server: Server, pixel: Phone) -> None:
    spec, runtime = bench(pixel.root / ENGINE, PHONE_HOME, 70), LlamaBench()
    lost = await follow(runtime, spec, shell_of(server, pixel), dropping(pixel))
    assert isinstance(lost.error, LinkLost)
    assert runtime.holding
    cut_ns = CLOCK.now()
    await pause(CLOCK, 1.3)
    hot_ns = CLOCK.now()
    write(pixel, f"{ZONE}/temp", "61000")
    await pause(CLOCK, 1.7)
    back_ns = CLOCK.now()
    await bring_back(server, pixel)
    again = await follow(runtime, spec, shell_of(server, pixel))
    assert again.error is None
    whole = Run([*lost.items, *again.items])
    check(whole, pixel.root / PHONE_HOME[1:] / "models" / "diary", 70)
    after = again.of(ClockMeasured)[0]
    assert abs(after.offset_ns - (CLOCK.now() - CLOCK.wall())) <= after.uncertainty_ns + SLACK_NS
    kept = {block.channel: block for block in again.of(Samples) if block.channel.startswith("kept ")}
    for name, value in (
        ("kept frequency policy4", 2.4e9), ("kept cap policy4", 2.8e9), ("kept battery level", 57),
        ("kept battery voltage", 3.912), ("kept battery current", 0.812), ("kept battery temperature", 31.4),
    ):  # fmt: skip
        assert kept[name].last_code == pytest.approx(value), name
    assert kept["kept rss"].last_code > 1_000_000
    opened = {channel.name for event in again.of(ChannelsOpened) for channel in event.channels}
    assert {"kept sensor skin", "kept thermal status"} <= opened, "asked every 10 s"
    for name in ("kept cpu", "kept use policy4", "kept process_cpu"):
        assert 0 <= kept[name].last_code <= 100, name
    zone = kept["kept cpu-0-0"]
    read = [(zone.time_at(at) + after.offset_ns, value_at(zone, at)) for at in range(zone.n)]
    assert 2 <= len(read) <= 6
    assert {value for _, value in read} == {45.0, 61.0}
    for t_ns, value in read:
        assert cut_ns - 2 * SECOND <= t_ns <= back_ns + 2 * SECOND
        assert value == (61.0 if t_ns > hot_ns else 45.0) or abs(t_ns - hot_ns) < SLACK_NS
    assert await asyncio.to_thread(pixel.wait_until_gone) == []
    assert not list((pixel.root / PHONE_HOME[1:]).glob("llama-bench-*"))


def value_at(block: Samples, at: int) -> float:
    return float(memoryview(block.codes).cast("d")[at])


async def test_a_phone_that_does_not_come_back_is_left_alone(server: Server, pixel: Phone) -> None:
    spec, runtime = bench(pixel.root / ENGINE, PHONE_HOME, 5000, lease_s=1.0), LlamaBench()
    lost = await follow(runtime, spec, shell_of(server, pixel), dropping(pixel))
    assert isinstance(lost.error, LinkLost)
    assert pixel.processes("llama_bench.py")
    assert await asyncio.to_thread(pixel.wait_until_gone) == []


async def test_turns_of_a_phone_stopped_after_it_came_back(server: Server, pixel: Phone) -> None:
    install(pixel.root / ENGINE, "llama_cli.py", "llama-completion")
    work = workload(conversations=((Prompt("a"), Prompt("b")),), max_tokens=8, repeat=400, chat=False)
    spec, runtime = run_spec(work, home=PHONE_HOME, on_link_loss=OnLinkLoss.KEEP), LlamaCli()
    lost = await follow(runtime, spec, shell_of(server, pixel), dropping(pixel))
    await pause(CLOCK, 1.0)
    await bring_back(server, pixel)
    again = await follow(runtime, spec, shell_of(server, pixel), stopping(runtime, TurnEnded))
    assert again.error is None
    turns = [turn.turn for turn in (*lost.of(TurnEnded), *again.of(TurnEnded))]
    assert turns == [*range(1, len(turns) + 1)]
    assert len(turns) > 5
    assert again.of(TurnEnded)[-1].end in {TurnEnd.STOPPED, TurnEnd.LIMIT}
    assert await asyncio.to_thread(pixel.wait_until_gone) == []


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshBoard]:
    with SshBoard(tmp_path / "board") as board:
        monkeypatch.setenv("HOME", str(board.person.home))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        monkeypatch.setattr(sshconnection, "KEEPALIVE_S", 0.4)
        yield board
        board.wait_until_empty()


async def test_a_board_whose_cable_is_pulled_and_plugged(board: SshBoard, tmp_path: Path) -> None:
    home = board.home / ".local/share/melt"
    spec, runtime = bench(home / "runtimes/llama.cpp", "~/.local/share/melt", 90), LlamaBench()
    settings = SshSettings(tmp_path / "known_hosts", connect_s=5.0)
    with board.cable() as cable:
        board.person.trust(board.known_host, board.known_host.replace(str(board.port), str(cable.port)))
        address = board.address.replace(str(board.port), str(cable.port))

        async def follow_over(on_item: Callable[[object], object] = lambda _: None) -> Run:
            async with SshConnection.open(address, settings, CLOCK, heartbeat_s=0.3) as connection:
                return await follow(runtime, spec, SshShell(address, settings, CLOCK, connection), on_item)

        lost = await follow_over(
            lambda item: cable.pull() if isinstance(item, TurnEnded) and item.turn == 3 else None
        )
        assert isinstance(lost.error, LinkLost)
        assert runtime.holding
        await until_sessions_are_gone(board)
        cable.plug()
        again = await follow_over()
    assert again.error is None
    whole = Run([*lost.items, *again.items])
    check(whole, home / "models" / "diary", 90)
    up_ns = uptime_ns()
    after = again.of(ClockMeasured)[0]
    assert abs(after.offset_ns - (CLOCK.now() - up_ns)) <= after.uncertainty_ns + SLACK_NS
    kept = {block.channel: block for block in again.of(Samples) if block.channel.startswith("kept ")}
    assert kept["kept rss"].last_code > 1_000_000
    assert kept["kept memory_available"].last_code > 1_000_000
    for name in ("kept cpu", "kept process_cpu"):
        assert 0 <= kept[name].last_code <= 100, name
    await gone(whole.one(ProcessStarted).pid)
    assert not list((board.home / ".cache/melt").iterdir())


async def test_a_board_that_is_given_up_while_a_run_is_taken_up(board: SshBoard, tmp_path: Path) -> None:
    """Whoever follows the board closes the connection under the run: a loss as any other, after which it is taken up."""
    home = board.home / ".local/share/melt"
    spec, runtime = bench(home / "runtimes/llama.cpp", "~/.local/share/melt", 40), LlamaBench()
    settings = SshSettings(tmp_path / "known_hosts", connect_s=5.0)

    def following(
        connection: SshConnection, on_item: Callable[[object], object] = lambda _: None
    ) -> Awaitable[Run]:
        return follow(runtime, spec, SshShell(board.address, settings, CLOCK, connection), on_item)

    async with SshConnection.open(board.address, settings, CLOCK) as connection:
        lost = await following(connection, lambda item: board.drop() if isinstance(item, TurnEnded) else None)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(SshConnection.open(board.address, settings, CLOCK))
        await pause(CLOCK, 0.2)
        board.stall()
        taking_up = asyncio.ensure_future(following(connection))
        await pause(CLOCK, 0.1)
        await stack.aclose()
        board.resume()
    lost_again = await taking_up
    assert [type(run.error) for run in (lost, lost_again)] == [LinkLost, LinkLost]
    assert runtime.holding
    async with SshConnection.open(board.address, settings, CLOCK) as connection:
        again = await following(connection)
    assert again.error is None
    assert [turn.turn for turn in (*lost.of(TurnEnded), *again.of(TurnEnded))] == [*range(1, 41)]


def uptime_ns() -> int:
    return round(float(Path("/proc/uptime").read_text().split()[0]) * SECOND)


async def until_sessions_are_gone(board: SshBoard) -> None:
    async for _ in ticks(CLOCK, SECOND // 20):
        if not await asyncio.to_thread(board.sessions):
            return
