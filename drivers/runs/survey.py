"""What a device is and has, asked once before a run: processor, cores, memory, programs. Pure: a script and a reader.

The script is for any POSIX shell with the usual small commands (mksh with toybox, dash, busybox, bash).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.errors import DriverError, Garbled, NeedsSetup, NotSupported, Refused
from drivers.foreign import printable
from drivers.runs.elf import HEADER_BYTES, Elf, read_elf, runs_on

CORES_LIMIT: Final = 4096

_SCRIPT: Final = f"""
home=$1; shift
case $home in "~/"*) home=$HOME/${{home#"~/"}};; "~") home=$HOME;; esac
echo "home=$home"
echo "machine=$(uname -m)"
echo "cores=$( (nproc || grep -c '^processor' /proc/cpuinfo) 2>/dev/null)"
while read -r name value rest; do
  if [ "$name" = MemAvailable: ]; then echo "available=$value"; fi
done </proc/meminfo
for one do
  case $one in "@/"*) one=$home/${{one#"@/"}};; "~/"*) one=$HOME/${{one#"~/"}};; esac
  case $one in */*) ;; *) one=$(command -v "$one") || continue;; esac
  [ -f "$one" ] || continue
  if [ -x "$one" ]; then may=x; else may=-; fi
  bytes=$(od -A n -t x1 -N {HEADER_BYTES} "$one" 2>/dev/null)
  echo "program=$may:"$bytes":$one"
done
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is there."""

    path: str
    executable: bool
    elf: Elf | None
    """None where it is a script or cannot be read."""

    @property
    def folder(self) -> str:
        """Where it lies, with whatever it loads."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its file's name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The answers. What the device did not tell is None."""

    home: str
    """Absolute; empty when none was asked about."""
    machine: str
    cores: int | None
    available_bytes: int | None
    """Memory that can be had without swapping."""
    programs: tuple[Program, ...]
    """In the order in which they were asked for."""

    @property
    def threads(self) -> int:
        """All but one of its cores, at least one: with all of them an engine falls behind any other load."""
        return max(1, (self.cores or 1) - 1)


def survey_command(home: str, programs: Iterable[str]) -> list[str]:
    """The command to run. A program is an absolute path, ``@/…`` for one under ``home``, or a name to look for on PATH."""
    return ["sh", "-c", _SCRIPT, "melt-survey", home, *programs]


def read_survey(answer: str) -> Survey:
    """What the script printed. Raises Garbled when it is not that."""
    told: dict[str, list[str]] = {}
    for line in answer.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            told.setdefault(name, []).append(value)
    if "machine" not in told:
        raise Garbled(f"the device did not say what it is: {printable(answer, 80)}")
    cores = _whole(told.get("cores"))
    kilobytes = _whole(told.get("available"))
    return Survey(
        home=(told.get("home") or [""])[0],
        machine=printable(told["machine"][0], 40),
        cores=cores if cores is not None and 0 < cores <= CORES_LIMIT else None,
        available_bytes=None if kilobytes is None else kilobytes * 1024,
        programs=tuple(found for value in told.get("program", []) if (found := _program(value))),
    )


def choose(survey: Survey, device: str, wanted: Sequence[str]) -> Program:
    """The first program that is there. Raises NotSupported or Refused when there is none that could run."""
    if not survey.programs:
        raise missing_program(device, wanted)
    program = survey.programs[0]
    objection = program_objection(program, survey.machine, device, ours=_ours(wanted))
    if objection is not None:
        raise objection
    return program


def program_objection(program: Program, machine: str, device: str, *, ours: bool) -> DriverError | None:
    """Why the program cannot run on a machine of that kind. ``ours``: it lies where a setup puts it."""
    path = printable(program.path, 200)
    if program.elf is not None and not runs_on(program.elf, machine):
        sentence = (
            f"{path} was built for {program.elf.machine} ({program.elf.bits} bit), and {device} is {machine}"
        )
        if ours:
            return NeedsSetup(sentence, device=device, remedy="melt setup {} puts one there that fits")
        return NotSupported(sentence, remedy="name one that fits with --runtime-arg binary=PATH")
    if not program.executable:
        return Refused(f"{path} on {device} may not be executed", remedy=f"chmod +x {path} there")
    return None


def missing_program(device: str, wanted: Sequence[str]) -> NotSupported:
    """Nothing of what was looked for is there."""
    looked = ", ".join(printable(one.removeprefix("@/"), 120) for one in wanted)
    if _ours(wanted):
        return NeedsSetup(
            f"there is no engine on {device} (looked for {looked})",
            device=device,
            remedy="melt setup {} puts one there, or name yours with --runtime-arg binary=PATH",
        )
    if any("/" in one for one in wanted):
        return NotSupported(
            f"there is no program {looked} on {device}", remedy="check the path after binary="
        )
    return NotSupported(
        f"{device} has no {looked.replace(', ', ' or ')} on its PATH",
        remedy="install llama.cpp there, or name the program with --runtime-arg binary=PATH",
    )


def _ours(wanted: Sequence[str]) -> bool:
    """Whether programs were looked for where a setup puts them."""
    return any(one.startswith("@/") for one in wanted)


def _program(value: str) -> Program | None:
    match = re.fullmatch(r"([x-]):([0-9a-f ]{0,60}):(.{1,4096})", value)
    if match is None:
        return None
    digits = match[2].replace(" ", "")
    header = bytes.fromhex(digits) if len(digits) % 2 == 0 else b""
    return Program(path=match[3], executable=match[1] == "x", elf=read_elf(header))


def _whole(values: list[str] | None) -> int | None:
    match = re.fullmatch(r"\s*([0-9]{1,15})\s*", values[0]) if values else None
    return int(match[1]) if match else None
