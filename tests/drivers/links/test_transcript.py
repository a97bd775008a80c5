import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.errors import Garbled, LinkLost
from drivers.links.base import Completed, Progress
from drivers.links.scripted import Exchange, Expect, Fault, Play, ScriptedLink, ScriptedShell, Step
from drivers.links.transcript import Transcript, TranscriptLink, TranscriptShell, byte_steps, exchanges
from tests.rigs.virtual_clock import VirtualClock


async def converse(clock: VirtualClock, steps: list[Step], path: Path, sent: list[bytes]) -> None:
    """Write when asked, read until the link is gone; all of it goes into the transcript."""
    with Transcript(path, clock) as transcript:
        link = TranscriptLink(ScriptedLink(clock, steps), transcript)
        for data in sent:
            await link.write(data)
        with suppress(LinkLost):
            while True:
                await link.read()


async def test_what_was_written_down_plays_again(virtual_clock: VirtualClock, tmp_path: Path) -> None:
    start = virtual_clock.now()
    script: list[Step] = [
        Expect(b"go\x00"),
        Play(start + SECOND, b"\xff\x00one"),
        Play(start + 3 * SECOND, b"two"),
        Fault(start + 4 * SECOND, LinkLost("pulled")),
    ]
    path = tmp_path / "a.transcript"
    await converse(virtual_clock, script, path, [b"go\x00"])
    again = start + 100 * SECOND
    *steps, fault = byte_steps(path, again)
    assert steps == [
        Expect(b"go\x00"),
        Play(again + SECOND, b"\xff\x00one"),
        Play(again + 3 * SECOND, b"two"),
    ]
    assert isinstance(fault, Fault)
    assert (fault.t_ns, fault.error.sentence) == (again + 4 * SECOND, "pulled")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 10**10), st.binary(min_size=1, max_size=50)), max_size=8))
async def test_any_bytes_at_any_times_come_back(tmp_path: Path, plays: list[tuple[int, bytes]]) -> None:
    clock = VirtualClock()
    start = clock.now()
    plays.sort()
    path = tmp_path / "b.transcript"
    await converse(clock, [Play(start + t, data) for t, data in plays], path, [])
    steps = list(byte_steps(path, start))
    assert steps[:-1] == [Play(start + t, data) for t, data in plays]
    assert isinstance(steps[-1], Fault)


async def test_commands_are_written_down(virtual_clock: VirtualClock, tmp_path: Path) -> None:
    script = [
        Exchange(argv=("uname",), answer=Completed(0, "Linux\n", "")),
        Exchange(argv=("cat", "/x y"), answer=Completed(1, "", "no such file\n")),
        Exchange(argv=("run",), lines=((0, "out", "a"),)),
        Exchange(argv=("gone",), fault=LinkLost("pulled")),
    ]
    path = tmp_path / "c.transcript"
    with Transcript(path, virtual_clock) as transcript:
        shell = TranscriptShell(ScriptedShell(virtual_clock, script), transcript)
        assert (await shell.run(["uname"])).out == "Linux\n"
        assert (await shell.run(["cat", "/x y"])).returncode == 1
        async with shell.start(["run"]) as process:
            assert [line.text async for line in process.lines()] == ["a"]
        with pytest.raises(LinkLost):
            await shell.run(["gone"])
        seen: list[Progress] = []
        await shell.push(path, "/t", seen.append)
        assert len(seen) == 1
    played = list(exchanges(path))
    assert [(one.argv, one.answer) for one in played[:2]] == [(one.argv, one.answer) for one in script[:2]]
    assert played[2].argv == ("gone",)
    assert isinstance(played[2].fault, LinkLost)
    assert len(played) == 3


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "3", '{"in": "YQ=="}', '{"t": "1", "in": "YQ=="}', '{"t": 1, "in": "%%"}', '{"t": 1, "out": 5}',
        '{"t": 99999999999999999999, "in": ""}', "[" * 100_000, '{"t": 1, "ran": {"argv": 5}}', '{"t": 1, "ran": 7}',
        '{"t": 1, "ran": {"argv": ["a"], "returncode": "x", "stdout": "", "stderr": ""}}', "\x00\xff",
    ],
)  # fmt: skip
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "d.transcript"
    path.write_text(json.dumps({"t": 0, "in": ""}) + "\n" + line + "\n", encoding="latin-1")
    with pytest.raises(Garbled, match=r"line 2 of d.transcript"):
        print(list(byte_steps(path, 0)), list(exchanges(path)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "e.transcript"
    path.write_bytes(data)
    for read in (lambda: list(byte_steps(path, 0)), lambda: list(exchanges(path))):
        try:
            read()
        except Garbled:
            continue


def test_a_closed_transcript_takes_nothing(tmp_path: Path, virtual_clock: VirtualClock) -> None:
    path = tmp_path / "f.transcript"
    transcript = Transcript(path, virtual_clock)
    transcript.note(0, fault="before")
    with transcript:
        transcript.note(virtual_clock.now(), fault="in")
    transcript.note(0, fault="after")
    assert path.read_text() == '{"t": 0, "fault": "in"}\n'
