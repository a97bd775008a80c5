"""Energy counters of the processor (RAPL) and the battery's gauge."""

from collections.abc import Sequence
from dataclasses import dataclass

from drivers import linux
from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.devices.host import protocol
from drivers.devices.host.channels import (
    BATTERY,
    FAST_HZ,
    RAPL_ENERGY,
    RAPL_POWER,
    SLOW_HZ,
)
from drivers.devices.host.probes import Finding, Missing, Probe, period_ns, readable
from drivers.errors import Refused
from drivers.events import LogLine
from drivers.links.sysfiles import SysFiles
from drivers.model import Channel, reading

_HOLE_PERIODS = 5
"""After a longer pause a step of the counter is no mean power of one period any more."""


def find_energy(files: SysFiles, device: str) -> Finding:
    """RAPL domains that may be read; the ones that may not are said once, with the remedy."""
    found: list[_Domain] = []
    refused = False
    for path in sorted(files.glob("/sys/class/powercap/*/energy_uj"), key=_is_twin):
        folder = path.removesuffix("/energy_uj")
        try:
            domain = _domain(files, device, folder, taken={domain.title for domain in found})
        except Refused:
            refused = True
            continue
        if domain is not None:
            found.append(domain)
    probes: Sequence[Probe] = (EnergyProbe(files, found),) if found else ()
    return Finding(probes, () if found else (_why_no_energy(refused=refused),))


def _is_twin(path: str) -> bool:
    """``intel-rapl-mmio`` counts what ``intel-rapl`` counts: it comes second."""
    return "-mmio" in path


def _why_no_energy(*, refused: bool) -> Missing:
    if not refused:
        return Missing("processor power", "no RAPL energy counter on this host")
    return Missing(
        "processor power",
        "only root may read the RAPL energy counters",
        "sudo chmod a+r /sys/class/powercap/*/energy_uj (until the next start)",
    )


@dataclass(frozen=True, slots=True)
class _Domain:
    title: str
    path: str
    range_uj: int
    energy: Channel
    power: Channel


def _domain(files: SysFiles, device: str, folder: str, taken: set[str]) -> _Domain | None:
    """One counter; None where it has no value, no range, or is another way to one that is known already."""
    raw = linux.integer(files.read(f"{folder}/energy_uj"))
    range_uj = linux.integer(files.read(f"{folder}/max_energy_range_uj"))
    title = _title(files, folder)
    if raw is None or range_uj is None or range_uj <= 0 or title in taken:
        return None
    point = "package" if title.startswith("package") else f"rail:{title}"
    return _Domain(
        title,
        f"{folder}/energy_uj",
        range_uj,
        RAPL_ENERGY.of(device, f"energy {title}", point=point),
        RAPL_POWER.of(device, f"power {title}", point=point),
    )


def _title(files: SysFiles, folder: str) -> str:
    """``package-0``; of a domain within it ``core``, and ``core package-1`` beyond the first package."""
    own = linux.name(readable(files, f"{folder}/name"), folder.rpartition("/")[2])
    stem, _, index = folder.rpartition(":")
    if not index.isdecimal() or ":" not in stem.rpartition("/")[2]:
        return own
    parent = linux.name(readable(files, f"{stem}/name"))
    return own if parent in {"", "package-0", "psys"} else f"{own} {parent}"


class EnergyProbe:
    """Counters unwrapped, and the mean power since the reading before."""

    blocking = True
    period_ns = period_ns(FAST_HZ)

    def __init__(self, files: SysFiles, domains: Sequence[_Domain]) -> None:
        self._files = files
        self._domains = domains
        self._before: dict[str, protocol.Energy] = {}
        self.channels = tuple(channel for domain in domains for channel in (domain.energy, domain.power))

    def read(self, clock: Clock) -> list[Item]:
        """Each counter that has a value now."""
        return [item for domain in self._domains for item in self._domain(domain, clock)]

    def _domain(self, domain: _Domain, clock: Clock) -> list[Item]:
        raw = linux.integer(readable(self._files, domain.path))
        t_ns = clock.now()
        if raw is None or raw < 0:
            return []
        before = self._before.get(domain.title)
        state = protocol.advance(before, t_ns, raw, domain.range_uj)
        self._before[domain.title] = state
        items: list[Item] = [reading(domain.energy, t_ns, state.total_uj)]
        fresh = before is not None and t_ns - before.t_ns <= _HOLE_PERIODS * self.period_ns
        if state.power_w is not None and fresh:
            items.append(reading(domain.power, t_ns, state.power_w))
        return items


