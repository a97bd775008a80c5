"""The driver and its worker over the real client, against phones that speak usbmuxd, lockdownd, DTX and the tunnel."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from drivers.clock import SECOND, SystemClock
from drivers.devices.ios.driver import IosDriver
from drivers.errors import (
    DriverError,
    Garbled,
    LinkError,
    LinkLost,
    LinkTimeout,
    NotSupported,
    Refused,
    RunFailed,
)
from drivers.events import (
    Absent,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    LogLine,
    ModelLoaded,
    OutputText,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
)
from drivers.links import usbmux
from drivers.model import Found, Prompt, Samples, Workload
from drivers.runtimes.ios_app.driver import IosApp
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.iphone.rig import Rig, iphones
from tests.rigs.iphone_bench import Phone, address, app_spec, opened, workers
from tests.rigs.listening import listening
from tests.rigs.llama_runs import serving
from tests.rigs.runs import follow, stopping

BUNDLE = "com.example.MeltBench"
TOKEN = '{"melt":1,"event":"token","t":$wall,"text":"$ns "}'
APP = {
    "bundle": BUNDLE,
    "first": [
        '{"melt":1,"event":"load","model":"toy","load_s":0.5,"backend":"Metal"}',
        '{"melt":1,"event":"thermal","state":"fair"}',
        '{"melt":1,"event":"turn","text":"Why?"}',
    ],
    "line": TOKEN,
    "rate": 60,
    "count": 30,
    "last": ['{"melt":1,"event":"turn","end":"limit","output_tokens":30,"prompt_tokens":7,"prompt_s":0.1}'],
}
END = '{"melt":1,"event":"turn","end":"eos"}'
ENDLESS = {"bundle": "com.example.Endless", "line": TOKEN, "rate": 20}


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with iphones(
        {"apps": [APP, ENDLESS]}, {"ios": "17.5", "apps": [APP]}, {"developer_mode": False}
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def _here(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The workers find the rig, and a home of their own; at the end none is left."""
    monkeypatch.setenv(usbmux.USBMUXD, rig.address)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    assert workers() == []


async def _app_run(phone: Phone) -> None:
    shell = phone.device.shell
    assert shell is not None

    def watch(item: object) -> None:
        if isinstance(item, ProcessStarted):
            phone.device.watch(item.pid)

    run = await follow(IosApp(), app_spec(f"bundle={BUNDLE}"), shell, watch)
    assert run.error is None
    assert run.one(ModelLoaded).load_s == 0.5
    assert run.one(LimitEngaged).detail == "fair"
    ended = run.one(TurnEnded)
    assert (ended.output_tokens, ended.prompt_tokens, ended.end) == (30, 7, TurnEnd.LIMIT)
    assert run.one(FirstToken).turn == 1
    arrivals = run.samples("token_arrivals")
    told = [int(word) for item in run.of(OutputText) for word in item.text.split()]
    assert [count for _, count in arrivals] == list(range(1, 31))
    soonest_ns = min(arrived - printed for (arrived, _), printed in zip(arrivals, told, strict=True))
    assert 0 <= soonest_ns < 0.05 * SECOND
    assert len(run.samples("tokens")) == 30
    assert run.one(ProcessEnded).detail == "ended"


@pytest.mark.parametrize("number", [1, 2])
async def test_a_phone_gives_all_its_channels_and_runs_an_app(rig: Rig, number: int) -> None:
    rig.cue("set", number, {"gpu": 41, "cpu": {"MeltBench": 160.0}, "memory": {"MeltBench": 900_000_000}})
    async with opened(IosDriver(), address(number)) as phone:
        given = {channel.name: channel for channel in phone.device.channels}
        await phone.until(lambda: bool(phone.times("cpu") and phone.times("gpu busy")))
        await _app_run(phone)
        assert phone.last(given["battery current"]) == pytest.approx(0.742)
        assert phone.last(given["battery voltage"]) == pytest.approx(3.985)
        assert phone.last(given["battery temperature"]) == pytest.approx(31.7)
    last = {block.channel: block.last_code for block in phone.of(Samples)}
    assert last["gpu busy"] == 41
    assert last["physFootprint"] == 900_000_000
    assert 0 < last["process_cpu"] < 100
    assert last["resident"] > 0
    assert rig.cue("running", number) == []
    assert {item.what for item in phone.of(Absent)} == {"SoC temperature", "thermal state"}


