"""Shell scripts that keep a started process tied to its link, or to a lease. Texts only: nothing here does I/O.

They run in any POSIX shell (mksh with toybox, dash, bash, busybox). They use no named pipe, which phones forbid, and
no arithmetic on sizes or times: mksh has 32 bits.

The dead-man's switch: the command runs in a process group of its own, and beside it a *reader* waits on the stream's
standard input. However the link ends (stream closed, adb server or sshd connection killed, melt killed), that input
reaches its end, and the reader kills the whole group, also a command that is silent while it loads. The reader is no
child of the command and counts neither towards its children nor its memory.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from drivers.errors import Garbled, NotSupported, Refused
from drivers.foreign import printable
from drivers.links.base import Lease

OUTPUT_DIGITS = 10
"""A leased process is ended once the bytes that it has written to either stream are a number of so many digits."""

STAMPS = 50_000
"""Stamps of a leased process's output after which they are taken half as often."""

HELD = b"held"
"""The line that ``lifeline`` prints."""

_WORD = "melt-started"
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOLD = re.compile(
    rf"{_WORD} (?:([0-9]{{1,10}}) ([0-9]{{1,10}}) ([0-9]{{1,10}}) (new|lives|ended)|missing|refused|nothing)"
)
_LEASE_TICKS = 20

TICKING = """
now() { t=$EPOCHREALTIME; }
case $real$EPOCHREALTIME in real[0-9]*) ;; *) now() { read -r t _ </proc/uptime; } ;; esac
"""
"""Defines ``now``, which sets ``t`` to the device's time without a process: the wall clock of shells that tell it, where
``real`` is ``real``, or else the time since its start. ``stamping.read_time`` reads either."""

# A process costs a phone some ms: shells that can wait for input with a limit wait for that of a sleeper, all night.
_NAPPING = """
nap() { sleep "$1" || sleep 1 || exit; }
read -t 0.01 x </dev/null
if [ $? -lt 2 ]; then nap() { read -t "$1" x; :; }; naps="0.1 0.2 0.4 0.8 1.6"; else naps="0.2 0.4 0.8 1.6"; fi
"""

# Of /proc/PID/stat behind the name: the third field is the group, the twentieth the time of birth.
_STAT = """
field() {
  read -r stat <"/proc/$1/stat" || return 1
  stat=${stat##*\\) }; n=$2; while [ "$n" -gt 1 ]; do stat=${stat#* }; n=$((n-1)); done; stat=${stat%% *}
} 2>/dev/null
"""
# A reader redirects itself by exec: what mksh redirects for a group of commands it keeps open beside it, and a stream
# that the reader holds open would never end.
_OWN_GROUP = (
    _STAT
    + """
field $$ 3; [ "$stat" = "$$" ] || exec setsid sh -c 'eval "$1"' melt "$@"
shift
"""
)
_THERE = f"""
command -v "$1" >/dev/null 2>&1 || {{ echo "{_WORD} missing"; exit 127; }}
"""
_SILENT = f"""
exec 3<&0 </dev/null
{{ exec >/dev/null 2>&1; trap '' HUP INT TERM PIPE; read -r _ <&3; kill -9 "-$$"; }} &
exec 3<&-
echo "{_WORD} $$ $! $$ new"
exec "$@"
"""
_FED = f"""
exec 3<&0 </dev/null
{{
{{ exec 2>/dev/null; trap '' HUP INT TERM PIPE; trap 'handed=1' USR1
read -r reader _ </proc/self/stat; echo "$reader"
env cat <&3 || env cat <&3 >/dev/null
[ -n "$handed" ] || kill -9 "-$$"; }} &
}} | {{
exec 3<&-
exec sh -c 'read -r reader; echo "{_WORD} $$ $reader $1 new"; shift; exec "$@"' melt "$$" "$@"; }}
"""
_LIFELINE = (
    _STAT
    + """
{ trap '' HUP INT TERM PIPE; field "$1" 20; born=$stat; kill -USR1 "$2"; echo held
read -r _; field "$1" 20 && [ "$stat" != "$born" ] || kill -9 "-$1"; } 2>/dev/null
"""
)

