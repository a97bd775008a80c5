"""A board that is reached over SSH: a real OpenSSH server on loopback, and the home of the person who reaches it.

Needs Debian's ``openssh-server`` (sshd, sftp-server) and ``openssh-client`` (ssh-keygen). Where the system lets it make
a mount namespace (``unshare``), the server sees files of its own for /etc/passwd and /etc/shadow, so that its user has
a password and a home below ``folder``, and a disk of one MiB; nothing outside ``folder`` changes. Elsewhere
``confined`` is False and there is neither.
"""

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil

from tests.rigs.llama_runs import alive, processes_with

PASSWORD = "orin nano 8"
PASSPHRASE = "a passphrase"
_SHADOW = "$6$melt$Eb4mFEHrsed0oCcxm1MNR0k7QjF.YVeyPWmzEeXMF79C2YSvMMyyOCRZezouXLhM.6GdeTmsWSoC5byxIfA620"

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
CABLE = Path(__file__).with_name("cable.py")
PATIENCE_S = 30.0

_NAMESPACES = (["--mount"], ["--user", "--map-current-user", "--keep-caps", "--mount"])
_CONFINE = """
set -e
[ -d /run/sshd ] || { mount -t tmpfs tmpfs /run; mkdir -m 755 /run/sshd; }
mount --bind passwd /etc/passwd
mount --bind shadow /etc/shadow
mount -t tmpfs -o size=1m tmpfs small
mount -t tmpfs -o ro tmpfs sealed
exec "$@"
"""
_UNCONFINED = 'exec "$@"'


