"""What is asked of a phone's shell. Texts only, for mksh with toybox, and for any other POSIX shell.

Ten times a second nothing but builtins may run: a process costs a phone 5 ms and more, ``read x < file`` 0.1 ms. An
answer is written at once: every write is a packet of its own to the adb server.
"""

from collections.abc import Sequence

END = "echo '@ end'\n"
"""Stands behind every answer of a service: a line that was cut short runs into it, and is no line of the answer then."""

SURVEY = """
look() { for f; do
  x=; read -r x <"$f"
  if [ -n "$x" ]; then echo "= $f $x"; elif [ -e "$f" ] && [ ! -r "$f" ]; then echo "! $f"; fi
done; }
folder() { for f; do if [ -d "$f" ] && [ ! -r "$f" ]; then echo "! $f"; fi; done; }
{
cpu=/sys/devices/system/cpu/cpufreq
folder "$cpu" /sys/class/thermal /sys/class/kgsl /sys/class/kgsl/kgsl-3d0 /sys/class/devfreq /sys/class/power_supply \\
  /sys/class/power_supply/battery /sys/bus/iio/devices
look "$cpu"/policy*/related_cpus "$cpu"/policy*/scaling_cur_freq "$cpu"/policy*/scaling_max_freq \\
  "$cpu"/policy*/cpuinfo_max_freq "$cpu"/policy*/scaling_governor
look /sys/class/thermal/thermal_zone*/type /sys/class/thermal/thermal_zone*/temp
gpu=/sys/class/kgsl/kgsl-3d0
look "$gpu"/gpuclk "$gpu"/max_gpuclk "$gpu"/devfreq/cur_freq "$gpu"/devfreq/max_freq "$gpu"/gpu_busy_percentage \\
  "$gpu"/gpu_model
for gpu in /sys/class/devfreq/*mali* /sys/class/devfreq/*gpu* /sys/class/misc/mali0/device/devfreq/*; do
  look "$gpu"/cur_freq "$gpu"/max_freq
done
look /sys/class/misc/mali0/device/cur_freq /sys/class/misc/mali0/device/scaling_max_freq \\
  /sys/class/misc/mali0/device/utilization /sys/class/misc/mali0/device/utilisation /sys/kernel/gpu/gpu_busy \\
  /sys/kernel/gpu/gpu_clock /sys/kernel/gpu/gpu_max_clock
bat=/sys/class/power_supply/battery
look "$bat"/status "$bat"/capacity "$bat"/voltage_now "$bat"/current_now "$bat"/temp "$bat"/charge_counter
look /sys/bus/iio/devices/iio:device*/name /sys/bus/iio/devices/iio:device*/energy_value
look /proc/stat /proc/meminfo /proc/uptime
if [ -n "$(</proc/version)" ]; then echo "= /melt/builtin 1"; fi
read -t 0.01 x </dev/null
if [ $? -lt 2 ] && [ -n "$EPOCHREALTIME" ]; then echo "= /melt/pace 1"; fi
if [ -e "/proc/$$/task/$$/children" ]; then echo "= /melt/children 1"; fi
} 2>/dev/null
echo
"""
"""Answered in the form of ``protocol.survey``; ``/melt/builtin`` when the shell reads whole files by itself,
``/melt/pace`` when it can wait and tell the time without a process, ``/melt/children`` when the kernel tells a process's children."""

IDENTITY = """
{ getprop; echo "@ kernel"; uname -r; echo "@ page"; getconf PAGESIZE; echo "@ user"
while read -r key user _; do [ "$key" = Uid: ] && echo "$user"; done </proc/$$/status; } 2>/dev/null
echo "@ end"
"""
SETTINGS = """
{ for name in airplane_mode_on low_power; do echo "@ $name"; settings get global "$name"; done
for name in screen_brightness screen_brightness_mode; do echo "@ $name"; settings get system "$name"; done; } 2>/dev/null
echo "@ end"
"""
THERMAL = "dumpsys -t 3 thermalservice 2>/dev/null\necho '@ end'\n"
BATTERY = "dumpsys -t 3 battery 2>/dev/null\n"
CURRENT = "echo '@ current'\ncmd battery get -f current_now 2>/dev/null\necho '@ end'\n"
SCREEN = """
{ dumpsys -t 3 power | grep -E 'Display Power: state=|mWakefulness='
echo "@ brightness"; settings get system screen_brightness; } 2>/dev/null
echo "@ end"
"""
PROCESSES = "ps -A -o PID,PPID 2>/dev/null\necho '@ end'\n"


def line(path: str) -> str:
    """Sets ``x`` to the first line of a file."""
    return f"read -r x <{path}"


def whole(path: str, *, builtin: bool) -> str:
    """Sets ``x`` to a whole file, without a process where the shell can do that."""
    return f'x="$(<{path})"' if builtin else f'x="$(cat {path})"'


def processor_times(*, builtin: bool) -> str:
    """Sets ``x`` to the ``cpuN`` lines of ``/proc/stat``: what follows them is long."""
    return f"{whole('/proc/stat', builtin=builtin)}; x=${{x%%intr*}}"


