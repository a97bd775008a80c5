"""Lines of ``tegrastats`` as numbers, every JetPack from 3 to 7. Pure: any text in, never raises.

Sources: NVIDIA's Jetson Linux Developer Guide ("tegrastats utility"), and lines that people published of TX1, TX2,
Nano, Xavier NX, AGX Xavier, Orin Nano, Orin NX, AGX Orin and AGX Thor. A line is a list of fields in no fixed order,
so it is searched for every form that a field can have, and which release printed it does not matter. Most fields say
what they said a moment ago: what they mean is kept for the next time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from drivers import linux

Kept = TypeVar("Kept")

LINE_LIMIT = 4096
"""Characters of a line that are looked at; the longest known has 900."""
FIELD_LIMIT = 64
"""Fields of one sort that are kept."""

_BYTES = {"k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_PMIC_CONSTANTS = (50.0, 100.0)
"""The PMIC has no thermometer: its zone shows one of its thresholds, always the same."""

_START = re.compile(r"\s*(?:\d\d-\d\d-\d{4} \d\d:\d\d:\d\d )?RAM \d")
_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,31}"
_FIELD = re.compile(
    rf"""(?<![^\s)])(?:
      (?P<pool>RAM|SWAP|IRAM)[ ](?P<used>\d{{1,9}})/(?P<total>\d{{1,9}})(?P<unit>[kMG])B
          (?:[ ]?\(lfb[ ](?:(?P<blocks>\d{{1,9}})x)?(?P<free>\d{{1,9}})(?P<free_unit>[kMG])B\))?
          (?:[ ]?\(cached[ ]\d{{1,9}}[kMG]B\))?
    | (?:CPU|cpu)[ ]\[(?P<cores>[^\]]{{0,2048}})\](?:@(?P<core_mhz>\d{{1,6}}))?
    | (?P<sensor>{_NAME})@(?P<celsius>-?\d{{1,4}}(?:[.,]\d{{1,6}})?)C(?:/-?\d{{1,4}}(?:[.,]\d{{1,6}})?C)?
    | (?P<rail>{_NAME})[ ](?P<milliwatts>\d{{1,7}})(?:mW)?/\d{{1,7}}(?:mW)?(?:/\d{{1,7}}(?:mW)?)?
    | (?P<engine>{_NAME})[ ](?:(?P<off>off|OFF)|(?P<use>\d{{1,3}})%(?:@(?P<mhz>\d{{1,6}}|\[[^\]]{{0,128}}\]))?
        |@(?P<only_mhz>\d{{1,6}}|\[[^\]]{{0,128}}\])|(?P<plain_mhz>\d{{1,6}}))
    )(?=\s|$)""",
    re.VERBOSE,
)
_ENGINE = ("use", "mhz", "only_mhz", "plain_mhz")
_CORE = re.compile(r"(\d{1,3})%(?:@(\d{1,6}))?")
_STRANGERS = frozenset({"fg", "bg", "limit", "lfb", "cached"})
"""Second words of ``MTS fg 1% bg 9%`` and ``EDP limit 1912``: no engines."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A memory, in bytes. ``largest_free`` is the size of its largest free block, ``free_blocks`` how many there are."""

    used: int
    total: int
    largest_free: int | None = None
    free_blocks: int | None = None


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core; both None while it is off."""

    percent: float | None = None
    hertz: float | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """Anything with a clock: GPU (GR3D), memory controller (EMC), video. Off: no clock and no use."""

    percent: float | None = None
    hertz: tuple[float, ...] = ()
    """One for each of its parts."""


@dataclass(frozen=True, slots=True)
class Stats:
    """One line."""

    pools: Mapping[str, Pool] = field(default_factory=dict)
    """``RAM``, ``SWAP``, ``IRAM``."""
    cores: tuple[Core, ...] = ()
    engines: Mapping[str, Engine] = field(default_factory=dict)
    """By name without ``_FREQ``: ``GR3D``, ``EMC``, ``VIC``, ``NVENC0``."""
    celsius: Mapping[str, float] = field(default_factory=dict)
    """Sensors that have a temperature now: no ``-256`` of one that is off, no constant of the PMIC."""
    milliwatts: Mapping[str, int] = field(default_factory=dict)
    """Rails as they are now, not their average; ``NC`` is none."""


def parse(line: str, last: str | None = None) -> tuple[Stats, str] | None:
    """A line's numbers and what its last field is; None for what is no line of tegrastats, or has lost its start.

    A line can be cut anywhere and its last field then be half a number: with ``last``, what the last field of the
    line before was, a last field that is something else is left out. Empty leaves it out in any case.
    """
    if not _START.match(line):
        return None
    found = _Fields()
    matches = list(_FIELD.finditer(line[:LINE_LIMIT]))
    end = _title(matches[-1]) if matches else ""
    if last is not None and end != last:
        matches = matches[:-1]
    for match in matches:
        found.take(match)
    return (found.stats(), end) if found.pools else None


def _title(match: re.Match[str]) -> str:
    """The form of a field and its name: ``rail VDD_IN``."""
    groups = ("pool", "sensor", "rail", "engine")
    return next((f"{group} {match[group]}" for group in groups if match[group]), "cores")


class _Fields:
    def __init__(self) -> None:
        self.pools: dict[str, Pool] = {}
        self.cores: tuple[Core, ...] = ()
        self.engines: dict[str, Engine] = {}
        self.celsius: dict[str, float] = {}
        self.milliwatts: dict[str, int] = {}

    def take(self, match: re.Match[str]) -> None:
        sensor, rail, engine, pool, cores = match.group("sensor", "rail", "engine", "pool", "cores")
        if sensor:
            _keep(self.celsius, sensor, _celsius(sensor, match["celsius"]))
        elif rail:
            _keep(self.milliwatts, rail, None if rail == "NC" else int(match["milliwatts"]))
        elif pool:
            self.pools.setdefault(pool, _pool(match))
        elif cores is not None:
            self.cores = self.cores or _cores(cores, match["core_mhz"])
        elif engine not in _STRANGERS:
            _keep(self.engines, engine.removesuffix("_FREQ"), _engine(*match.group(*_ENGINE)))

    def stats(self) -> Stats:
        return Stats(self.pools, self.cores, self.engines, self.celsius, self.milliwatts)


def _keep(kept: dict[str, Kept], name: str, value: Kept | None) -> None:
    if value is not None and len(kept) < FIELD_LIMIT:
        kept.setdefault(name, value)


def _pool(match: re.Match[str]) -> Pool:
    unit = _BYTES[match["unit"]]
    free = int(match["free"]) * _BYTES[match["free_unit"]] if match["free"] else None
    blocks = int(match["blocks"]) if match["blocks"] else None
    return Pool(int(match["used"]) * unit, int(match["total"]) * unit, free, blocks)


def _cores(text: str, shared_mhz: str | None) -> tuple[Core, ...]:
    return tuple(_core(one, shared_mhz) for one in text.split(",")[:FIELD_LIMIT])


@lru_cache(maxsize=1024)
def _core(text: str, shared_mhz: str | None) -> Core:
    match = _CORE.fullmatch(text.strip())
    if match is None:
        return Core()
    mhz = match[2] or shared_mhz
    return Core(_percent(match[1]), int(mhz) * 1e6 if mhz else None)


@lru_cache(maxsize=1024)
def _celsius(name: str, text: str) -> float | None:
    degrees = linux.celsius(str(round(float(text.replace(",", ".")) * 1000)))
    return None if name.upper().startswith("PMIC") and degrees in _PMIC_CONSTANTS else degrees


@lru_cache(maxsize=1024)
def _engine(use: str | None, mhz: str | None, only_mhz: str | None, plain_mhz: str | None) -> Engine:
    clocks = mhz or only_mhz or plain_mhz or ""
    parts = (part.strip() for part in clocks.strip("[]").split(","))
    hertz = tuple(int(part) * 1e6 for part in parts if part.isdecimal() and part.isascii())
    return Engine(_percent(use), hertz[:FIELD_LIMIT])


def _percent(text: str | None) -> float | None:
    return float(text) if text and int(text) <= 100 else None
