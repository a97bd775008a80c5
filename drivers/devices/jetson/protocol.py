"""What a Jetson's own files and commands say, as numbers and names. Pure, never raises.

Sources: NVIDIA's Jetson Linux Developer Guide (power and performance, ``nvpmodel``, INA3221), proc(5), published output.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from drivers import linux

# --- which board it is, and where its power comes in ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Board:
    """A module, and the rails that together are its input: what a supply of the board sees, but for the carrier."""

    name: str
    words: re.Pattern[str]
    input: tuple[str, ...]


def _board(name: str, words: str, *rails: str) -> Board:
    return Board(name, re.compile(words, re.IGNORECASE), rails)


BOARDS = (
    _board("Jetson AGX Thor", r"p3834|jetson (agx )?thor|tegra264", "VIN"),
    _board("Jetson AGX Orin", r"p3701|agx orin", "VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
    _board("Jetson Orin NX or Nano", r"p3767|orin nx|orin nano", "VDD_IN"),
    _board("Jetson Xavier NX", r"p3668|xavier nx", "VDD_IN"),
    _board("Jetson AGX Xavier", r"p2888|agx xavier", "GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),
    _board("Jetson TX2", r"p3310|p3489|p3636|p2771|jetson[ _-]tx2|quill", "VDD_IN"),
    _board("Jetson TX1", r"p2180|p2371|jetson[ _-]tx1", "VDD_IN"),
    _board("Jetson Nano", r"p3448|p3450|jetson[ _-]nano", "POM_5V_IN"),
)
"""In order: the first whose words are in the device tree's model or compatible strings.

On AGX Orin ``VDDQ_VDD2_1V8AO`` is fed from ``VIN_SYS_5V0`` and so is in the sum already. Thor's own rails come out of
``VIN``, which another chip (INA238) measures.
"""


def board(model: str | None, compatible: str | None) -> Board | None:
    """Which of ``BOARDS`` a device tree describes; None for any other machine."""
    words = f"{model or ''} {compatible or ''}".replace("\0", " ")
    return next((one for one in BOARDS if one.words.search(words)), None)


def tegra(tree: str) -> bool:
    """Whether a device tree's words are those of a Jetson, also of one that is not in ``BOARDS``."""
    return re.search(r"\bjetson\b|\btegra\d|nvidia,(?:p\d{4}|tegra)", tree[:8192], re.IGNORECASE) is not None


def input_rails(which: Board | None, rails: Collection[str]) -> tuple[tuple[str, ...], str]:
    """The rails whose sum is the board's input power; or none, and why."""
    if which is None:
        return (), "what feeds this board's rails is not known"
    lacking = [rail for rail in which.input if rail not in rails]
    if lacking:
        return (
            (),
            f"the input of a {which.name} is {' + '.join(which.input)}; {', '.join(lacking)} is not told",
        )
    return which.input, ""


# --- software -----------------------------------------------------------------------------------------------------


def l4t(text: str | None) -> str:
    """The version in ``/etc/nv_tegra_release``: ``36.4.3`` of ``# R36 (release), REVISION: 4.3, …``. Empty for none."""
    match = re.search(
        r"#\s*R(\d{1,3}) \(\w{1,16}\), REVISION: (\d{1,3}(?:\.\d{1,3}){0,3})", (text or "")[:1024]
    )
    return f"{match[1]}.{match[2]}" if match else ""


_JETPACKS = ((38, "7"), (36, "6"), (34, "5"), (32, "4"), (31, "4"), (28, "3"), (24, "2"))


def jetpack(version: str) -> str:
    """Which JetPack came with a version of Jetson Linux: ``JetPack 6 (L4T 36.4.3)``. Empty for none."""
    major = linux.integer(version.partition(".")[0])
    if major is None:
        return ""
    name = next((name for least, name in _JETPACKS if major >= least), "")
    return f"JetPack {name} (L4T {version})" if name else f"L4T {version}"


@dataclass(frozen=True, slots=True)
class PowerMode:
    """What ``nvpmodel -q`` tells; empty what it does not."""

    name: str = ""
    number: str = ""
    fan: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.number})" if self.name and self.number else self.name


def power_mode(text: str | None) -> PowerMode:
    """Found in any output: a plain one, one after ``NVPM VERB: …``, one among errors of what only root may read."""
    lines = [line.strip() for line in (text or "")[:8192].splitlines()]
    name = number = fan = ""
    for i, line in enumerate(lines):
        mode = re.search(r"NV Power Mode: *(\S.*)", line)
        if mode and not name:
            name = linux.name(mode[1])
            after = lines[i + 1] if i + 1 < len(lines) else ""
            number = after if re.fullmatch(r"[0-9]{1,3}", after) else ""
        speed = re.match(r"NV Fan Mode: *(\S.*)", line)
        fan = fan or (linux.name(speed[1]) if speed else "")
    return PowerMode(name, number, fan)


# --- the rail poller's lines ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """Ticks of the poller: their times on the board's clock in ns, and each file's values at them."""

    times_ns: tuple[int, ...]
    columns: tuple[tuple[int | None, ...], ...]
    """A column for each file, as long as ``times_ns``; None where it could not be read."""


_SPAN_LIMIT = 10_000
"""Ticks of one line."""


def batch(line: str, files: int) -> Batch | None:
    """``R<t0>,<step>,<step> …;<v>,<v> …;…`` with as many columns as there are files; None for any other line."""
    if not line.startswith("R"):
        return None
    head, *columns = line[1:].split(";")
    times = _times(head)
    if times is None or len(columns) != files:
        return None
    read = tuple(tuple(linux.integer(value) for value in column.split(",")) for column in columns)
    return Batch(times, read) if all(len(column) == len(times) for column in read) else None


def _times(text: str) -> tuple[int, ...] | None:
    parts = text.split(",")
    if len(parts) > _SPAN_LIMIT or not all(
        part.isdecimal() and part.isascii() and len(part) < 20 for part in parts
    ):
        return None
    times, t_ns = [], 0
    for part in parts:
        t_ns += int(part)
        times.append(t_ns)
    return tuple(times) if t_ns < 1 << 62 else None


def board_time(line: str) -> int | None:
    """``T<ns>``: the poller's answer to what time it is on the board; None for any other line."""
    match = re.fullmatch(r"T([0-9]{1,18})", line)
    return int(match[1]) if match else None


# --- processor ----------------------------------------------------------------------------------------------------


def processor_times(text: str | None) -> tuple[int, int] | None:
    """The first line of ``/proc/stat`` as ``(busy, all)`` clock ticks; guest time is part of user time already."""
    words = (text or "").split()
    ticks = linux.numbers(" ".join(words[1:9]))
    if not words or words[0] != "cpu" or len(ticks) < 4 or len(ticks) != len(words[1:9]):
        return None
    total = sum(ticks)
    return total - sum(ticks[3:5]), total


def busy_percent(before: tuple[int, int], after: tuple[int, int]) -> float | None:
    """Share of all cores' time that was not idle between two of ``processor_times``; None when no time has passed."""
    busy, total = after[0] - before[0], after[1] - before[1]
    return min(100.0, max(0.0, 100 * busy / total)) if total > 0 else None


def split(text: str, wanted: int) -> tuple[Sequence[str], Sequence[str]] | None:
    """An answer as the parts of ``wanted`` files and those that follow; None when it has fewer, or is cut.

    Each part ends with ``scripts.SEPARATOR``.
    """
    *told, end = text.split("\x1f")
    return None if end or len(told) < wanted else (told[:wanted], told[wanted:])
