"""A board that lets in who knows its password: a real sshd, asked, answered, and never told twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.errors import NeedsPassword
from melt_tui.timeline import DeviceState
from melt_tui.workbench import PasswordWanted, Place, RunRequest, SessionSetup, Workbench
from tests.rigs.lab import PATIENCE_S, state_of, until, up
from tests.rigs.ssh_board import PASSWORD, SshBoard


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("ssh") / "board") as running:
        running.authorized_keys.write_text("")
        yield running


@pytest.fixture
def setup(board: SshBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionSetup:
    if not board.confined:
        pytest.skip("this system does not let the board have a password")
    monkeypatch.setenv("HOME", str(board.person.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return SessionSetup(
        places=(Place(address=board.address, name="a"), Place(address=board.address, name="b")),
        folder=tmp_path / "recordings",
        known_hosts=tmp_path / "known_hosts",
    )


def test_it_is_asked_for_once_for_all_that_wait_and_not_after_a_loss(
    setup: SessionSetup, board: SshBoard
) -> None:
    account = f"{board.user}@[{board.host}]:{board.port}"
    with Workbench(setup) as bench:
        until(lambda: bench.passwords_wanted() and len(bench.passwords_wanted()[0].devices) == 2)
        assert bench.passwords_wanted() == (PasswordWanted(account=account, devices=("a", "b")),)
        with pytest.raises(NeedsPassword):
            bench.start_when_up(RunRequest(devices=("a",))).result(PATIENCE_S)
        bench.give_password(account, "not it").result(PATIENCE_S)
        until(lambda: bench.passwords_wanted() and len(bench.passwords_wanted()[0].devices) == 2)
        assert bench.passwords_wanted()[0].tries == 1
        view = bench.timeline.view(bench.now())
        assert "does not accept the password" in view.devices["a"].reason
        waiting = bench.start_when_up(RunRequest(devices=("a",), runtime="none"), asked=True)
        bench.give_password(account, PASSWORD).result(PATIENCE_S)
        until(lambda: up(bench, "a", "b"))
        with pytest.raises(Exception, match="does not offer the runtime none"):
            waiting.result(PATIENCE_S)
        assert bench.passwords_wanted() == ()
        board.drop()
        until(lambda: state_of(bench, "a") is DeviceState.LOST)
        until(lambda: up(bench, "a", "b"))
        path = bench.status.path
    assert path is not None
    for file in path.parent.iterdir():
        assert PASSWORD.encode() not in file.read_bytes()


def test_another_session_asks_again(setup: SessionSetup) -> None:
    with Workbench(replace(setup, places=setup.places[:1])) as bench:
        until(lambda: len(bench.passwords_wanted()) == 1)
        wanted = bench.passwords_wanted()[0]
        assert (wanted.tries, wanted.asked) == (0, True)
        for _ in range(3):
            bench.give_password(wanted.account, "no").result(PATIENCE_S)
            until(bench.passwords_wanted)
        assert not bench.passwords_wanted()[0].asked
