"""Servers on another device are named as the device has them: each driver says so to each link that it opens."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.clock import SystemClock
from drivers.links.http import HttpLink
from drivers.model import RunSpec
from drivers.runs.stage import StagedRuntime
from drivers.runtimes.llama_server.driver import LlamaServer
from drivers.runtimes.mlc.driver import Mlc
from drivers.runtimes.ollama.driver import Ollama
from tests.rigs import mlc, ollama
from tests.rigs.http_shapes import running
from tests.rigs.llama_runs import program, run_spec, serving, workload
from tests.rigs.programs import install
from tests.rigs.runs import follow
from tests.rigs.tether import Tether

WORK = workload(max_tokens=2)


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the links that are opened call their server."""
    found: list[str] = []
    begin = HttpLink.__init__

    def noted(link: HttpLink, *args: Any, **given: Any) -> None:
        begin(link, *args, **given)
        found.append(link.title)

    monkeypatch.setattr(HttpLink, "__init__", noted)
    return found


@pytest.mark.parametrize(
    ("runtime", "rig", "spec", "title"),
    [
        (Ollama, ollama, lambda port: _at(f"localhost:{port}", "model=llama3.2:1b"), "localhost:{} on bench"),
        (Mlc, mlc, lambda port: _at("", f"port={port}"), "http://127.0.0.1:{} on bench"),
    ],
)
async def test_a_server_that_runs_there(
    runtime: Callable[[], StagedRuntime],
    rig: Any,
    spec: Callable[[int], RunSpec],
    title: str,
    titles: list[str],
) -> None:
    with running(Path(rig.__file__)) as port:
        async with Tether() as link:
            run = await follow(runtime(), spec(port), link)
    assert (run.error, titles) == (None, [title.format(port)])


async def test_a_llama_server_that_runs_there(titles: list[str]) -> None:
    with serving() as url:
        async with Tether() as link:
            run = await follow(LlamaServer(), _at(url), link)
    assert (run.error, titles) == (None, [f"{url} on bench"])


async def test_a_server_that_is_looked_at(titles: list[str]) -> None:
    with running(Path(ollama.__file__)) as port:
        async with Tether() as link:
            spec = _at(f"localhost:{port}", "model=llama3.2:1b")
            await Ollama().look(spec, link, SystemClock())
    assert titles == [f"localhost:{port} on bench"]


async def test_an_engine_that_melt_starts_there(tmp_path: Path, titles: list[str]) -> None:
    folder = tmp_path / "runtimes" / "llama.cpp"
    folder.mkdir(parents=True)
    program(folder)
    serve = (f"serve={mlc.MODEL}", f"binary={install(tmp_path / 'bin', 'mlc.py', 'mlc_llm')}")
    async with Tether() as link:
        ours = await follow(LlamaServer(), run_spec(WORK, home=str(tmp_path)), link)
        other = await follow(Mlc(), run_spec(WORK, None, home=str(tmp_path), args=serve), link)
    assert (ours.error, other.error) == (None, None)
    assert titles == ["the engine on bench"] * 2


def _at(url: str, *args: str) -> RunSpec:
    return run_spec(WORK, None, url=url, args=args, home="/h")
