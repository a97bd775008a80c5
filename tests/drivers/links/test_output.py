"""Lines off a pipe: cut anywhere, counted to the byte, read by whoever waits."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbled, LinkLost
from drivers.links import output
from drivers.links.output import Offsets, Output, Prefaced, collect, signed

Stream = Literal["out", "err"]
TEXT = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\xff", b"\n\n"]), max_size=30).map(b"".join)


class PlayedPipe:
    """Gives these chunks, then its end or its loss."""

    def __init__(self, chunks: Sequence[tuple[Stream, bytes]], *, lost: bool = False, code: int = 0) -> None:
        self.reads = 0
        self._chunks = list(chunks)
        self._lost = lost
        self._code = code

    async def read(self) -> tuple[int, Stream, bytes] | None:
        await asyncio.sleep(0)
        if self._chunks:
            self.reads += 1
            stream, data = self._chunks.pop(0)
            return self.reads, stream, data
        if self._lost:
            raise LinkLost("gone")
        return None

    async def write(self, data: bytes) -> None: ...

    async def close_stdin(self) -> None: ...

    async def returncode(self) -> int:
        return self._code


def cut(stream: Stream, data: bytes, places: Sequence[int]) -> list[tuple[Stream, bytes]]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [(stream, data[a:b]) for a, b in pairwise(ends)]


@given(TEXT, TEXT, st.lists(st.integers(0, 100), max_size=8))
def test_lines_are_those_of_the_whole_and_count_every_byte(out: bytes, err: bytes, places: list[int]) -> None:
    async def follow() -> None:
        lines = Output(PlayedPipe([*cut("out", out, places), *cut("err", err, places)]))
        seen = [(line.stream, line.text) async for line in lines.lines()]
        for stream, data in (("out", out), ("err", err)):
            pieces = data.split(b"\n")
            expected = pieces[:-1] + ([pieces[-1]] if pieces[-1] else [])
            assert [text for where, text in seen if where == stream] == [
                piece.removesuffix(b"\r").decode(errors="replace") for piece in expected
            ]
        assert lines.given == Offsets(len(out), len(err))

    asyncio.run(follow())


async def test_what_was_not_given_is_not_counted() -> None:
    lines = Output(PlayedPipe([("out", b"one\r\ntw"), ("out", b"o\nthr")], lost=True), Offsets(100, 7))
    following = lines.lines()
    assert [(await anext(following)).text for _ in range(2)] == ["one", "two"]
    with pytest.raises(LinkLost):
        await anext(following)
    assert lines.given == Offsets(100 + 5 + 4, 7)


async def test_one_reads_for_all_who_wait() -> None:
    lines = Output(PlayedPipe([("out", b"x\n")] * 50))
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(all_of(lines))
        waiting = [tasks.create_task(lines.end()) for _ in range(3)]
    assert reading.result() == ["x"] * 50
    assert all(task.done() for task in waiting)


async def all_of(lines: Output) -> list[str]:
    return [line.text async for line in lines.lines()]


async def test_what_nobody_takes_is_not_read_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "BACKLOG_LIMIT", 1000)
    pipe = PlayedPipe([("out", b"x" * 99 + b"\n")] * 50)
    lines = Output(pipe)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lines.end()
    assert pipe.reads == 11
    assert len(await all_of(lines)) == 50


async def test_the_end_does_not_wait_for_those_who_do_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "BACKLOG_LIMIT", 1000)
    lines = Output(PlayedPipe([("out", b"x" * 99 + b"\n")] * 50))
    await lines.end(discard=True)
    assert await all_of(lines) == []


@given(st.lists(st.integers(0, 40), max_size=6))
def test_the_first_line_is_taken_off_wherever_it_is_cut(places: list[int]) -> None:
    async def follow() -> None:
        pipe = Prefaced(PlayedPipe([("err", b"early"), *cut("out", b"melt-started 1\nrest\nmore", places)]))
        assert await pipe.preface() == b"melt-started 1"
        done = await collect(pipe)
        assert (done.out, done.err) == ("rest\nmore", "early")

    asyncio.run(follow())


async def test_no_first_line_and_an_endless_one() -> None:
    assert await Prefaced(PlayedPipe([("err", b"sh: not found\n")])).preface() is None
    with pytest.raises(Garbled, match="without an end"):
        await Prefaced(PlayedPipe([("out", b"x" * 10_000)] * 9)).preface()


async def test_collecting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "COLLECT_LIMIT", 10)
    done = await collect(PlayedPipe([("out", b"123456")] * 5, code=139))
    assert (done.out, done.returncode) == ("1234561234", -11)


@pytest.mark.parametrize(
    ("told", "code"), [(0, 0), (127, 127), (128, 128), (137, -9), (192, -64), (193, 193), (255, 255)]
)
def test_signals_are_negative(told: int, code: int) -> None:
    assert signed(told) == code
