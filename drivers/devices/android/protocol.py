"""What a phone's kernel, properties and services say, as numbers. Pure: any text in, nothing raised.

Sources: proc(5), the kernel's Documentation/ABI, AOSP ``getprop``, ``dumpsys power``, ``dumpsys meminfo``, Pixel's ODPM
driver (``energy_value``). Thermal service and battery have modules of their own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from drivers import linux

DENIED = "the phone does not let adb's shell read it"
"""Why most of what is absent on an unrooted phone is absent."""


# --- who it is ------------------------------------------------------------------------------------------------------


def properties(text: str) -> dict[str, str]:
    """``[name]: [value]`` lines of ``getprop``; values bounded and printable."""
    found = re.finditer(r"^\[([A-Za-z0-9_.:-]{1,128})\]: \[([^\n]{0,512})\]\r?$", text, re.MULTILINE)
    return {match[1]: linux.name(match[2]) for match in found}


def first(props: Mapping[str, str], *names: str) -> str:
    """The first of these properties that says something."""
    return next((props[name] for name in names if props.get(name)), "")


def model(props: Mapping[str, str]) -> str:
    """Maker and model, under its market name where the vendor tells one."""
    maker = first(props, "ro.product.manufacturer", "ro.product.brand")
    sold = first(
        props,
        "ro.product.marketname",
        "ro.config.marketing_name",
        "ro.vendor.oplus.market.name",
        "ro.product.model",
    )
    return sold if sold.casefold().startswith(maker.casefold()) else f"{maker} {sold}".strip()


def system(props: Mapping[str, str]) -> str:
    """``Android 15 (BP1A.250505.005)``."""
    release, build = first(props, "ro.build.version.release"), first(props, "ro.build.id")
    if not release:
        return ""
    return f"Android {release} ({build})" if build else f"Android {release}"


def soc(props: Mapping[str, str]) -> str:
    """The processor's maker and model; the board's platform on phones that do not say."""
    told = f"{props.get('ro.soc.manufacturer', '')} {props.get('ro.soc.model', '')}".strip()
    return told or first(props, "ro.board.platform", "ro.hardware")


def setting(text: str) -> str:
    """The answer of ``settings get``: empty for ``null`` and for what is no short word."""
    word = text.strip()
    return word if re.fullmatch(r"-?[A-Za-z0-9.]{1,20}", word) and word != "null" else ""


def switch(text: str) -> str:
    """``on`` or ``off`` of a setting that is 1 or 0; empty for another."""
    return {"1": "on", "0": "off"}.get(setting(text), "")


# --- processor ------------------------------------------------------------------------------------------------------


def processor_ticks(text: str) -> dict[int, linux.Ticks]:
    """``cpuN`` lines of ``/proc/stat``, the ones that are whole; a processor that is switched off has none."""
    found: dict[int, linux.Ticks] = {}
    for number, words in _PROCESSOR.findall(text):
        times = list(map(int, words.split()[:8]))
        found[int(number)] = linux.Ticks(sum(times), sum(times[3:5]))
    return found


_PROCESSOR = re.compile(r"^cpu([0-9]{1,3})((?: [0-9]{1,16}){4,10})[ \t]*\n", re.MULTILINE)


# --- memory ---------------------------------------------------------------------------------------------------------


def statm(text: str, page_size: int) -> linux.Memory | None:
    """From ``/proc/PID/statm``. Shared pages are those of files, and of memory that has a name (RssShmem)."""
    pages = linux.numbers(text)
    if len(pages) < 3 or pages[1] == 0 or pages[2] > pages[1]:
        return None
    resident, shared = pages[1] * page_size, pages[2] * page_size
    return linux.Memory(resident, resident - shared, shared)


def shares(text: str) -> list[int]:
    """``Pss`` of each ``smaps_rollup`` in a row of them, in bytes."""
    return [
        int(kilobytes) * 1024 for kilobytes in re.findall(r"^Pss:[ \t]*([0-9]{1,12}) kB$", text, re.MULTILINE)
    ]


@dataclass(frozen=True, slots=True)
class AppMemory:
    """From ``dumpsys meminfo PID``, in bytes; what an older Android does not say is None."""

    pss: int | None
    rss: int | None


def app_memory(text: str) -> AppMemory | None:
    """Its totals, in whole lines; None where it knows no such process."""
    pss = _kilobytes(r"^[ \t]*TOTAL(?: PSS)?:[ \t]*([0-9][0-9,]{0,15})(?=[ \t\r\n])[^\n]*\n", text)
    if pss is None:
        pss = _kilobytes(r"^[ \t]*TOTAL[ \t]+([0-9][0-9,]{0,15})(?=[ \t\r\n])[^\n]*\n", text)
    rss = _kilobytes(r"\bTOTAL RSS:[ \t]*([0-9][0-9,]{0,15})(?=[ \t\r\n])[^\n]*\n", text)
    return None if pss is None and rss is None else AppMemory(pss, rss)


def _kilobytes(pattern: str, text: str) -> int | None:
    """A number of kB, its thousands apart by commas or not."""
    match = re.search(pattern, text, re.MULTILINE)
    if match is None or not re.fullmatch(r"[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+", match[1]):
        return None
    return int(match[1].replace(",", "")) * 1024


def owner(text: str) -> int | None:
    """The user to whom a process belongs, by its ``/proc/PID/status``."""
    match = re.search(r"^Uid:[ \t]*([0-9]{1,10})[ \t]", text, re.MULTILINE)
    return int(match[1]) if match else None


def family(text: str, root: int) -> tuple[int, ...]:
    """``root`` and its descendants, by ``PID PPID`` lines of ``ps``; none but ``root`` where there are no such lines."""
    pairs = re.findall(r"^[ \t]*([0-9]{1,10})[ \t]+([0-9]{1,10})[ \t\r]*$", text, re.MULTILINE)
    known = [root]
    for parent in known:
        known += [int(pid) for pid, of in pairs if int(of) == parent and int(pid) not in known]
    return tuple(known)


# --- power rails ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rail:
    """Energy that went through a rail since the phone started, and when it was counted, in ms since then."""

    name: str
    t_ms: int
    energy_uj: int


def rails(text: str) -> tuple[Rail, ...]:
    """``CH3(T=349894)[S2M_VDD_CPUCL2], 30203502`` lines of ODPM's ``energy_value``, the ones that are whole."""
    found = re.finditer(
        r"^CH[0-9]{1,3}\(T=([0-9]{1,15})\)\[([^\]\n]{1,100})\], ([0-9]{1,19})[ \t\r]*\n", text, re.MULTILINE
    )
    named = (Rail(linux.name(match[2]), int(match[1]), int(match[3])) for match in found)
    return tuple(rail for rail in named if rail.name)


