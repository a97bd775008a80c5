"""Which driver and which runtime a name means: found by string, imported when asked for.

Nothing of a driver is loaded with this module; a package that is not installed is named when it is needed.
"""

import asyncio
import importlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers import judging, wiring
from drivers.address import Address, parse
from drivers.base import Device, Driver, Runtime
from drivers.clock import Clock
from drivers.errors import MissingExtra, NotSupported
from drivers.links.base import ByteLink
from drivers.model import DeviceKind, Found, ShownKey
from drivers.scanned import failed
from drivers.weights import Weights

if TYPE_CHECKING:
    from drivers.devices.android.phones import Phones
    from drivers.devices.simulated.world import World

SCAN_LIMIT_S = 5.0
"""A scheme that has not answered after this long is listed as not ready."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A class in a module, and what installs what it needs."""

    module: str
    name: str
    extra: str = ""
    """Of melt-tui; empty when the core has all."""
    device: str = ""
    """What a device at that address is called when nobody names it."""
    offered: bool = True
    """Named to users who look for what there is."""
    scanned: bool = True
    """Its driver can look for devices; otherwise they are known when somebody names them."""
    meter: bool = False
    """Feeds a device, and measures what that draws."""
    weights: Weights = Weights.FILE
    """Of a runtime: whose the model is."""
    contextless: bool = False
    """Of a runtime: each of its tests makes a context as long as itself, and none is asked for."""
    rare: bool = False
    """Not listed where what it needs is not installed: few have such a device."""


DEVICES = {
    "host": Entry("drivers.devices.host.driver", "HostDriver", "local", "host"),
    "sim:phone": Entry("drivers.devices.simulated.driver", "SimulatedDriver", "", "sim-phone"),
    "sim:jetson": Entry("drivers.devices.simulated.driver", "SimulatedDriver", "", "sim-jetson"),
    "sim:meter": Entry("drivers.meters.csv.driver", "CsvDriver", "", "sim-meter", meter=True),
    "adb:": Entry("drivers.devices.android.overadb", "AdbDriver", "android", "phone"),
    "ios:": Entry("drivers.devices.ios.driver", "IosDriver", "ios", "iphone"),
    "ssh:": Entry("drivers.devices.jetson.overssh", "SshDriver", "ssh", "board", scanned=False),
    "serial:": Entry("drivers.metering.wired", "SerialMeters", "serial", "meter", meter=True),
    "monsoon:": Entry(
        "drivers.meters.monsoon.overusb", "MonsoonOverUsb", "usb", "meter", meter=True, rare=True
    ),
    "sim:stream": Entry("drivers.devices.simulated.stream", "StreamDriver", "", "sim-stream", offered=False),
}
"""By the address up to its options, or by its scheme with the colon."""

PLUGGED = ("adb:", "ios:")
"""Schemes whose phones can be followed as they are plugged in."""
_LOOKED_AT = ("adb:", "serial:", "ssh:")
"""Schemes that know of a device at an address what no scan of theirs finds."""
PHONES = Entry("drivers.devices.android.phones", "Phones", "android")
"""The phones of adb servers: followed without what it takes to open one."""

SERIAL_FAMILIES = {
    "csv": Entry("drivers.meters.csv.driver", "CsvDriver"),
    "tc66": Entry("drivers.meters.tc66.driver", "Tc66Driver", "serial"),
    "um": Entry("drivers.meters.um.driver", "UmDriver"),
    "ppk2": Entry("drivers.meters.ppk2.driver", "Ppk2Driver", "serial"),
    "monsoon": Entry("drivers.meters.monsoon.driver", "LvpmDriver", "serial"),
}
"""Meters on serial ports, by the option ``family`` of their address."""