def memory_available(*, builtin: bool) -> str:
    """Sets ``x`` to ``MemAvailable`` in kB."""
    return f"{whole('/proc/meminfo', builtin=builtin)}; x=${{x#*MemAvailable:}}; x=${{x%%kB*}}"


def process_times(pid: int) -> str:
    """Sets ``x`` to the fields of ``/proc/PID/stat`` behind the name, which may hold anything."""
    return f"read -r x </proc/{pid}/stat; x=${{x##*) }}; case $x in *'|'*) x=;; esac"


def peak_and_owner(pid: int, *, builtin: bool) -> str:
    """Sets ``x`` to ``VmHWM`` in kB and the user's number of a process, as far as they are told."""
    text = whole(f"/proc/{pid}/status", builtin=builtin)
    peak = "case $x in *VmHWM:*) y=${x#*VmHWM:}; y=${y%%kB*};; *) y=;; esac"
    user = "case $x in *Uid:*) z=${x#*Uid:?}; z=${z%%[!0-9]*};; *) z=;; esac"
    return f'{text}; {peak}; {user}; x="$y,$z"'


def children(pid: int) -> str:
    """Sets ``x`` to the children of all of a process's threads."""
    return f'y=; for f in /proc/{pid}/task/*/children; do read -r x <"$f"; y="$y $x"; x=; done; x=$y'


def pages(pids: Sequence[int]) -> str:
    """Prints ``smaps_rollup`` of each process."""
    files = " ".join(f"/proc/{pid}/smaps_rollup" for pid in pids)
    return f"cat {files} 2>/dev/null\necho '@ end'\n"


def app_memory(pid: int) -> str:
    """Prints what the activity service knows of a process's memory."""
    return f"dumpsys -t 8 meminfo {pid} 2>/dev/null\necho '@ end'\n"


def function(name: str, readings: Sequence[str]) -> str:
    """Defines, in one line, a function that sets ``o`` to one round: what each reading sets ``x`` to, each followed by
    ``|``."""
    body = " ".join(f'x=; {reading}; o="$o$x|";' for reading in readings)
    return f"{name}() {{ o=; {body} }} 2>/dev/null"


def rounds(names: Sequence[str]) -> str:
    """Prints these rounds in one write, a line each; only the last may have several."""
    return "r=; " + " ".join(f'{name}; r="$r$n$o"; n=$nl;' for name in names) + ' n=; echo "$r"'


NEW_LINE = """nl='
'; n="""
"""Defined before ``rounds``."""

PACED = """
step=0; mine=; kin=; told=; together=TOGETHER
while :; do
  t=$EPOCHREALTIME
  melt_fast; r="F $t|$o"
  if [ -n "$mine" ]; then melt_mine; r="$r${nl}M $mine|$o"; fi
  if [ -n "$kin" ] && [ $((step % KIN)) = 0 ]; then melt_kin; r="$r${nl}K $kin|$o"; fi
  if [ $((step % STEADY)) = 0 ]; then melt_steady; r="$r${nl}S $o"; fi
  told="$told$r${nl}E$nl"
  u=${t#*[.,]}
  if [ $step = 0 ] || [ $((((1$u - PHASE + PERIOD / 2) / PERIOD) % together)) = 0 ]; then echo "${told%$nl}."; told=; fi
  step=$((step + 1))
  t=$EPOCHREALTIME; t=${t#*[.,]}
  w=$((PERIOD - (1$t - PHASE) % PERIOD))
  if [ $w -lt $((PERIOD / 2)) ]; then w=$((w + PERIOD)); fi
  w=$((1000000 + w))
  read -r -t "0.${w#1}" order && eval "$order"
done 2>/dev/null
"""


def paced(
    definitions: Sequence[str], *, period_us: int, phase_us: int, together: int, steady: int, kin: int
) -> str:
    """A script that takes a tick of rounds ``phase_us`` (below a second, which holds a whole number of periods) after a
    multiple of ``period_us`` of the phone's clock, by itself: the fast one each time, the others every so many times. It tells
    the first at once, then so many ``together``. A line on its standard input is an order to its shell.

    ``F TIME|…``, ``M KEY|…``, ``K KEY|…``, ``S …`` (may have several lines), ``E``, or ``E.`` for the last that is told at
    once. Needs ``read -t`` and ``EPOCHREALTIME``.
    """
    loop = PACED
    numbers = {"PERIOD": period_us, "PHASE": phase_us, "STEADY": steady, "KIN": kin, "TOGETHER": together}
    for word, number in numbers.items():
        loop = loop.replace(word, str(number))
    return "\n".join((NEW_LINE, *definitions, loop))


def tell(together: int) -> str:
    """The order to tell so many ticks at once, of which a second holds a whole number."""
    return f"together={together}"


def follow(key: str, mine: Sequence[str], kin: Sequence[str]) -> str:
    """The order to read these for what is watched, under that key; none when it is empty."""
    if not key:
        return "mine=; kin="
    return f"{function('melt_mine', mine)}; {function('melt_kin', kin)}; mine={key}; kin={key}"
