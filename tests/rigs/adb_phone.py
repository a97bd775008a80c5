"""A phone on adb: the real adb server that adbutils brings, and a device end in a private root of its own.

Needs bubblewrap, mksh and toybox. The root holds Android's shell and tools (mksh, toybox) in /system/bin, /data/local/tmp,
a /proc of its own processes alone, and whatever a profile brings: ``tree`` is laid over it, its files with their modes
(mode 0 stands for what an unrooted phone denies), its ``system/bin`` holding ``dumpsys``, ``getprop`` and the like.
Everything runs as uid 2000 without any capability, and dies with the rig.
"""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbutils

ROOT = Path(__file__).parents[2]
RIGS = Path(__file__).parent
BANNER = "device::ro.product.name={0};ro.product.model={0};ro.product.device={0};features=shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir"
GETPROP = """#!/system/bin/sh
# getprop [NAME]: from /system/build.prop, lines of NAME=VALUE.
while IFS='=' read -r name value; do
  if [ -z "$1" ]; then echo "[$name]: [$value]"; elif [ "$name" = "$1" ]; then echo "$value"; fi
done </system/build.prop
"""
SHA256SUM = f"""#!{sys.executable} -S
# As fast as a phone's, which has its processor's own instructions for it; Debian's toybox has not.
import hashlib, sys
for name in sys.argv[1:] or ["-"]:
    with (sys.stdin.buffer if name == "-" else open(name, "rb")) as file:
        print(hashlib.file_digest(file, "sha256").hexdigest() + "  " + name)
"""