RUNTIMES = {
    "llama_server": Entry("drivers.runtimes.llama_server.driver", "LlamaServer", "local"),
    "llama_cli": Entry("drivers.runtimes.llama_cli.driver", "LlamaCli"),
    "llama_bench": Entry("drivers.runtimes.llama_bench.driver", "LlamaBench", contextless=True),
    "ollama": Entry("drivers.runtimes.ollama.driver", "Ollama", weights=Weights.NAMED),
    "mlc": Entry("drivers.runtimes.mlc.driver", "Mlc", weights=Weights.SERVED),
    "ios_app": Entry("drivers.runtimes.ios_app.driver", "IosApp", weights=Weights.OWN),
    "simulated": Entry("drivers.runtimes.simulated.driver", "SimulatedRuntime"),
}

SIM_METER = f"columns=V,A&rate=100&point={wiring.SIM_POINT}&accuracy=0.1&offset=0.0001"
"""What the simulated meter is like unless its address says otherwise."""


class Registry:
    """Makes drivers and runtimes, and holds the one world in which simulated devices live.

    That world begins with the first simulated device that is opened. With ``script`` it plays the demo's.
    ``known_hosts`` is where accepted keys of SSH servers are kept; ``told`` is given a sentence about what had to be
    started on this computer.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        script: bool = False,
        known_hosts: Path = Path("known_hosts"),
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._script = script
        self._known_hosts = known_hosts
        self._told = told
        self._kept: dict[str, Driver] = {}
        self._world: World | None = None
        self._known_phones: Phones | None = None

    def open(self, address: str, name: str) -> AbstractAsyncContextManager[Device]:
        """Open the device at ``address`` under that name. Raises AskUser on entering when it cannot be,
        LinkError when it may be later."""
        return self._open(address, name)

    def default_name(self, address: str) -> str:
        """What the device there is called when nobody names it. Raises NotSupported for an unknown address."""
        taken = parse(address)
        entry = _entry(taken)
        return taken.text("name") or _OWN_NAMES.get(taken.scheme, _plain_name)(taken, entry)

    def identity(self, address: str) -> str:
        """The same for all addresses of one device, whatever they say beside where it is."""
        try:
            taken = parse(address)
            if taken.scheme == "adb" and taken.target:
                return self._phones().identity(taken)
        except NotSupported:
            return address
        return f"serial:{os.path.realpath(taken.target)}" if taken.scheme == "serial" else taken.base

    def wired(self, address: str, feeds: str = "", point: str = "") -> wiring.Wired:
        """The address of a meter with what was told of its wiring beside it, and the wiring if it is known.

        Raises NotSupported for what is no meter, where two are told, and for one without the other.
        """
        taken = parse(address)
        return wiring.wired(taken, feeds, point, meter=_entry(taken).meter)

    async def judge(self, address: str) -> None:
        """Raises NotSupported for an address that can never be opened, as far as it tells by itself."""
        await judging.judge(parse(address), self._clock, lambda: self._special("serial:"))

    async def scan(self, named: Sequence[str] = ()) -> Sequence[Found]:
        """What there is by every scheme, and what is at the addresses that were named, all asked at once.

        One that fails or is late is listed with its reason. A device has the address that it was named by.
        """
        first = {(entry.module, entry.name): base for base, entry in DEVICES.items() if entry.offered}
        bases = [base for base in first.values() if DEVICES[base].scanned]
        places = [address for address in named if address.startswith(_LOOKED_AT)]
        looks = [self._scan(base) for base in bases] + [self._look_at(address) for address in places]
        answers = await asyncio.gather(*looks, return_exceptions=True)
        by_identity: dict[str, Found] = {}
        for what, answer in zip((*bases, *places), answers, strict=True):
            by_identity.update((self.identity(one.address), one) for one in _findings(what, answer))
        found = list(by_identity.values())
        order = list(DEVICES)
        return sorted(found, key=lambda one: order.index(one.address) if one.address in order else len(order))

    async def phones(self, base: str) -> Sequence[Found]:
        """The phones of a scheme of ``PLUGGED`` that are plugged in now. Raises LinkError, MissingExtra."""
        found: Sequence[Found] = await self._followed(base).scan()
        return found

    def name_of(self, phone: Found) -> str:
        """What a phone is called when nobody names it: its model, or its serial where that is not known."""
        title = _slug(phone.title).lower() if phone.title != _NO_MODEL else ""
        return title or self.default_name(phone.address)

    def plugged(self, base: str) -> AsyncIterator[Sequence[Found]]:
        """The same now, and again at every change. Raises LinkError, MissingExtra."""
        following: AsyncIterator[Sequence[Found]] = self._followed(base).follow()
        return following

    async def to_wifi(self, address: str) -> str:
        """Move an adb phone to Wi-Fi; its new address. Raises NotSupported for another device, LinkLost, Refused."""
        if parse(address).scheme != "adb":
            raise NotSupported(f"{address[:60]} is no phone on adb", remedy="name one as adb:SERIAL")
        moved: str = await self._special("adb:").to_wifi(address, self._clock)
        return moved

    async def host_key(self, address: str) -> ShownKey:
        """The key that an SSH server shows. Raises LinkError, AskUser."""
        _require_ssh(address)
        shown: ShownKey = await self._special("ssh:").host_key(address)
        return shown

    async def trust(self, address: str, key: ShownKey) -> None:
        """Keep a server's key that a person has accepted. Raises Refused where another is known."""
        _require_ssh(address)
        await asyncio.to_thread(self._special("ssh:").trust, address, key)

    def give_password(self, account: str, password: str) -> None:
        """For logins to boards from now on: ``account`` is that of ``NeedsPassword``. It is kept in memory alone."""
        self._special("ssh:").give_password(account, password)

    def runtime(self, name: str) -> Runtime:
        """A new instance for one run. Raises NotSupported for a name that is none, MissingExtra."""
        entry = RUNTIMES.get(name)
        if entry is None:
            raise NotSupported(
                f"there is no runtime {name[:40]!r}", remedy=f"there are {', '.join(RUNTIMES)}"
            )
        runtime: Runtime = _load(entry, f"the runtime {name}")()
        return runtime

    @asynccontextmanager
    async def _open(self, address: str, name: str) -> AsyncIterator[Device]:
        async with self._driver(_base(parse(address))).open(address, name, self._clock) as device:
            yield device

    async def _scan(self, base: str) -> Sequence[Found]:
        async with asyncio.timeout(SCAN_LIMIT_S):
            return await self._driver(base).scan()

    async def _look_at(self, address: str) -> Sequence[Found]:
        taken = parse(address)
        async with asyncio.timeout(SCAN_LIMIT_S):
            if taken.scheme == "ssh":
                return (await self._special("ssh:").look_at(address, self._clock),)
            looking = self._phones() if taken.scheme == "adb" else self._special("serial:")
            return [replace(one, address=address) for one in await looking.look_at(taken)]

    def _special(self, base: str) -> Any:
        """The driver of phones or of boards, of which there is one: it knows more than a ``Driver`` must."""
        return self._driver(base)

    def _driver(self, base: str) -> Driver:
        """A new driver, or the one that is kept for all that it speaks to."""
        if base in self._kept:
            return self._kept[base]
        make = _load(DEVICES[base], base)
        builders: dict[str, Callable[[Callable[..., Driver]], Driver]] = {
            "sim:phone": self._with_world,
            "sim:jetson": self._with_world,
            "sim:meter": self._with_wire,
            "adb:": lambda make: self._keep(base, make(self._phones())),
            "ios:": lambda make: self._keep(base, make()),
            "ssh:": lambda make: self._keep(base, make(self._known_hosts)),
            "serial:": lambda make: make(_families()),
        }
        return builders[base](make) if base in builders else make()

    def _followed(self, base: str) -> Any:
        return self._phones() if base == "adb:" else self._special(base)

    def _phones(self) -> "Phones":
        """The phones that adb servers know of: followed without what it takes to open one."""
        if self._known_phones is None:
            self._known_phones = _load(PHONES, "adb:")(self._told)
        return self._known_phones

    def _keep(self, base: str, driver: Driver) -> Driver:
        self._kept[base] = driver
        return driver

    def _with_world(self, make: Callable[..., Driver]) -> Driver:
        return make(self._shared_world())

    def _with_wire(self, make: Callable[..., Driver]) -> Driver:
        found = Found(
            address="sim:meter", kind=DeviceKind.METER, title="Simulated meter at the simulated phone"
        )
        return make(
            self._simulated_wire, title="Simulated meter", found=(found,), simulated=True, defaults=SIM_METER
        )

    @asynccontextmanager
    async def _simulated_wire(self, address: Address, clock: Clock) -> AsyncIterator[ByteLink]:
        """What the simulated phone's battery terminals give, as the lines of a meter."""
        lines = importlib.import_module("drivers.devices.simulated.terminals").terminal_lines
        scripted = importlib.import_module("drivers.links.scripted").ScriptedLink
        rate_hz = address.number("rate", 100, 1, 1000)
        yield scripted(clock, lines(self._shared_world().body("phone"), clock.now(), rate_hz))

    def _shared_world(self) -> "World":
        if self._world is None:
            module = importlib.import_module("drivers.devices.simulated.world")
            cues = module.DEMO if self._script else ()
            self._world = module.World(self._seed, self._clock.now(), cues)
        return self._world


