"""A program that we started: pushed for, told of, ended."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SystemClock
from drivers.errors import LinkLost, NotSupported, Refused
from drivers.events import LogLine, Preparing, ProcessEnded, ProcessStarted
from drivers.inbox import Inbox
from drivers.links.base import Line, Progress
from drivers.links.local import LocalShell
from drivers.modelfile import ModelFile, ModelPart
from drivers.runs.hearing import Gone
from drivers.runs.program import Launch, Program, library_environment
from drivers.runs.pushing import push_model
from drivers.runs.reaching import reached
from drivers.runs.stage import Stage
from tests.rigs.llama_runs import alive, run_spec
from tests.rigs.tether import Tether
from tests.rigs.virtual_clock import VirtualClock


def stage(items: list[Item], shell: object = None) -> Stage:
    clock = SystemClock()
    link = shell if isinstance(shell, Tether) else LocalShell(clock)
    return Stage(run_spec(), link, clock, Inbox(), items.append)


def program(on: Stage, *argv: str) -> Program:
    launch = Launch(argv, library_environment("/lib of mine"))
    return Program(on.spec, launch, "it", on.shell, on.clock, on.emit)


async def test_what_it_says_and_how_it_ends() -> None:
    items: list[Item] = []
    on = stage(items)
    async with program(on, "sh", "-c", "echo $LD_LIBRARY_PATH; exit 3") as running:
        await running.listen(on.inbox)
        line, gone = await on.inbox.take(), await on.inbox.take()
        assert gone == Gone(3)
        assert getattr(line, "text", "") == "/lib of mine"
    started, ended = items
    assert isinstance(started, ProcessStarted)
    assert isinstance(ended, ProcessEnded)
    assert (ended.returncode, ended.detail, ended.pid) == (3, "", started.pid)


async def test_it_is_ended_when_it_is_left() -> None:
    items: list[Item] = []
    async with program(stage(items), "sleep", "60") as running:
        pid = running.process.pid
    assert not alive(pid)
    ended = items[-1]
    assert isinstance(ended, ProcessEnded)
    assert (ended.returncode, ended.detail) == (-9, "ended by us")


async def lose(running: Program, link: Tether) -> None:
    async with running:
        link.cut()
        await running.listen(Inbox())


async def test_a_lost_link_is_told_as_such() -> None:
    items: list[Item] = []
    async with Tether() as link:
        with pytest.raises(LinkLost):
            await lose(program(stage(items, link), "sleep", "60"), link)
    ended = items[-1]
    assert isinstance(ended, ProcessEnded)
    assert (ended.returncode, ended.detail) == (None, "the link was lost: the device ends it by itself")


class _Pushing(LocalShell):
    """Tells of a push in steps of its own making."""

    def __init__(self, clock: VirtualClock, steps: list[tuple[float, int]]) -> None:
        super().__init__(clock)
        self._slow = clock
        self._steps = steps
        self.pushed: list[tuple[str, str]] = []

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        self.pushed.append((str(source), target))
        for seconds, done in self._steps:
            await self._slow.sleep_until(self._slow.now() + round(seconds * 1e9))
            progress(Progress(done, 1000))
            await asyncio.sleep(0)


async def test_a_push_is_told_with_the_time_that_is_left(virtual_clock: VirtualClock, tmp_path: Path) -> None:
    items: list[Item] = []
    steps = [(0.0, 200), (0.1, 250), (0.9, 400), (1.0, 600), (0.01, 1000)]
    on = Stage(run_spec(), _Pushing(virtual_clock, steps), virtual_clock, Inbox(), items.append)
    model = ModelFile(name="m", path="/here/m.gguf", size_bytes=1000)
    assert await push_model(on, model, str(tmp_path / "a b")) == f"{tmp_path}/a b/m.gguf"
    told = [(item.done, item.eta_s) for item in items if isinstance(item, Preparing)]
    assert told == [(0.2, None), (0.4, 3.0), (0.6, 2.0), (1.0, 0.0)], (
        "200 of what is left came at once: it was there"
    )


async def test_all_files_of_a_model_are_pushed_and_told_as_one(
    virtual_clock: VirtualClock, tmp_path: Path
) -> None:
    items: list[Item] = []
    link = _Pushing(virtual_clock, [(1.0, 250), (1.0, 500)])
    on = Stage(run_spec(), link, virtual_clock, Inbox(), items.append)
    files = tuple(ModelPart(f"/here/m-0000{i}-of-00002.gguf", 500) for i in (1, 2))
    model = ModelFile(name="m", path=files[0].path, size_bytes=1000, parts=files)
    there = str(tmp_path / "models")
    assert await push_model(on, model, there) == f"{there}/m-00001-of-00002.gguf"
    assert link.pushed == [(one.path, f"{there}/{Path(one.path).name}") for one in files]
    assert [item.done for item in items if isinstance(item, Preparing)] == [0.25, 0.5, 0.75, 1.0]


async def test_a_folder_that_cannot_be_made() -> None:
    model = ModelFile(name="m", path="/here/m.gguf", size_bytes=1000)
    with pytest.raises(Refused, match="bench does not let /dev/null/x be made"):
        await push_model(stage([]), model, "/dev/null/x")


@pytest.mark.parametrize(
    ("url", "remote", "reach"),
    [
        ("127.0.0.1:80", False, "http://127.0.0.1:80"),
        ("http://10.0.0.7:8080", True, "http://10.0.0.7:8080"),
    ],
)
async def test_addresses_that_need_no_forward(url: str, remote: bool, reach: str) -> None:
    async with Tether() as link, reached(url, link, remote=remote) as here:
        assert (here, link.forwarded) == (reach, [])


async def test_addresses_that_are_none() -> None:
    async with Tether() as link:
        with pytest.raises(NotSupported, match="is not an address"):
            async with reached("http://[::1", link, remote=True):
                pass


async def test_lines_beyond_the_limit_are_counted() -> None:
    items: list[Item] = []
    on = stage(items)
    async with program(on, "sh", "-c", "i=0; while [ $i -lt 200 ]; do echo $i; i=$((i+1)); done") as running:
        await running.listen(on.inbox)
        for line in on.inbox.more(Line):
            running.note(line)
    assert 60 <= sum(isinstance(item, LogLine) for item in items) < 120


async def test_what_it_computes_on_is_what_it_says() -> None:
    on = stage([])
    said = "ggml_cuda_init: found 1 CUDA devices:\nsystem_info: n_threads = 6 | CUDA : ARCHS = 870 | CPU : NEON = 1 |"
    async with program(on, "printf", "%s\n", said) as running:
        await running.listen(on.inbox)
        for line in on.inbox.more(Line):
            running.note(line)
        assert running.backend == "CUDA, CPU"
