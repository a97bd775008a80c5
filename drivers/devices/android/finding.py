"""From a survey of a phone to what can be read on it, and what cannot, each with its reason."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from drivers import linux, zones
from drivers.caps import Highest, Judge
from drivers.devices.android import protocol
from drivers.devices.android.batteries import BatteryFiles
from drivers.devices.android.battery import SYSFS_FIELDS, Battery, from_sysfs
from drivers.devices.android.channels import (
    FAST_HZ,
    FREQUENCY,
    FREQUENCY_CAP,
    GPU_BUSY,
    STEADY_HZ,
    ZONES,
)
from drivers.devices.android.gauges import (
    CapGauge,
    Cluster,
    FileGauge,
    Gauge,
    MemoryGauge,
    Missing,
    RailGauge,
    UseGauge,
)
from drivers.devices.android.protocol import DENIED, Survey
from drivers.model import Quantity

_CPUFREQ = "/sys/devices/system/cpu/cpufreq"
_THERMAL = "/sys/class/thermal"
_KGSL = "/sys/class/kgsl/kgsl-3d0"
_BATTERY = "/sys/class/power_supply/battery"
_FAST_ZONES = 12
"""Zones of the SoC that are read ten times a second; each costs the phone a moment."""
_STEADY_ZONES = 24


@dataclass(frozen=True, slots=True)
class Finding:
    """Gauges of the fast round, of the steady one, and what is not there."""

    fast: Sequence[Gauge] = ()
    steady: Sequence[Gauge] = ()
    missing: Sequence[Missing] = ()
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)


def find(survey: Survey, device: str, highest: Highest) -> Finding:
    """Everything that the survey saw; ``highest`` is what was seen of this phone's caps before."""
    found = [
        _processor(survey, device, highest),
        _graphics(survey, device, highest),
        *(look(survey, device) for look in _FINDERS),
    ]
    return Finding(
        [gauge for finding in found for gauge in finding.fast],
        [gauge for finding in found for gauge in finding.steady],
        [missing for finding in found for missing in finding.missing],
        [fact for finding in found for fact in finding.facts],
    )


def builtin(survey: Survey) -> bool:
    """Whether the phone's shell reads whole files by itself."""
    return "/melt/builtin" in survey.values


def clusters(survey: Survey) -> list[Cluster]:
    """Policies of cpufreq, as far as they tell their processors."""
    return [
        _cluster(survey, path.removesuffix("/related_cpus"))
        for path in survey.matching(f"{_CPUFREQ}/policy[0-9]+/related_cpus")
    ]


def _cluster(survey: Survey, folder: str) -> Cluster:
    return Cluster(
        folder.rpartition("/")[2],
        tuple(linux.numbers(survey.values[f"{folder}/related_cpus"])),
        linux.kilohertz(survey.values.get(f"{folder}/cpuinfo_max_freq")),
        linux.kilohertz(survey.values.get(f"{folder}/scaling_max_freq")),
    )


def _processor(survey: Survey, device: str, highest: Highest) -> Finding:
    fast: list[Gauge] = []
    known = clusters(survey)
    for cluster in known:
        fast += _clock(survey, device, cluster, highest)
    missing = [
        *_untold(survey, known, "frequency", "scaling_cur_freq"),
        *_untold(survey, known, "frequency cap", "scaling_max_freq", "; caps are not watched"),
    ]
    steady: list[Gauge] = []
    if known and "/proc/stat" in survey.values:
        steady.append(UseGauge(device, known, builtin=builtin(survey)))
    else:
        missing.append(
            Missing(
                "CPU use",
                _why(survey, "/proc/stat", "this phone does not tell which processors belong together"),
            )
        )
    governors = {survey.values.get(f"{_CPUFREQ}/{one.policy}/scaling_governor", "") for one in known} - {""}
    facts = [("governor", ", ".join(sorted(linux.name(word) for word in governors)))] if governors else []
    return Finding(fast, steady, missing, facts)


def _untold(
    survey: Survey, known: Sequence[Cluster], what: str, file: str, so: str = ""
) -> Iterator[Missing]:
    """Of which clusters a file cannot be read; said of the phone where it is so of all."""
    without = [one for one in known if f"{_CPUFREQ}/{one.policy}/{file}" not in survey.values]
    if known and not without:
        return
    denied = _CPUFREQ in survey.denied or survey.denies(
        *(f"{_CPUFREQ}/{one.policy}/{file}" for one in without), *([] if known else [f"{_CPUFREQ}/.*"])
    )
    which = "" if without == known else f" of {', '.join(one.policy for one in without)}"
    reason = DENIED if denied else "this phone's kernel does not tell it"
    yield Missing(f"{what}{which}", reason + so)


