"""A phone as a tree of files: sysfs as an unrooted phone shows it, and a userland whose services print captured shapes.

``Phone.plant`` writes the tree; while something runs in it, everything can be changed: heat it, cap its clocks, unplug
it, let a service hang. The tree is meant to be the root of a box (bubblewrap) with mksh as ``/system/bin/sh`` and toybox
beside it; ``/proc`` is the box's own, but for ``/proc/stat`` and ``/proc/meminfo``, which lie in ``system/rig``.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = (
    *(
        "cat",
        "date",
        "df",
        "echo",
        "env",
        "false",
        "find",
        "getconf",
        "grep",
        "head",
        "id",
        "kill",
        "ln",
        "ls",
        "mkdir",
    ),
    *(
        "mv",
        "nproc",
        "pgrep",
        "pidof",
        "ps",
        "readlink",
        "rm",
        "rmdir",
        "sed",
        "seq",
        "setsid",
        "sha256sum",
        "sleep",
    ),
    *(
        "sort",
        "stat",
        "tail",
        "timeout",
        "touch",
        "tr",
        "true",
        "truncate",
        "uname",
        "wc",
        "chmod",
        "cp",
        "cut",
        "dd",
    ),
)
"""Of toybox, as far as a script of ours may want them."""

DUMPSYS = """#!/system/bin/sh
[ "$1" = -t ] && shift 2
at=/system/rig/dumpsys/$1
[ "$1" = meminfo ] && [ -n "$2" ] && at=$at.$2
[ -e "$at.hang" ] && sleep "$(cat "$at.hang")"
[ -e "$at" ] || { echo "Can't find service: $1"; exit 0; }
cat "$at"
"""
GETPROP = """#!/system/bin/sh
if [ -z "$1" ]; then cat /system/rig/properties; exit; fi
while read -r line; do case $line in "[$1]: ["*) line=${line#*: [}; echo "${line%]}"; exit;; esac; done </system/rig/properties
echo
"""
SETTINGS = """#!/system/bin/sh
at=/system/rig/settings/$2.$3
if [ "$1" = get ] && [ -e "$at" ]; then cat "$at"; else echo null; fi
"""
CMD = """#!/system/bin/sh
case "$1 $2 $3 $4" in
"battery get -f current_now") if [ -e /system/rig/current_now ]; then cat /system/rig/current_now; else echo "Unknown get option: -f"; fi;;
*) echo "cmd: Can't find service: $1" >&2; exit 20;;
esac
"""


@dataclass
class Thermal:
    """What ``dumpsys thermalservice`` prints."""

    temperatures: list[tuple[float, int, str, int]]
    """Value, type, name, status: now, from the HAL."""
    coolings: list[tuple[int, int, str]] = field(default_factory=list)
    thresholds: list[tuple[int, str, str]] = field(default_factory=list)
    """Type, name, the seven hot ones as printed."""
    cached: list[tuple[float, int, str, int]] = field(default_factory=list)
    status: int = 0
    ready: bool = True
    connection: str = "ThermalHAL AIDL 2  connected: yes"
    comma: bool = False
    overridden: bool = False

    def text(self) -> str:
        lines = [
            f"IsStatusOverride: {str(self.overridden).lower()}",
            "ThermalEventListeners:",
            "\tcallbacks: 2",
            "\tkilled: false",
            "\tbroadcasts count: -1",
            "ThermalStatusListeners:",
            "\tcallbacks: 4",
            "\tkilled: false",
            "\tbroadcasts count: -1",
            f"Thermal Status: {self.status}",
            "Cached temperatures:",
            *map(self._temperature, self.cached),
            f"HAL Ready: {str(self.ready).lower()}",
        ]
        if self.ready:
            lines += ["HAL connection:", f"\t{self.connection}", "Current temperatures from HAL:"]
            lines += map(self._temperature, self.temperatures)
            lines += ["Current cooling devices from HAL:"]
            lines += [
                f"\tCoolingDevice{{mValue={v}, mType={kind}, mName={name}}}"
                for v, kind, name in self.coolings
            ]
            lines += ["Temperature static thresholds from HAL:"]
            lines += [
                f"\tTemperatureThreshold{{mType={kind}, mName={name}, mHotThrottlingThresholds=[{hot}], "
                "mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}"
                for kind, name, hot in self.thresholds
            ]
        return "".join(f"{line}\n" for line in lines)

    def _temperature(self, row: tuple[float, int, str, int]) -> str:
        value, kind, name, status = row
        number = str(value).replace(".", ",") if self.comma else str(value)
        return f"\tTemperature{{mValue={number}, mType={kind}, mName={name}, mStatus={status}}}"


@dataclass
class Battery:
    """What ``dumpsys battery`` prints; ``extra`` are a vendor's own lines."""

    level: int = 80
    status: int = 3
    voltage: int = 4100
    temperature: int = 301
    counter: int | None = 3_500_000
    plug: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    frozen: bool = False

    def text(self) -> str:
        lines = ["Current Battery Service state:"]
        if self.frozen:
            lines.append("  (UPDATES STOPPED -- use 'reset' to restart)")
        fields: dict[str, object] = {
            **{
                f"{plug} powered": str(plug == self.plug).lower()
                for plug in ("AC", "USB", "Wireless", "Dock")
            },
            "Max charging current": 0,
            "Max charging voltage": 0,
            **({} if self.counter is None else {"Charge counter": self.counter}),
            "status": self.status,
            "health": 2,
            "present": "true",
            "level": self.level,
            "scale": 100,
            "voltage": self.voltage,
            "temperature": self.temperature,
            "technology": "Li-ion",
            **self.extra,
        }
        return "".join(
            f"{line}\n" for line in [*lines, *(f"  {name}: {value}" for name, value in fields.items())]
        )