async def test_a_stopped_run_leaves_no_app(rig: Rig) -> None:
    async with opened(IosDriver(), address(1)) as phone:
        runtime = IosApp()
        run = await follow(
            runtime,
            app_spec("bundle=com.example.Endless", turns=None),
            phone.device.shell,
            stopping(runtime, FirstToken),
        )
        assert run.error is None
        assert run.one(TurnEnded).end is TurnEnd.STOPPED
        assert rig.cue("running", 1) == []
        failed = await follow(IosApp(), app_spec("bundle=com.example.None"), phone.device.shell)
        assert isinstance(failed.error, NotSupported | RunFailed)


async def test_an_app_that_ran_on_while_the_cable_was_out_is_ended_when_it_is_back(rig: Rig) -> None:
    driver = IosDriver()
    async with opened(driver, address(1)) as phone:
        await phone.until(lambda: bool(phone.times("cpu")))
        cuts: list[float] = []

        def cut(item: object) -> None:
            if isinstance(item, FirstToken):
                cuts.append(time.monotonic())
                rig.cue("detach", 1)

        run = await follow(IosApp(), app_spec("bundle=com.example.Endless"), phone.device.shell, cut)
        assert isinstance(run.error, LinkLost)
        assert run.error.sentence == "phone is not connected, and com.example.Endless runs on there"
        assert "swipe it away" in run.error.remedy
        assert "iOS lets the app run on" in run.one(ProcessEnded).detail
        await phone.until(lambda: phone.error is not None)
        assert isinstance(phone.error, LinkLost)
        assert not [item for item in phone.of(Absent) if "not connected" in item.reason]
    assert rig.cue("running", 1) == ["com.example.Endless"]
    rig.cue("attach", 1)
    async with opened(driver, address(1)) as phone:
        await phone.until(lambda: any("ran on" in item.text for item in phone.of(LogLine)))
        assert rig.cue("running", 1) == []


async def test_without_developer_mode_the_battery_is_there_and_the_next_step_is_told(rig: Rig) -> None:
    async with opened(IosDriver(), address(3)) as phone:
        await phone.until(lambda: len(phone.of(Absent)) == 3 and bool(phone.times("battery power")))
        absent = phone.of(Absent)[-1]
        assert "developer mode is off" in absent.reason
        assert "Developer Mode" in absent.remedy
        run = await follow(IosApp(), app_spec(f"bundle={BUNDLE}"), phone.device.shell)
        assert "developer mode is off" in str(run.error)


async def test_lines_of_an_app_that_somebody_opened_are_read_from_the_log(rig: Rig) -> None:
    rig.cue(
        "install", 3, APP | {"bundle": "com.example.Hand", "name": "HandBench", "count": 5, "last": [END]}
    )
    async with opened(IosDriver(), address(3, "?log=off")) as other:
        assert other.device.info.os.startswith("iOS 16")
    async with opened(IosDriver(), address(3)) as phone:
        asked: list[object] = []

        def launch(item: object) -> None:
            if isinstance(item, Absent) and not asked:
                asked.append(
                    asyncio.get_running_loop().call_later(0.3, rig.cue, "launch", 3, "com.example.Hand")
                )

        run = await follow(IosApp(), app_spec("process=HandBench"), phone.device.shell, launch)
    assert run.error is None
    assert len(run.samples("token_arrivals")) == 5
    rig.cue("crash", 3, "com.example.Hand")


