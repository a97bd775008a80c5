"""Rigs as programs of a device's runtime directory."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.rigs import android_app

HERE = Path(__file__).parent


def install(folder: Path, rig: str, name: str, *cues: str, flags: Sequence[str] = ()) -> str:
    """Put a rig there under a program's name; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [word for cue in cues for word in ("--cue", cue)]
    program = shlex.join([sys.executable, str(HERE / rig), *flags, *words])
    return str(put(folder / name, f'#!/bin/sh\nexec {program} "$@"\n'))


def install_real_server(folder: Path) -> Path:
    """Put the real engine there under the name ``llama-server``; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    version = '[ "$1" != --version ] || { echo "version: 10375 (f6f0d9f)" >&2; exit; }'
    program = shlex.join([sys.executable, str(HERE / "real_server.py")])
    return put(folder / "llama-server", f'#!/bin/sh\n{version}\nexec {program} "$@"\n')


def install_android_app(folder: Path, *, running: bool = False, log: str = "") -> Path:
    """Put the programs of a phone with that app there; the folder to have on PATH."""
    folder.mkdir()
    for name in ("am", "pidof", "dumpsys", "logcat"):
        program = shlex.join([sys.executable, str(HERE / "android_app.py"), str(folder), name])
        put(folder / name, f'#!/bin/sh\nexec {program} "$@"\n')
    (folder / "calls").touch()
    (folder / "log").write_text(log)
    if running:
        (folder / "running").write_text(str(android_app.PID))
    return folder


def put(path: Path, text: str) -> Path:
    """Write a program, or put another in its place, in one step: one that is started while somebody, a child of this process
    too, has it open for writing is "Text file busy"."""
    script = 'cat >"$1.new" && chmod 755 "$1.new" && mv -f "$1.new" "$1"'
    subprocess.run(["sh", "-c", script, "sh", path], input=text, text=True, check=True)
    return path


def runtime_of(home: Path) -> Path:
    """Where a device of that home has its llama.cpp."""
    return home / "runtimes" / "llama.cpp"