@dataclass
class Server:
    """A running adb server."""

    host: str
    port: int
    process: "subprocess.Popen[bytes]"
    env: dict[str, str]
    program: str

    def adb(self, *words: str, timeout_s: float = 20) -> str:
        """What the real client says to these words, both streams."""
        run = subprocess.run(
            [self.program, "-P", str(self.port), *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        return run.stdout + run.stderr

    def on_cable(self, phone: "Phone") -> str:
        """Connect a phone as the server does emulators: under a name, not an address; its serial."""
        with socket.create_connection((self.host, self.port)) as asked:
            asked.sendall(b"%04xhost:emulator:%d" % (len(f"host:emulator:{phone.port}"), phone.port))
            asked.recv(1)
        serial = f"emulator-{phone.port - 1}"
        end = time.monotonic() + 30
        while f"{serial}\tdevice" not in self.adb("devices"):
            assert time.monotonic() < end, "the server does not see it"
            time.sleep(0.02)
        return serial

    def kill(self) -> None:
        """End it, as a crash or ``kill -9`` does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def adb_server(port: int = 0) -> Iterator[Server]:
    """The real server, in the foreground, with a home of its own, on loopback."""
    program = adbutils.adb_path()
    with tempfile.TemporaryDirectory(prefix="adb-home-") as home:
        env = {**os.environ, "HOME": home, "ANDROID_USER_HOME": home, "TMPDIR": home}
        env |= {"ADB_MDNS": "0", "ADB_EMU": "0", "ADB_LIBUSB": "0"}
        port = port or free_port()
        process = subprocess.Popen(
            [*with_usb_ports(), program, "-P", str(port), "nodaemon", "server"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        server = Server("127.0.0.1", port, process, env, program)
        try:
            wait_for_port(port)
            yield server
        finally:
            server.kill()


ANSWER_S = 30.0
"""How long a cue may take."""


class Phone:
    """A phone as the test sees it."""

    def __init__(self, process: "subprocess.Popen[str]", root: Path) -> None:
        self.root = root
        """Its files, seen from outside: ``root / "sys/class/thermal"`` may be written while it runs."""
        self.process = process
        self._turn = threading.Lock()
        self.port = int(self._answer())

    @property
    def serial(self) -> str:
        """As the adb server names it."""
        return f"127.0.0.1:{self.port}"

    def cue(self, line: str) -> Any:
        """Have it drop, come back, stall, resume, lie … (methods ``cue_*`` of ``adb_device``); what it answers."""
        assert self.process.stdin is not None
        with self._turn:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return self._answer()

    def processes(self, word: str = "") -> list[str]:
        """Command lines of what lives on it, besides its adb daemon; those with that word in them."""
        return [line for _, line in self.cue("processes") if word in line]

    def wait_until_gone(self, word: str = "", limit_s: float = 30.0) -> list[str]:
        """What still lives when that long has passed; empty as soon as nothing does."""
        return self._until(word, limit_s, there=False)

    def wait_until_there(self, word: str, limit_s: float = 30.0) -> list[str]:
        """What lives, as soon as something does."""
        return self._until(word, limit_s, there=True)

    def wait_for(self, met: Callable[[], bool], limit_s: float = 30.0) -> None:
        """Return as soon as something holds of it."""
        end = time.monotonic() + limit_s
        while not met():
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.02)

    def _until(self, word: str, limit_s: float, *, there: bool) -> list[str]:
        end = time.monotonic() + limit_s
        while bool(left := self.processes(word)) is not there and time.monotonic() < end:
            time.sleep(0.02)
        return left

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], ANSWER_S)[0], "the device end does not answer"
        line = self.process.stdout.readline()
        assert line, "the device end has ended"
        told = json.loads(line)
        assert not isinstance(told, dict) or "failed" not in told, told
        return told


@contextmanager
def phone(
    server: Server | None = None,
    tree: Path | None = None,
    *,
    model: str = "Pixel_7",
    state: str = "device",
    binds: Sequence[Path] = (),
    data_bytes: int | None = None,
) -> Iterator[Phone]:
    """A phone, connected to ``server`` when there is one. ``binds`` are host folders that programs on it need, at the
    same path; ``data_bytes`` limits its /data."""
    with tempfile.TemporaryDirectory(prefix="phone-") as folder:
        root = Path(folder)
        furnish(root, tree)
        settings = {"banner": BANNER.format(model), "state": state}
        process = subprocess.Popen(
            [
                *sandbox(root, binds, data_bytes),
                *python(),
                "-m",
                "tests.rigs.adb_device",
                json.dumps(settings),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        try:
            found = Phone(process, root)
            if server is not None:
                server.adb("connect", found.serial)
            yield found
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            unlock(root)


def unlock(root: Path) -> None:
    """Let everything be removed, whatever its mode."""
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700)


def furnish(root: Path, tree: Path | None) -> None:
    """Make the phone's root: Android's folders and tools, then the profile's files over them."""
    tools = root / "system" / "bin"
    for path in (tools, root / "data/local/tmp", root / "sys", root / "sdcard"):
        path.mkdir(parents=True)
    toybox = need("toybox")
    for tool in subprocess.run([toybox], capture_output=True, text=True, check=True).stdout.split():
        (tools / tool).symlink_to(toybox)
    (tools / "sh").symlink_to(need("mksh"))
    (tools / "dd").symlink_to(need("dd"))
    (root / "system" / "etc").mkdir()
    (root / "system" / "etc" / "passwd").write_text("shell:x:2000:2000::/:/system/bin/sh\n")
    (root / "system" / "etc" / "group").write_text("shell:x:2000:\n")
    (tools / "getprop").write_text(GETPROP)
    (tools / "getprop").chmod(0o755)
    (tools / "sha256sum").unlink()
    (tools / "sha256sum").write_text(SHA256SUM)
    (tools / "sha256sum").chmod(0o755)
    (root / "system" / "build.prop").write_text("")
    if tree is not None:
        shutil.copytree(tree, root, dirs_exist_ok=True, symlinks=True)
        for path in (tree / "system" / "bin").glob("*"):
            (tools / path.name).chmod(0o755)


def sandbox(root: Path, binds: Sequence[Path], data_bytes: int | None) -> list[str]:
    """The command that runs another one in that root, as the shell's user, with nothing that an app could not do."""
    where = [
        need("bwrap"),
        "--unshare-user",
        "--uid",
        "2000",
        "--gid",
        "2000",
        "--unshare-pid",
        "--unshare-ipc",
    ]
    where += [
        "--die-with-parent",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        "/usr",
        "/usr",
    ]
    for name, of in (
        ("lib", "usr/lib"),
        ("lib64", "usr/lib64"),
        ("bin", "system/bin"),
        ("etc", "system/etc"),
    ):
        where += ["--symlink", of, f"/{name}"]
    for path in {Path(sys.base_prefix), Path(sys.prefix), RIGS, *binds}:
        where += [] if path.is_relative_to("/usr") else ["--ro-bind", str(path), str(path)]
    data = ["--size", str(data_bytes), "--tmpfs", "/data/local/tmp"] if data_bytes else []
    for name in ("system", "sys", "data", "sdcard"):
        where += ["--bind", str(root / name), f"/{name}"]
    return [*where, *data, "--proc", "/proc", "--dev", "/dev", "--chdir", "/"]


def python() -> list[str]:
    """The Python that runs the device end: no site packages."""
    return [sys.executable, "-S", "-B"]


def need(program: str) -> str:
    path = shutil.which(program)
    assert path, f"this rig needs {program}: apt-get install bubblewrap mksh toybox"
    return path


def with_usb_ports() -> list[str]:
    """An empty list of USB ports for the server, which without one waits 3 s before it answers; and it dies with us."""
    return [need("bwrap"), "--bind", "/", "/", "--dev", "/dev", "--dir", "/dev/bus/usb", "--die-with-parent"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for_port(port: int, limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError(f"nobody listens on {port}")
