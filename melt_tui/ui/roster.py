"""Which devices there are: those of the session, those that a scan saw, those of the config file, each once. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from drivers.events import Absent
from drivers.model import Found
from melt_tui.config import DeviceConfig
from melt_tui.timeline import DeviceState, DeviceView, RunPhase
from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.renderables.roster import RosterEntry, RosterGroup, Standing
from melt_tui.ui.standing import phase_of, simulated, state_of
from melt_tui.ui.topics import Stock, devices

SIMULATED = "sim"
"""Simulated devices are made as often as they are named."""
METERS = "meter"
"""On serial ports and on USB."""
_SCHEMES = {"serial": METERS, "monsoon": METERS}
_LOOKING = "looking …"
_GROUPS = (
    ("host", "This computer", ""),
    (
        "adb",
        "Phones over adb",
        "none was found: plug one in, switch on USB debugging in its developer options, accept the prompt on its screen",
    ),
    (
        "ios",
        "iPhones over USB",
        "none was found: plug one in, unlock it, tap Trust; it needs melt-tui[ios] and a usbmuxd that runs",
    ),
    ("ssh", "Boards over SSH", "none is kept: a adds one by its address, ssh://user@host"),
    (
        METERS,
        "Power meters",
        "none was found: plug one in by USB, or press m for one on another machine; a Monsoon HVPM also needs melt-tui[usb]",
    ),
    (SIMULATED, "Simulated", ""),
)
_NAMES = {scheme: title for scheme, title, _ in _GROUPS}
_ORDER = {scheme: place for place, (scheme, _, _) in enumerate(_GROUPS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that is known of devices at a moment."""

    stock: Stock
    """Of the session now."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """By name, of devices of the session that were never up."""
    found: Sequence[Found] | None = None
    """By the last scan; None before it has answered."""
    saved: Sequence[DeviceConfig] = ()
    absences: Sequence[Absent] = ()
    """What the session's devices said that they do not give, in order of time."""


def groups(known: Known) -> tuple[RosterGroup, ...]:
    """By link, in a fixed order; a link on which nothing was found says what to do."""
    entries = [*_open(known), *_found(known)]
    entries += _away(known, entries)
    schemes = dict.fromkeys([*_ORDER, *(entry.group for entry in entries)])
    made = []
    for scheme in sorted(schemes, key=lambda one: (_ORDER.get(one, len(_ORDER)), one)):
        own = tuple(entry for entry in entries if entry.group == scheme)
        empty = next((said for name, _, said in _GROUPS if name == scheme), "")
        if own or empty:
            said = _LOOKING if known.found is None else empty
            made.append(RosterGroup(_NAMES.get(scheme, scheme), own, said))
    return tuple(made)


def saved_entry(known: Known, address: str, name: str) -> DeviceConfig | None:
    """What the config file says of a device, found by its address; by its name where no address is known."""
    if address:
        return next((one for one in known.saved if bare(one.address) == bare(address)), None)
    return next((one for one in known.saved if name and one.name == name), None)


def opened_at(entries: Iterable[RosterEntry], address: str) -> str:
    """The device of the session that is at this address; of simulated ones another can be opened."""
    same = (one.device for one in entries if one.device and bare(one.address) == bare(address))
    return "" if _scheme(address) == SIMULATED else next(same, "")


def bare(address: str) -> str:
    """Without options, but where they make another device of it."""
    return address if address.startswith(f"{SIMULATED}:") else address.partition("?")[0]


def _open(known: Known) -> Iterator[RosterEntry]:
    seen = {bare(one.address): one for one in known.found or ()}
    for device in devices(known.stock.view):
        name = device.device
        address = device.info.address if device.info else known.addresses.get(name, "")
        saved = saved_entry(known, address, name)
        address = address or (saved.address if saved else "")
        reason, next_step = _why(device, seen.get(bare(address)), known.absences)
        yield RosterEntry(
            key=f"name {name}",
            group=_scheme(address),
            title=name,
            state=_state(known, device),
            said=_said(known, device),
            address=address,
            detail=_detail(device),
            reason=reason,
            next_step=next_step,
            device=name,
            saved=(saved.name or saved.address) if saved else "",
            colour=known.stock.shades.get(name),
            simulated=simulated(known.stock.view, name),
        )


def _found(known: Known) -> Iterator[RosterEntry]:
    """What is not open. A simulated device can be opened again and again: it says so once one is open."""
    open_now = {bare(address) for address in _open_addresses(known)}
    kinds = {address.partition("?")[0] for address in open_now}
    for one in known.found or ():
        if bare(one.address) in open_now and _scheme(one.address) != SIMULATED:
            continue
        more = bare(one.address).partition("?")[0] in kinds
        saved = None if more else saved_entry(known, one.address, "")
        state = Standing.MORE if more else Standing.READY if one.ready else Standing.NOT_READY
        yield RosterEntry(
            key=f"at {one.address}",
            group=_scheme(one.address),
            title=(saved.name if saved else "") or one.title,
            state=state,
            said="" if state is Standing.NOT_READY else state.value,
            address=one.address,
            detail=one.title if saved and saved.name else "",
            reason=one.reason,
            next_step=one.next_step,
            saved=(saved.name or saved.address) if saved else "",
        )


def _away(known: Known, entries: Sequence[RosterEntry]) -> list[RosterEntry]:
    told = {entry.saved for entry in entries if entry.saved}
    return [
        RosterEntry(
            key=f"kept {one.address}",
            group=_scheme(one.address),
            title=one.name or one.address,
            state=Standing.AWAY,
            said=Standing.AWAY.value,
            address=one.address,
            saved=one.name or one.address,
        )
        for one in known.saved
        if (one.name or one.address) not in told
    ]


def _open_addresses(known: Known) -> Iterable[str]:
    for device in devices(known.stock.view):
        address = device.info.address if device.info else known.addresses.get(device.device, "")
        saved = saved_entry(known, address, device.device)
        yield address or (saved.address if saved else "")


def _state(known: Known, device: DeviceView) -> CardState:
    run = known.stock.view.runs.get(device.device)
    return state_of(device, run if run and run.phase is not RunPhase.ENDED else None)


def _said(known: Known, device: DeviceView) -> str:
    if device.state is DeviceState.LOST:
        return phase_of(known.stock.view, device, None)
    return device.state


def _why(device: DeviceView, found: Found | None, absences: Sequence[Absent]) -> tuple[str, str]:
    """A scan knows the newest reason; the device's own is that of its last attempt. Of one that is up: what it lacks."""
    if device.state is DeviceState.UP:
        return _lacks(device, absences)
    if found is not None and not found.ready:
        return found.reason, found.next_step
    return device.reason, device.remedy


def _lacks(device: DeviceView, absences: Sequence[Absent]) -> tuple[str, str]:
    """What it has not told since it is up, as far as somebody could do something about it."""
    said = {
        one.what: one
        for one in absences
        if one.device == device.device and one.remedy and one.t_ns >= device.since_ns
    }
    reasons = [f"no {one.what}: {one.reason}" for one in said.values()]
    return "; ".join(reasons), "; ".join(dict.fromkeys(one.remedy for one in said.values()))


def _detail(device: DeviceView) -> str:
    info = device.info
    fed = f"→ {device.feeds} at {device.point}" if device.feeds else ""
    return " · ".join(part for part in (info.model, info.os, fed) if part) if info else ""


def _scheme(address: str) -> str:
    scheme = address.partition(":")[0]
    return _SCHEMES.get(scheme, scheme) or "others"
