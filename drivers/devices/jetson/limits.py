"""What holds a board down, and the events that tell of it: caps, cooling devices, counters of protection. Pure."""

import re
from collections.abc import Callable, Sequence

from drivers import linux
from drivers.base import Item
from drivers.caps import Highest, Judge
from drivers.clock import SECOND
from drivers.devices.jetson.channels import CAP, COOLING, OVERCURRENT_COUNT, THROTTLE_COUNT
from drivers.devices.jetson.readers import Reader, gpu_folder, hertz, policies
from drivers.devices.jetson.survey import Survey
from drivers.events import LimitEngaged, LimitReleased
from drivers.model import Channel, reading

QUIET_NS = 5 * SECOND
"""A counter of protection steps while it acts: this long without a step and it is taken to be over."""

THERMAL = "thermal"
POWER = "power limit"

_COOLERS = re.compile(
    r".*-throttle-alert|.*-balanced|tegra-heavy|(?:thermal-)?(?:cpufreq|devfreq)-.*|Processor", re.IGNORECASE
)
"""Cooling devices that take speed away; a fan and ``intel_powerclamp`` are none of them."""

_OVERCURRENT = {
    1: "undervoltage, or the input's current limit",
    2: "average current above its limit",
    3: "current peak above its limit",
}
_ORDINARY_LOAD = 3
"""``oc3`` climbs by the thousand under ordinary load: it is reported, and is no alarm."""

_COUNTERS = (
    ("core_throttle_count", THERMAL),
    ("package_throttle_count", THERMAL),
    ("core_power_limit_count", POWER),
    ("package_power_limit_count", POWER),
)


class Cap:
    """The lowest clock that some policies may have at most, and the limit that begins when it falls."""

    def __init__(
        self, channel: Channel, paths: Sequence[str], parse: Callable[[str], float | None], judge: Judge
    ) -> None:
        self.paths = tuple(paths)
        self.channels = (channel,)
        self._parse = parse
        self._judge = judge

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """The cap, and the limit that begins, changes or ends with it."""
        caps = [cap for value in values if (cap := self._parse(value)) is not None]
        if not caps:
            return []
        hz = min(caps)
        whole = len(caps) == len(self.paths)
        return [reading(self.channels[0], t_ns, hz), *self._judge.take(t_ns, hz, whole=whole)]


class Cooler:
    """The state of a cooling device: above 0 it takes speed away, because of heat."""

    def __init__(self, channel: Channel, path: str, title: str) -> None:
        self.paths = (path,)
        self.channels = (channel,)
        self._title = title
        self._state = 0

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """Its state, and the limit when it changes."""
        state = linux.integer(values[0])
        if state is None or not 0 <= state < 1 << 31:
            return []
        was, self._state = self._state, state
        sample = reading(self.channels[0], t_ns, state)
        if state == was:
            return [sample]
        detail = f"state {was} → {state}"
        return [sample, _event(t_ns, self.channels[0].device, self._title, THERMAL, detail, on=state > 0)]


class Counter:
    """A sum of counters that step while a protection acts. With ``alarm`` off it is a channel and no limit."""

    def __init__(self, channel: Channel, paths: Sequence[str], reason: str, *, alarm: bool = True) -> None:
        self.paths = tuple(paths)
        self.channels = (channel,)
        self._reason = reason
        self._alarm = alarm
        self._counts: dict[str, int] = {}
        self._stepped_ns: int | None = None

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """The sum, when every counter was read once, and the limit that begins or ends."""
        before = dict(self._counts)
        for path, value in zip(self.paths, values, strict=True):
            count = linux.integer(value)
            if count is not None and 0 <= count < 1 << 62:
                self._counts[path] = count
        if len(self._counts) < len(self.paths):
            return []
        sample = reading(self.channels[0], t_ns, sum(self._counts.values()))
        steps = (max(0, count - before.get(path, count)) for path, count in self._counts.items())
        return [sample, *(self._change(t_ns, sum(steps)) if self._alarm else ())]

    def _change(self, t_ns: int, step: int) -> list[Item]:
        since = self._stepped_ns
        device, limit = self.channels[0].device, self.channels[0].name
        if step > 0:
            self._stepped_ns = t_ns
            detail = f"counted {step} more"
            return [] if since is not None else [_event(t_ns, device, limit, self._reason, detail, on=True)]
        if since is None or t_ns - since < QUIET_NS:
            return []
        self._stepped_ns = None
        quiet = f"no step for {QUIET_NS // SECOND} s"
        return [_event(t_ns, device, limit, self._reason, quiet, on=False)]


