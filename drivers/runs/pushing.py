"""A model's way to the device: pushed once, told as it goes."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from drivers.clock import SECOND
from drivers.errors import Refused
from drivers.foreign import printable
from drivers.links.base import Progress, ShellLink
from drivers.links.summing import remember
from drivers.modelfile import ModelFile
from drivers.runs.stage import Stage

TELL_PERIOD_NS = SECOND // 4


async def push_model(stage: Stage, model: ModelFile, folder: str) -> str:
    """Make ``folder`` on the device hold all files of the model; the path of the first there. Nothing is sent when it is there already.

    Raises Refused where a folder or file cannot be made or read, LinkError.
    """
    made = await stage.shell.run(["mkdir", "-p", folder])
    if made.returncode != 0:
        raise Refused(
            f"{stage.spec.device} does not let {printable(folder, 200)} be made: {printable(made.err or made.out, 160)}",
            remedy="check its free space and the rights of that folder",
        )
    told = _Told(stage, f"pushing {printable(model.name, 80)} to {stage.spec.device}")
    await push_files(stage.shell, model, folder, told.from_any_thread())
    return f"{folder}/{Path(model.path).name}"


async def push_files(
    shell: ShellLink, model: ModelFile, folder: str, tell: Callable[[Progress], None]
) -> None:
    """Push what is not there yet of the model's files into a folder that is; progress is that of all together.

    Raises Refused, LinkError.
    """
    total = sum(one.size_bytes for one in model.files)
    before = 0
    for one in model.files:
        remember(Path(one.path), one.sha256)
        part = partial(_of_all, before, total if model.parts else 0, tell)
        await shell.push(Path(one.path), f"{folder}/{Path(one.path).name}", part)
        before += one.size_bytes


def _of_all(before: int, total: int, tell: Callable[[Progress], None], part: Progress) -> None:
    """Of one file alone what its link says: it may be of another size by now."""
    tell(Progress(before + part.done, total or part.total))


class _Told:
    """Tells progress four times a second, with the time that is left at the rate so far."""

    def __init__(self, stage: Stage, step: str) -> None:
        self._stage = stage
        self._step = step
        self._first: tuple[int, int] | None = None
        self._told_ns: int | None = None

    def from_any_thread(self) -> Callable[[Progress], None]:
        """For links that copy in a thread of theirs."""
        loop = asyncio.get_running_loop()
        return lambda progress: _quietly(loop, self._progress, progress)

    def _progress(self, progress: Progress) -> None:
        now = self._stage.clock.now()
        if self._first is None:
            self._first = (now, progress.done)
        if (
            self._told_ns is not None
            and now < self._told_ns + TELL_PERIOD_NS
            and progress.done < progress.total
        ):
            return
        self._told_ns = now
        done = progress.done / progress.total if progress.total > 0 else 1.0
        self._stage.preparing(self._step, min(1.0, done), self._eta_s(now, progress))

    def _eta_s(self, now: int, progress: Progress) -> float | None:
        if self._first is None:
            return None
        since_ns, at_first = self._first
        moved = progress.done - at_first
        if moved <= 0 or now <= since_ns:
            return None
        return (progress.total - progress.done) / moved * (now - since_ns) / SECOND


def _quietly(loop: asyncio.AbstractEventLoop, tell: Callable[[Progress], None], progress: Progress) -> None:
    """A thread may outlast the loop by a moment; then nobody listens any more."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(tell, progress)
