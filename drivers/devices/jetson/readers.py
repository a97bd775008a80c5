"""What is asked for again and again: files of one line each, and what their values mean. Pure but for their memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from drivers import linux
from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.jetson import protocol
from drivers.devices.jetson.channels import (
    CPU,
    FREQUENCY,
    GPU_LOAD,
    MEMORY_AVAILABLE,
    MEMORY_PRESSURE,
    RAPL_ENERGY,
    RAPL_POWER,
)
from drivers.devices.jetson.survey import Survey
from drivers.model import Channel, reading


class Reader(Protocol):
    """Files that belong together."""

    @property
    def paths(self) -> Sequence[str]:
        """What to ask for, in order."""
        ...

    @property
    def channels(self) -> Sequence[Channel]:
        """What it gives."""
        ...

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """The answers, as many as ``paths``: empty where a file had nothing to tell."""
        ...


@dataclass(frozen=True, slots=True)
class Missing:
    """What this board does not give, said once."""

    what: str
    reason: str
    remedy: str = ""


class Gauge:
    """One file, one value."""

    def __init__(self, channel: Channel, path: str, parse: Callable[[str], float | None]) -> None:
        self.paths = (path,)
        self.channels = (channel,)
        self._parse = parse

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """Its value, if it has one now."""
        value = self._parse(values[0])
        return [] if value is None else [reading(self.channels[0], t_ns, value)]


class CpuUse:
    """Use of all cores, over the time since the reading before."""

    paths = ("/proc/stat",)

    def __init__(self, device: str) -> None:
        self.channels = (CPU.of(device),)
        self._before: tuple[int, int] | None = None

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """The mean since the last one; nothing at first."""
        times = protocol.processor_times(values[0])
        before, self._before = self._before, times
        share = None if before is None or times is None else protocol.busy_percent(before, times)
        return [] if share is None else [reading(self.channels[0], t_ns, share)]


class Clocks:
    """Mean clock of processors that have the same policy, or of policies that have the same maximum."""

    def __init__(self, channel: Channel, paths: Sequence[str], cores: Sequence[int]) -> None:
        self.paths = tuple(paths)
        self.channels = (channel,)
        self._cores = cores

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """Each policy counts as often as it has cores."""
        read = [
            (cores, hertz)
            for cores, value in zip(self._cores, values, strict=True)
            if (hertz := linux.kilohertz(value)) is not None
        ]
        if not read:
            return []
        mean = sum(cores * hertz for cores, hertz in read) / sum(cores for cores, _ in read)
        return [reading(self.channels[0], t_ns, mean)]


class Energy:
    """A RAPL counter unwrapped, and the mean power since the reading before."""

    def __init__(self, device: str, folder: str, title: str, range_uj: int) -> None:
        point = "package" if title.startswith("package") else f"rail:{title}"
        self.paths = (f"{folder}/energy_uj",)
        self.channels = (
            RAPL_ENERGY.of(device, f"energy {title}", point=point),
            RAPL_POWER.of(device, f"power {title}", point=point),
        )
        self._range_uj = range_uj
        self._before: tuple[int, int] | None = None
        self._total_uj = 0

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """A step that would need more than 10 kW is a restart: the total falls to what the counter shows."""
        raw_uj = linux.integer(values[0])
        if raw_uj is None or raw_uj < 0:
            return []
        before, self._before = self._before, (t_ns, raw_uj)
        step_uj = None if before is None else self._step(before, t_ns, raw_uj)
        self._total_uj = raw_uj if step_uj is None else self._total_uj + step_uj
        energy, power = self.channels
        items: list[Item] = [reading(energy, t_ns, self._total_uj)]
        if before is not None and step_uj is not None and t_ns - before[0] <= SECOND // 2:
            items.append(reading(power, t_ns, step_uj * 1000 / (t_ns - before[0])))
        return items

    def _step(self, before: tuple[int, int], t_ns: int, raw_uj: int) -> int | None:
        step = raw_uj - before[1]
        if step < 0:
            step += self._range_uj + 1
        span_ns = t_ns - before[0]
        return step if step >= 0 and span_ns > 0 and step * 1000 <= 10_000 * span_ns else None


def find_use(device: str) -> list[Reader]:
    """Use of the processor and memory that is left. The kernel counts the first in hundredths of a second: of a tenth of one
    it tells no more than tens of percent."""
    return [CpuUse(device), Gauge(MEMORY_AVAILABLE.of(device), "/proc/meminfo", _kilobytes)]


def find_clocks(survey: Survey, device: str) -> list[Reader]:
    """Clocks of the processors."""
    return [
        Clocks(
            FREQUENCY.of(
                device, f"cpu clock {group.title}", detail=f"scaling_cur_freq, mean over {group.extent}"
            ),
            [f"{policy}/scaling_cur_freq" for policy in group.policies],
            group.cores,
        )
        for group in policies(survey)
        if all(f"{policy}/scaling_cur_freq" in survey.files for policy in group.policies)
    ]


def find_gpu(survey: Survey, device: str) -> tuple[list[Reader], list[Reader]]:
    """A GPU's load and its clock, where its driver tells them."""
    loads = survey.find(r"/sys/devices/(?:platform/)?(?:bus@0/)?[^/]*gpu[^/]*/load")
    load: list[Reader] = [Gauge(GPU_LOAD.of(device), loads[0], _permille)] if loads else []
    folder = gpu_folder(survey)
    channel = FREQUENCY.of(device, "gpu clock", detail=f"devfreq {folder.rpartition('/')[2]}")
    clock: list[Reader] = [Gauge(channel, f"{folder}/cur_freq", hertz)] if folder else []
    return load, clock


