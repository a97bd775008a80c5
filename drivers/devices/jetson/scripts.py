"""Texts that run on the board: the survey, the functions of the sampling shells, the rail poller. Pure.

POSIX shell without a single bashism, mostly builtins: a request costs the board no new process. Functions begin with
an underscore, since mksh has aliases of one letter.
"""

import shlex
from collections.abc import Sequence

_GLOBS = (
    "/sys/class/thermal/thermal_zone*/type",
    "/sys/class/thermal/thermal_zone*/trip_point_*_type",
    "/sys/class/thermal/thermal_zone*/trip_point_*_temp",
    "/sys/class/thermal/cooling_device*/type",
    "/sys/class/hwmon/hwmon*/name",
    "/sys/class/hwmon/hwmon*/*_label",
    "/sys/class/hwmon/hwmon*/temp*_crit",
    "/sys/class/hwmon/hwmon*/oc*_throt_en",
    "/sys/bus/i2c/drivers/ina3221x/*/iio*/rail_name_*",
    "/sys/devices/system/cpu/cpufreq/policy*/cpuinfo_max_freq",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
    "/sys/devices/system/cpu/cpufreq/policy*/related_cpus",
    "/sys/class/devfreq/*/max_freq",
    "/sys/class/powercap/*/name",
    "/sys/class/powercap/*/max_energy_range_uj",
    "/sys/class/dmi/id/sys_vendor",
    "/sys/class/dmi/id/product_name",
    "/proc/stat",
    "/proc/pressure/memory",
)
"""Files whose first line the survey tells."""

_PRESENT = (
    "/sys/class/thermal/thermal_zone*/temp",
    "/sys/class/thermal/cooling_device*/cur_state",
    "/sys/class/hwmon/hwmon*/temp*_input",
    "/sys/class/hwmon/hwmon*/fan*_input",
    "/sys/class/hwmon/hwmon*/rpm",
    "/sys/class/hwmon/hwmon*/pwm1",
    "/sys/class/hwmon/hwmon*/in*_input",
    "/sys/class/hwmon/hwmon*/curr*_input",
    "/sys/class/hwmon/hwmon*/power*_input",
    "/sys/class/hwmon/hwmon*/power*_average",
    "/sys/class/hwmon/hwmon*/oc*_event_cnt",
    "/sys/bus/i2c/drivers/ina3221x/*/iio*/in_power*_input",
    "/sys/bus/i2c/drivers/ina3221x/*/iio*/in_current*_input",
    "/sys/bus/i2c/drivers/ina3221x/*/iio*/in_voltage*_input",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq",
    "/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_count",
    "/sys/class/devfreq/*/cur_freq",
    "/sys/class/powercap/*/energy_uj",
    "/sys/devices/pwm-fan/cur_pwm",
    "/sys/devices/pwm-fan/rpm_measured",
    "/sys/devices/gpu.0/load",
    "/sys/devices/platform/gpu.0/load",
    "/sys/devices/platform/*.gpu/load",
    "/sys/devices/platform/bus@0/*.gpu/load",
)
"""Files of which the survey tells only that they are there: reading some of them wakes a sensor, or takes long."""

_TEXTS = (
    "/proc/device-tree/model",
    "/proc/device-tree/compatible",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/etc/os-release",
    "/etc/nv_tegra_release",
)
"""Files of several lines, and those that hold null characters."""

_COMMANDS = ("tegrastats", "nvpmodel", "python3")

_SURVEY = """\
exec 2>/dev/null
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
l() { for f; do [ -e "$f" ] || continue; if [ -r "$f" ]; then x=; read -r x <"$f"; printf '%s\\t%s\\n' "$f" "$x"
  else printf '!%s\\t\\n' "$f"; fi; done; }
e() { for f; do [ -e "$f" ] || continue; if [ -r "$f" ]; then printf '%s\\t\\n' "$f"
  else printf '!%s\\t\\n' "$f"; fi; done; }
"""

_TEGRASTATS = '/usr/bin/tegrastats "$HOME/tegrastats" /home/nvidia/tegrastats'
_FACTS = f"""\
for c in {_TEGRASTATS}; do
  [ -x "$c" ] && printf '$%s\\t%s\\n' tegrastats "$c"; done
printf '$%s\\t%s\\n' kernel "$(uname -sr)" machine "$(uname -m)" user "$(id -u)" ticks "$(getconf CLK_TCK)" \\
  cores "$(getconf _NPROCESSORS_ONLN)" pread "$(python3 -S -E -c 'import os, select; os.pread; print(1)')"
"""


def survey(root: str = "") -> str:
    """The script that tells what a board has: lines ``path<TAB>first line``, ``!path`` for what may not be read.

    After them a section ``@path`` for each text, and ``$name<TAB>value`` for commands and facts.
    """
    quoted = shlex.quote(root) if root else ""
    body = [f"l {_globbed(quoted, _GLOBS)}", f"e {_globbed(quoted, _PRESENT)}"]
    body += [f"c=$(command -v {name}) && printf '$%s\\t%s\\n' {name} \"$c\"" for name in _COMMANDS]
    body.append(_FACTS)
    body += [
        f"if [ -r {quoted}{path} ]; then echo '@{path}'; head -c 4096 {quoted}{path} | tr '\\000' '\\n'; echo; fi"
        for path in _TEXTS
    ]
    return _SURVEY + "\n".join(body) + "\n"


