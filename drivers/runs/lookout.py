"""The small script that reads on a device beside a run, while nobody is there. Text only: ``beside`` reads what it writes.

Once a second: memory and CPU time of the engine, use of the processors, their clocks and caps, memory that is left, thermal
zones, battery, rails of an INA3221. Builtins alone, but on a phone, where services are asked every ten lines: for its
temperatures, and for a battery that it tells nowhere else.
"""

from typing import Final

LINES: Final = 20_000
"""Lines after which they come half as often, and again after as many more."""
SLOWEST: Final = 16
"""Seconds between two lines at last."""
FILES: Final = 48
ASKED: Final = 10
"""Services are asked at every so manyeth line."""
ANSWER: Final = 300
"""Lines of a service's answer that are read at most."""
PROCESSORS: Final = 16
"""Of more, only what all of them do together is kept."""

SCRIPT: Final = f"""
LC_ALL=C; export LC_ALL; files= bat= ask= heat= n=0 k=0 pace=1
add() {{ x=; read -r x <"$2"; case $x in ''|*[!0-9-]*) return ;; esac
  [ "$n" -lt {FILES} ] || return; n=$((n+1)) files="$files $2"; echo "# $1 $3"; }}
for f in /sys/devices/system/cpu/cpufreq/policy*; do
  add frequency "$f/scaling_cur_freq" "${{f##*/}}"; add cap "$f/scaling_max_freq" "${{f##*/}}"
  x=; read -r x <"$f/related_cpus"; [ -z "$x" ] || echo "# cores ${{f##*/}} $x"; done
for f in /sys/class/power_supply/*; do x=; read -r x <"$f/type"; [ "$x" = Battery ] || continue
  x=; read -r x <"$f/capacity"; [ -n "$x" ] || continue
  bat=$f; add level "$f/capacity"; add voltage "$f/voltage_now"; add current "$f/current_now"
  add tenths "$f/temp"; break; done
for f in /sys/class/hwmon/hwmon*; do x=; read -r x <"$f/name"; [ "$x" = ina3221 ] || continue
  for i in 1 2 3; do x=; read -r x <"$f/in${{i}}_label"
    add millivolt "$f/in${{i}}_input" "$x"; add milliampere "$f/curr${{i}}_input" "$x"; done; done
for f in /sys/class/thermal/thermal_zone*; do x=; read -r x <"$f/type"; add zone "$f/temp" "$x"; done
if command -v dumpsys >/dev/null; then echo "# phone"
  [ -n "$bat" ] || ask=1
  case $(dumpsys -t 3 thermalservice 2>/dev/null) in *'temperatures from HAL:'*) heat=1 ;; esac
fi
battery() {{ dumpsys -t 3 battery 2>/dev/null | {{ o= n=0; while [ "$n" -lt {ANSWER} ] && read -r x; do
  n=$((n+1)) o="$o$x;"; done
  x=; case $o in *'current now:'*) ;; *) x=$(cmd battery get -f current_now 2>/dev/null) ;; esac
  case $x in ''|*[!0-9-]*) ;; *) o="$o current now: $x;" ;; esac; echo "B $t $o"; }}; }}
thermal() {{ dumpsys -t 3 thermalservice 2>/dev/null | {{ o= n=0 i=; while [ "$n" -lt {ANSWER} ] && IFS= read -r x; do
  n=$((n+1)); case $x in 'Current temperatures from HAL:') i=1 ;; ' '*|'\t'*) ;; *) i= ;; esac
  case $i$x in 1*|IsStatusOverride:*|'Thermal Status:'*|'HAL Ready:'*|*'Sdhms connected:'*) o="$o$x;" ;; esac
  done; echo "T $t $o"; }}; }}
spend() {{ x=; read -r x <"/proc/$w/stat"; x=${{x##*) }}; set -- $x; spent=-
  [ -z "${{20}}" ] || [ "$1" = Z ] || spent=${{20}}:$((${{12}}+${{13}}+${{14}}+${{15}})); }}
use() {{ used= i=-1; while read -r x a b c e g h q s y; do
    case $x in cpu|cpu[0-9]*) ;; *) break ;; esac
    i=$((i+1)); [ "$i" -le {PROCESSORS} ] || {{ used=${{used%%,*}}; break; }}
    s=${{s:-0}} used="$used${{used:+,}}${{x#cpu}}:$((a+b+c+h+q+s)):$((e+g))"
  done </proc/stat; }}
left() {{ left=; while read -r x y a; do case $x in MemAvailable:) left=$y; break ;; esac; done </proc/meminfo; }}
echo "# available"; echo "# spent"; echo "# use"
echo "# page $(getconf PAGESIZE)"; echo "# hertz $(getconf CLK_TCK)"
while :; do
  w=; read -r w <"$d/watch" || read -r w <"$d/pid"
  now; line=$t y=; read -r x y x <"/proc/$w/statm"; line="$line ${{y:--}}"
  x=; [ -z "$bat" ] || read -r x <"$bat/status"; x=${{x%% *}}; line="$line ${{x:--}}"
  for f in $files; do x=; read -r x <"$f"; x=${{x%% *}}; line="$line ${{x:--}}"; done
  left; spend; use; echo "S $line ${{left:--}} $spent ${{used:--}}"
  case $ask$((k % {ASKED})) in 10) battery ;; esac
  case $heat$((k % {ASKED})) in 10) now; thermal ;; esac
  k=$((k+1)); case $k in {LINES}|{2 * LINES}|{3 * LINES}|{4 * LINES}) pace=$((pace*2)) ;; esac
  nap "$pace"
done
"""
"""For ``Lease.beside``. ``$d/watch`` may name the process that is wanted, in place of the lease's own."""


def pace_s(line: int) -> int:
    """Seconds between this line, the first is 0, and the one before."""
    return min(SLOWEST, 1 << line // LINES)
