"""iPhones on usbmuxd: listed, followed as they are plugged in, their ports forwarded. All of it by a worker process.

Nothing of what speaks to iPhones is loaded here: the worker is a program of its own. It ends when its input is closed,
which happens at the latest when this process ends, and ends first what it has started on the phone.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from drivers.errors import DriverError, Garbled, LinkError, LinkLost, LinkTimeout
from drivers.foreign import Fields
from drivers.inbox import Ended, Inbox
from drivers.links.usbmuxfaults import error_of
from drivers.links.usbmuxwire import (
    LINE_LIMIT,
    Do,
    Failed,
    Fault,
    Order,
    Tell,
    Told,
    Value,
    fault_of,
    read_up,
)

WORKER: Final = "drivers.devices.ios.worker"
"""The program; it is never imported."""
ANSWER_S = 10.0
"""How long an order may take: longer than the worker's own limits, so that it is the worker that says what is silent."""
END_S = 4.0
USBMUXD: Final = "USBMUXD_SOCKET_ADDRESS"
_SOCKETS = {"win32": "", "darwin": "/var/run/usbmuxd"}

_APPLE, _MOBILE = "05ac", "12"
"""Vendor, and how the products begin that are phones and tablets."""

Hear = Callable[[Told], None]


class Worker:
    """A worker process. Whatever waits for it gets LinkLost when it is gone."""

    def __init__(self, process: asyncio.subprocess.Process, about: str) -> None:
        self._process = process
        self._about = about
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Fields]] = {}
        self._ears: list[Hear] = []
        self._gone: DriverError | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, do: Do, *, limit_s: float = ANSWER_S, **given: object) -> Fields:
        """Have it do something; the value of its answer. Raises the error behind its fault, LinkTimeout, LinkLost."""
        if self._gone is not None:
            raise self._gone
        order = Order(next(self._ids), do, given)
        answer: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        self._waiting[order.id] = answer
        try:
            async with asyncio.timeout(limit_s):
                await self._send(order)
                return await answer
        except TimeoutError:
            raise LinkTimeout(f"the worker of {self._about} does not answer") from None
        finally:
            del self._waiting[order.id]

    @contextmanager
    def heard(self, hear: Hear) -> Iterator[None]:
        """Have what it tells by itself told to ``hear``, which returns at once, as long as the block lasts."""
        self._ears.append(hear)
        try:
            yield
        finally:
            self._ears.remove(hear)

    async def listen(self) -> None:
        """Hand on what it says, until it is gone: then raises LinkLost, or Garbled for what it must not say."""
        try:
            await self._read()
        except (LinkLost, Garbled) as gone:
            self._fail(gone)
            raise

    async def close(self) -> None:
        """End it: politely, which lets it end what it has started; with force when it does not."""
        self._fail(LinkLost(f"{self._about} was closed"))
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _send(self, order: Order) -> None:
        if self._process.stdin is None:
            raise LinkLost(f"the worker of {self._about} has no input")
        with suppress(ConnectionError):  # it is gone: ``listen`` notices, and says so to all who wait
            self._process.stdin.write(order.line())
            await self._process.stdin.drain()

    async def _read(self) -> None:
        output = self._process.stdout
        while output is not None:
            try:
                line = await output.readline()
            except ValueError:
                raise Garbled(f"the worker of {self._about} wrote a line without end") from None
            if not line:
                break
            self._take(read_up(line))
        raise LinkLost(f"the worker process of {self._about} has ended")

    def _take(self, said: Value | Failed | Told) -> None:
        if isinstance(said, Told):
            if said.tell is Tell.ENDED:
                self._end(raised(said, self._about))
            for hear in tuple(self._ears):
                hear(said)
            return
        answer = self._waiting.get(said.id)
        if answer is None or answer.done():
            return
        if isinstance(said, Failed):
            answer.set_exception(error_of(said.fault, said.text, self._about))
        else:
            answer.set_result(said.value)

    def _fail(self, gone: DriverError) -> None:
        if self._gone is not None:
            return
        self._end(gone)
        for hear in tuple(self._ears):
            hear(Told(Tell.ENDED, 0, {"fault": Fault.GONE, "text": str(gone)}))

    def _end(self, gone: DriverError) -> None:
        """Nothing more is asked of it, and what was asked fails of the same."""
        self._gone = self._gone or gone
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(gone)


@asynccontextmanager
async def started(about: str, inbox: Inbox) -> AsyncIterator[Worker]:
    """A worker for the phone called ``about``; ``Ended`` of ``worker`` comes to the inbox when it is gone.

    Leaving the block ends it, and what it has started on the phone.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", WORKER),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**os.environ, "PYTHONPATH": _search_path()},
        limit=LINE_LIMIT,
        start_new_session=True,  # Ctrl-C in a terminal is for melt, which ends it in order
    )
    worker = Worker(process, about)
    listening = inbox.listen("worker", worker.listen())
    try:
        yield worker
    finally:
        await worker.close()
        await inbox.dismiss(listening)


async def follow() -> AsyncGenerator[Fields, None]:
    """What the worker tells of phones, now and at every change. Raises LinkError when usbmuxd goes."""
    if not present():
        raise error_of(Fault.NO_USBMUXD, "", "usbmuxd")
    async with Inbox() as inbox, started("usbmuxd", inbox) as worker:
        with worker.heard(inbox.put):
            await worker.ask(Do.FOLLOW)
            async for phones in _each(inbox):
                yield phones


@asynccontextmanager
async def forwarded(worker: Worker, port: int) -> AsyncIterator[tuple[str, int]]:
    """Reach a port of the phone from here, as long as the block lasts. Raises LinkError."""
    answer = await worker.ask(Do.FORWARD, port=port)
    here = answer.get("port")
    if not isinstance(here, int) or not 0 < here < 65536:
        raise Garbled("the worker named no port")
    try:
        yield ("127.0.0.1", here)
    finally:
        with suppress(LinkError):
            await worker.ask(Do.UNFORWARD, port=here)


def raised(told: Told, about: str) -> DriverError:
    """The error behind something that was told to have ended, or to be missing."""
    said = told.told.get("text")
    return error_of(fault_of(told.told), said if isinstance(said, str) else "", about)


def present() -> bool:
    """Whether there is a usbmuxd to ask, as far as a look at its socket tells; nothing is started."""
    address = os.environ.get(USBMUXD, _SOCKETS.get(sys.platform, "/var/run/usbmuxd"))
    return ":" in address or not address or Path(address).exists()


def plugged_in(usb: Path = Path("/sys/bus/usb/devices")) -> bool:
    """Whether an iPhone or iPad is on this computer's USB, as far as Linux tells."""
    return any(
        _word(one) == _APPLE and _word(one.with_name("idProduct")).startswith(_MOBILE)
        for one in usb.glob("*/idVendor")
    )


async def _each(inbox: Inbox) -> AsyncIterator[Fields]:
    while True:
        phones = _phones(await inbox.take())
        if phones is not None:
            yield phones


def _phones(taken: object) -> Fields | None:
    """What was told of phones, if that was. Raises what ended it."""
    if isinstance(taken, Ended):
        raise taken.error or LinkLost("the worker process of usbmuxd has ended")
    if not isinstance(taken, Told):
        return None
    if taken.tell is Tell.ENDED:
        raise error_of(Fault.NO_USBMUXD, "", "usbmuxd")
    return taken.told if taken.tell is Tell.PHONES else None


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _search_path() -> str:
    """Where this project is, before what is searched anyway: the worker is found also where it is not installed."""
    return os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))))
