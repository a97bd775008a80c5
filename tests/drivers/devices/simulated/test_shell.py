import json
from pathlib import Path
from typing import Any

import pytest

from drivers.clock import SECOND
from drivers.devices.simulated.body import Cue, CueKind
from drivers.devices.simulated.shell import SimulatedShell
from drivers.devices.simulated.world import World
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.links.base import Process, Progress
from tests.rigs.virtual_clock import VirtualClock

TURN = b'{"cmd":"turn","turn":1,"prompt_tokens":9,"max_tokens":500,"fresh":true,"ignore_eos":true}\n'
PULLED = (Cue(10, "phone", CueKind.CABLE, 0), Cue(12, "phone", CueKind.CABLE, 1))


def shell(clock: VirtualClock, *cues: Cue) -> SimulatedShell:
    return SimulatedShell(World(1, clock.now(), cues).body("phone"), "pixie", clock)


async def said(process: Process, event: str) -> dict[str, Any]:
    async for line in process.lines():
        message: dict[str, Any] = json.loads(line.text)
        if message["event"] == event:
            return message
    raise AssertionError(event)


async def test_it_knows_few_commands(virtual_clock: VirtualClock) -> None:
    one = shell(virtual_clock)
    assert (await one.run(["uname", "-a"])).out == "Simulated\n"
    assert (await one.run(["true"])).returncode == 0
    with pytest.raises(Refused, match="pixie has no command 'rm -rf /'"):
        await one.run(["rm", "-rf", "/"])
    with pytest.raises(Refused, match="sim-engine"):
        async with one.start(["llama-server"]):
            pass
    with pytest.raises(NotSupported):
        async with one.start(["sim-engine", "--what"]):
            pass
    with pytest.raises(LinkTimeout):
        await one.run(["true"], timeout_s=0)
    with pytest.raises(NotSupported, match="8080"):
        one.forward(8080)


async def test_a_process_dies_with_its_block(virtual_clock: VirtualClock) -> None:
    one = shell(virtual_clock)
    async with one.start(["sim-engine"]) as process:
        await said(process, "ready")
        assert (await one.run(["ps"])).out == f"{process.pid} sim-engine\n"
    assert (await one.run(["ps"])).out == ""
    assert await process.wait() == -9


async def test_kill_ends_the_lines(virtual_clock: VirtualClock) -> None:
    async with shell(virtual_clock).start(["sim-engine"]) as process:
        await said(process, "ready")
        await process.write(TURN[:20])
        await process.write(TURN[20:])
        assert (await said(process, "tokens"))["n"] == 1
        await process.kill()
        assert [line async for line in process.lines()] == []
        assert await process.wait() == -9


@pytest.mark.parametrize("by", ["quit", "stdin"])
async def test_it_ends_by_itself(virtual_clock: VirtualClock, by: str) -> None:
    one = shell(virtual_clock)
    async with one.start(["sim-engine"]) as process:
        await (process.write(b'{"cmd":"quit"}\n') if by == "quit" else process.close_stdin())
        assert await process.wait() == 0
        assert (await one.run(["ps"])).out == ""


async def test_lines_come_when_they_are_written(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    async with shell(virtual_clock).start(["sim-engine"]) as process:
        async for line in process.lines():
            assert line.t_ns == virtual_clock.now()
            if json.loads(line.text)["event"] == "ready":
                break
    assert 2.0 < (virtual_clock.now() - start) / SECOND < 2.15


async def test_a_pulled_cable_breaks_everything_until_it_is_back(virtual_clock: VirtualClock) -> None:
    one = shell(virtual_clock, *PULLED)
    start = virtual_clock.now()
    async with one.start(["sim-engine"]) as process:
        await said(process, "ready")
        await process.write(TURN)
        with pytest.raises(LinkLost, match="the cable of pixie is pulled: plug it in again"):
            async for _ in process.lines():
                pass
        assert (virtual_clock.now() - start) / SECOND == pytest.approx(10, abs=0.06)
        for broken in (process.write(TURN), one.run(["true"]), said(process, "end")):
            with pytest.raises(LinkLost):
                await broken
    await virtual_clock.sleep_until(start + 12 * SECOND)
    assert (await one.run(["ps"])).out == ""
    async with one.start(["sim-engine"]) as again:
        assert (await said(again, "ready"))["load_s"] > 1


async def test_push_takes_its_time_once(virtual_clock: VirtualClock, tmp_path: Path) -> None:
    one = shell(virtual_clock)
    file = tmp_path / "model.gguf"
    with file.open("wb") as out:
        out.truncate(76_000_000)
    steps: list[Progress] = []
    start = virtual_clock.now()
    await one.push(file, "/data/model.gguf", steps.append)
    assert (virtual_clock.now() - start) / SECOND == pytest.approx(2.0)
    assert steps[0] == Progress(0, 76_000_000)
    assert steps[-1] == Progress(76_000_000, 76_000_000)
    steps.clear()
    await one.push(file, "/data/model.gguf", steps.append)
    assert steps == [Progress(76_000_000, 76_000_000)]
    with pytest.raises(Refused, match="cannot be read"):
        await one.push(tmp_path / "none", "/data/none", steps.append)


async def test_waiting_for_one_that_runs_ends_when_the_cable_does(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    async with shell(virtual_clock, *PULLED).start(["sim-engine"]) as process:
        with pytest.raises(LinkLost):
            await process.wait()
    assert (virtual_clock.now() - start) / SECOND == pytest.approx(10, abs=0.06)


async def test_endless_input_is_not_kept(virtual_clock: VirtualClock) -> None:
    async with shell(virtual_clock).start(["sim-engine"]) as process:
        for _ in range(3):
            await process.write(b"x" * 600_000)
        await process.write(b"\n")
        assert (await said(process, "error"))["detail"] == "not a command"
        assert (await said(process, "ready"))["model"] == "simulated weights"
