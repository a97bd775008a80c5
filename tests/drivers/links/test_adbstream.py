"""A connection to an adb server: bytes in order, stamps, the end, and an end that is slow."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from drivers.clock import SystemClock
from drivers.links.adbstream import BUFFER, CROWDED, AdbStream

CLOCK = SystemClock()
Ends = tuple[AdbStream, asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """The connection, and the other end of it."""
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *both: accepted.put_nowait(both), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    stream = await AdbStream.connected(host, port)
    reader, writer = await accepted.get()
    yield stream, reader, writer
    stream.close()
    writer.close()
    server.close()


async def test_bytes_come_in_order_each_piece_with_its_stamp(ends: Ends) -> None:
    stream, _, far = ends
    stream.stamp(CLOCK.now)
    before, sent = CLOCK.now(), bytes(range(256)) * 400
    far.write(sent)
    got, stamps = b"", [before]
    while len(got) < len(sent):
        t_ns, piece = await stream.take()
        assert 0 < len(piece) <= BUFFER
        got += piece
        stamps.append(t_ns)
    assert got == sent
    stamps.append(CLOCK.now())
    assert stamps == sorted(stamps)


async def test_what_came_with_the_last_bytes_of_an_agreement_is_stamped_too(ends: Ends) -> None:
    stream, _, far = ends
    far.write(b"OKAYfirst words")
    before = CLOCK.now()
    assert await stream.exactly(4) == b"OKAY"
    stream.stamp(CLOCK.now)
    t_ns, piece = await stream.take()
    assert piece == b"first words"
    assert before <= t_ns <= CLOCK.now()


async def test_so_many_bytes_and_what_is_left(ends: Ends) -> None:
    stream, _, far = ends
    far.write(b"OKAY0004abcdrest")
    assert [await stream.exactly(n) for n in (4, 4, 4)] == [b"OKAY", b"0004", b"abcd"]
    assert (await stream.take())[1] == b"rest"
    far.write(b"xy")
    far.write_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await stream.exactly(3)
    assert (await stream.take())[1] == b""


async def test_who_takes_nothing_holds_the_other_end_up_and_gets_all_of_it(ends: Ends) -> None:
    stream, _, far = ends
    size = 64 * CROWDED
    far.write(bytes(size))
    sending = asyncio.ensure_future(far.drain())
    assert await asyncio.wait([sending], timeout=0.1) == (set(), {sending})
    got = 0
    while got < size:
        got += len((await stream.take())[1])
    await sending


async def test_what_is_written_has_gone_when_it_returns(ends: Ends) -> None:
    stream, far, _ = ends
    size = 32 << 20
    writing = asyncio.ensure_future(stream.write(bytes(size)))
    got = len(await far.read(1))
    assert not writing.done()
    while got < size:
        got += len(await far.read(1 << 20))
    await writing


async def test_a_broken_connection_is_told_to_who_waits(ends: Ends) -> None:
    stream, _, far = ends
    taking, held = asyncio.ensure_future(stream.take()), asyncio.ensure_future(stream.write(bytes(32 << 20)))
    await asyncio.sleep(0)
    far.transport.abort()
    with pytest.raises(ConnectionError):
        await held
    with pytest.raises(ConnectionError):
        await taking
    with pytest.raises(ConnectionError):
        await stream.write(b"x")
