"""A conversation with a shell that stays, and the device's own clock."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SystemClock
from drivers.errors import Garbled, LinkLost, LinkTimeout, NotSupported
from drivers.links import asking
from drivers.links.asking import Conversation, OwnTime, find_own_time, measure_offset
from drivers.links.remote import RemoteShell
from tests.rigs.local_pipes import LocalPipes, userlands

CLOCK = SystemClock()


@pytest.fixture(params=userlands())
def pipes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalPipes]:
    pipes = LocalPipes(CLOCK, request.param, tmp_path / "bin")
    yield pipes
    pipes.wait()


@pytest.fixture
async def talk(pipes: LocalPipes, tmp_path: Path) -> AsyncIterator[Conversation]:
    shell = RemoteShell(CLOCK, pipes, title="bench", directory=str(tmp_path))
    async with shell.start(["sh"]) as process:
        yield Conversation(process, CLOCK)


async def test_answers_come_in_order_with_their_times(talk: Conversation) -> None:
    before = CLOCK.now()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(talk.ask(f"echo {i}; echo err >&2")) for i in range(20)]
    answers = [task.result() for task in asked]
    assert [answer.text for answer in answers] == [str(i) for i in range(20)]
    times = [t for answer in answers for t in (answer.t0_ns, answer.middle_ns, answer.t1_ns)]
    assert before <= times[0]
    assert times == sorted(times)


async def test_what_a_script_defines_stays_and_its_input_is_empty(talk: Conversation) -> None:
    assert (await talk.ask("x=4; f() { echo $((x+1)); }")).text == ""
    assert (await talk.ask("cat; read y; f")).text == "5"


async def test_text_is_given_as_it_is(talk: Conversation) -> None:
    script = "echo 'a  b'; echo; printf 'no end'"
    assert (await talk.ask(script)).text == "a  b\n\nno end"
    assert (await talk.ask("echo melt-1; # a comment")).text == "melt-1"


async def test_a_late_answer_is_passed_over(talk: Conversation) -> None:
    with pytest.raises(LinkTimeout, match=r"did not answer within 0\.1 s"):
        await talk.ask("sleep 0.4; echo late", timeout_s=0.1)
    assert (await talk.ask("echo next")).text == "next"


async def test_a_shell_that_ends_is_a_lost_link(talk: Conversation) -> None:
    with pytest.raises(LinkLost, match="has ended"):
        await talk.ask("exit 3")


async def test_too_long_an_answer_is_garbled_and_the_next_is_not(
    talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ANSWER_LIMIT", 100)
    with pytest.raises(Garbled, match="more than"):
        await talk.ask("i=0; while [ $i -lt 50 ]; do echo 0123456789; i=$((i+1)); done")
    assert (await talk.ask("echo next")).text == "next"


async def test_the_offset_of_this_computer_s_own_wall_clock(talk: Conversation) -> None:
    own = await find_own_time(talk)
    if own is OwnTime.UPTIME:
        return
    offset = await measure_offset(talk, own)
    truth = CLOCK.now() - CLOCK.wall()
    assert abs(offset.offset_ns - truth) <= offset.uncertainty_ns + 1_000_000
    assert 0 < offset.uncertainty_ns < 1_000_000_000


async def test_every_way_to_tell_the_time_is_read(talk: Conversation) -> None:
    uptime = float((await talk.ask("cat /proc/uptime")).text.split()[0])
    read = OwnTime.UPTIME.read((await talk.ask(f"echo {OwnTime.UPTIME.value}")).text)
    assert read is not None
    assert uptime <= read / 1e9 < uptime + 5


async def test_a_device_without_a_clock(talk: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_REAL_TIME", re.compile("never"))
    monkeypatch.setattr(asking, "_NANOSECONDS", re.compile("never"))
    assert await find_own_time(talk) is OwnTime.UPTIME
    monkeypatch.setattr(asking, "_UPTIME", re.compile("never"))
    with pytest.raises(NotSupported, match="does not tell its time"):
        await find_own_time(talk)
    with pytest.raises(Garbled, match="told its time as"):
        await measure_offset(talk, OwnTime.UPTIME)


@pytest.mark.parametrize(
    ("own", "text", "ns"),
    [
        (OwnTime.REAL_TIME, "1795240831.272536", 1795240831272536000),
        (OwnTime.REAL_TIME, "1795240831,272536", 1795240831272536000),
        (OwnTime.REAL_TIME, "", None),
        (OwnTime.REAL_TIME, "1795240831.2725", None),
        (OwnTime.DATE, "1795240831272536123", 1795240831272536123),
        (OwnTime.DATE, "1795240831%N", None),
        (OwnTime.DATE, "1795240831N", None),
        (OwnTime.UPTIME, "13821.27", 13821270000000),
        (OwnTime.UPTIME, "13821", None),
    ],
)
def test_times_as_devices_tell_them(own: OwnTime, text: str, ns: int | None) -> None:
    assert own.read(text) == ns


@given(st.text(max_size=40), st.sampled_from(list(OwnTime)))
def test_any_text_is_a_time_or_none(text: str, own: OwnTime) -> None:
    read = own.read(text)
    assert read is None or read >= 0


def test_steps() -> None:
    assert [own.step_ns for own in OwnTime] == [1_000, 1, 10_000_000]
