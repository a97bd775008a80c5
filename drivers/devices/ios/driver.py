"""iPhones: which are plugged in, and one of them opened."""

import asyncio
import importlib.util
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from drivers.address import Address, parse
from drivers.base import Device
from drivers.clock import Clock
from drivers.devices.ios import protocol
from drivers.devices.ios.channels import BATTERY_HZ, TAP_HZ
from drivers.devices.ios.device import IosDevice, facts_of
from drivers.devices.ios.protocol import Seen
from drivers.errors import DriverError, NotSupported
from drivers.foreign import Fields, fields
from drivers.inbox import Inbox
from drivers.links import usbmux
from drivers.links.usbmuxfaults import error_of
from drivers.links.usbmuxwire import Do, Fault, fault_of
from drivers.model import DeviceInfo, DeviceKind, Found

SCHEME = "ios:"
PATIENCE_S = 20.0
PACKAGE = "pymobiledevice3"
RUNTIMES = ("ios_app", "llama_server")
LOGS = ("errors", "all", "off")
TITLE = "iPhone"


class IosDriver:
    """Driver of ``ios:UDID``; knows which apps it has left running on phones whose cable was pulled."""

    def __init__(self) -> None:
        self._left: dict[str, set[str]] = defaultdict(set)
        self._awaited: set[str] = set()
        """Phones that could not be opened when they were last tried: the worker waits for them, as it is dear to start."""

    async def scan(self) -> Sequence[Found]:
        """Every iPhone that is plugged in or known to usbmuxd. Raises LinkError."""
        if not _installed() or not usbmux.present():
            return await asyncio.to_thread(_unreachable)
        async with aclosing(usbmux.follow()) as followed:
            async for told in followed:
                phones, settled = protocol.phones(told)
                if settled:
                    return [found(phone) for phone in phones]
        return ()

    async def follow(self) -> AsyncGenerator[Sequence[Found], None]:
        """The iPhones now, and again whenever one comes or goes. Raises LinkError when there is no usbmuxd, MissingExtra."""
        if not _installed():
            raise error_of(Fault.NO_PACKAGE, "", TITLE)
        async with aclosing(usbmux.follow()) as followed:
            async for told in followed:
                yield [found(phone) for phone in protocol.phones(told)[0]]

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Open ``ios:UDID``, ``ios:UDID?log=all``. Raises NotSupported for what is no such address, LinkError for a phone
        that may come back or waits to be unlocked or trusted, AskUser for one that needs more."""
        taken = parse(address).only(("log", "name"))
        udid, log = _udid(taken), _log(taken)
        if not _installed():
            raise error_of(Fault.NO_PACKAGE, "", name)
        if not usbmux.present():
            raise error_of(Fault.NO_USBMUXD, "", name)
        async with Inbox() as inbox, usbmux.started(name, inbox) as worker:
            with worker.heard(inbox.put):
                answer = await self._opened(worker, udid, log)
                facts = fields(answer.get("facts"))
                info = DeviceInfo(
                    device=name,
                    address=address,
                    kind=DeviceKind.PHONE,
                    model=protocol.model(facts),
                    os=protocol.system(facts),
                    runtimes=RUNTIMES,
                    facts=facts_of(facts, "USB"),
                )
                yield IosDevice(info, worker, inbox, clock, self._left[udid])

    async def _opened(self, worker: usbmux.Worker, udid: str, log: str) -> Fields:
        patience_s = PATIENCE_S if udid in self._awaited else 0.0
        self._awaited.add(udid)
        answer = await worker.ask(
            Do.OPEN,
            limit_s=usbmux.ANSWER_S + patience_s,
            udid=udid,
            battery_s=1 / BATTERY_HZ,
            tap_ms=1000 // TAP_HZ,
            log=log,
            patience_s=patience_s,
        )
        self._awaited.discard(udid)
        return answer


def found(phone: Seen) -> Found:
    """A phone as users are told of it."""
    fault = None if phone.fault is None else fault_of({"fault": phone.fault})
    error = None if fault is None else error_of(fault, phone.said, "it")
    asks = fault in {Fault.UNPAIRED, Fault.TRUST_PENDING, Fault.LOCKED}
    reason, remedy = (error.sentence, error.remedy) if error is not None else ("", "")
    if fault is Fault.UNPAIRED:
        reason, remedy = "it does not trust this computer yet", "unlock it, open it in melt, and tap Trust"
    return Found(
        address=f"{SCHEME}{phone.udid}",
        kind=DeviceKind.PHONE,
        title=protocol.model(phone.facts) if phone.facts else TITLE,
        ready=error is None,
        reason=reason,
        next_step=remedy,
        asks=asks,
    )


def _unreachable() -> Sequence[Found]:
    """An iPhone that is on the USB of a computer which cannot speak to it yet."""
    if not usbmux.plugged_in():
        return ()
    error: DriverError = error_of(Fault.NO_USBMUXD if _installed() else Fault.NO_PACKAGE, "", TITLE)
    return (
        Found(
            address=SCHEME,
            kind=DeviceKind.PHONE,
            title=TITLE,
            ready=False,
            reason=error.sentence,
            next_step=error.remedy,
        ),
    )


def _installed() -> bool:
    """Whether the worker's package is there; it is not loaded."""
    return importlib.util.find_spec(PACKAGE) is not None


def _udid(address: Address) -> str:
    udid = address.base.removeprefix(SCHEME)
    if not address.base.startswith(SCHEME) or not protocol.is_udid(udid):
        raise NotSupported(
            f"{address.base[:60]!r} names no iPhone", remedy="write ios:UDID, as melt devices shows it"
        )
    return udid


def _log(address: Address) -> str:
    log = address.text("log", LOGS[0])
    if log not in LOGS:
        raise NotSupported(
            f"{address.base[:60]}: log={log[:40]!r} is not possible", remedy=f"it is {', '.join(LOGS)}"
        )
    return log
