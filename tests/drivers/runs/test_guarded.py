"""Runtimes over the shell that phones and boards have: guards, leases, output in pieces, in real userlands."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import LinkLost, LinkTimeout
from drivers.events import FirstToken, ProcessEnded, ProcessStarted, TurnEnd, TurnEnded, TurnStarted
from drivers.links.base import Progress
from drivers.links.local import LocalShell
from drivers.links.remote import RemoteShell
from drivers.model import OnLinkLoss, Prompt, Samples
from drivers.runtimes.llama_bench.driver import LlamaBench
from drivers.runtimes.llama_cli import driver
from drivers.runtimes.llama_cli.driver import LlamaCli
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.llama_runs import alive, gone, run_spec, workload
from tests.rigs.local_pipes import LocalPipes, userlands
from tests.rigs.programs import install, runtime_of
from tests.rigs.runs import follow, stopping

CLOCK = SystemClock()


class Phone(RemoteShell):
    """A device whose files and ports are this computer's."""

    def __init__(self, pipes: LocalPipes, folder: Path) -> None:
        super().__init__(CLOCK, pipes, title="phone", directory=str(folder / "leases"))
        self._here = LocalShell(CLOCK)

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        await self._here.push(source, target, progress)

    @asynccontextmanager
    async def forward(self, port: int) -> AsyncIterator[tuple[str, int]]:
        yield ("127.0.0.1", port)


@pytest.fixture(params=userlands())
def pipes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalPipes]:
    pipes = LocalPipes(CLOCK, request.param, tmp_path / "bin")
    yield pipes
    pipes.wait()


async def test_a_terminal_program_is_seen_in_pieces_and_interrupted(
    pipes: LocalPipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "LAST_WORDS_S", 30.0)
    install(runtime_of(tmp_path), "llama_cli.py", "llama-completion")
    phone, runtime = Phone(pipes, tmp_path), LlamaCli()
    spec = run_spec(workload(max_tokens=100_000), home=str(tmp_path))
    run = await follow(runtime, spec, phone, stopping(runtime, Samples))
    assert run.error is None
    ended = run.one(TurnEnded)
    assert (ended.end, ended.first_token_ns) == (TurnEnd.STOPPED, run.one(FirstToken).t_ns)
    assert ended.output_tokens is not None, "the timings were printed, and read"
    await gone(run.one(ProcessStarted).pid)


async def test_rows_of_a_benchmark(pipes: LocalPipes, tmp_path: Path) -> None:
    install(runtime_of(tmp_path), "llama_bench.py", "llama-bench")
    work = workload(conversations=((Prompt(tokens=(1,)),),), max_tokens=5, repeat=2)
    run = await follow(LlamaBench(), run_spec(work, home=str(tmp_path)), Phone(pipes, tmp_path))
    assert (run.error, [turn.output_tokens for turn in run.of(TurnEnded)]) == (None, [5, 5])
    assert run.one(ProcessEnded).returncode == 0


async def test_a_kept_server_is_taken_up_again(pipes: LocalPipes, tmp_path: Path) -> None:
    install(runtime_of(tmp_path), "llama_server.py", "llama-server")
    phone, runtime = Phone(pipes, tmp_path), LlamaServer()
    talk = ((Prompt("a"), Prompt("b")),)
    work = workload(conversations=talk, max_tokens=5, pause_s=0.3)
    spec = run_spec(work, home=str(tmp_path), on_link_loss=OnLinkLoss.KEEP)
    lost = await follow(
        runtime, spec, phone, lambda item: pipes.cut() if isinstance(item, TurnEnded) else None
    )
    pid = lost.one(ProcessStarted).pid
    assert isinstance(lost.error, LinkLost)
    assert runtime.holding
    assert alive(pid)
    pipes.refusing = False
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert again.error is None
    assert [turn.turn for turn in again.of(TurnStarted)] == [2]
    assert again.one(ProcessEnded).pid == pid
    await gone(pid)


async def test_a_kept_server_outlives_a_failure_of_the_link_that_leaves_it_within_reach(
    pipes: LocalPipes, tmp_path: Path
) -> None:
    """An answer that comes too late, a forwarded port that breaks: the device itself still answers."""
    install(runtime_of(tmp_path), "llama_server.py", "llama-server", "stalls")
    runtime, work = LlamaServer(silence_s=0.3), workload(conversations=((Prompt("a"), Prompt("b")),))
    spec = run_spec(work, home=str(tmp_path), on_link_loss=OnLinkLoss.KEEP)
    late = await follow(runtime, spec, Phone(pipes, tmp_path))
    pid = late.one(ProcessStarted).pid
    assert isinstance(late.error, LinkTimeout)
    assert runtime.holding
    assert alive(pid)
    again = await follow(runtime, spec, Phone(pipes, tmp_path), stopping(runtime, TurnStarted))
    assert again.error is None
    assert [turn.turn for turn in again.of(TurnStarted)] == [2]
    assert again.one(ProcessEnded).pid == pid
    await gone(pid)


async def test_a_server_whose_link_is_cut_ends(pipes: LocalPipes, tmp_path: Path) -> None:
    install(runtime_of(tmp_path), "llama_server.py", "llama-server")
    spec = run_spec(workload(max_tokens=100_000), home=str(tmp_path))
    run = await follow(
        LlamaServer(),
        spec,
        Phone(pipes, tmp_path),
        lambda item: pipes.cut() if isinstance(item, Samples) else None,
    )
    assert isinstance(run.error, LinkLost)
    await gone(run.one(ProcessStarted).pid)
