"""An app on a phone that runs apps alone: started for a run and ended with it, or found; what is told of its life."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.errors import LinkError, RunFailed
from drivers.events import ProcessEnded, ProcessStarted, bounded
from drivers.links.base import Process
from drivers.runs.loglimit import LogLimit
from drivers.runs.stage import Stage

SOURCE = "app"
LEFT_RUNNING = "the link was lost: iOS lets the app run on; it is ended when the phone is back"
END_IT = "plug it in while this melt runs, which ends it, or swipe it away on the phone"


@asynccontextmanager
async def running(stage: Stage, title: str, *, starts: bool) -> AsyncIterator[Process]:
    """The app of that bundle, with the ``arg=WORD`` and ``env=NAME=VALUE`` of the run; or the lines that a process of that
    name writes into the log of the phone. Raises NotSupported, RunFailed, LinkError."""
    args = stage.spec.args
    words = [arg.removeprefix("arg=") for arg in args if arg.startswith("arg=")]
    pairs = [arg.removeprefix("env=").partition("=") for arg in args if arg.startswith("env=")]
    stage.preparing(f"starting {title}" if starts else f"waiting for lines of {title}")
    argv = [title, *words] if starts else ["log", title]
    pid, detail = 0, "ended" if starts else "left running"
    try:
        async with stage.shell.start(argv, env={name: value for name, _, value in pairs}) as process:
            pid = process.pid
            _tell_start(stage, pid, " ".join(argv))
            yield process
    except LinkError as error:
        if not (starts and pid):
            raise
        detail = LEFT_RUNNING
        raise type(error)(f"{error.sentence}, and {title} runs on there", remedy=END_IT) from error
    except RunFailed as error:
        detail = error.sentence
        raise
    finally:
        _tell_end(stage, pid, detail)


async def log_lines(stage: Stage, process: Process) -> None:
    """Tell what it prints, as much as can be read."""
    limit = LogLimit()
    async for line in process.lines():
        log_line(stage, limit, line.t_ns, line.text)


def log_line(stage: Stage, limit: LogLimit, t_ns: int, text: str) -> None:
    """Tell a line, unless there are too many."""
    left_out = limit.admit(t_ns)
    if left_out:
        stage.log(SOURCE, f"… {left_out} lines left out", t_ns)
    if left_out is not None:
        stage.log(SOURCE, text, t_ns)


def _tell_start(stage: Stage, pid: int, command: str) -> None:
    spec, now = stage.spec, stage.clock.now()
    if pid:
        stage.emit(
            ProcessStarted(t_ns=now, device=spec.device, run=spec.run, pid=pid, command=bounded(command))
        )


def _tell_end(stage: Stage, pid: int, detail: str) -> None:
    spec, now = stage.spec, stage.clock.now()
    if pid:
        stage.emit(
            ProcessEnded(t_ns=now, device=spec.device, run=spec.run, pid=pid, returncode=None, detail=detail)
        )
