"""Rigs as programs of a device's runtime directory."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


def install(folder: Path, rig: str, name: str, *cues: str, flags: Sequence[str] = ()) -> str:
    """Put a rig there under a program's name; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [word for cue in cues for word in ("--cue", cue)]
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(HERE / rig), *flags, *words])} "$@"\n')
    path.chmod(0o755)
    return str(path)


def runtime_of(home: Path) -> Path:
    """Where a device of that home has its llama.cpp."""
    return home / "runtimes" / "llama.cpp"
