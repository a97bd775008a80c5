"""A board's files and commands, planted in a folder: what an sshd, or this computer's own shell, is pointed at."""

import os
import stat
import sys
from pathlib import Path

from tests.rigs.boards.trees import Board

SHIM = """#!{python} -SE
import sys, time

if "--interval" not in sys.argv:
    sys.exit("tegrastats: unknown use")
period = int(sys.argv[sys.argv.index("--interval") + 1]) / 1000
start, tick = time.monotonic(), 0
while True:
    lines = open({lines!r}).read().splitlines() or [""]
    line = lines[tick % len(lines)]
    if line.startswith("!exit "):
        _, code, text = line.split(" ", 2)
        print(text, file=sys.stderr, flush=True)
        sys.exit(int(code))
    print(line, flush=True)
    with open({lines!r} + ".said", "ab") as said:
        said.write(b".")
    tick += 1
    time.sleep(max(0.0, start + tick * period - time.monotonic()))
"""
"""Prints the lines of its file in turn, read anew each time, until it is ended; ``!exit 1 text`` ends it with words. The file ``.said`` grows by a
byte with each line."""


class Planted:
    """A board's folder. ``root`` holds ``sys``, ``proc``, ``etc``; ``bin`` its commands."""

    def __init__(
        self, folder: Path, board: Board, commands: Path | None = None, *, python: bool = True
    ) -> None:
        self.root = folder / "root"
        self.bin = commands or folder / "bin"
        self.lines = folder / "tegrastats.lines"
        self.nvpmodel = folder / "nvpmodel.txt"
        """What ``nvpmodel -q`` prints."""
        self.bin.mkdir(parents=True, exist_ok=True)
        for path, text in board.tree.items():
            self.write(path, text)
        if python:
            self.command("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        if board.line:
            self.say(board.line)
            self.command("tegrastats", SHIM.format(python=sys.executable, lines=str(self.lines)))
        if board.nvpmodel:
            self.nvpmodel.write_text(board.nvpmodel)
            self.command("nvpmodel", f"#!/bin/sh\nexec cat '{self.nvpmodel}'\n")

    def write(self, path: str, text: str) -> None:
        """A file of the kernel's takes another value."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())

    def break_down(self, path: str) -> None:
        """Reading the file gives an error from now on, as of a sensor that is powered down."""
        (self.root / path).unlink(missing_ok=True)
        (self.root / path).mkdir(parents=True)

    def hang(self, path: str) -> None:
        """Reading the file never ends, as over a bus that hangs."""
        (self.root / path).unlink(missing_ok=True)
        os.mkfifo(self.root / path)

    def say(self, *lines: str) -> None:
        """What tegrastats prints from now on, in turn."""
        fresh = self.lines.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        fresh.rename(self.lines)

    @property
    def said(self) -> int:
        """How many lines tegrastats has printed."""
        path = self.lines.with_name(f"{self.lines.name}.said")
        return path.stat().st_size if path.exists() else 0

    def command(self, name: str, text: str) -> None:
        """A command on its PATH."""
        path = self.bin / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