def _event(t_ns: int, device: str, limit: str, reason: str, detail: str, *, on: bool) -> Item:
    if on:
        return LimitEngaged(t_ns=t_ns, device=device, limit=limit, reason=reason, detail=detail)
    return LimitReleased(t_ns=t_ns, device=device, limit=limit, detail=detail)


def find_limits(survey: Survey, device: str, highest: Highest) -> list[Reader]:
    """Everything that can hold this board down and tells of it; ``highest`` is what was seen of its caps before."""
    return [
        *_caps(survey, device, highest),
        *_coolers(survey, device),
        *_overcurrent(survey, device),
        *_throttling(survey, device),
    ]


def _caps(survey: Survey, device: str, highest: Highest) -> list[Reader]:
    caps: list[Reader] = []
    for group in policies(survey):
        top = f"; the hardware's maximum is {linux.gigahertz(group.highest_hz)}" if group.highest_hz else ""
        detail = f"lowest scaling_max_freq of {group.extent}{top}"
        channel = CAP.of(device, f"cap {group.title}", detail=detail)
        paths = [f"{policy}/scaling_max_freq" for policy in group.policies]
        judge = Judge(device, f"cpu cap {group.title}", group.start_hz, highest)
        caps.append(Cap(channel, paths, linux.kilohertz, judge))
    folder = gpu_folder(survey)
    path = f"{folder}/max_freq"
    if folder and path in survey.files:
        channel = CAP.of(device, "cap gpu", detail=f"devfreq max_freq of {folder.rpartition('/')[2]}")
        judge = Judge(device, "gpu cap", hertz(survey.files[path]), highest)
        caps.append(Cap(channel, (path,), hertz, judge))
    return caps


def _coolers(survey: Survey, device: str) -> list[Reader]:
    found: dict[str, Cooler] = {}
    for path in survey.find(r"/sys/class/thermal/cooling_device[0-9]+/cur_state"):
        folder = path.rpartition("/")[0]
        kind = linux.name(survey.text(f"{folder}/type"))
        if _COOLERS.fullmatch(kind):
            title = kind if kind not in found else f"{kind} {folder.rpartition('/')[2]}"
            found[title] = Cooler(COOLING.of(device, title), path, title)
    return list(found.values())


def _overcurrent(survey: Survey, device: str) -> list[Reader]:
    readers: list[Reader] = []
    for path in survey.find(r"/sys/class/hwmon/hwmon[0-9]+/oc[0-9]_event_cnt"):
        folder, _, file = path.rpartition("/")
        if linux.name(survey.text(f"{folder}/name")) != "soctherm_oc":
            continue
        number = int(file[2])
        meaning = _OVERCURRENT.get(number, "overcurrent")
        acts = linux.integer(survey.text(f"{folder}/oc{number}_throt_en")) != 0
        channel = OVERCURRENT_COUNT.of(
            device, f"oc{number}_event_cnt", detail=f"{meaning}, counted since the board was started"
        )
        readers.append(Counter(channel, (path,), POWER, alarm=acts and number != _ORDINARY_LOAD))
    return readers


def _throttling(survey: Survey, device: str) -> list[Reader]:
    readers: list[Reader] = []
    for title, reason in _COUNTERS:
        paths = survey.find(rf"/sys/devices/system/cpu/cpu[0-9]+/thermal_throttle/{title}")
        if paths:
            readers.append(Counter(THROTTLE_COUNT.of(device, title), paths, reason))
    return readers
