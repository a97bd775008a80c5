"""HTTP to one server: short questions, and answers that come line by line, stamped on arrival."""

import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

import httpx

from drivers.clock import Clock
from drivers.errors import Garbled, LinkLost, LinkTimeout
from drivers.links.splitting import LineSplitter
from drivers.links.url import no_address, taken_apart

if TYPE_CHECKING:
    import httpcore

BODY_LIMIT = 4 << 20
"""Bytes of a whole answer; a longer one is nonsense."""
LINE_LIMIT = 1 << 20
"""Bytes of one line of an answer that comes line by line."""
CONNECT_S = 5.0
IDLE_S = 1.0
"""How long a connection may lie idle before it is used again: servers close theirs after some seconds unasked."""
_CONNECTED, _SENT = "connection.connect_tcp.complete", "http11.send_request_body.complete"
"""Steps of a request as httpcore names them."""
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Lines that reached this computer together."""

    t_ns: int
    lines: tuple[str, ...]


class Answer:
    """An answer whose body is still coming."""

    def __init__(self, title: str, response: httpx.Response, clock: Clock) -> None:
        self._title = title
        self._response = response
        self._clock = clock
        stream = response.extensions.get("network_stream")
        self._socket: socket.socket | None = stream.get_extra_info("socket") if stream is not None else None
        _acknowledge(self._socket)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status_code

    async def text(self) -> str:
        """All of it. Raises Garbled when it is longer than 4 MiB."""
        body = bytearray()
        with _translated(self._title):
            async for piece in self._response.aiter_raw():
                body += piece
                if len(body) > BODY_LIMIT:
                    raise Garbled(f"the answer of {self._title} is longer than {BODY_LIMIT >> 20} MiB")
        return body.decode(errors="replace")

    async def lines(self) -> AsyncIterator[Arrived]:
        """Its lines as they come, each batch stamped as soon as its bytes are there.

        Raises Garbled for a line of more than 1 MiB, LinkLost when the server goes, LinkTimeout when it is silent.
        """
        splitter = LineSplitter(LINE_LIMIT)
        with _translated(self._title):
            async for piece in self._response.aiter_raw():
                t_ns = self._clock.now()
                _acknowledge(self._socket)
                lines = splitter.feed(piece)
                if splitter.cut:
                    raise Garbled(f"{self._title} sent a line of more than {LINE_LIMIT >> 20} MiB")
                if lines:
                    yield Arrived(t_ns, tuple(line.decode(errors="replace") for line in lines))
        rest = splitter.flush()
        if rest:
            yield Arrived(self._clock.now(), tuple(line.decode(errors="replace") for line in rest))


class HttpLink:
    """The way to one server. No proxy, no redirect, no compression: what is timed is the server.

    ``url`` may leave out ``http://``. ``title`` is what sentences call it, where that address is a forwarded port which
    tells a reader nothing. Raises NotSupported for what is not an address.
    """

    def __init__(self, url: str, clock: Clock, *, silence_s: float = 600.0, title: str = "") -> None:
        self.url = _address(url)
        self.title = title or self.url
        self._clock = clock
        self._silence_s = silence_s
        self._client = httpx.AsyncClient(
            base_url=self.url,
            trust_env=False,
            verify=self.url.startswith("https:"),
            headers={"Accept-Encoding": "identity"},
            limits=httpx.Limits(keepalive_expiry=IDLE_S),
        )
        self._sockets: list[socket.socket] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, path: str, *, timeout_s: float = 5.0) -> Reply:
        """Ask a short question. Raises LinkLost, LinkTimeout or Garbled.

        Asked again when the connection ends before an answer begins: a server may have closed one that was kept, and where
        the way to it is long that is only found out by asking.
        """
        request = self._client.build_request("GET", path, timeout=timeout_s, extensions=self._seen())
        with _translated(self.title):
            try:
                return await self._whole(request)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                return await self._whole(request)

    async def post(self, path: str, body: Mapping[str, object], *, timeout_s: float = 5.0) -> Reply:
        """Send JSON and take the whole answer. Raises as ``get`` does."""
        with _translated(self.title):
            request = self._client.build_request(
                "POST", path, json=body, timeout=timeout_s, extensions=self._seen()
            )
            return await self._whole(request)

    @asynccontextmanager
    async def stream(self, path: str, body: Mapping[str, object]) -> AsyncIterator[Answer]:
        """Send JSON and follow the answer; leaving the block closes the connection. Raises as ``get`` does.

        llama.cpp closes it after such an answer, although it says that it keeps it.
        """
        timeout = httpx.Timeout(self._silence_s, connect=CONNECT_S)
        with _translated(self.title):
            request = self._client.build_request(
                "POST",
                path,
                json=body,
                timeout=timeout,
                headers={"Connection": "close"},
                extensions=self._seen(),
            )
            response = await self._client.send(request, stream=True)
        try:
            yield Answer(self.title, response, self._clock)
        finally:
            await response.aclose()

    async def _whole(self, request: httpx.Request) -> Reply:
        response = await self._client.send(request, stream=True)
        try:
            return Reply(response.status_code, await Answer(self.title, response, self._clock).text())
        finally:
            await response.aclose()

    def _seen(self) -> dict[str, object]:
        """For a request: httpcore tells its steps."""
        return {"trace": self._traced}

    async def _traced(self, step: str, known: Mapping[str, object]) -> None:
        """Once a request is sent, what answers it is acknowledged at once, from its first piece on."""
        if step == _CONNECTED:
            stream = cast("httpcore.AsyncNetworkStream", known["return_value"])
            self._sockets.append(stream.get_extra_info("socket"))
        elif step == _SENT:
            self._sockets = [one for one in self._sockets if one.fileno() >= 0]
            for one in self._sockets:
                _acknowledge(one)


def _acknowledge(connection: socket.socket | None) -> None:
    """Have what came acknowledged at once: an adb server, which gathers small pieces, keeps the next one back until then,
    and a first token that follows its headers closely would be 40 ms late."""
    if _QUICKACK is not None and connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


@contextmanager
def _translated(title: str) -> Iterator[None]:
    """The one place where httpx's exceptions become ours."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise LinkTimeout(
            f"{title} did not answer in time", remedy="check the address, and what the server is doing"
        ) from error
    except httpx.ConnectError as error:
        raise LinkLost(
            f"nothing answers at {title}", remedy="check the address, and whether the server runs"
        ) from error
    except httpx.RemoteProtocolError as error:
        raise _broken(title, error) from error
    except httpx.TransportError as error:
        raise LinkLost(f"the connection to {title} was lost") from error


def _address(url: str) -> str:
    """``http://HOST:PORT/PATH`` without a slash at its end."""
    parts = taken_apart(url)
    full = parts.geturl()
    try:
        httpx.URL(full)
    except (ValueError, httpx.InvalidURL):
        raise no_address(url) from None
    if not parts.hostname:
        raise no_address(url)
    return full.rstrip("/")


def _broken(title: str, error: httpx.RemoteProtocolError) -> LinkLost | Garbled:
    """The server went in the middle of an answer, or what it speaks is not HTTP."""
    if "disconnected" in str(error) or "closed connection" in str(error):
        return LinkLost(f"{title} broke off its answer")
    return Garbled(f"what answers at {title} does not speak HTTP", remedy="check the address and its port")
