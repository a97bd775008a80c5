"""The doctor's look at adb and SSH: what is there, what is not, what is wrong, each with what to do."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from melt_tui.workbench.doctor import Finding
from melt_tui.workbench.linkdoctor import examine_links
from tests.rigs import adb_phone


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir()
    return tmp_path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def found(home: Path, **environment: str) -> dict[str, Finding]:
    """By subject; of several of the same the last."""
    environment.setdefault("ANDROID_ADB_SERVER_PORT", "1")
    return {one.subject: one for one in examine_links(home / "known_hosts", environment, home)}


def test_a_computer_that_has_nothing(home: Path) -> None:
    told = found(home)
    absent = {subject for subject, one in told.items() if one.good is None}
    assert absent == {"adb server", "SSH keys", "SSH agent", "known hosts"}
    assert all(told[subject].remedy for subject in absent)
    assert told["ports"].good
    assert "Android Debug Bridge version" in told["adb program"].detail


def test_a_server_and_its_phones(home: Path) -> None:
    with (
        adb_phone.adb_server() as server,
        adb_phone.phone(server, model="Pixel_7") as good,
        adb_phone.phone(server, state="unauthorized") as stranger,
    ):
        told = found(home, ADB_SERVER_SOCKET=f"tcp:{server.host}:{server.port}")
    assert told["adb server"].good
    assert told[f"adb:{good.serial}"] == Finding(f"adb:{good.serial}", good=True, detail="Pixel 7")
    other = told[f"adb:{stranger.serial}"]
    assert other.good is False
    assert "allow USB debugging" in other.remedy


def test_something_else_listens_where_adb_should(home: Path, listener: socket.socket) -> None:
    def answer() -> None:
        link, _ = listener.accept()
        with link:
            link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    told = found(home, ANDROID_ADB_SERVER_PORT=str(listener.getsockname()[1]))
    thread.join()
    assert told["adb server"].good is False
    assert "ANDROID_ADB_SERVER_PORT" in told["adb server"].remedy


def test_a_server_elsewhere_that_does_not_answer_is_not_one_that_would_be_started(home: Path) -> None:
    told = found(home, ANDROID_ADB_SERVER_ADDRESS="127.0.0.2")["adb server"]
    assert (told.good, told.remedy) == (False, "start one there: `adb -a nodaemon server`")
    assert told.detail.startswith("none answers at 127.0.0.2:1: ")


def test_keys_that_others_may_read(home: Path) -> None:
    key = home / ".ssh" / "id_ed25519"
    key.write_text("secret")
    key.chmod(0o644)
    assert found(home)["SSH keys"].remedy == f"chmod 600 {key}"
    key.chmod(0o600)
    assert found(home)["SSH keys"] == Finding("SSH keys", good=True, detail="id_ed25519")


def test_known_hosts_are_counted(home: Path) -> None:
    (home / "known_hosts").write_text("# ours\na ssh-ed25519 AAAA\n\nb ssh-ed25519 AAAA\n")
    assert found(home)["known hosts"].detail == f"{home / 'known_hosts'}, 2 keys"
    (home / "known_hosts").write_text("a ssh-ed25519 AAAA\n")
    assert found(home)["known hosts"].detail == f"{home / 'known_hosts'}, 1 key"


def test_a_configuration_that_cannot_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    (home / ".ssh" / "config").write_text("Host *\n  Port many\n")
    one = found(home)["SSH configuration"]
    assert one.good is False
    assert "cannot be read" in one.detail
    (home / ".ssh" / "config").write_text("Host *\n  Port 22\n")
    assert found(home)["SSH configuration"].good


@pytest.mark.parametrize(
    ("answer", "good", "words"),
    [
        (b"\0\0\0\x05\x0c\0\0\0\x02", True, "holds 2 keys"),
        (b"\0\0\0\x05\x0c\0\0\0\0", None, "holds 0 keys"),
        (b"\0\0\0\x01\x05", None, "holds 0 keys"),
    ],
)
def test_the_agent(tmp_path: Path, home: Path, answer: bytes, good: bool | None, words: str) -> None:
    place = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()

        def serve() -> None:
            link, _ = server.accept()
            with link:
                assert link.recv(9) == b"\0\0\0\x01\x0b"
                link.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        one = found(home, SSH_AUTH_SOCK=str(place))["SSH agent"]
        thread.join()
    assert (one.good, one.detail) == (good, words)
    place.unlink()
    assert found(home, SSH_AUTH_SOCK=str(place))["SSH agent"].good is False
