"""The processor's clock and what holds it down: frequency, its cap, and counters of thermal throttling."""

from collections.abc import Sequence
from dataclasses import dataclass

from drivers import linux
from drivers.base import Item
from drivers.caps import Judge
from drivers.clock import SECOND, Clock
from drivers.devices.host import protocol
from drivers.devices.host.channels import FREQUENCY, FREQUENCY_CAP, SENSOR_HZ, THROTTLE_COUNT
from drivers.devices.host.probes import Finding, Missing, Probe, period_ns, readable
from drivers.events import LimitEngaged, LimitReleased
from drivers.links.sysfiles import SysFiles
from drivers.model import Channel, reading

QUIET_NS = 5 * SECOND
"""A counter of throttling steps when throttling begins anew: this long without a step and it is taken to be over."""

_COUNTERS = (
    ("core_throttle_count", "thermal"),
    ("package_throttle_count", "thermal"),
    ("core_power_limit_count", "power limit"),
    ("package_power_limit_count", "power limit"),
)


def find_frequency(files: SysFiles, device: str) -> Finding:
    """Policies of cpufreq; without it the measured clock of ``/proc/cpuinfo``, where that is measured."""
    policies = [
        policy
        for path in files.glob("/sys/devices/system/cpu/cpufreq/policy*")
        if (policy := _policy(files, path))
    ]
    if policies:
        return Finding((FrequencyProbe(files, device, policies),), facts=_governor(files, policies))
    cap = Missing("frequency cap", "this host's kernel controls no clock (no cpufreq)")
    if protocol.cpuinfo_hertz(readable(files, "/proc/cpuinfo")) is not None:
        return Finding((ClockProbe(files, device),), (cap,))
    return Finding(missing=(Missing("frequency", "this host tells only its nominal clock"), cap))


@dataclass(frozen=True, slots=True)
class _Policy:
    path: str
    cores: int
    highest_hz: float
    start_hz: float | None
    """The cap when the device was opened."""

    @property
    def title(self) -> str:
        return self.path.rpartition("/")[2]


def _policy(files: SysFiles, path: str) -> _Policy | None:
    highest = linux.kilohertz(readable(files, f"{path}/cpuinfo_max_freq"))
    if highest is None:
        return None
    cores = len(linux.numbers(readable(files, f"{path}/related_cpus")))
    return _Policy(path, max(1, cores), highest, linux.kilohertz(readable(files, f"{path}/scaling_max_freq")))


def _governor(files: SysFiles, policies: Sequence[_Policy]) -> Sequence[tuple[str, str]]:
    names = {linux.name(readable(files, f"{policy.path}/scaling_governor")) for policy in policies} - {""}
    return (("governor", ", ".join(sorted(names))),) if names else ()


class ClockProbe:
    """The mean clock as ``/proc/cpuinfo`` tells it."""

    blocking = True
    period_ns = period_ns(SENSOR_HZ)

    def __init__(self, files: SysFiles, device: str) -> None:
        self._files = files
        self._channel = FREQUENCY.of(device)
        self.channels = (self._channel,)

    def read(self, clock: Clock) -> list[Item]:
        """The mean over the cores, if there is one now."""
        t_ns = clock.now()
        hertz = protocol.cpuinfo_hertz(readable(self._files, "/proc/cpuinfo"))
        return [] if hertz is None else [reading(self._channel, t_ns, hertz)]


class FrequencyProbe:
    """Mean clock over the cores, and the cap of each group of policies whose hardware maximum is the same."""

    blocking = True
    period_ns = period_ns(SENSOR_HZ)

    def __init__(self, files: SysFiles, device: str, policies: Sequence[_Policy]) -> None:
        self._files = files
        self._policies = policies
        self._mean = FREQUENCY.of(device)
        self._caps = [
            _Cap(device, [policy for policy in policies if policy.highest_hz == highest])
            for highest in dict.fromkeys(policy.highest_hz for policy in policies)
        ]
        self.channels: tuple[Channel, ...] = (self._mean, *(cap.channel for cap in self._caps))

    def read(self, clock: Clock) -> list[Item]:
        """The mean clock, the caps, and the limits that begin or end with them."""
        t_ns = clock.now()
        items: list[Item] = [reading(self._mean, t_ns, mean)] if (mean := self._mean_hz()) else []
        for cap in self._caps:
            items += cap.read(self._files, clock.now())
        return items

    def _mean_hz(self) -> float | None:
        read = [
            (policy.cores, hertz)
            for policy in self._policies
            if (hertz := linux.kilohertz(readable(self._files, f"{policy.path}/scaling_cur_freq")))
        ]
        return sum(cores * hertz for cores, hertz in read) / sum(cores for cores, _ in read) if read else None