def find_battery(files: SysFiles, device: str) -> Finding:
    """Batteries of the computer itself, not those of a mouse beside it."""
    folders = [
        folder
        for folder in files.glob("/sys/class/power_supply/*")
        if linux.name(readable(files, f"{folder}/type")) == "Battery"
        and linux.name(readable(files, f"{folder}/scope")) != "Device"
    ]
    if not folders:
        return Finding(missing=(Missing("battery", "no battery in this host"),))
    probes = [BatteryProbe(files, device, folder) for folder in folders]
    facts = [(f"battery {probe.title}", probe.status or "status not told") for probe in probes]
    held = [_full_wh(files, folder) for folder in folders]
    known = [watt_hours for watt_hours in held if watt_hours is not None]
    if len(known) == len(held):
        facts.append((linux.FULL_BATTERY, f"{sum(known):.1f} Wh"))
    return Finding(probes, facts=facts)


def _full_wh(files: SysFiles, folder: str) -> float | None:
    names = ("energy_full", "charge_full", "voltage_min_design")
    return linux.full_wh(*(readable(files, f"{folder}/{name}") for name in names))


class BatteryProbe:
    """A battery's gauge. Its figures are repeated as they are shown; ``refresh`` says how old they grow."""

    blocking = True
    period_ns = period_ns(SLOW_HZ)

    def __init__(self, files: SysFiles, device: str, folder: str) -> None:
        self._files = files
        self._folder = folder
        self._device = device
        self._shown: linux.Flow | None = None
        self._changed_ns: int | None = None
        self.title = linux.name(folder.rpartition("/")[2])
        self.status = linux.name(self._text("status"))
        flow = {"voltage_now", "current_now", "power_now"} & {
            path.rpartition("/")[2] for path in files.glob(f"{folder}/*_now")
        }
        told = {
            "voltage": "voltage_now" in flow,
            "current": "current_now" in flow or flow >= {"power_now", "voltage_now"},
            "power": "power_now" in flow or flow >= {"current_now", "voltage_now"},
            "refresh": bool(flow),
            "level": self._text("capacity") is not None,
            "temperature": self._text("temp") is not None,
        }
        self._channels = {
            what: row.of(device, f"{self.title} {what}") for what, row in BATTERY.items() if told[what]
        }
        self.channels = tuple(self._channels.values())

    def read(self, clock: Clock) -> list[Item]:
        """What the gauge shows, its status when that changed, and how long the figures before had stood."""
        t_ns = clock.now()
        status = self._text("status")
        flow = linux.flow(
            status, self._text("voltage_now"), self._text("current_now"), self._text("power_now")
        )
        values = {
            "voltage": flow.volts,
            "current": flow.amperes,
            "power": flow.watts,
            "level": linux.percent(self._text("capacity")),
            "temperature": linux.tenths_celsius(self._text("temp")),
            "refresh": self._stood_s(t_ns, flow),
        }
        samples = [
            reading(channel, t_ns, value)
            for what, channel in self._channels.items()
            if (value := values[what]) is not None
        ]
        return [*self._status_change(t_ns, linux.name(status)), *samples]

    def _text(self, what: str) -> str | None:
        return readable(self._files, f"{self._folder}/{what}")

    def _stood_s(self, t_ns: int, flow: linux.Flow) -> float | None:
        """How long the figures before these had stood; None while they stand, and for the first that were met."""
        if flow == self._shown:
            return None
        first, since = self._shown is None, self._changed_ns
        self._shown = flow
        self._changed_ns = None if first else t_ns
        return None if since is None else (t_ns - since) / SECOND

    def _status_change(self, t_ns: int, status: str) -> list[Item]:
        if status == self.status:
            return []
        self.status = status
        return [LogLine(t_ns=t_ns, device=self._device, source=self.title, text=status or "status not told")]
