"""The program as its users have it: a process of its own, with a home of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def environment(home: Path) -> dict[str, str]:
    """Everything that melt keeps goes below ``home``; models are shared by all tests of a run."""
    folders = {
        name: str(home / name.lower()) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    }
    return {**os.environ, **folders, "HOME": str(home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


def melt(
    home: Path, *argv: str, timeout_s: float = 60.0, more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``melt`` to its end, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "melt_tui.cli", *argv],
        env={**environment(home), **(more or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def start(home: Path, *argv: str) -> "subprocess.Popen[str]":
    """Start ``melt`` without a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "melt_tui.cli", *argv],
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