def tegra(root: str = "") -> str:
    """The script that prints what a device tree calls the board, unless it has tegrastats: then nothing."""
    quoted = shlex.quote(root) if root else ""
    return (
        f'exec 2>/dev/null\nPATH=$PATH:/usr/local/bin:/usr/sbin:/sbin\nfor c in "$(command -v tegrastats)" {_TEGRASTATS}; do\n'
        '[ -x "$c" ] && exit 0; done\n'
        f"head -c 4096 {quoted}/proc/device-tree/model {quoted}/proc/device-tree/compatible | tr '\\000' ' '\n:\n"
    )


def _globbed(root: str, patterns: Sequence[str]) -> str:
    return " ".join(f"{root}{pattern}" for pattern in patterns)


SEPARATOR = "\x1f"
"""Between what files tell: an answer is one line. No file of the kernel's that is asked for holds it."""

_FUNCTIONS = """\
LC_ALL=C; export LC_ALL
n=$(printf '\\037')
_r() { for f; do x=; read -r x <"$f"; o="$o$x$n"; done; }
_m() { x=; while read -r k v z; do case $k in MemAvailable:) x=$v; break;; esac; done <"$1"; o="$o$x$n"; }
_p() { for i; do x=; read -r x <"$R/proc/$i/stat"; o="${o}P $i${n}S $x$n"
  [ -r "$R/proc/$i/status" ] && while read -r k v z; do
    case $k in VmHWM:|VmRSS:|RssAnon:|RssFile:) o="$o$k $v $z$n";; esac
  done <"$R/proc/$i/status"; done; }
_d() { for t in "$R/proc/$1"/task/[0-9]*/children; do x=; read -r x <"$t"
  for k in $x; do o="$o $k"; _d "$k"; done; done; }
_f() { o="${o}F"; for i; do _d "$i"; done; o="$o$n"; }
"""


def functions(root: str, **groups: Sequence[str]) -> str:
    """What a sampling shell is told first. For each group a function of its name then tells its files.

    One part a file, empty for one that has nothing to tell now; ``/proc/meminfo`` tells ``MemAvailable``.
    """
    lines = [f"R={shlex.quote(root)}\n"]
    lines += [f"{name}() {{\n{_readings(root, files)}}}\n" for name, files in groups.items()]
    return _FUNCTIONS + "".join(lines)


def _readings(root: str, files: Sequence[str]) -> str:
    if not files:
        return ":\n"
    return "".join(
        f"{'_m' if path == '/proc/meminfo' else '_r'} {shlex.quote(root + path)}\n" for path in files
    )


def request(groups: Sequence[str], watched: Sequence[int] = (), roots: Sequence[int] = ()) -> str:
    """Ask for groups, one after the other; then for memory and CPU time of processes and for descendants of others.

    Processes are told as ``P pid``, ``S stat``, ``VmRSS: … kB`` …, descendants as ``F pid pid …``.
    """
    parts = [*groups]
    parts += [f"_p {' '.join(map(str, watched))}"] if watched else []
    parts += [f"_f {' '.join(map(str, roots))}"] if roots else []
    return f'o=; {"; ".join(parts or [":"])}; echo "$o"'


POLLER = """\
import os, select, sys
from time import monotonic as now

period, size, paths, files = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:], {}

def read(path):
    try:
        if path not in files:
            files[path] = os.open(path, os.O_RDONLY)
        return os.pread(files[path], 32, 0).decode("ascii", "replace").strip()
    except OSError:
        stale = files.pop(path, None)
        if stale is not None:
            os.close(stale)
        return ""

def ns():
    return int(now() * 1e9)

def say(text):
    sys.stdout.write(text + "\\n")
    sys.stdout.flush()

def heard(wait):
    if not select.select([0], [], [], wait)[0]:
        return b""
    asked = os.read(0, 64)
    if not asked:
        sys.exit(0)
    say("\\n".join(["T%d" % ns()] * asked.count(b"?")) if b"?" in asked else "G")
    return asked

while b"g" not in heard(3600):
    pass
start, tick, times, rows, before = now(), 0, [], [], 0
while True:
    heard(max(0.0, start + tick * period - now()))
    while start + tick * period > now():
        heard(max(0.0, start + tick * period - now()))
    a = ns()
    row = [read(path) for path in paths]
    t = (a + ns()) // 2
    times.append("%d" % (t - before))
    before = t
    rows.append(row)
    if len(rows) >= size:
        say("R" + ",".join(times) + ";" + ";".join(",".join(column) for column in zip(*rows)))
        times, rows, before = [], [], 0
    tick = max(tick + 1, int((now() - start) / period))
"""
"""The rail poller: ``period`` in s, readings a line, files. Reads its files on one grid and stamps by the board's clock.

Told ``?`` it says the time (``T<ns>``), told ``g`` it begins (``G``); it ends with its standard input. Lines are
``protocol.batch``. It runs on Python 3.3 and later: a TX2 has 3.5.
"""


def poller(python: str, root: str, files: Sequence[str], *, rate_hz: float, per_line: int) -> Sequence[str]:
    """The command that starts it."""
    paths = [root + path for path in files]
    return (python, "-S", "-E", "-u", "-c", POLLER, repr(1 / rate_hz), str(per_line), *paths)