class Phone:
    """A phone's files below ``root``, and what can happen to it."""

    def __init__(
        self,
        root: Path,
        *,
        files: Mapping[str, str],
        denied: Iterable[str],
        properties: Mapping[str, str],
        settings: Mapping[str, str],
        thermal: Thermal,
        battery: Battery,
    ) -> None:
        self.root = root
        self.thermal = thermal
        self.battery = battery
        self._files = dict(files)
        self._denied = tuple(denied)
        self._properties = dict(properties)
        self._settings = dict(settings)

    def plant(self) -> "Phone":
        """Write the whole tree, with a userland."""
        for folder in ("data/local/tmp", "proc", "dev", "usr", "tmp"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "data/local/tmp").chmod(0o777)
        self.plant_profile()
        for link in ("lib", "lib64", "bin"):
            (self.root / link).symlink_to(f"usr/{link}")
        tools = self.root / "system/bin"
        (tools / "sh").symlink_to("/usr/bin/mksh")
        for tool in TOOLS:
            (tools / tool).symlink_to("/usr/bin/toybox")
        self.write("etc/passwd", "shell:x:2000:2000::/:/system/bin/sh\n")
        self.write("etc/group", "shell:x:2000:\n")
        return self.lock()

    def plant_profile(self) -> "Phone":
        """Write what is this phone's own: its sysfs and its services; nothing is denied yet."""
        for folder in ("system/bin", "system/rig/dumpsys", "system/rig/settings", "sys"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name, text in (("dumpsys", DUMPSYS), ("getprop", GETPROP), ("settings", SETTINGS), ("cmd", CMD)):
            self.write(f"system/bin/{name}", text)
            (self.root / "system/bin" / name).chmod(0o755)
        for path, text in self._files.items():
            self.write(path, text)
        listed = "".join(f"[{name}]: [{value}]\n" for name, value in self._properties.items())
        self.write("system/rig/properties", listed)
        for name, value in self._settings.items():
            self.write(f"system/rig/settings/{name}", f"{value}\n")
        self.screen("ON")
        self.tell()
        return self

    def lock(self, root: Path | None = None) -> "Phone":
        """Deny what an unrooted phone denies, from now on in ``root``, to which the tree may have been copied."""
        self.root = root or self.root
        for pattern in self._denied:
            self.deny(pattern)
        return self

    def write(self, path: str, text: str) -> None:
        """A file's text from now on; also of one that is bound into a running box."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("r+b" if target.exists() else "wb", buffering=0) as file:
            file.write(text.encode())
            file.truncate()

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def deny(self, pattern: str) -> None:
        """What matches may not be read."""
        for path in self.root.glob(pattern):
            path.chmod(0o000)

    def allow(self, pattern: str) -> None:
        """What matches may be read, as on a userdebug build."""
        for path in self.root.glob(pattern):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def tell(self) -> None:
        """The thermal and the battery service print what they are like now."""
        self.write("system/rig/dumpsys/thermalservice", self.thermal.text())
        self.write("system/rig/dumpsys/battery", self.battery.text())

    def remove_service(self, name: str) -> None:
        (self.root / f"system/rig/dumpsys/{name}").unlink()

    def hang(self, name: str, seconds: float = 1000) -> None:
        """A service takes that long to answer."""
        self.write(f"system/rig/dumpsys/{name}.hang", f"{seconds}\n")

    def unhang(self, name: str) -> None:
        """It answers at once again."""
        (self.root / f"system/rig/dumpsys/{name}.hang").unlink()

    def heat(self, celsius: float, status: int) -> None:
        """Every sensor of the processor shows this, and the service says so."""
        hot = {
            name for _, kind, name, _ in self.thermal.temperatures if kind in {0, 1} and "BATTERY" not in name
        }
        self.thermal.temperatures = [
            (celsius if name in hot else value, kind, name, status if name in hot else old)
            for value, kind, name, old in self.thermal.temperatures
        ]
        self.thermal.status = status
        self.tell()

    def cool_by(self, name: str, state: int) -> None:
        """A cooling device goes to a state."""
        self.thermal.coolings = [
            (state if one == name else value, kind, one) for value, kind, one in self.thermal.coolings
        ]
        self.tell()

    def cap(self, policy: str, kilohertz: int) -> None:
        """The upper bound of a cluster's clock."""
        self.write(f"sys/devices/system/cpu/cpufreq/{policy}/scaling_max_freq", f"{kilohertz}\n")

    def screen(self, state: str) -> None:
        """``ON``, ``OFF``, ``DOZE``."""
        awake = {"ON": "Awake", "OFF": "Asleep"}.get(state, "Dozing")
        self.write("system/rig/dumpsys/power", f"  mWakefulness={awake}\nDisplay Power: state={state}\n")

    def app(self, pid: int, pss_kb: int, rss_kb: int) -> None:
        """The activity service knows of a process."""
        self.write(
            f"system/rig/dumpsys/meminfo.{pid}",
            "Applications Memory Usage (in Kilobytes):\n"
            f"** MEMINFO in pid {pid} [ai.mlc.mlcchat] **\n App Summary\n"
            f"           TOTAL PSS:   {pss_kb:>8}            TOTAL RSS:   {rss_kb:>8}       TOTAL SWAP PSS:       12\n",
        )


def needed() -> list[str]:
    """Programs that a box needs and this computer lacks."""
    return [name for name in ("bwrap", "mksh", "toybox") if shutil.which(name) is None]


def policy(number: int, processors: str, now_khz: int, top_khz: int, governor: str) -> dict[str, str]:
    """Files of one cluster's clock; the hardware's own reading is root's."""
    folder = f"sys/devices/system/cpu/cpufreq/policy{number}"
    return {
        f"{folder}/related_cpus": f"{processors}\n",
        f"{folder}/scaling_cur_freq": f"{now_khz}\n",
        f"{folder}/scaling_max_freq": f"{top_khz}\n",
        f"{folder}/cpuinfo_max_freq": f"{top_khz}\n",
        f"{folder}/cpuinfo_cur_freq": f"{now_khz}\n",
        f"{folder}/scaling_governor": f"{governor}\n",
    }


def zones(*rows: tuple[str, str]) -> dict[str, str]:
    """Thermal zones in order: type and what ``temp`` reads."""
    return {
        f"sys/class/thermal/thermal_zone{number}/{name}": f"{text}\n"
        for number, row in enumerate(rows)
        for name, text in zip(("type", "temp"), row, strict=True)
    }


def proc(cores: int, available_kb: int, total_kb: int) -> dict[str, str]:
    """``/proc/stat`` and ``/proc/meminfo`` of that many processors."""
    return {
        "system/rig/proc/stat": stat([(1000, 9000)] * cores),
        "system/rig/proc/meminfo": f"MemTotal:       {total_kb} kB\nMemFree:          412345 kB\n"
        f"MemAvailable:    {available_kb} kB\nBuffers:            5321 kB\n",
    }


def stat(cores: Iterable[tuple[int, int]]) -> str:
    """``/proc/stat`` of processors by their busy and idle ticks."""
    rows = list(cores)
    busy, idle = sum(row[0] for row in rows), sum(row[1] for row in rows)
    lines = [f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0"]
    lines += [f"cpu{number} {busy} 0 0 {idle} 0 0 0 0 0 0" for number, (busy, idle) in enumerate(rows)]
    return "\n".join([*lines, "intr 123456 0 0 7 8", "ctxt 5", "btime 1700000000", ""])


def properties(
    maker: str, model: str, release: str, build: str, soc: tuple[str, str], **more: str
) -> dict[str, str]:
    """What every phone's ``getprop`` has."""
    return {
        "ro.product.manufacturer": maker,
        "ro.product.model": model,
        "ro.build.version.release": release,
        "ro.build.id": build,
        "ro.build.type": "user",
        "ro.product.cpu.abi": "arm64-v8a",
        "ro.soc.manufacturer": soc[0],
        "ro.soc.model": soc[1],
        **{name.replace("__", "."): value for name, value in more.items()},
    }
