"""HTTP to one server, with a real one that goes wrong on cue."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from drivers.clock import SystemClock
from drivers.errors import DriverError, Garbled, LinkLost, LinkTimeout, NotSupported
from drivers.links import http
from drivers.links.http import Arrived, HttpLink
from drivers.ticks import ticks
from tests.rigs.listening import listening
from tests.rigs.llama_runs import serving

CLOCK = SystemClock()
ASK = {"prompt": "x", "n_predict": 8}


@asynccontextmanager
async def link(*cues: str, silence_s: float = 5) -> AsyncIterator[HttpLink]:
    with serving(*cues) as url:
        async with HttpLink(url, SystemClock(), silence_s=silence_s) as way:
            yield way


async def streamed(way: HttpLink) -> list[Arrived]:
    async with way.stream("/completion", ASK) as answer:
        assert answer.status == 200
        return [arrived async for arrived in answer.lines()]


async def test_a_short_question() -> None:
    async with link() as way:
        reply = await way.get("/health")
    assert (reply.status, reply.text) == (200, '{"status":"ok"}')


async def test_an_error_is_an_answer_too() -> None:
    async with link("refuses") as way:
        assert (await way.post("/completion", ASK)).status == 500
        async with way.stream("/completion", ASK) as answer:
            assert (answer.status, "out of cheese" in await answer.text()) == (500, True)


@asynccontextmanager
async def forgetful() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that says it keeps a connection, and closes it when the next request comes; the heads that it got."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")

    async with listening(serve) as port:
        yield f"http://127.0.0.1:{port}", heads


async def test_a_kept_connection_that_turns_out_dead_is_no_lost_server() -> None:
    async with forgetful() as (url, heads), HttpLink(url, SystemClock()) as way:
        assert [(await way.get(f"/{k}")).text for k in range(3)] == ["ok", "ok", "ok"]
    assert len(heads) == 3


async def test_the_connection_of_a_streamed_answer_is_not_used_again() -> None:
    async with forgetful() as (url, heads), HttpLink(url, SystemClock()) as way:
        async with way.stream("/completion", ASK) as answer:
            assert await answer.text() == "ok"
        assert b"connection: close" in heads[0].lower()
        assert (await way.get("/again")).text == "ok"


async def test_lines_are_stamped_as_they_come() -> None:
    before = time.monotonic_ns()
    async with link() as way:
        arrived = await streamed(way)
    stamps = [batch.t_ns for batch in arrived]
    lines = [line for batch in arrived for line in batch.lines if line]
    assert stamps == sorted(stamps)
    assert before < stamps[0] < stamps[-1] < time.monotonic_ns()
    assert stamps[-1] - stamps[0] > 7 * 4_000_000, "tokens are 4 ms apart"
    assert len(lines) == 2 + 8 + 1
    assert all(line.startswith("data: {") for line in lines)


async def test_characters_cut_in_two_are_whole_again() -> None:
    async with link("split") as way:
        lines = [line for batch in await streamed(way) for line in batch.lines]
    assert "�" not in "".join(lines)
    assert "日本" in "".join(lines)
    assert "🙂" in "".join(lines)


@pytest.mark.parametrize(
    ("cue", "error", "sentence"),
    [
        ("dies", LinkLost, "broke off its answer|was lost"),
        ("broken end", LinkLost, "broke off its answer"),
        ("endless line", Garbled, "a line of more than 1 MiB"),
        ("speaks no http", Garbled, "does not speak HTTP"),
    ],
)
async def test_what_goes_wrong_in_an_answer(cue: str, error: type[DriverError], sentence: str) -> None:
    async with link(cue) as way:
        with pytest.raises(error, match=sentence):
            await streamed(way)


async def test_silence_is_a_timeout() -> None:
    async with link("stalls", silence_s=0.3) as way:
        with pytest.raises(LinkTimeout, match="did not answer in time"):
            await streamed(way)


@pytest.fixture
def deaf() -> Iterator[str]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_no_answer_is_a_timeout(deaf: str) -> None:
    async with HttpLink(deaf, SystemClock()) as way:
        with pytest.raises(LinkTimeout):
            await way.get("/health", timeout_s=0.1)


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    async with HttpLink(f"127.0.0.1:{port}", SystemClock()) as way:
        with pytest.raises(LinkLost, match=f"nothing answers at http://127.0.0.1:{port}"):
            await way.get("/health")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "ftp://x",
        "http://[::1",
        "http://a\x1bb\nc",
    ],
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(NotSupported, match="is not an address: give it as http://HOST:PORT") as raised:
        HttpLink(url, SystemClock())
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("port", ["99999", "0", "x", "-1"])
async def test_what_is_no_port_is_named(port: str) -> None:
    with pytest.raises(NotSupported) as raised:
        HttpLink(f"http://h:{port}", SystemClock())
    assert str(raised.value) == f"the port of http://h:{port} is not one: give a number from 1 to 65535"


async def test_an_answer_that_does_not_end_is_garbled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_LIMIT", 10)
    async with link() as way:
        with pytest.raises(Garbled, match="longer than"):
            await way.get("/props")


async def until_idle(way: HttpLink) -> None:
    async for _ in ticks(SystemClock(), 10_000_000):
        if '"is_processing": true' not in (await way.get("/slots")).text:
            return


async def test_leaving_the_stream_closes_the_connection() -> None:
    async with link() as way:
        async with way.stream("/completion", {"n_predict": 100_000}) as answer:
            assert (await anext(answer.lines())).lines
        async with asyncio.timeout(60):
            await until_idle(way)


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with link() as way:
        assert (await way.get("/health")).status == 200


async def test_what_a_server_gathers_is_asked_for_at_once() -> None:
    """It sends the head of its answer in two pieces, and what follows the first one only when that is acknowledged."""
    sent: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        for _ in range(4):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        sent.append(CLOCK.now())
        writer.write(b"Connection: close\r\n\r\n")
        writer.write(b"token\n")
        await reader.read()

    async with listening(serve) as port:
        came = [await first_token(f"127.0.0.1:{port}") for _ in range(10)]
    late = sorted(there - gone for gone, there in zip(sent, came, strict=True))
    assert late[len(late) // 2] < 20_000_000, late


async def first_token(url: str) -> int:
    """When it came, over a connection that was used before."""
    async with HttpLink(url, CLOCK) as way:
        assert [(await way.get("/health")).text for _ in range(4)] == ["ok"] * 4
        async with way.stream("/completion", ASK) as answer:
            return (await anext(aiter(answer.lines()))).t_ns
