"""Which versions of libraries are here, against the bounds that melt's own package states."""

import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

PACKAGE = "melt-tui"

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?")
_EXTRA = re.compile(r"\s*extra\s*==\s*['\"]([^'\"]+)['\"]\s*")
_BOUND = re.compile(r"\s*(==|>=|<=|!=|>|<)\s*([0-9]+(?:\.[0-9]+)*)\s*")
_RELEASE = re.compile(r"[0-9]+(?:\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class Needed:
    """A library that melt needs, for an extra or for everything."""

    name: str
    bounds: str
    """As stated: ``<3,>=2.12``."""
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One that was looked for."""

    needed: Needed
    version: str
    """Empty where it is not installed."""

    @property
    def good(self) -> bool:
        """Whether it is here, in a version that will do."""
        return bool(self.version) and within(self.version, self.needed.bounds)

    @property
    def said(self) -> str:
        """``adbutils 3.1, but <3,>=2.12 is needed``."""
        if not self.version:
            return f"{self.needed.name} is not installed"
        told = f"{self.needed.name} {self.version}"
        return told if self.good else f"{told}, but {self.needed.bounds} is needed"


def seen(extra: str = "") -> list[Seen]:
    """What an extra needs, or without one what all of melt needs; nothing where melt was not installed as a package."""
    try:
        stated = importlib.metadata.requires(PACKAGE) or ()
    except importlib.metadata.PackageNotFoundError:
        return []
    return [Seen(one, _version(one.name)) for one in needs(stated) if one.extra == extra]


def needs(stated: Iterable[str]) -> Iterator[Needed]:
    """What a package's metadata require; without what depends on anything but an extra."""
    for text in stated:
        match = _REQUIREMENT.fullmatch(text.strip())
        extra = _EXTRA.fullmatch(match[3]) if match and match[3] else None
        if match and (not match[3] or extra):
            yield Needed(match[1], match[2].strip(), extra[1] if extra else "")


def within(version: str, bounds: str) -> bool:
    """Whether a version's release lies in all bounds. One that is no number, and a bound of another form, object to nothing."""
    release = _RELEASE.match(version)
    if release is None:
        return True
    return all(
        _holds(_compared(release[0], match[2]), match[1])
        for bound in bounds.split(",")
        if (match := _BOUND.fullmatch(bound))
    )


def _compared(left: str, right: str) -> int:
    """-1, 0 or 1; ``2.0`` is ``2``."""
    pairs = zip_longest(map(int, left.split(".")), map(int, right.split(".")), fillvalue=0)
    return next(((a > b) - (a < b) for a, b in pairs if a != b), 0)


def _holds(compared: int, operator: str) -> bool:
    return {
        "==": compared == 0,
        "!=": compared != 0,
        ">=": compared >= 0,
        "<=": compared <= 0,
        ">": compared > 0,
        "<": compared < 0,
    }[operator]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