class Person:
    """A home directory with keys, known hosts and a configuration: what a client brings."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ssh = home / ".ssh"
        self.ssh.mkdir(parents=True, mode=0o700)
        self.key = new_key(self.ssh / "id_ed25519")

    @property
    def known_hosts(self) -> Path:
        return self.ssh / "known_hosts"

    @property
    def config(self) -> Path:
        return self.ssh / "config"

    def trust(self, *lines: str) -> None:
        """Know these hosts, and no others."""
        self.known_hosts.write_text("".join(f"{line}\n" for line in lines))


class SshBoard:
    """The server, its faults on cue, and what was started on it. Its own context."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.folder = folder
        self.home = _made(folder / "home")
        """Where its user logs in."""
        self.bin = _made(folder / "bin")
        """First on its PATH: put a ``tegrastats`` here."""
        self.small = _made(folder / "small")
        """A disk of one MiB, as the board sees it."""
        self.sealed = _made(folder / "sealed")
        """A disk that nobody may write to, as the board sees it."""
        self.user = getpass.getuser()
        self.person = Person(folder / "person")
        self.authorized_keys = folder / "authorized_keys"
        self.authorized_keys.write_text(self.person.key.with_suffix(".pub").read_text())
        self._host_key = new_key(folder / "host_key_0")
        self._settings = settings
        self._mark = f"MELT_BOARD={uuid.uuid4().hex}"
        self._server: subprocess.Popen[bytes] | None = None
        self._seen: set[psutil.Process] = set()
        self._unshare = _namespace()
        self.person.trust(self.known_host)

    def __enter__(self) -> Self:
        self._configure()
        self.start()
        self.person.trust(self.known_host)
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()
        self.stop()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def confined(self) -> bool:
        """Whether it has a password, a small disk and a sealed one."""
        return self._unshare is not None

    @property
    def address(self) -> str:
        return f"ssh://{self.user}@{self.host}:{self.port}"

    @property
    def known_host(self) -> str:
        """Its line in a file of known hosts."""
        return f"[{self.host}]:{self.port} {self.host_key}"

    @property
    def host_key(self) -> str:
        """``ssh-ed25519 AAAA…``."""
        return " ".join(self._host_key.with_suffix(".pub").read_text().split()[:2])

    @property
    def fingerprint(self) -> str:
        """``SHA256:…``, as ssh-keygen tells it."""
        told = subprocess.run(
            ["ssh-keygen", "-lf", self._host_key], capture_output=True, text=True, check=True
        )
        return told.stdout.split()[1]

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._started():
            if time.monotonic() > deadline:
                raise RuntimeError(f"sshd does not start:\n{self.log()}")

    def stop(self) -> None:
        """Refuse connections; those that are open stay."""
        self.sessions()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def drop(self) -> None:
        """The connections end at once, without a word."""
        self._signal(signal.SIGKILL)

    def stall(self) -> None:
        """The connections stay, and nothing comes any more."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """After ``stall``."""
        self._signal(signal.SIGCONT)

    def change_host_key(self, kind: str = "ed25519") -> None:
        """Start anew as somebody else."""
        self._host_key = new_key(self.folder / f"host_key_{uuid.uuid4().hex}", kind=kind)
        self.stop()
        self._configure()
        self.start()

    def configure(self, *settings: str) -> None:
        """Start anew with these lines in front of its configuration; what is open stays."""
        self._settings = settings
        self.stop()
        self._configure()
        self.start()

    def cable(self, jitter_ms: float = 0.0) -> "AbstractContextManager[Cable]":
        """A cable to the board, to be pulled."""
        return _cable(self.host, self.port, jitter_ms)

    def sessions(self) -> list[int]:
        """The server's own processes, one or two for each connection, also of a server that was stopped."""
        if self._server is not None:
            with suppress(psutil.NoSuchProcess):
                children = psutil.Process(self._server.pid).children(recursive=True)
                self._seen.update(child for child in children if child.name().startswith("sshd"))
        return [child.pid for child in self._seen if alive(child.pid) and child.is_running()]

    def processes(self) -> list[int]:
        """What lives of all that was ever started on it, shells included."""
        return processes_with(self._mark)

    def commands(self) -> list[str]:
        """Their command lines."""
        found = []
        for pid in self.processes():
            with suppress(OSError):
                found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def wait_until_empty(self, limit_s: float = 30.0) -> None:
        """Fails when something still lives after that time, and ends it."""
        deadline = time.monotonic() + limit_s
        while left := self.processes():
            if time.monotonic() > deadline:
                raise AssertionError(f"left on the board: {self.commands()} {left}")
            time.sleep(0.02)

    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "sshd.log").read_text()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _started(self) -> bool:
        if self.port == 0 or "cannot bind" in self.log().lower():
            self.port = _free_port()
        log = (self.folder / "sshd.log").open("wb")
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", "sshd_config", "-p", str(self.port)]
        script = ["sh", "-c", _CONFINE if self.confined else _UNCONFINED, "board", *command]
        with log:
            self._server = subprocess.Popen(
                script if self._unshare is None else ["unshare", *self._unshare, *script],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while "Server listening on" not in self.log():
            if self._server.poll() is not None:
                return False
            time.sleep(0.005)
        return True

    def _configure(self) -> None:
        environment = {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.home),
            "MELT_BOARD": self._mark.partition("=")[2],
        }
        told = " ".join(f'"{name}={value}"' for name, value in environment.items())
        lines = [
            *self._settings,
            f"ListenAddress {self.host}",
            f"HostKey {self._host_key}",
            f"AuthorizedKeysFile {self.authorized_keys}",
            "StrictModes no",
            "PidFile none",
            "UsePAM no",
            "UseDNS no",
            "PrintMotd no",
            "PermitRootLogin yes",
            "LogLevel VERBOSE",
            "MaxStartups 100",
            f"SetEnv {told}",
            f"Subsystem sftp {SFTP_SERVER}",
        ]
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        (self.folder / "sshd.log").touch()
        (self.folder / "passwd").write_text(self._accounts())
        (self.folder / "shadow").write_text(f"{self.user}:{_SHADOW}:19000:0:99999:7:::\n")
        if os.getuid() == 0 and not self.confined:
            Path("/run/sshd").mkdir(exist_ok=True)

    def _accounts(self) -> str:
        own = pwd.getpwnam(self.user)
        entry = f"{self.user}:x:{own.pw_uid}:{own.pw_gid}::{self.home}:{own.pw_shell}"
        others = [line for line in Path("/etc/passwd").read_text().splitlines() if _name(line) != self.user]
        return "\n".join([entry, *others]) + "\n"


class Cable:
    """A way to the board that can be pulled."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.port = int(process.stdout.readline())

    def pull(self) -> None:
        """Nothing passes any more, either way, and nobody is told."""
        self._process.send_signal(signal.SIGSTOP)

    def plug(self) -> None:
        """It passes again, what was on its way first."""
        self._process.send_signal(signal.SIGCONT)


def new_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new private key; the public one beside it."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "rig", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@contextmanager
def _cable(host: str, port: int, jitter_ms: float) -> Iterator[Cable]:
    command = [sys.executable, str(CABLE), host, str(port), str(jitter_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Cable(process)
        finally:
            process.kill()


def _namespace() -> list[str] | None:
    """How ``unshare`` makes a place for mounts of our own; None where the system does not let it."""
    if shutil.which("unshare") is None:
        return None
    for options in _NAMESPACES:
        tried = subprocess.run(
            ["unshare", *options, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
        )
        if tried.returncode == 0:
            return options
    return None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _name(line: str) -> str:
    return line.partition(":")[0]