_ALIVE = (
    _STAT
    + """
alive() {
  [ ! -e "$d/rc" ] && read -r keeper born <"$d/keeper" && field "$keeper" 20 && [ "$stat" = "$born" ] &&
    field "$keeper" 1 && [ "$stat" != Z ]
} 2>/dev/null
"""
)
_TAKE_UP = f"""
if [ -d "$d" ]; then
  if alive; then
    : >"$d/renew"; read -r pid <"$d/pid"; echo "{_WORD} $pid $keeper $keeper lives"; exit; fi
  if [ -n "$resume" ] && read -r pid <"$d/pid" 2>/dev/null; then
    read -r keeper _ <"$d/keeper"; echo "{_WORD} $pid $keeper $keeper ended"; exit; fi
  rm -rf "$d"
fi
[ -z "$resume" ] || {{ echo "{_WORD} nothing"; exit 126; }}
command -v "$1" >/dev/null 2>&1 || {{ echo "{_WORD} missing"; exit 127; }}
umask 077
mkdir -p "${{d%/*}}" && mkdir "$d" && : >"$d/out" && : >"$d/err" && echo "$owner" >"$d/owner" || {{
  echo "{_WORD} refused"; exit 126; }}
{{ setsid sh -c "$keep" melt "$d" "$period" "$ticks" "$limit" "$real" "$beside" "$@" </dev/null 2>/dev/null & }} | {{
  read -r pid keeper; echo "{_WORD} $pid $keeper $keeper new"; }}
"""
# Positions of the files as the child's writes move them tell their sizes without a process. A stamp is taken at every
# tick at which something was written; ticks become rarer, so that what stamps take in a night is bounded.
_KEEPER = (
    "d=$1 period=$2 ticks=$3 limit=$4 real=$5 beside=$6; shift 6"
    + _STAT
    + TICKING
    + """
field $$ 20; echo "$$ $stat" >"$d/keeper"
exec 5>>"$d/out" 6>>"$d/err"
sizes() { read -r x out </proc/self/fdinfo/5; read -r x err </proc/self/fdinfo/6; }
final() { sizes; now; echo "$t $out $err $1" >>"$d/stamps"; echo "$2" >"$d/rc.part"; mv "$d/rc.part" "$d/rc"; }
MELT_LEASE=$d "$@" </dev/null >&5 2>&6 5>&- 6>&- &
child=$!
echo "$child" >"$d/pid"
echo "$child $$"
exec >/dev/null
{ left=$ticks why=expired
  while [ "$left" -gt 0 ]; do
    sleep "$period"
    if [ -e "$d/renew" ]; then rm -f "$d/renew"; left=$ticks; else left=$((left-1)); fi
    sizes
    case $out,$err in $limit,*|*,$limit) left=0 why=full ;; esac
  done
  final "$why" 137
  kill -9 "-$$"; } &
sleep 2147483 | {
"""
    + _NAPPING
    + f"""
  at= n=0
  for wait in $naps; do
    while [ "$n" -lt {STAMPS} ] || [ "$wait" = 1.6 ]; do
      nap "$wait"; sizes
      if [ "$at" != "$out $err" ]; then at="$out $err" n=$((n+1)); now; echo "$t $at" >>"$d/stamps"; fi
    done
    n=0
  done; }} &
[ -z "$beside" ] || sleep 2147483 | {{ exec >"$d/beside"
"""
    + _NAPPING
    + """
  eval "$beside"; } &
wait "$child"
rc=$?
final ended "$rc"
kill -9 "-$$"
"""
)
_FOLLOW = (
    _ALIVE
    + """
tail -c "+$2" -f "$d/out" 2>/dev/null &
out=$!
tail -c "+$3" -f "$d/err" >&2 2>/dev/null &
err=$!
while alive; do sleep 0.4; done
kill -9 "$out" "$err"
exit 0
"""
)
_REST = """
tail -c "+$2" "$d/out"; tail -c "+$3" "$d/err" >&2; read -r rc <"$d/rc" || rc=137; exit "$rc"
"""
_GIVE_UP = (
    _ALIVE
    + """
if alive; then
  kill -9 "-$keeper"
  while alive; do sleep 0.05; done
fi
rm -rf "$d"
"""
)
# A lease that is only being made has no keeper yet.
_LEFT = (
    _ALIVE
    + """
for d in "$1"/*; do
  [ -e "$d/keeper" ] && read -r owner <"$d/owner" || continue
  if alive; then state=lives; else state=ended; fi
  echo "${d##*/} $owner $state"
done 2>/dev/null
"""
)
_CLEAR = (
    _ALIVE
    + """
at=$1; shift
while [ $# -gt 1 ]; do
  d=$at/$1 owner=
  read -r owner <"$d/owner"
  if [ "$owner" = "$2" ]; then
    if alive; then
      kill -9 "-$keeper"
      while alive; do sleep 0.05; done
    fi
    rm -rf "$d"
  fi
  shift 2
done 2>/dev/null
"""
)


class State(StrEnum):
    """What a started process is to whoever started it."""

    NEW = "new"
    LIVES = "lives"
    """It lived already, under the same key."""
    ENDED = "ended"
    """It has ended since; what it left waits to be read."""


@dataclass(frozen=True, slots=True)
class Started:
    """What the first line of output told: the command's pid, its guard's (reader or keeper), its process group."""

    pid: int
    guard: int
    group: int
    state: State


def guarded(argv: Sequence[str], env: Mapping[str, str], *, fed: bool) -> str:
    """A command line that runs ``argv`` under the dead-man's switch; its first line of output is for ``told``.

    ``fed``: what arrives on the stream is the command's input; otherwise its input is empty, and the first byte or
    the end of the stream's input ends it.
    """
    text = _OWN_GROUP + _exports(env) + _THERE + (_FED if fed else _SILENT)
    return script('eval "$1"', text, *argv)