def uptime_ms(text: str) -> int | None:
    """Since the phone started, its sleep included, from ``/proc/uptime``."""
    match = re.match(r"([0-9]{1,10})\.([0-9]{2})[ \n]", text)
    return int(match[1]) * 1000 + int(match[2]) * 10 if match else None


# --- screen ---------------------------------------------------------------------------------------------------------

SCREEN_OFF, SCREEN_ON, SCREEN_DOZING = 0, 1, 2

_WAKEFULNESS = {
    "Awake": SCREEN_ON,
    "Dreaming": SCREEN_ON,
    "Dozing": SCREEN_DOZING,
    "Asleep": SCREEN_OFF,
}
_POWER_STATES = {
    "ON": SCREEN_ON,
    "VR": SCREEN_ON,
    "DIM": SCREEN_ON,
    "BRIGHT": SCREEN_ON,
    "OFF": SCREEN_OFF,
    "DOZE": SCREEN_DOZING,
    "DOZE_SUSPEND": SCREEN_DOZING,
    "ON_SUSPEND": SCREEN_DOZING,
}


def screen(text: str) -> int | None:
    """From ``dumpsys power``: the display's power state; how awake the phone is where that is not told."""
    for pattern, states in (
        (r"^\s*Display Power: state=([A-Z_]+)\s*$", _POWER_STATES),
        (r"^\s*mWakefulness=([A-Za-z]+)\s*$", _WAKEFULNESS),
    ):
        match = re.search(pattern, text, re.MULTILINE)
        if match and match[1] in states:
            return states[match[1]]
    return None


