"""Runs of the llama_server runtime in tests: the rig as a server or as a program, specs, and what a run told."""

import asyncio
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from drivers.base import Item
from drivers.clock import SystemClock
from drivers.errors import DriverError
from drivers.events import ProcessStarted
from drivers.links import owning
from drivers.links.local import LocalShell
from drivers.model import Prompt, RunSpec, Samples, Workload
from drivers.modelfile import ModelFile
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.programs import put

RIG = Path(__file__).parent / "llama_server.py"
TINY = Path(__file__).parents[2] / "melt_tui" / "models" / "data" / "tiny-english-q8_0.gguf"
ONE_PROMPT = ((Prompt("Tell me of lists."),),)
Told = TypeVar("Told")


@dataclass
class Run:
    """What a run told, and how it ended."""

    items: list[Item] = field(default_factory=list)
    error: DriverError | None = None

    def of(self, kind: type[Told]) -> list[Told]:
        return [item for item in self.items if isinstance(item, kind)]

    def one(self, kind: type[Told]) -> Told:
        (found,) = self.of(kind)
        return found

    def samples(self, channel: str) -> list[tuple[int, int]]:
        """``(t_ns, count)`` of every sample of a channel."""
        return [
            (block.time_at(at), struct.unpack_from("<q", block.codes, 8 * at)[0])
            for block in self.of(Samples)
            if block.channel == channel
            for at in range(block.n)
        ]


def workload(**changes: Any) -> Workload:
    return replace(Workload(name="t", conversations=ONE_PROMPT, max_tokens=12, ignore_eos=True), **changes)


def plant_leftover(folder: Path) -> Path:
    """What a lease of a melt that is no more has left below the folder, for whoever may clear it away."""
    left = folder / "llama-bench-17c"
    left.mkdir(parents=True)
    owner = f"{owning.owner().partition('-')[0]}-{os.getpid()}-1"
    for name, text in {"keeper": "4194304 1", "owner": owner, "out": "x", "rc": "137"}.items():
        (left / name).write_text(f"{text}\n")
        (left / name).chmod(0o666)
    left.chmod(0o777)
    folder.chmod(0o777)
    return left


def run_spec(work: Workload | None = None, model: Path | None = TINY, **changes: Any) -> RunSpec:
    file = ModelFile(name=model.stem, path=str(model), size_bytes=4_024_800) if model else None
    spec = RunSpec(
        run="r1", device="bench", runtime="llama_server", model=file, workload=work, context=256, batch=64
    )
    return replace(spec, **changes)


async def collect(
    spec: RunSpec,
    runtime: LlamaServer | None = None,
    on_item: Callable[[Item], Any] | None = None,
) -> Run:
    """Run to the end; ``on_item`` may ask the runtime to stop."""
    run = Run()
    try:
        async with asyncio.timeout(60):
            await follow(runtime or LlamaServer(), spec, run, on_item)
    except DriverError as error:
        run.error = error
    for started in run.of(ProcessStarted):
        await gone(started.pid)
    return run


async def follow(
    runtime: LlamaServer, spec: RunSpec, run: Run, on_item: Callable[[Item], Any] | None
) -> None:
    clock = SystemClock()
    async with aclosing(runtime.run(spec, LocalShell(clock), clock)) as items:
        async for item in items:
            run.items.append(item)
            asked = on_item(item) if on_item else None
            if asyncio.iscoroutine(asked):
                await asked


def stop_when_samples_come(runtime: LlamaServer) -> Callable[[Item], Any]:
    """For ``collect``: ask the run to stop at the first token."""
    return lambda item: runtime.stop() if isinstance(item, Samples) else None


@contextmanager
def serving(*cues: str) -> Iterator[str]:
    """The rig as a server: yields its URL."""
    with subprocess.Popen(
        [sys.executable, str(RIG), *cue_flags(cues)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if "listening" in line)
            yield re.findall(r"http://\S+", line)[0]
        finally:
            process.kill()


def program(folder: Path, *cues: str) -> str:
    """The rig as a llama-server program: the path to name with ``binary=``."""
    rig = shlex.join([sys.executable, str(RIG), *cue_flags(cues)])
    path = put(folder / "llama-server", f'#!/bin/sh\nexec {rig} "$@"\n')
    return f"binary={path}"


def cue_flags(cues: tuple[str, ...]) -> list[str]:
    return [word for cue in cues for word in ("--cue", cue)]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def processes_with(word: str) -> list[int]:
    """Running processes whose command line or environment holds ``word``."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if word.encode() in told and alive(int(entry.name)) and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


async def gone(pid: int, limit_s: float = 30.0) -> None:
    """Wait until a process is gone; fails when it stays."""
    await asyncio.to_thread(wait_until_gone, pid, limit_s)


def wait_until_gone(pid: int, limit_s: float = 30.0) -> None:
    """The same without a loop."""
    deadline = time.monotonic() + limit_s
    while alive(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"process {pid} was left running")
        time.sleep(0.01)