@pytest.mark.parametrize(
    ("cues", "kind", "said"),
    [
        ([("trust", "pending"), ("unpair",)], LinkError, "asks whether to trust this computer"),
        ([("unpair",), ("trust", "refused")], Refused, "was told not to trust this computer"),
        ([("trust", "pending"), ("forget",)], LinkError, "asks whether to trust this computer"),
        ([("trust", "given"), ("set", {"ios": "banana"})], NotSupported, "cannot do this.*banana"),
        ([("fault", "lockdownd", "half")], LinkTimeout, "does not answer"),
        ([("fault", "lockdownd", "bomb")], Garbled, "answered nonsense"),
        ([("set", {"ios": "99.1", "locked": True}), ("unpair",)], LinkError, "is locked"),
        ([("detach",)], LinkLost, "is not connected"),
    ],
)
async def test_a_phone_that_cannot_be_opened_says_why(
    rig: Rig, cues: list[tuple[object, ...]], kind: type[DriverError], said: str
) -> None:
    number = len(rig.cue("phones")) + 1
    rig.cue("new", {})
    for word, *rest in cues:
        rig.cue(str(word), number, *rest)
    with pytest.raises(kind, match=said):
        async with opened(IosDriver(), address(number)):
            pass


async def test_a_phone_that_was_away_is_waited_for_by_one_worker(rig: Rig) -> None:
    driver = IosDriver()
    rig.cue("detach", 3)
    with pytest.raises(LinkLost):
        async with opened(driver, address(3)):
            pass
    asyncio.get_running_loop().call_later(0.4, rig.cue, "attach", 3)
    async with asyncio.timeout(60), opened(driver, address(3)) as phone:
        assert phone.device.info.model == "iPhone 13"


@pytest.mark.parametrize("kind", ["bomb", "silent"])
async def test_a_battery_that_cannot_be_read_is_missing_and_the_rest_goes_on(rig: Rig, kind: str) -> None:
    rig.cue("fault", 1, "com.apple.mobile.diagnostics_relay", kind)
    try:
        async with opened(IosDriver(), address(1)) as phone:
            await phone.until(lambda: any(one.what == "battery" for one in phone.of(Absent)))
            await phone.until(lambda: bool(phone.times("cpu")))
            assert phone.error is None
    finally:
        rig.cue("fault", 1, "com.apple.mobile.diagnostics_relay", "")


async def test_phones_are_followed_as_they_come_and_go(rig: Rig) -> None:
    seen: list[Found] = []

    def one(number: int) -> Found | None:
        return next((found for found in seen if found.address == address(number)), None)

    scanned = {found.address: found for found in await IosDriver().scan()}
    assert scanned[address(1)].ready
    assert scanned[address(1)].title == scanned[address(3)].title == "iPhone 13", (
        "two of one name, two addresses"
    )
    async with asyncio.timeout(60), aclosing(IosDriver().follow()) as following:
        async for found in following:
            seen[:] = found
            if one(3):
                break
        rig.cue("detach", 3)
        async for found in following:
            seen[:] = found
            if not one(3):
                break
        rig.cue("attach", 3)
        async for found in following:
            seen[:] = found
            if one(3):
                break


async def test_a_port_of_the_phone_is_reached_from_here(rig: Rig) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())

    async with listening(echo) as far, opened(IosDriver(), address(3)) as phone:
        rig.cue("port", 3, 8080, far)
        assert phone.device.shell is not None
        async with phone.device.shell.forward(8080) as (host, port):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()


async def test_a_llama_server_in_an_app_is_started_asked_and_ended(rig: Rig) -> None:
    spec = replace(
        app_spec("bundle=com.example.Endless"),
        url="http://127.0.0.1:8080",
        workload=Workload(name="one", conversations=((Prompt("Why?"),),), max_tokens=8),
    )
    with serving() as url:
        rig.cue("port", 1, 8080, int(url.rpartition(":")[2]))
        async with opened(IosDriver(), address(1)) as phone:
            run = await follow(LlamaServer(), spec, phone.device.shell)
    assert run.error is None
    assert run.one(TurnEnded).output_tokens == 8
    assert run.one(ProcessEnded).detail == "ended"
    assert rig.cue("running", 1) == []