def find_pressure(survey: Survey, device: str) -> tuple[list[Reader], list[Missing]]:
    """Memory pressure, where the kernel counts it."""
    if linux.pressure(survey.text("/proc/pressure/memory")) is None:
        return [], [Missing("memory pressure", "this board's kernel does not tell it", "start it with psi=1")]
    return [Gauge(MEMORY_PRESSURE.of(device), "/proc/pressure/memory", linux.pressure)], []


# --- groups of policies, the GPU's folder -----------------------------------------------------------------------------

_POLICIES_APART = 8
"""Up to so many clusters each have channels of their own; more are cores of a large computer, put together."""


@dataclass(frozen=True, slots=True)
class Policies:
    """Policies of cpufreq that share channels."""

    policies: tuple[str, ...]
    cores: tuple[int, ...]
    highest_hz: float | None
    start_hz: float | None
    """The lowest cap among them when the device was opened."""

    @property
    def title(self) -> str:
        """``policy0``."""
        return self.policies[0].rpartition("/")[2]

    @property
    def extent(self) -> str:
        """``policy0``, or ``policy0 … policy15``."""
        return (
            self.title
            if len(self.policies) == 1
            else f"{self.title} … {self.policies[-1].rpartition('/')[2]}"
        )


def policies(survey: Survey) -> list[Policies]:
    """One group for each policy, or for each maximum where there are many."""
    paths = [
        path.rpartition("/")[0]
        for path in survey.find(r"/sys/devices/system/cpu/cpufreq/policy[0-9]+/scaling_max_freq")
    ]
    groups: dict[object, list[str]] = {}
    for path in paths:
        key = path if len(paths) <= _POLICIES_APART else survey.text(f"{path}/cpuinfo_max_freq")
        groups.setdefault(key, []).append(path)
    return [_group(survey, group) for group in groups.values()]


def _group(survey: Survey, paths: Sequence[str]) -> Policies:
    caps = (linux.kilohertz(survey.text(f"{path}/scaling_max_freq")) for path in paths)
    return Policies(
        tuple(paths),
        tuple(max(1, len(linux.numbers(survey.text(f"{path}/related_cpus")))) for path in paths),
        linux.kilohertz(survey.text(f"{paths[0]}/cpuinfo_max_freq")),
        min((cap for cap in caps if cap is not None), default=None),
    )


def gpu_folder(survey: Survey) -> str:
    """The devfreq folder of the GPU: ``17000000.ga10b`` on Orin, ``gpu-gpc-0`` on Thor; empty for none."""
    found = survey.find(r"/sys/class/devfreq/[^/]*(?:gpu|gp10b|gv11b|ga10b|gk20a|gm20b)[^/]*/cur_freq")
    return found[0].rpartition("/")[0] if found else ""


def hertz(text: str) -> float | None:
    """A clock of devfreq, in Hz; 0 stands for off."""
    value = linux.integer(text)
    return float(value) if value is not None and 0 < value < 10**11 else None


def _permille(text: str) -> float | None:
    value = linux.integer(text)
    return value / 10 if value is not None and 0 <= value <= 1000 else None


def _kilobytes(text: str) -> float | None:
    value = linux.integer(text)
    return value * 1024 if value is not None and 0 <= value < 1 << 40 else None


def find_energies(survey: Survey, device: str) -> list[Energy]:
    """Counters of the processor's energy, each once: some have a memory-mapped twin."""
    found: dict[str, Energy] = {}
    paths = survey.find(r"/sys/class/powercap/[^/]+/energy_uj")
    for path in sorted(paths, key=lambda path: "-mmio" in path):
        folder = path.rpartition("/")[0]
        range_uj = linux.integer(survey.text(f"{folder}/max_energy_range_uj"))
        title = _domain(survey, folder)
        if range_uj is not None and range_uj > 0 and title not in found:
            found[title] = Energy(device, folder, title, range_uj)
    return list(found.values())


def _domain(survey: Survey, folder: str) -> str:
    """``package-0``; of a domain within it ``core``, and ``core package-1`` beyond the first package."""
    own = linux.name(survey.text(f"{folder}/name"), folder.rpartition("/")[2])
    stem, _, index = folder.rpartition(":")
    if not index.isdecimal() or ":" not in stem.rpartition("/")[2]:
        return own
    parent = linux.name(survey.text(f"{stem}/name"))
    return own if parent in {"", "package-0", "psys"} else f"{own} {parent}"


def energy_missing(survey: Survey, readers: Sequence[Reader]) -> list[Missing]:
    """Why the processor's energy is not told, where only permission lacks."""
    refused = any("/powercap/" in path for path in survey.refused)
    if not refused or any(isinstance(reader, Energy) for reader in readers):
        return []
    remedy = "sudo chmod a+r /sys/class/powercap/*/energy_uj on the board (until the next start)"
    return [Missing("processor power", "only root may read the RAPL energy counters", remedy)]