class _Cap:
    """The lowest ``scaling_max_freq`` of a group of policies, against the highest that it was seen at."""

    def __init__(self, device: str, policies: Sequence[_Policy]) -> None:
        self._policies = policies
        first, last = policies[0].title, policies[-1].title
        which = first if len(policies) == 1 else f"{first} … {last}"
        detail = f"lowest scaling_max_freq of {which}; the hardware's maximum is {linux.gigahertz(policies[0].highest_hz)}"
        self.channel = FREQUENCY_CAP.of(device, f"cap {first}", detail=detail)
        start_hz = min((policy.start_hz for policy in policies if policy.start_hz), default=None)
        self._judge = Judge(device, f"cpu cap {first}", start_hz)

    def read(self, files: SysFiles, t_ns: int) -> list[Item]:
        read = (
            linux.kilohertz(readable(files, f"{policy.path}/scaling_max_freq")) for policy in self._policies
        )
        told = [value for value in read if value is not None]
        if not told:
            return []
        hertz, whole = min(told), len(told) == len(self._policies)
        return [reading(self.channel, t_ns, hertz), *self._judge.take(t_ns, hertz, whole=whole)]


def find_throttling(files: SysFiles, device: str) -> Finding:
    """Counters that the processor's own protection keeps, one sum for each sort."""
    counters = []
    for title, reason in _COUNTERS:
        paths = files.glob(f"/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/{title}")
        if paths:
            counters.append(_Counter(device, title, reason, paths))
    if not counters:
        return Finding(
            missing=(Missing("throttle counter", "this host counts no thermal throttling (Intel only)"),)
        )
    probes: Sequence[Probe] = (ThrottleProbe(files, counters),)
    return Finding(probes)


class ThrottleProbe:
    """Counters of throttling, and the limit that a step of them tells of."""

    blocking = True
    period_ns = period_ns(SENSOR_HZ)

    def __init__(self, files: SysFiles, counters: "Sequence[_Counter]") -> None:
        self._files = files
        self._counters = counters
        self.channels = tuple(counter.channel for counter in counters)

    def read(self, clock: Clock) -> list[Item]:
        """Each counter's sum, and the limits that begin or end."""
        return [item for counter in self._counters for item in counter.read(self._files, clock.now())]


class _Counter:
    def __init__(self, device: str, title: str, reason: str, paths: Sequence[str]) -> None:
        self.channel = THROTTLE_COUNT.of(device, title)
        self._device = device
        self._reason = reason
        self._counts = dict.fromkeys(paths, 0)
        self._before: int | None = None
        self._stepped_ns: int | None = None

    def read(self, files: SysFiles, t_ns: int) -> list[Item]:
        for path, known in self._counts.items():
            count = linux.integer(readable(files, path))
            self._counts[path] = known if count is None else max(known, count)
        total = sum(self._counts.values())
        step = 0 if self._before is None else total - self._before
        self._before = total
        return [reading(self.channel, t_ns, total), *self._change(t_ns, step)]

    def _change(self, t_ns: int, step: int) -> list[Item]:
        since = self._stepped_ns
        if step > 0:
            self._stepped_ns = t_ns
            return [] if since is not None else [self._engaged(t_ns, step)]
        if since is None or t_ns - since < QUIET_NS:
            return []
        self._stepped_ns = None
        quiet = f"no step for {QUIET_NS // SECOND} s"
        return [LimitReleased(t_ns=t_ns, device=self._device, limit=self.channel.name, detail=quiet)]

    def _engaged(self, t_ns: int, step: int) -> LimitEngaged:
        return LimitEngaged(
            t_ns=t_ns,
            device=self._device,
            limit=self.channel.name,
            reason=self._reason,
            detail=f"counted {step} more",
        )
