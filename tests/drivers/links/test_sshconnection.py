"""Who is let in, by whom, and what is said when it fails: against a real sshd."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import (
    DriverError,
    Garbled,
    LinkError,
    LinkLost,
    LinkTimeout,
    NeedsPassword,
    NotSupported,
    Refused,
)
from drivers.links.hostkeys import HostKeyChanged, HostKeyUnknown, store_host_key
from drivers.links.sshconnection import SshConnection, host_key_of
from drivers.links.sshroute import SshSettings
from tests.rigs.listening import listening
from tests.rigs.programs import put
from tests.rigs.ssh_board import PASSPHRASE, PASSWORD, SshBoard, new_key

CLOCK = SystemClock()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("ssh") / "board") as board:
        yield board


@pytest.fixture
def board(running: SshBoard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SshBoard]:
    """A board that knows us, and we know it."""
    at_home(running, monkeypatch)
    running.person.trust(running.known_host)
    running.person.config.unlink(missing_ok=True)
    yield running
    running.wait_until_empty()


def at_home(board: SshBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(board.person.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> SshSettings:
    return SshSettings(tmp_path / "own" / "known_hosts", connect_s=5.0)


def account(board: SshBoard) -> str:
    return f"{board.user}@[{board.host}]:{board.port}"


async def hello(address: str, settings: SshSettings) -> str:
    async with (
        SshConnection.open(address, settings, CLOCK) as connection,
        connection.open_pipe("echo hello") as pipe,
    ):
        chunk = await pipe.read()
        return chunk[2].decode() if chunk else ""


async def failure(address: str, settings: SshSettings) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await hello(address, settings)
    return caught.value


@contextmanager
def other_keys(board: SshBoard, path: Path) -> Iterator[None]:
    """The person has this key alone."""
    own = [(file, file.read_bytes()) for file in (board.person.key, public_of(board.person.key))]
    try:
        path.rename(board.person.key)
        public_of(path).rename(public_of(board.person.key))
        yield
    finally:
        for file, content in own:
            file.write_bytes(content)


def public_of(key: Path) -> Path:
    return key.with_name(key.name + ".pub")


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


async def test_an_unknown_host_key_is_shown_and_stored_only_on_yes(
    board: SshBoard, settings: SshSettings
) -> None:
    board.person.trust()
    error = await failure(board.address, settings)
    assert isinstance(error, HostKeyUnknown)
    assert error.key.fingerprint == board.fingerprint
    assert error.key.host == f"[127.0.0.1]:{board.port}"
    assert board.fingerprint in str(error)
    assert await host_key_of(board.address, settings) == error.key
    assert not settings.known_hosts.exists()
    store_host_key(settings.known_hosts, error.key)
    assert settings.known_hosts.read_text() == board.known_host + "\n"
    assert settings.known_hosts.stat().st_mode & 0o777 == 0o600
    assert await hello(board.address, settings) == "hello\n"
    assert board.person.known_hosts.read_text() == ""


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
async def test_a_changed_host_key_is_refused_loudly_and_never_stored(
    settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with SshBoard(tmp_path / "board") as board:
        at_home(board, monkeypatch)
        before, known = board.fingerprint, board.known_host
        assert await hello(board.address, settings) == "hello\n"
        board.change_host_key(kind)
        error = await failure(board.address, settings)
        assert isinstance(error, HostKeyChanged)
        assert "HAS CHANGED" in str(error)
        assert before in str(error)
        assert board.fingerprint in str(error)
        assert f"ssh-keygen -R '[127.0.0.1]:{board.port}' -f '{board.person.known_hosts}'" in error.remedy
        assert "Accepted" not in board.log()
        assert board.person.known_hosts.read_text() == known + "\n"
        assert not settings.known_hosts.exists()


async def test_a_changed_key_is_found_in_our_own_file_too(board: SshBoard, settings: SshSettings) -> None:
    board.person.trust()
    known = await host_key_of(board.address, settings)
    other = new_key(settings.known_hosts.parent.parent / "other").with_suffix(".pub").read_text().split()
    settings.known_hosts.parent.mkdir()
    settings.known_hosts.write_text(f"{known.host} {other[0]} {other[1]}\n")
    error = await failure(board.address, settings)
    assert isinstance(error, HostKeyChanged)
    with pytest.raises(HostKeyChanged):
        store_host_key(settings.known_hosts, known)
    assert known.line not in settings.known_hosts.read_text()


async def test_a_revoked_host_key_is_refused(board: SshBoard, settings: SshSettings) -> None:
    board.person.trust(board.known_host, f"@revoked {board.known_host}")
    error = await failure(board.address, settings)
    assert isinstance(error, Refused)
    assert "revoked" in str(error)


async def test_a_host_that_an_authority_vouches_for_is_known(
    settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SshBoard(tmp_path / "board") as board:
        at_home(board, monkeypatch)
        authority = new_key(tmp_path / "authority")
        public = next(board.folder.glob("host_key_*.pub"))
        sign = ("ssh-keygen", "-q", "-s", authority, "-I", "board", "-h", "-n", "127.0.0.1", public)
        await asyncio.to_thread(run, *sign)
        board.configure(f"HostCertificate {public.with_suffix('')}-cert.pub")
        key = authority.with_suffix(".pub").read_text().strip()
        board.person.trust(f"@cert-authority [127.0.0.1]:{board.port} {key}")
        assert await hello(board.address, settings) == "hello\n"
        board.person.trust(board.known_host)
        assert await hello(board.address, settings) == "hello\n"


async def test_an_alias_of_the_configuration(board: SshBoard, settings: SshSettings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(board.person.key.read_bytes())
    elsewhere.chmod(0o600)
    with other_keys(board, new_key(tmp_path / "stranger")):
        board.person.config.write_text(
            f"Host orin\n HostName {board.host}\n Port {board.port}\n User {board.user}\n"
            f" IdentityFile {elsewhere}\n HostKeyAlias my-orin\n"
        )
        error = await failure("ssh://orin", settings)
        assert isinstance(error, HostKeyUnknown)
        assert error.key.host == "my-orin"
        store_host_key(settings.known_hosts, error.key)
        assert await hello("ssh://orin", settings) == "hello\n"


async def test_over_a_jump_host_whose_key_is_judged_as_well(
    board: SshBoard, settings: SshSettings, tmp_path: Path
) -> None:
    with SshBoard(tmp_path / "far") as far:
        far.authorized_keys.write_text(board.authorized_keys.read_text())
        board.person.config.write_text(f"Host *\n ProxyJump {board.user}@{board.host}:{board.port}\n")
        board.person.trust(far.known_host)
        error = await failure(far.address, settings)
        assert isinstance(error, HostKeyUnknown)
        assert error.key.host == f"[127.0.0.1]:{board.port}"
        board.person.trust(board.known_host)
        assert (await host_key_of(far.address, settings)).fingerprint == far.fingerprint
        board.person.trust(board.known_host, far.known_host)
        assert await hello(far.address, settings) == "hello\n"
        assert "127.0.0.1" in far.log()
        far.wait_until_empty()


async def test_the_password_is_not_for_jump_hosts(
    board: SshBoard, settings: SshSettings, tmp_path: Path
) -> None:
    right = SshSettings(settings.known_hosts, {"someone@[127.0.0.1]:1": PASSWORD})
    jump = f"{board.user}@{board.host}:{board.port}"
    board.person.config.write_text(f"Host far\n HostName 127.0.0.1\n ProxyJump {jump}\n")
    with other_keys(board, new_key(tmp_path / "stranger")):
        error = await failure("ssh://someone@far:1", right)
    assert isinstance(error, NeedsPassword)
    assert (error.account, error.wrong) == (account(board), False)
    assert str(error).startswith(f"{account(board)} does not accept any of our keys")


async def test_a_key_that_is_not_authorized(board: SshBoard, settings: SshSettings, tmp_path: Path) -> None:
    with other_keys(board, new_key(tmp_path / "stranger")):
        error = await failure(board.address, settings)
    assert isinstance(error, NeedsPassword)
    assert "does not accept any of our keys" in str(error)
    assert f"ssh-copy-id -p {board.port} {board.user}@127.0.0.1" in error.remedy
    assert (error.account, error.wrong) == (account(board), False)


async def test_a_board_without_passwords_asks_for_a_key(
    settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SshBoard(
        tmp_path / "board", "PasswordAuthentication no", "KbdInteractiveAuthentication no"
    ) as board:
        at_home(board, monkeypatch)
        with other_keys(board, new_key(tmp_path / "stranger")):
            error = await failure(board.address, settings)
    assert type(error) is Refused
    assert f"add your public key to ~{board.user}/.ssh/authorized_keys" in error.remedy


async def test_a_key_with_a_passphrase_needs_the_agent(
    board: SshBoard, settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = new_key(tmp_path / "locked", passphrase=PASSPHRASE)
    board_keys = board.authorized_keys.read_text()
    board.authorized_keys.write_text(board_keys + public_of(locked).read_text())
    try:
        with other_keys(board, locked):
            error = await failure(board.address, settings)
            assert isinstance(error, Refused)
            assert f"ssh-add {board.person.key}" in error.remedy
            with agent(tmp_path / "agent", board.person.key) as path:
                monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
                assert await hello(board.address, settings) == "hello\n"
    finally:
        board.authorized_keys.write_text(board_keys)


@contextmanager
def agent(path: Path, key: Path) -> Iterator[Path]:
    """An agent that holds a key of ours."""
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as process:
        try:
            asker = put(path.with_name("asker"), f"#!/bin/sh\necho '{PASSPHRASE}'\n")
            own = {"SSH_AUTH_SOCK": str(path), "SSH_ASKPASS": str(asker), "SSH_ASKPASS_REQUIRE": "force"}
            while subprocess.run(["ssh-add", "-q", key], env={**os.environ, **own}, check=False).returncode:
                assert process.poll() is None
            yield path
        finally:
            process.kill()


async def test_a_wrong_password(board: SshBoard, settings: SshSettings, tmp_path: Path) -> None:
    with other_keys(board, new_key(tmp_path / "stranger")):
        error = await failure(board.address, SshSettings(settings.known_hosts, {account(board): "wrong"}))
    assert isinstance(error, NeedsPassword)
    assert error.wrong
    assert str(error).endswith("does not accept the password: check the password and the user's name")


async def test_the_right_password(board: SshBoard, settings: SshSettings, tmp_path: Path) -> None:
    if not board.confined:
        pytest.skip("this system does not let the board have a password")
    with other_keys(board, new_key(tmp_path / "stranger")):
        right = SshSettings(settings.known_hosts, {account(board): PASSWORD})
        assert await hello(board.address, right) == "hello\n"
    assert PASSWORD not in repr(right)


async def test_too_many_keys(board: SshBoard, settings: SshSettings, tmp_path: Path) -> None:
    keys = [new_key(tmp_path / f"key{i}") for i in range(7)]
    board.person.config.write_text("".join(f"IdentityFile {key}\n" for key in keys))
    error = await failure(board.address, settings)
    assert isinstance(error, Refused)
    assert "has been offered too many keys: name the one to use in ~/.ssh/config" in str(error)


async def test_a_port_that_refuses_may_be_tried_again(settings: SshSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        error = await failure(f"ssh://someone@{host}:{port}", settings)
        assert isinstance(error, LinkLost)
        assert (
            str(error)
            == f"someone@[{host}]:{port} refuses connections: check that its SSH server runs, and the port"
        )


async def test_a_server_that_says_nothing(settings: SshSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        short = SshSettings(settings.known_hosts, connect_s=0.3)
        error = await failure(f"127.0.0.1:{server.getsockname()[1]}", short)
    assert isinstance(error, LinkTimeout)
    assert "did not answer within 0.3 s" in str(error)


async def test_a_server_that_speaks_something_else(settings: SshSettings) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)

    async with listening(web) as port:
        error = await failure(f"127.0.0.1:{port}", settings)
    assert isinstance(error, Garbled | LinkLost)
    assert error.sentence


@pytest.mark.parametrize(
    ("host", "kind", "sentence"),
    [
        ("no-such-board.invalid", DriverError, "no-such-board.invalid"),
        ("no-such-board.local", LinkError, "is not known at the moment"),
    ],
)
async def test_a_name_that_nobody_knows(
    settings: SshSettings, host: str, kind: type[DriverError], sentence: str
) -> None:
    error = await failure(f"ssh://{host}", settings)
    assert isinstance(error, kind)
    assert sentence in str(error)


async def test_a_configuration_that_cannot_be_read(board: SshBoard, settings: SshSettings) -> None:
    board.person.config.write_text("Host *\n Port many\n")
    error = await failure(board.address, settings)
    assert isinstance(error, Refused)
    assert "~/.ssh/config cannot be read" in str(error)


async def test_an_address_that_is_none(settings: SshSettings) -> None:
    assert isinstance(await failure("ssh://a b", settings), NotSupported)


async def test_a_board_that_starts_again_is_reached_again(
    settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SshBoard(tmp_path / "board") as board:
        at_home(board, monkeypatch)
        board.stop()
        assert isinstance(await failure(board.address, settings), LinkLost)
        board.start()
        assert await hello(board.address, settings) == "hello\n"