def told(line: bytes) -> Started | None:
    """What the first line says; None when there is no such command on the device.

    Raises NotSupported where a lease found no room, Refused where what was to be taken up is no longer there, Garbled
    for any other line.
    """
    text = line.decode(errors="replace").strip()
    match = _TOLD.fullmatch(text)
    if match is None:
        raise Garbled(f"the device's shell answered {printable(text, 80)!r}")
    if match[1] is None:
        if text.endswith("nothing"):
            raise Refused("what the device kept of it is no longer there", remedy="see who cleared it there")
        if text.endswith("refused"):
            raise NotSupported("the device has no place for a lease", remedy="free space on it")
        return None
    return Started(int(match[1]), int(match[2]), int(match[3]), State(match[4]))


def script(text: str, *arguments: str) -> str:
    """A command line that runs ``text`` in a POSIX shell, whatever the login shell is; arguments are ``$1`` and so on."""
    return "exec " + shlex.join(_argv(text, *arguments))


def lifeline(group: int, reader: int) -> str:
    """Takes over from a reader, so that its stream's input may end. Prints ``HELD`` when it has; kills ``group`` at the
    end of its own input."""
    return script(_LIFELINE, str(group), str(reader))


def leased(
    argv: Sequence[str],
    env: Mapping[str, str],
    lease: Lease,
    directory: str,
    *,
    owner: str,
    resume: bool,
    real_time: bool,
) -> str:
    """A command line that starts ``argv`` away from the stream, or finds the one under that key; for ``told``.

    ``resume``: nothing is started, and one that has ended since is found as well; otherwise what that left is removed.
    ``owner`` is kept beside it for ``left``. Its output is in the files
    ``out`` and ``err`` of ``directory/key``; how far it had come at which time in ``stamps``, and what ``lease.beside``
    writes in ``beside``. Unless renewed, it ends when ``lease.seconds`` have passed. ``real_time`` as ``TICKING`` says.
    """
    period = lease.seconds / _LEASE_TICKS
    values = {
        "d": lease_directory(directory, lease),
        "owner": owner,
        "resume": "1" if resume else "",
        "period": f"{period:.0f}" if period >= 1 else f"{period:.3f}",
        "ticks": str(_LEASE_TICKS),
        "limit": "?" * OUTPUT_DIGITS + "*",
        "real": "real" if real_time else "",
        "beside": lease.beside,
        "keep": _KEEPER,
    }
    settings = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return script(settings + _exports(env) + _ALIVE + _TAKE_UP, *argv)


def lease_directory(directory: str, lease: Lease) -> str:
    """Where what belongs to a lease is kept. Raises NotSupported for a key that is not one."""
    if not _KEY.fullmatch(lease.key):
        raise NotSupported(f"{printable(lease.key, 40)!r} is no key of a lease")
    if lease.seconds <= 0:
        raise NotSupported("a lease lasts longer than 0 s")
    return str(PurePosixPath(directory) / lease.key)


def follow(directory: str, out: int, err: int) -> Sequence[str]:
    """The argv that gives a leased process's output from these byte offsets on, until it has ended."""
    return _argv(f"d=$1\n{_FOLLOW}", directory, str(out + 1), str(err + 1))


def rest(directory: str, out: int, err: int) -> str:
    """Gives the rest of an ended process's output from these byte offsets on, and ends with its return code."""
    return script(f"d=$1\n{_REST}", directory, str(out + 1), str(err + 1))


def kept(directory: str, name: str, start: int) -> str:
    """Gives what was kept in ``stamps`` or ``beside`` from that byte on, if anything was."""
    return script('[ ! -e "$1" ] || tail -c "+$2" "$1"', f"{directory}/{name}", str(start + 1))


def renew(directory: str) -> str:
    """Lets a lease last anew. Fails when it is no more."""
    return script('[ -d "$1" ] && : >"$1/renew"', directory)


def give_up(directory: str) -> str:
    """Ends a leased process, its children too, and removes what it left; returns when it is gone."""
    return script(f"d=$1\n{_GIVE_UP}", directory)


def left(directory: str) -> str:
    """Gives a line ``key owner state`` for every lease below; the state is ``lives`` or ``ended``."""
    return script(_LEFT, directory)


@dataclass(frozen=True, slots=True)
class Left:
    """A lease that was found on a device."""

    key: str
    owner: str
    lives: bool


def read_left(text: str) -> Sequence[Left]:
    """Each of them; what is none is passed over."""
    words = [line.split(" ") for line in text.splitlines()]
    return [
        Left(line[0], line[1], line[2] == State.LIVES)
        for line in words
        if len(line) == 3 and _KEY.fullmatch(line[0])
    ]


def clear(directory: str, left_there: Sequence[Left]) -> str:
    """Ends the processes of these leases and removes what they left, but of one that has another owner by now."""
    return script(_CLEAR, directory, *(word for one in left_there for word in (one.key, one.owner)))


def _exports(env: Mapping[str, str]) -> str:
    for name in env:
        if not _NAME.fullmatch(name):
            raise NotSupported(f"{printable(name, 40)!r} is no name of an environment variable")
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())


def _argv(text: str, *arguments: str) -> Sequence[str]:
    return ("sh", "-c", text, "melt", *arguments)