def _clock(survey: Survey, device: str, cluster: Cluster, highest: Highest) -> Iterator[Gauge]:
    folder = f"{_CPUFREQ}/{cluster.policy}"
    top = f"; the hardware's maximum is {linux.gigahertz(cluster.highest_hz)}" if cluster.highest_hz else ""
    if f"{folder}/scaling_cur_freq" in survey.values:
        channel = FREQUENCY.of(device, f"frequency {cluster.policy}", detail=f"of {cluster.title}{top}")
        yield FileGauge(channel, f"{folder}/scaling_cur_freq", linux.kilohertz)
    if f"{folder}/scaling_max_freq" in survey.values:
        channel = FREQUENCY_CAP.of(
            device, f"cap {cluster.policy}", detail=f"scaling_max_freq of {cluster.title}{top}"
        )
        judge = Judge(device, f"cpu cap {cluster.policy}", cluster.cap_hz, highest)
        yield CapGauge(channel, f"{folder}/scaling_max_freq", linux.kilohertz, judge)


def _graphics(survey: Survey, device: str, highest: Highest) -> Finding:
    """The clock and the cap by the first pair that is readable, and how busy it is."""
    fast: list[Gauge] = []
    clock = _first(survey, _GPU_CLOCKS)
    if clock is not None:
        channel = FREQUENCY.of(device, "gpu frequency", detail=clock[0].removeprefix("/sys/"))
        fast.append(FileGauge(channel, *clock))
    cap = _first(survey, _GPU_CAPS)
    if cap is not None:
        channel = FREQUENCY_CAP.of(device, "gpu cap", detail=cap[0].removeprefix("/sys/"))
        judge = Judge(device, "gpu cap", cap[1](survey.values[cap[0]]), highest)
        fast.append(CapGauge(channel, *cap, judge))
    busy = _first(survey, [(pattern, protocol.busy_percent) for pattern in _GPU_BUSY])
    steady = [FileGauge(GPU_BUSY.of(device), *busy)] if busy else []
    model = survey.values.get(f"{_KGSL}/gpu_model", "")
    return Finding(
        fast,
        steady,
        _graphics_untold(survey, clock=clock is not None, cap=cap is not None),
        [("gpu", linux.name(model))] if model else [],
    )


def _graphics_untold(survey: Survey, *, clock: bool, cap: bool) -> list[Missing]:
    """Of a GPU; of one whose clock is not known its cap is not missed."""
    if not clock:
        refused = any(
            survey.refused(folder) for folder in ("/sys/class/kgsl", "/sys/class/devfreq", "/sys/class/misc")
        )
        return [Missing("GPU frequency", DENIED if refused else "this phone shows no clock of its GPU")]
    if not cap:
        refused = survey.denies(*(pattern for pattern, _ in _GPU_CAPS))
        reason = DENIED if refused else "this phone shows no cap of its GPU"
        return [Missing("GPU frequency cap", f"{reason}; it is not watched")]
    return []


_Parse = Callable[[str | None], float | None]


def _megahertz(text: str | None) -> float | None:
    """Samsung's ``/sys/kernel/gpu`` tells MHz, some of its phones kHz."""
    value = linux.integer(text)
    if value is None or not 0 < value < 10**7:
        return None
    return value * (1e6 if value < 10_000 else 1e3)


def _kilohertz(text: str | None) -> float | None:
    return linux.kilohertz(text)


_MALI = r"/sys/class/(?:devfreq/[^/]*(?:mali|gpu)[^/]*|misc/mali0/device/devfreq/[^/]+)"
_GPU_CLOCKS: list[tuple[str, _Parse]] = [
    (f"{_KGSL}/devfreq/cur_freq", protocol.hertz),
    (f"{_KGSL}/gpuclk", protocol.hertz),
    (f"{_MALI}/cur_freq", protocol.hertz),
    ("/sys/class/misc/mali0/device/cur_freq", _kilohertz),
    ("/sys/kernel/gpu/gpu_clock", _megahertz),
]
_GPU_CAPS: list[tuple[str, _Parse]] = [
    (f"{_KGSL}/devfreq/max_freq", protocol.cap_hertz),
    (f"{_KGSL}/max_gpuclk", protocol.cap_hertz),
    (f"{_MALI}/max_freq", protocol.cap_hertz),
    ("/sys/class/misc/mali0/device/scaling_max_freq", _kilohertz),
    ("/sys/kernel/gpu/gpu_max_clock", _megahertz),
]
_GPU_BUSY = (
    f"{_KGSL}/gpu_busy_percentage",
    "/sys/class/misc/mali0/device/utili[sz]ation",
    "/sys/kernel/gpu/gpu_busy",
)


