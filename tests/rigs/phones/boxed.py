"""A shell link into a phone's tree without adb: each pipe is a shell in a box (bubblewrap) whose root is the tree.

Processes of the computer are seen in the box, so that they can be watched. Needs ``bwrap``, ``mksh`` and ``toybox``.
"""

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from drivers.clock import Clock
from drivers.links.base import Progress
from drivers.links.remote import RemoteShell
from tests.rigs.local_pipes import LocalPipe, LocalPipes
from tests.rigs.phones.phone import Phone
from tests.rigs.programs import put


class BoxPipes(LocalPipes):
    """Pipes into a box, all of which can be waited for."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        super().__init__(clock, "mksh", folder)
        self._all: list[LocalPipe] = []

    @asynccontextmanager
    async def __call__(self, command_line: str) -> AsyncIterator[LocalPipe]:
        async with super().__call__(command_line) as pipe:
            self._all.append(pipe)
            yield pipe

    async def ended(self) -> None:
        """Return when nothing runs in the box any more. Raises TimeoutError when something stays."""
        async with asyncio.timeout(5):
            for pipe in self._all:
                await pipe.returncode()


class BoxedShell(RemoteShell):
    """A link to a boxed phone; ``pipes.cut()`` pulls its cable."""

    def __init__(self, clock: Clock, phone: Phone, folder: Path) -> None:
        self.pipes = BoxPipes(clock, folder)
        enter(phone, folder / "sh")
        super().__init__(clock, self.pipes, title="the phone", directory="/data/local/tmp/melt")

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        raise AssertionError("nothing is pushed to a boxed phone")

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        raise AssertionError("a boxed phone has no ports")


def box(phone: Phone) -> list[str]:
    """The command that enters a phone, as adb's shell: user 2000, its own files and no others."""
    root = phone.root
    bound = [
        part
        for name in ("stat", "meminfo")
        for part in ("--ro-bind", f"{root}/system/rig/proc/{name}", f"/proc/{name}")
    ]
    return [
        *("bwrap", "--unshare-user", "--uid", "2000", "--gid", "2000", "--bind", str(root), "/"),
        *("--ro-bind", "/usr", "/usr", "--bind", "/proc", "/proc", *bound, "--dev", "/dev"),
        *("--setenv", "PATH", "/system/bin", "--chdir", "/", "--", "/system/bin/sh"),
    ]


def enter(phone: Phone, script: Path) -> None:
    """Make ``script`` a shell inside the phone."""
    script.unlink(missing_ok=True)
    put(script, f'#!/bin/sh\nexec {shlex.join(box(phone))} "$@"\n')
