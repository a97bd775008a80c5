"""Kept runs over the real adb server and a real sshd: back after the lease, stopped while the cable is out."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SECOND, SystemClock
from drivers.events import LogLine, TurnEnd, TurnEnded
from drivers.links import sshconnection
from drivers.links.base import ShellLink
from drivers.links.ssh import SshShell
from drivers.links.sshconnection import SshConnection
from drivers.links.sshroute import SshSettings
from drivers.model import OnLinkLoss, Prompt, RunSpec
from drivers.runs.places import PHONE_HOME
from drivers.runtimes.llama_bench.driver import LlamaBench
from drivers.ticks import ticks
from melt_tui.events import RunEnded, RunOutcome
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from tests.rigs.adb_phone import adb_server, phone
from tests.rigs.adb_shells import bring_back, shell_of
from tests.rigs.llama_runs import run_spec, workload
from tests.rigs.programs import install
from tests.rigs.session_parts import Collected, ScriptedDevice
from tests.rigs.ssh_board import SshBoard

CLOCK = SystemClock()
ENGINE = "data/local/tmp/melt/runtimes/llama.cpp"
LIMIT_S = 60


class Kept:
    """A run that goes on, and what it told."""

    def __init__(self, folder: Path, home: str, lease_s: float) -> None:
        install(folder, "llama_bench.py", "llama-bench", "diary")
        work = workload(conversations=((Prompt(tokens=(1,)),),), max_tokens=25, repeat=5000)
        self.spec: RunSpec = run_spec(work, home=home, on_link_loss=OnLinkLoss.KEEP, lease_s=lease_s)
        self.told = Collected()
        self.shell: ShellLink | None = None
        """Of its device; None while that is away."""

    def start(self, shell: ShellLink) -> tuple[RunSource, "asyncio.Task[None]"]:
        run = RunSource(self.spec, LlamaBench(), ScriptedDevice(), shell, CLOCK, reach=lambda: self.shell)
        return run, asyncio.ensure_future(run.run(Bus((self.told,))))

    def turns(self) -> list[TurnEnded]:
        return self.told.of(TurnEnded)

    def end(self) -> tuple[RunOutcome, str]:
        (ended,) = self.told.of(RunEnded)
        return ended.outcome, ended.reason


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        async for _ in ticks(CLOCK, SECOND // 50):
            if true():
                return


def said(kept: Kept, text: str) -> bool:
    return any(text in line.text for line in kept.told.of(LogLine))


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshBoard]:
    with SshBoard(tmp_path / "board") as board:
        monkeypatch.setenv("HOME", str(board.person.home))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        monkeypatch.setattr(sshconnection, "KEEPALIVE_S", 0.4)
        yield board
        board.wait_until_empty()


async def test_a_phone_that_is_back_after_its_lease_gives_what_it_kept() -> None:
    with adb_server() as server, phone(server) as pixel:
        kept = Kept(pixel.root / ENGINE, PHONE_HOME, 1.0)
        run, task = kept.start(shell_of(server, pixel))
        await until(lambda: len(kept.turns()) > 2)
        pixel.cue("drop")
        assert await asyncio.to_thread(pixel.wait_until_gone) == [], "its lease ran out"
        before = len(kept.turns())
        await until(lambda: said(kept, "the lease of 1 s has run out"))
        assert run.ended is None
        await bring_back(server, pixel)
        kept.shell = shell_of(server, pixel)
        async with asyncio.timeout(LIMIT_S):
            await task
        assert kept.end() == (
            RunOutcome.FAILED,
            "the lease of 1 s ran out while the link was away; what the device kept was merged",
        )
        turns = kept.turns()
        assert [turn.turn for turn in turns] == [*range(1, len(turns) + 1)]
        assert sum(turn.end is TurnEnd.LIMIT for turn in turns[before:]) > 5
        assert not list((pixel.root / PHONE_HOME[1:]).glob("llama-bench-*"))


async def test_a_board_that_is_back_after_a_stop_is_ended_at_once(board: SshBoard, tmp_path: Path) -> None:
    home = board.home / ".local/share/melt"
    kept = Kept(home / "runtimes/llama.cpp", "~/.local/share/melt", 60.0)
    settings = SshSettings(tmp_path / "known_hosts", connect_s=5.0)
    with board.cable() as cable:
        board.person.trust(board.known_host, board.known_host.replace(str(board.port), str(cable.port)))
        address = board.address.replace(str(board.port), str(cable.port))
        async with SshConnection.open(address, settings, CLOCK, heartbeat_s=0.3) as connection:
            run, task = kept.start(SshShell(address, settings, CLOCK, connection))
            await until(lambda: len(kept.turns()) > 2)
            cable.pull()
            await until(lambda: said(kept, "it goes on there, for at most 60 s"))
        left = await run.stop()
        assert left.startswith(
            "bench is away: its engine is ended when it is back, and ends itself with its lease"
        )
        before = len(kept.turns())
        cable.plug()
        async with SshConnection.open(address, settings, CLOCK, heartbeat_s=0.3) as connection:
            kept.shell = SshShell(address, settings, CLOCK, connection)
            async with asyncio.timeout(LIMIT_S):
                await task
    assert (kept.end(), run.ended is None) == ((RunOutcome.STOPPED, ""), False)
    missed: list[Item] = [turn for turn in kept.turns()[before:] if turn.end is TurnEnd.LIMIT]
    assert missed
    assert not list((board.home / ".cache/melt").iterdir())
