"""The devices of a session: named, opened, closed, opened again, and those that come by themselves."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, count

from drivers.address import parse
from drivers.clock import Clock
from drivers.errors import DriverError, NotSupported, Refused
from drivers.model import Found
from drivers.registry import DEVICES, PLUGGED, Registry
from melt_tui.config.read import many_of
from melt_tui.events import SELF
from melt_tui.session.sampler import Sampler
from melt_tui.session.session import Session
from melt_tui.workbench.contract import Place
from melt_tui.workbench.plugged import Plugged

NAMES_LIMIT_S = 2.0
"""How long it may take to be told what phones are called before they get their serials for names."""


class Devices:
    """Each is followed by a sampler of its own, so that one that hangs or refuses delays no other."""

    def __init__(self, session: Session, registry: Registry, clock: Clock, *, plugged: bool) -> None:
        self.samplers: dict[str, Sampler] = {}
        """By name."""
        self._session = session
        self._registry = registry
        self._clock = clock
        self._plugged = plugged
        self._following: set[str] = set()
        """Schemes."""
        self._dismissed: set[str] = set()
        """Identities of what the user has closed: they do not come back by themselves until they were unplugged."""

    async def begin(self, named: Mapping[str, Place]) -> None:
        """Open all of them, at the same time."""
        unnamed = {
            name: place
            for name, place in named.items()
            if not place.name and place.address.startswith(PLUGGED)
        }
        for name, place in named.items():
            if name not in unnamed:
                self.open(name, place)
        known = await self._phone_names({_scheme(place.address) for place in unnamed.values()})
        for name, place in unnamed.items():
            self.open(free_name(known.get(place.address, name), self.samplers), place)
        for scheme in PLUGGED if self._plugged else ():
            self._follow_phones(scheme)

    def fed_by_nobody_here(self) -> Iterator[tuple[str, str]]:
        """Meters, each with the device that it is said to feed and that is not in the session."""
        for name, sampler in self.samplers.items():
            fed = sampler.wire[0] if sampler.wire else ""
            if fed and fed not in self.samplers:
                yield name, fed

    def add(self, place: Place) -> str:
        """Open a device that was asked for; its name. Raises AskUser, also for one that is in the session already: it would
        be watched twice."""
        same = self._named_at(place.address)
        if same:
            said = f"{place.address} is in the session already, as {same}"
            raise Refused(said, remedy="close that one first, to open it anew")
        self._dismissed.discard(self._registry.identity(place.address))
        return self.open(chosen_name(self._registry, place, self.samplers), place)

    def open(self, name: str, place: Place) -> str:
        """Open it under a name that is free. Raises NotSupported."""
        wired = self._registry.wired(place.address, place.feeds, place.point)
        opener = partial(self._registry.open, wired.address, name)
        named = bool(place.name)
        sampler = Sampler(name, place.address, opener, self._clock, named=named, wire=wired.wire)
        self._session.add(source_name(name), sampler)
        self.samplers[name] = sampler
        if place.address.startswith(PLUGGED):
            self._follow_phones(_scheme(place.address))
        return name

    async def close(self, name: str) -> None:
        """Close it and stop trying; nothing when there is none."""
        sampler = self.samplers.pop(name, None)
        if sampler is not None:
            self._dismissed.add(self._registry.identity(sampler.address))
            await self._session.remove(source_name(name))

    async def move(self, name: str, address: str) -> None:
        """The same device is at another address from now on."""
        await self.close(name)
        self.open(name, Place(address=address, name=name))

    def seen(self, scheme: str, found: Sequence[Found]) -> None:
        """What of a scheme is plugged in now: who was waited for is tried at once, who is new comes onto the bench."""
        identity = self._registry.identity
        known = {identity(sampler.address): sampler for sampler in self.samplers.values()}
        here = {identity(one.address) for one in found}
        self._dismissed = {one for one in self._dismissed if one in here or not one.startswith(scheme)}
        for one in found:
            sampler = known.get(identity(one.address))
            if sampler is not None and one.ready:
                self._again(sampler)
            elif sampler is None and self._welcome(one):
                name = free_name(self._registry.name_of(one), self.samplers)
                self.open(name, Place(address=one.address))

    def reopen(self, sampler: Sampler) -> None:
        """One that was given up is tried again."""
        self._session.add(source_name(sampler.name), sampler)

    def retry_at(self, address: str) -> None:
        """Somebody has done what the devices at this address were waiting for."""
        for sampler in self.samplers.values():
            if sampler.address.partition("?")[0] == address.partition("?")[0]:
                self._again(sampler)

    def sampler(self, name: str) -> Sampler:
        """The one of that name. Raises Refused."""
        found = self.samplers.get(name)
        if found is None:
            known = ", ".join(self.samplers) or "none"
            raise Refused(f"no device named {name} is in the session", remedy=f"there are: {known}")
        return found

    def at(self, name: str) -> str:
        """The address of a device of the session; what is no name of one is an address itself."""
        return self.samplers[name].address if name in self.samplers else name

    def _named_at(self, address: str) -> str:
        """Who is at this address; nobody where there may be many."""
        identity = self._registry.identity
        at = identity(address)
        same = (one.name for one in self.samplers.values() if identity(one.address) == at)
        return "" if many_of(address) else next(same, "")

    def _welcome(self, found: Found) -> bool:
        """Also a phone that waits for its owner to say yes: its card says so."""
        return (
            self._plugged
            and self._registry.identity(found.address) not in self._dismissed
            and (found.ready or found.asks)
        )

    def _again(self, sampler: Sampler) -> None:
        if sampler.failed:
            self._session.add(source_name(sampler.name), sampler)
        elif sampler.device is None:
            sampler.retry()

    def _follow_phones(self, scheme: str) -> None:
        if scheme not in self._following:
            self._following.add(scheme)
            phones, seen = partial(self._registry.plugged, scheme), partial(self.seen, scheme)
            self._session.add(f"plugged {scheme}", Plugged(phones, seen, self._clock))

    async def _phone_names(self, schemes: Collection[str]) -> Mapping[str, str]:
        told = await asyncio.gather(*map(self._names_of, schemes))
        return {address: name for names in told for address, name in names.items()}

    async def _names_of(self, scheme: str) -> Mapping[str, str]:
        try:
            async with asyncio.timeout(NAMES_LIMIT_S):
                found = await self._registry.phones(scheme)
        except (DriverError, TimeoutError):
            return {}
        return {one.address: self._registry.name_of(one) for one in found}


def all_named(registry: Registry, places: Sequence[Place]) -> dict[str, Place]:
    """Every device by its name, before anything is begun. Raises AskUser for what cannot be opened at all."""
    named: dict[str, Place] = {}
    for place in places:
        named[chosen_name(registry, place, named)] = place
    return named


def chosen_name(registry: Registry, place: Place, taken: Collection[str]) -> str:
    """The name that was asked for, else a free one. Raises Refused for one that is taken, NotSupported for
    an address or a wiring that cannot be."""
    wanted = registry.default_name(place.address)
    refuse_loop(place.name or wanted, registry.wired(place.address, place.feeds, place.point).wire)
    if place.name and (place.name in taken or place.name == SELF):
        raise Refused(f"a device named {place.name} is already in the session", remedy="choose another name")
    return place.name or free_name(wanted, taken)


def refuse_loop(name: str, wire: tuple[str, str] | None) -> None:
    """Raises NotSupported for a meter that is said to feed itself."""
    if wire and wire[0] == name:
        raise NotSupported(
            f"the meter {name[:40]} cannot feed itself", remedy="name the phone or board that it feeds"
        )


def free_name(wanted: str, taken: Collection[str]) -> str:
    """That one, or the first of ``wanted-2``, ``wanted-3`` … that nobody has."""
    names = chain([wanted], (f"{wanted}-{i}" for i in count(2)))
    return next(name for name in names if name not in taken and name != SELF)


def is_meter(address: str) -> bool:
    """Whether a meter is at that address; not of one that cannot be read. Raises NotSupported for a broken one."""
    taken = parse(address)
    entry = DEVICES.get(taken.base) or DEVICES.get(f"{taken.scheme}:")
    return entry is not None and entry.meter


def _scheme(address: str) -> str:
    """One of ``PLUGGED``, or nothing."""
    return next((scheme for scheme in PLUGGED if address.startswith(scheme)), "")


def source_name(device: str) -> str:
    """What a device's task is called: a device may have any name, also one that a run has."""
    return f"device {device}"