def _first(survey: Survey, ways: Sequence[tuple[str, _Parse]]) -> tuple[str, _Parse] | None:
    """The first file that holds a value, and how it is read."""
    for pattern, parse in ways:
        for path in survey.matching(pattern):
            if parse(survey.values[path]) is not None:
                return path, parse
    return None


def _zones(survey: Survey, device: str) -> Finding:
    """Thermal zones by their type, those of the SoC in the fast round. One without a value is absent."""
    rows: dict[float, list[Gauge]] = {FAST_HZ: [], STEADY_HZ: []}
    taken: set[str] = set()
    for path in survey.matching(f"{_THERMAL}/thermal_zone[0-9]+/type"):
        folder = path.removesuffix("/type")
        title = linux.name(survey.values[path])
        quantity = zones.phone_quantity(title)
        if quantity is None or zones.phone_celsius(survey.values.get(f"{folder}/temp")) is None:
            continue
        room = quantity is Quantity.TEMPERATURE and len(rows[FAST_HZ]) < _FAST_ZONES
        rate_hz = FAST_HZ if room else STEADY_HZ
        if len(rows[rate_hz]) < _STEADY_ZONES:
            name = free_name(f"zone {title}", taken)
            channel = ZONES[quantity].of(device, name, rate_hz=rate_hz, detail=f"thermal zone {title}")
            rows[rate_hz].append(FileGauge(channel, f"{folder}/temp", zones.phone_celsius))
    if rows[FAST_HZ] or rows[STEADY_HZ]:
        return Finding(rows[FAST_HZ], rows[STEADY_HZ])
    return Finding(
        missing=[Missing("thermal zones", _why(survey, _THERMAL, "this phone's kernel shows none"))]
    )


def free_name(name: str, taken: set[str]) -> str:
    """``name``, numbered from the second of that name on; it is taken from now on."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    taken.add(free)
    return free


def _memory(survey: Survey, device: str) -> Finding:
    if "/proc/meminfo" not in survey.values:
        return Finding(
            missing=[
                Missing("memory available", _why(survey, "/proc/meminfo", "this phone does not tell it"))
            ]
        )
    return Finding(steady=[MemoryGauge(device, builtin=builtin(survey))])


def no_rails(survey: Survey) -> Missing:
    """Why no chip that measures power rails may be read."""
    reason = _why(
        survey, "/sys/bus/iio/devices", "this phone has no meters of its power rails (Pixel 6 and later have)"
    )
    return Missing("power rails", reason, "needs root or a userdebug build" if reason == DENIED else "")


def rail_files(survey: Survey) -> list[str]:
    """``energy_value`` of each chip that may be read."""
    return survey.matching(r"/sys/bus/iio/devices/iio:device[0-9]+/energy_value")


def rail_gauge(survey: Survey, device: str, path: str, text: str) -> RailGauge:
    """The gauge of one chip, by what its file showed when the phone was opened."""
    chip = linux.name(survey.values.get(path.replace("energy_value", "name"), ""), "ODPM")
    names = list(dict.fromkeys(rail.name for rail in protocol.rails(text)))
    return RailGauge(device, path, chip, names, builtin=builtin(survey))


def _battery(survey: Survey, device: str) -> Finding:
    """The battery's files, where current and voltage are readable; else it is asked of the battery service."""
    if not battery_files(survey):
        return Finding()
    return Finding(steady=[BatteryFiles(device, _BATTERY)])


def battery_files(survey: Survey) -> bool:
    """Whether the battery's own files tell all that is needed, so that no service has to be asked."""
    needed = ("status", "voltage_now", "current_now", "capacity")
    return all(f"{_BATTERY}/{name}" in survey.values for name in needed)


def battery(survey: Survey) -> Battery | None:
    """As the battery's files told it in the survey; None where they do not."""
    if not battery_files(survey):
        return None
    return from_sysfs(tuple(survey.values.get(f"{_BATTERY}/{name}", "") for name in SYSFS_FIELDS))


def _why(survey: Survey, prefix: str, otherwise: str) -> str:
    return DENIED if survey.refused(prefix) else otherwise


_FINDERS = (_zones, _memory, _battery)