def brightness(text: str) -> int | None:
    """The setting as the phone keeps it: 0…255 on most, up to 4095 or more on some."""
    value = linux.integer(setting(text))
    return value if value is not None and 0 <= value <= 65535 else None


# --- graphics -------------------------------------------------------------------------------------------------------


def hertz(text: str | None) -> float | None:
    """A frequency of devfreq or kgsl in Hz; 0 is a GPU that sleeps, and what is below 1 MHz is in another unit: None."""
    value = linux.integer(text)
    return float(value) if value is not None and (value == 0 or 10**6 <= value < 10**11) else None


def cap_hertz(text: str | None) -> float | None:
    """A cap in Hz; 0 is none."""
    return hertz(text) or None


def busy_percent(text: str | None) -> float | None:
    """``45 %`` of kgsl, ``45`` of Mali; a comma may stand for the point."""
    match = re.match(r"\s*([0-9]{1,3}(?:[.,][0-9]{1,4})?)\s*%?\s*$", text or "")
    value = float(match[1].replace(",", ".")) if match else None
    return value if value is not None and value <= 100 else None


# --- answers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look around found: the first line of each file that could be read, and the files that could not."""

    values: Mapping[str, str]
    denied: frozenset[str]
    """Files, and folders into which no look is allowed."""

    def matching(self, pattern: str) -> list[str]:
        """Paths with a value that match, numbers in them in order of value."""
        found = [path for path in self.values if re.fullmatch(pattern, path)]
        return sorted(found, key=_by_number)

    def refused(self, prefix: str) -> bool:
        """Whether something at or below this path is there and may not be read."""
        return any(path.startswith(prefix) for path in self.denied)

    def denies(self, *patterns: str) -> bool:
        """Whether a file that matches one of these is there and may not be read."""
        return any(re.fullmatch(pattern, path) for path in self.denied for pattern in patterns)


def survey(text: str) -> Survey:
    """``= PATH VALUE`` for what was read, ``! PATH`` for what was refused, in whole lines."""
    values = re.findall(r"^= (/[^ \n]{1,300}) ([^\n]{0,400})\n", text, re.MULTILINE)
    denied = re.findall(r"^! (/[^ \n]{1,300})\n", text, re.MULTILINE)
    return Survey({path: value.strip() for path, value in values}, frozenset(denied))


def sections(text: str) -> dict[str, str]:
    """The parts of an answer: what stands before the first ``@ NAME`` line under the empty name, the rest by name."""
    parts = re.split(r"^@ ([a-z_]{1,40})\r?(?:\n|\Z)", text, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def columns(text: str, n: int) -> tuple[str, ...] | None:
    """The ``n`` readings of one round, each followed by ``|``; None for a round that came damaged."""
    parts = text.rstrip("\r\n").split("|")
    return tuple(parts[:n]) if len(parts) == n + 1 and not parts[n] else None


def all_columns(texts: Sequence[str], n: int) -> list[tuple[str, ...]] | None:
    """The readings of some rounds: of each of the ``n`` its texts, one of each round; None when a round came damaged."""
    if all(map(str.endswith, texts, repeat("|"))) and set(map(str.count, texts, repeat("|"))) == {n}:
        parts = "".join(texts).split("|")
        return [tuple(parts[column:-1:n]) for column in range(n)]
    rows = [columns(text, n) for text in texts]
    whole = [row for row in rows if row is not None]
    return list(zip(*whole, strict=True)) if len(whole) == len(rows) else None


def _by_number(path: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path))
