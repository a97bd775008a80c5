"""The adb server: found or started, asked, and its list of devices followed. Nothing here blocks the loop."""

import asyncio
import importlib
import os
import re
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

from drivers.errors import Garbled, LinkLost, LinkTimeout, MissingExtra, Refused
from drivers.foreign import printable
from drivers.links import adbwire
from drivers.links.adbstream import AdbStream
from drivers.links.adbwire import Listed

PORT = 5037
ANSWER_LIMIT_S = 5.0
"""How long the server may take to answer; a phone that it asks for us included."""
CONNECT_LIMIT_S = 3.2
"""How long a phone in the network may take to be connected to. A computer calls again after 1 and 3 s: one that comes back
is reached soon, by this attempt or the next."""
START_LIMIT_S = 20.0
"""How long a server may take to start."""

_PLACE = re.compile(r"\S+:[0-9]{1,5}")
START_THERE = "start one there: `adb -a nodaemon server`"
OWN = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this computer."""


class AdbServer:
    """The adb server at an address.

    Where none runs on this computer, the one that came with adbutils is started on first use and left running, as adb
    always does; ``told`` is given a sentence about it.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = PORT, *, told: Callable[[str], None] = lambda _: None
    ) -> None:
        self.host = host
        self.port = port
        self._told = told
        self._starting = asyncio.Lock()

    @property
    def title(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def elsewhere(self) -> bool:
        """Whether it is another computer's: nothing is started there."""
        return self.host not in OWN

    async def ask(self, service: str, *, about: str = "the adb server") -> str:
        """The text that a host service answers. Raises LinkLost, LinkTimeout, and what a refusal means for ``about``."""
        async with self.stream(service, about=about) as stream:
            return await _block(stream, self.title)

    async def devices(self) -> tuple[Listed, ...]:
        """Everything that the server lists, usable or not. Raises as ``ask``."""
        return adbwire.listed(await self.ask("host:devices-l"))

    async def track(self) -> AsyncGenerator[tuple[Listed, ...], None]:
        """The list now, and again whenever it changes. Raises LinkLost when the server goes, and as ``ask``."""
        async with self.stream("host:track-devices-l") as stream:
            while True:
                yield adbwire.listed(await _block(stream, self.title, patient=True))

    async def connect(self, address: str) -> str:
        """Have the server connect to a phone at ``host:port``, anew when it had lost it; its serial from now on.

        Raises LinkLost where it cannot.
        """
        said = await self._connect(address)
        if said.startswith("already connected") and not await self._has_ready(address):
            await self.ask(f"host:disconnect:{address}", about=address)
            said = await self._connect(address)
        if not said.startswith(("connected to", "already connected to")):
            raise LinkLost(
                f"adb cannot connect to {printable(address, 80)} ({printable(said, 200)})",
                remedy="check that the phone is on and in this network; after it was restarted, plug it in and move it "
                "to Wi-Fi anew",
            )
        return said.rpartition("connected to ")[2].strip()

    async def reach(self, serial: str, *, anew: bool = False) -> None:
        """Return when the phone can be opened; one over the network that was lost is connected anew.

        ``anew`` also where the server still takes it for connected: it fell silent, and only a new connection tells whether
        the old one is dead. Raises LinkLost or Refused with the reason and what to do.
        """
        state = next((device.state for device in await self.devices() if device.serial == serial), "")
        if anew and state and _PLACE.fullmatch(serial):
            with suppress(Refused):  # it has gone in between
                await self.ask(f"host:disconnect:{serial}", about=serial)
            state = ""
        if state == "device":
            return
        if _PLACE.fullmatch(serial) and state in {"", "offline"}:
            await self.connect(serial)
            return
        raise adbwire.fault(state or "not found", serial)

    async def _connect(self, address: str) -> str:
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                return await self.ask(f"host:connect:{address}", about=address)
        except TimeoutError:
            raise LinkTimeout(f"{printable(address, 80)} does not answer") from None

    async def _has_ready(self, serial: str) -> bool:
        return any(device.serial == serial and device.ready for device in await self.devices())

    @asynccontextmanager
    async def stream(self, *services: str, about: str = "the adb server") -> AsyncIterator[AdbStream]:
        """A connection on which these services were asked for, one after the other, and granted.

        Raises LinkLost, LinkTimeout, and what a refusal means for the device called ``about``.
        """
        requests = [adbwire.request(service) for service in services]
        opened = await self._open()
        try:
            await self._all_granted(opened, requests, about)
            yield opened
        finally:
            opened.close()

    async def _all_granted(self, stream: AdbStream, requests: Sequence[bytes], about: str) -> None:
        """The first is granted by the server itself, what comes after it by the phone that it led to."""
        end_s = asyncio.get_running_loop().time() + ANSWER_LIMIT_S
        for i, request in enumerate(requests):
            with translated(about if i else self.title):
                async with asyncio.timeout_at(end_s):
                    await stream.write(request)
                    await _granted(stream, about)

    async def _open(self) -> AdbStream:
        try:
            return await self._connected()
        except ConnectionRefusedError:
            if self.elsewhere:
                raise LinkLost(
                    f"no adb server answers at {self.title}",
                    remedy=START_THERE,
                ) from None
        async with self._starting:
            return await self._started()

    async def _connected(self) -> AdbStream:
        with translated(self.title, refused=True):
            async with asyncio.timeout(ANSWER_LIMIT_S):
                return await AdbStream.connected(self.host, self.port)

    async def _started(self) -> AdbStream:
        try:
            return await self._connected()
        except ConnectionRefusedError:
            pass
        await self._start()
        try:
            return await self._connected()
        except ConnectionRefusedError:
            raise LinkLost(
                f"no adb server answers at {self.title}", remedy="run `adb start-server`"
            ) from None

    async def _start(self) -> None:
        program = await asyncio.to_thread(_program)
        process = await asyncio.create_subprocess_exec(
            *(program, "-P", str(self.port), "start-server"),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise LinkTimeout(f"the adb server did not start within {START_LIMIT_S:g} s") from None
        self._told(f"no adb server ran at {self.title}: {program} was started and stays")


def from_environment(env: Mapping[str, str], *, told: Callable[[str], None] = lambda _: None) -> AdbServer:
    """The server that adb itself would use: ``ADB_SERVER_SOCKET`` (``tcp:host:port``), ``ANDROID_ADB_SERVER_ADDRESS``
    and ``ANDROID_ADB_SERVER_PORT``; what cannot be read is passed over."""
    host = env.get("ANDROID_ADB_SERVER_ADDRESS", "127.0.0.1")
    port = env.get("ANDROID_ADB_SERVER_PORT", "")
    kind, _, place = env.get("ADB_SERVER_SOCKET", "").partition(":")
    if kind == "tcp":
        named, _, port = place.rpartition(":")
        host = named or host
    number = int(port) if port.isdecimal() and 0 < int(port) < 65536 else PORT
    return AdbServer(host, number, told=told)


@contextmanager
def translated(title: str, *, refused: bool = False) -> Iterator[None]:
    """Sockets' exceptions as ours; with ``refused`` a refused connection is left as it is."""
    try:
        yield
    except TimeoutError:
        raise LinkTimeout(f"{title} does not answer") from None
    except ConnectionRefusedError:
        if refused:
            raise
        raise LinkLost(f"{title} refused the connection") from None
    except asyncio.IncompleteReadError:
        raise LinkLost(f"{title} closed the connection") from None
    except OSError as error:
        raise LinkLost(f"{title} is out of reach: {error.strerror or error}") from error


async def _granted(stream: AdbStream, about: str) -> None:
    answer = await stream.exactly(4)
    if answer == b"OKAY":
        return
    if answer != b"FAIL":
        raise Garbled(f"the adb server answered {printable(repr(answer), 40)}")
    size = adbwire.length(await stream.exactly(4))
    said = (await stream.exactly(size)).decode(errors="replace")
    raise adbwire.fault(said, about)


async def _block(stream: AdbStream, title: str, *, patient: bool = False) -> str:
    with translated(title):
        async with asyncio.timeout(None if patient else ANSWER_LIMIT_S):
            size = adbwire.length(await stream.exactly(4))
            return (await stream.exactly(size)).decode(errors="replace")


def _program() -> str:
    """The adb that came with adbutils, or the one on PATH. Imports adbutils, which takes a tenth of a second."""
    try:
        adbutils = importlib.import_module("adbutils")
    except ModuleNotFoundError:
        return _on_path("pip install 'melt-tui[android]', or install adb")
    try:
        return str(adbutils.adb_path())
    except adbutils.AdbError:
        return _on_path("install adb, or set ADBUTILS_ADB_PATH")


def _on_path(remedy: str) -> str:
    found = shutil.which("adb")
    if found is None:
        raise MissingExtra("no adb program was found", remedy=remedy)
    return found


def environment() -> AdbServer:
    """The server that adb itself would use on this computer."""
    return from_environment(os.environ)
