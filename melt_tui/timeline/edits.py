"""What people corrected in a recording after it was made. What was measured stays; whoever reckons figures asks here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EditKind(StrEnum):
    """What was corrected."""

    WIRING = "wiring"
    """Which device a meter fed, and where it measured."""
    VOLTAGE = "voltage"
    """The voltage that a meter's current was multiplied by."""
    EXCLUSION = "exclusion"
    """A turn counts no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One correction, as it was made."""

    number: int
    """By which it can be taken back: counts from 1."""
    wall_ns: int
    kind: EditKind
    reason: str = ""
    meter: str = ""
    feeds: str = ""
    """Empty: as it was told."""
    point: str = ""
    """Empty: as it was told."""
    volts: float | None = None
    run: str = ""
    turn: int | None = None
    undone: bool = False
    """Somebody took it back."""

    @property
    def target(self) -> tuple[str, ...]:
        """What it is about: a later edit about the same stands in its place."""
        where = (self.run, str(self.turn)) if self.kind is EditKind.EXCLUSION else (self.meter,)
        return (self.kind, *where)

    @property
    def said(self) -> str:
        """What it says, in words."""
        if self.kind is EditKind.EXCLUSION:
            return f"turn {self.turn} of run {self.run} does not count"
        if self.kind is EditKind.VOLTAGE:
            return f"{self.meter}: power is its current × {self.volts:g} V"
        parts = [f"feeds {self.feeds}" if self.feeds else "", f"at {self.point}" if self.point else ""]
        return f"{self.meter}: {' '.join(part for part in parts if part)}"


@dataclass(frozen=True, slots=True)
class Edits:
    """All corrections of a recording, in the order in which they were made."""

    made: tuple[Edit, ...] = ()
    _standing: Mapping[tuple[str, ...], Edit] = field(default_factory=dict)

    @property
    def standing(self) -> tuple[Edit, ...]:
        """Those that are in force: of several about the same thing the last that was not taken back."""
        return tuple(sorted(self._standing.values(), key=lambda edit: edit.number))

    @property
    def meters(self) -> tuple[str, ...]:
        """Those of which something is corrected."""
        return tuple(edit.meter for edit in self._standing.values() if edit.meter)

    def wiring(self, meter: str) -> Edit | None:
        """What stands in place of what was told of a meter's wires."""
        return self._standing.get((EditKind.WIRING, meter))

    def volts(self, meter: str) -> float | None:
        """The voltage that a meter's current is to be multiplied by."""
        edit = self._standing.get((EditKind.VOLTAGE, meter))
        return edit.volts if edit else None

    def excluded(self, run: str, turn: int) -> str | None:
        """Why a turn does not count; None where it does."""
        edit = self._standing.get((EditKind.EXCLUSION, run, str(turn)))
        return edit.reason if edit else None


def edits_of(made: Iterable[Edit]) -> Edits:
    """With those in force found out."""
    known = tuple(made)
    return Edits(known, {edit.target: edit for edit in known if not edit.undone})


UNEDITED = Edits()
"""Nobody corrected anything."""