def _families() -> Mapping[str, Callable[[], Callable[..., Driver]]]:
    """How the driver of each family of serial meters is loaded."""
    return {
        family: partial(_load, entry, f"the meter family {family}")
        for family, entry in SERIAL_FAMILIES.items()
    }


def _base(address: Address) -> str:
    """Its key in ``DEVICES``. Raises NotSupported."""
    whole, scheme = address.base, f"{address.scheme}:"
    if whole in DEVICES and whole != scheme:
        return whole
    if scheme in DEVICES and address.target:
        return scheme
    raise NotSupported(f"{address.base[:60]!r} is an unknown address", remedy=f"known are {_offered()}")


def _entry(address: Address) -> Entry:
    return DEVICES[_base(address)]


def _offered() -> str:
    known = {
        "adb:": "adb:SERIAL",
        "ios:": "ios:UDID",
        "ssh:": "ssh://user@host:port",
        "serial:": "serial:PATH?family=…",
        "monsoon:": "monsoon:SERIAL",
    }
    return ", ".join(known.get(base, base) for base, entry in DEVICES.items() if entry.offered)


def _plain_name(_: Address, entry: Entry) -> str:
    return entry.device


def _serial(address: Address, entry: Entry) -> str:
    return _slug(address.target) or entry.device


def _host(address: Address, entry: Entry) -> str:
    host = address.target.rpartition("@")[2]
    bracket, _, _ = host.removeprefix("[").partition("]")
    return _slug(bracket if host.startswith("[") else host.partition(":")[0]) or entry.device


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:40]


