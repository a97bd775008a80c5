"""A lab: a phone on a real adb server and a board behind a real sshd, each with a real engine, for a whole session.

Needs what ``adb_phone`` and ``ssh_board`` need.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from melt_tui.timeline import DeviceState
from melt_tui.workbench import Bench, Place, SessionSetup
from tests.rigs import adb_phone
from tests.rigs.llama_runs import TINY
from tests.rigs.phones import phone as profiles
from tests.rigs.phones.pixel import pixel
from tests.rigs.programs import install_real_server
from tests.rigs.ssh_board import SshBoard

PATIENCE_S = 60.0
PHONE_ENGINE = "data/local/tmp/melt/runtimes/llama.cpp"
BOARD_ENGINE = ".local/share/melt/runtimes/llama.cpp"
MODEL = str(TINY)


@dataclass
class Lab:
    """What stands on the bench."""

    server: adb_phone.Server
    phone: adb_phone.Phone
    board: SshBoard
    profile: profiles.Phone

    @property
    def adb(self) -> str:
        """The phone's address."""
        return f"adb:{self.phone.serial}?server={self.server.host}:{self.server.port}"

    def setup(self, folder: Path) -> SessionSetup:
        """A session on both, called phone and board."""
        return SessionSetup(
            places=(Place(address=self.adb, name="phone"), Place(address=self.board.address, name="board")),
            folder=folder / "recordings",
            cache=folder / "models",
            downloads=folder / "downloads",
            known_hosts=folder / "known_hosts",
            config=folder / "config.toml",
        )

    def assert_empty(self, limit_s: float = 30.0) -> None:
        """Nothing that we started lives on either."""
        assert self.phone.wait_until_gone(limit_s=limit_s) == []
        self.board.wait_until_empty(limit_s)


@contextmanager
def lab(folder: Path, *, engines: bool = True) -> Iterator[Lab]:
    """Set up, with ``engines`` in place."""
    with ExitStack() as stack:
        server = stack.enter_context(adb_phone.adb_server())
        profile = pixel(folder / "profile").plant_profile()
        phone = stack.enter_context(adb_phone.phone(server, profile.root))
        profile.lock(phone.root)
        board = stack.enter_context(SshBoard(folder / "board"))
        if engines:
            install_real_server(phone.root / PHONE_ENGINE)
            install_real_server(board.home / BOARD_ENGINE)
        yield Lab(server, phone, board, profile)


def until(true: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    """Wait until that holds; fails when it does not in time."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def state_of(bench: Bench, name: str) -> DeviceState | None:
    """Of a device as the screen shows it now; None where there is no such device."""
    device = bench.timeline.view(bench.now()).devices.get(name)
    return device.state if device else None


def up(bench: Bench, *names: str) -> bool:
    """Whether all of these can be used."""
    return all(state_of(bench, name) is DeviceState.UP for name in names)