async def test_a_worker_that_dies_is_a_lost_link(rig: Rig) -> None:
    async with opened(IosDriver(), address(3)) as phone:
        (worker,) = workers()
        worker.kill()
        await phone.until(lambda: phone.error is not None)
        assert isinstance(phone.error, LinkLost)


HOLDER = """
import asyncio, sys
from drivers.clock import SystemClock
from drivers.devices.ios.driver import IosDriver

async def main():
    async with IosDriver().open(sys.argv[1], "phone", SystemClock()) as device:
        async with device.shell.start(["com.example.Endless"]) as app:
            print(app.pid, flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


def test_nothing_is_left_when_melt_is_killed(rig: Rig) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, address(1)], stdout=subprocess.PIPE, env={**os.environ, **rig.env}
    )
    try:
        assert holder.stdout is not None
        assert json.loads(holder.stdout.readline())
        (worker,) = workers()
        holder.send_signal(signal.SIGKILL)
        rig.wait_for(lambda: rig.cue("running", 1) == [])
        rig.wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize(
    "place", ["ios:", "ios:../../x", "ios:00008110-001A2B3C4D5E0001?log=loud", "ios:1?tap=3"]
)
async def test_an_address_that_is_none(place: str) -> None:
    with pytest.raises(NotSupported):
        async with IosDriver().open(place, "phone", SystemClock()):
            pass


async def test_a_phone_that_tells_its_thermal_pressure_is_believed(rig: Rig) -> None:
    """As iOS 27.2 does, by the state of a notification; each level is a limit, nominal is none."""
    number = len(rig.cue("phones")) + 1
    rig.cue("new", {"ios": "27.2", "thermal": 2})
    async with opened(IosDriver(), address(number)) as phone:
        await phone.until(lambda: bool(phone.of(LimitEngaged)))
        rig.cue("set", number, {"thermal": 0})
        await phone.until(lambda: bool(phone.of(LimitReleased)))
    (engaged,), (released,) = phone.of(LimitEngaged), phone.of(LimitReleased)
    assert (engaged.limit, engaged.reason, engaged.detail) == ("thermal pressure", "thermal", "moderate")
    assert (released.limit, released.detail) == ("thermal pressure", "nominal")
    told = [block.last_code for block in phone.of(Samples) if block.channel == "thermal pressure"]
    assert set(told) == {20, 0}
    assert {item.what for item in phone.of(Absent)} == {"SoC temperature"}


async def test_a_phone_that_is_unlocked_later_gives_what_it_held_back(rig: Rig) -> None:
    number = len(rig.cue("phones")) + 1
    rig.cue("new", {"locked": True})
    async with opened(IosDriver(), address(number, "?log=all")) as phone:
        withheld = {"log", "battery", "processes, memory, GPU and starting apps"}
        await phone.until(lambda: withheld <= {item.what for item in phone.of(Absent)})
        rig.cue("set", number, {"locked": False, "log_hz": 5.0})
        await phone.until(lambda: bool(phone.times("battery power") and phone.of(LogLine)))
        await phone.until(lambda: bool(phone.times("cpu")))


async def test_a_log_that_breaks_off_is_missing(rig: Rig) -> None:
    rig.cue("fault", 1, "com.apple.syslog_relay", "half")
    rig.cue("set", 1, {"log_hz": 20.0})
    try:
        async with opened(IosDriver(), address(1)) as phone:
            await phone.until(lambda: any(item.what == "log" for item in phone.of(Absent)))
    finally:
        rig.cue("set", 1, {"log_hz": 0.0})
        rig.cue("fault", 1, "com.apple.syslog_relay", "")