def _require_ssh(address: str) -> None:
    if parse(address).scheme != "ssh":
        raise NotSupported(
            f"{address[:60]} is not reached over SSH", remedy="name a board as ssh://user@host:port"
        )


_NO_MODEL = "Android phone"
"""Title of a phone whose model adb does not tell."""
_OWN_NAMES: Mapping[str, Callable[[Address, Entry], str]] = {"adb": _serial, "ios": _serial, "ssh": _host}
"""Schemes whose addresses say which device is meant."""


def _load(entry: Entry, what: str) -> Callable[..., Any]:
    """The class of an entry. Raises MissingExtra when a package that it needs is not installed."""
    try:
        made: Callable[..., Any] = getattr(importlib.import_module(entry.module), entry.name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == "drivers":
            raise
        extra = f"[{entry.extra}]" if entry.extra else ""
        raise MissingExtra(
            f"{what} needs the Python package {missing}", remedy=f"pip install 'melt-tui{extra}'"
        ) from error
    return made


def _findings(base: str, answer: Sequence[Found] | BaseException) -> Iterable[Found]:
    if not isinstance(answer, BaseException):
        return answer
    if not isinstance(answer, Exception):
        raise answer
    rare = base in DEVICES and DEVICES[base].rare
    return () if rare and isinstance(answer, MissingExtra) else (failed(base, answer, SCAN_LIMIT_S),)
