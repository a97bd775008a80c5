"""What could keep melt from reaching phones and boards, each with a remedy. Nothing is started or changed."""

import importlib
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from drivers.errors import DriverError
from drivers.foreign import printable
from drivers.links import adbwire
from drivers.links.adbserver import START_THERE, AdbServer, from_environment
from melt_tui.workbench.doctor import Finding

ANSWER_S = 2.0
_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


def examine_links(
    known_hosts: Path, environment: Mapping[str, str] = os.environ, home: Path | None = None
) -> list[Finding]:
    """adb: program, server, devices; SSH: keys, agent, configuration, known hosts; ports of this computer."""
    ssh = (home or Path.home()) / ".ssh"
    server = from_environment(environment)
    return [
        _program(),
        *_server(server),
        _keys(ssh),
        _agent(environment),
        _configuration(ssh / "config"),
        *(_hosts(path) for path in (ssh / "known_hosts", known_hosts)),
        _ports(),
    ]


def _program() -> Finding:
    path = _adb_path()
    if not path:
        return Finding("adb program", None, "not found", "pip install 'melt-tui[android]', or install adb")
    try:
        done = subprocess.run([path, "version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            "adb program", good=False, detail=f"{path} does not run: {error}", remedy="install adb anew"
        )
    lines = [printable(line, 60) for line in done.stdout.splitlines()[:2]]
    return Finding("adb program", done.returncode == 0, f"{path}: {', '.join(lines)}")


def _adb_path() -> str:
    try:
        adbutils = importlib.import_module("adbutils")
    except ModuleNotFoundError:
        return shutil.which("adb") or ""
    with suppress(adbutils.AdbError):
        return str(adbutils.adb_path())
    return shutil.which("adb") or ""


def _server(server: AdbServer) -> Iterator[Finding]:
    """Its version and its devices."""
    try:
        version = _ask(server, "host:version")
        listed = _ask(server, "host:devices-l")
    except (OSError, ValueError, DriverError) as error:
        yield _no_server(server, error)
        return
    yield Finding("adb server", good=True, detail=f"{server.title}, version {int(version, 16)}")
    for one in adbwire.listed(listed):
        found = adbwire.found(one)
        detail = found.title if found.ready else f"{found.title}: {found.reason}"
        yield Finding(found.address, found.ready, detail, found.next_step)


def _no_server(server: AdbServer, error: Exception) -> Finding:
    said = printable(str(error), 80)
    if server.elsewhere and isinstance(error, OSError):
        return Finding(
            "adb server", good=False, detail=f"none answers at {server.title}: {said}", remedy=START_THERE
        )
    if isinstance(error, ConnectionRefusedError):
        remedy = "it is started when a phone is looked for; or run `adb start-server`"
        return Finding("adb server", None, f"none runs at {server.title}", remedy)
    return Finding(
        "adb server",
        good=False,
        detail=f"what listens at {server.title} is no adb server: {said}",
        remedy="end it, or name another port in ANDROID_ADB_SERVER_PORT",
    )


def _ask(server: AdbServer, service: str) -> str:
    """The answer of a server that runs. Raises OSError, ValueError, DriverError."""
    with socket.create_connection((server.host, server.port), ANSWER_S) as link:
        link.settimeout(ANSWER_S)
        link.sendall(adbwire.request(service))
        with link.makefile("rb") as stream:
            if stream.read(4) != b"OKAY":
                raise ValueError("it does not answer as one")
            return stream.read(adbwire.length(stream.read(4))).decode(errors="replace")


def _keys(ssh: Path) -> Finding:
    there = [ssh / name for name in _KEYS if (ssh / name).is_file()]
    if not there:
        return Finding(
            "SSH keys", None, f"none in {ssh}", "ssh-keygen -t ed25519, then ssh-copy-id user@board"
        )
    loose = [path for path in there if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if loose:
        remedy = f"chmod 600 {' '.join(map(str, loose))}"
        return Finding("SSH keys", good=False, detail="others may read a private key", remedy=remedy)
    return Finding("SSH keys", good=True, detail=", ".join(path.name for path in there))


def _keys_in_words(count: int) -> str:
    return f"{count} key" + "s" * (count != 1)


def _agent(environment: Mapping[str, str]) -> Finding:
    place = environment.get("SSH_AUTH_SOCK", "")
    if not place:
        return Finding(
            "SSH agent", None, "none runs", "eval $(ssh-agent), then ssh-add, for keys with a passphrase"
        )
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_S)
            link.connect(place)
            link.sendall(b"\0\0\0\x01\x0b")
            head = link.recv(9)
    except OSError as error:
        remedy = "start it anew, or unset SSH_AUTH_SOCK"
        return Finding(
            "SSH agent", good=False, detail=f"{place} does not answer: {error.strerror}", remedy=remedy
        )
    keys = int.from_bytes(head[5:9], "big") if len(head) == 9 and head[4] == 12 else 0
    remedy = "" if keys else "ssh-add gives it your keys"
    return Finding("SSH agent", True if keys else None, f"holds {_keys_in_words(keys)}", remedy)


def _configuration(path: Path) -> Finding:
    try:
        route = importlib.import_module("drivers.links.sshroute")
    except ModuleNotFoundError:
        return Finding("SSH configuration", None, "not looked at", "pip install 'melt-tui[ssh]'")
    if not path.exists():
        return Finding("SSH configuration", good=True, detail=f"there is no {path}")
    try:
        route.look_up(route.Target("localhost"))
    except DriverError as error:
        return Finding("SSH configuration", good=False, detail=error.sentence, remedy=error.remedy)
    return Finding("SSH configuration", good=True, detail=str(path))


def _hosts(path: Path) -> Finding:
    if not path.exists():
        return Finding(
            "known hosts", None, f"there is no {path}", "melt devices --trust ADDRESS, once for each board"
        )
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return Finding(
            "known hosts", good=False, detail=f"{path}: {error.strerror}", remedy="make it readable"
        )
    count = sum(bool(line.strip()) and not line.startswith("#") for line in lines)
    return Finding("known hosts", good=True, detail=f"{path}, {_keys_in_words(count)}")


def _ports() -> Finding:
    """Servers on devices are reached through ports of this computer's loopback."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), ANSWER_S):
                return Finding("ports", good=True, detail="loopback can be listened on and connected to")
    except OSError as error:
        remedy = "check the firewall's rules for 127.0.0.1"
        return Finding("ports", good=False, detail=f"loopback does not work: {error.strerror}", remedy=remedy)
