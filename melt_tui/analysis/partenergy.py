"""The energies of one point, part by part, and in words why some of them are missing or must be read with care."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from drivers.points import POINTS
from melt_tui import format as fmt
from melt_tui.analysis.baseline import Baseline
from melt_tui.analysis.parts import Part, RunSpan, TurnSpan
from melt_tui.analysis.points import Point
from melt_tui.analysis.power import UNKNOWN_POINT
from melt_tui.measures.energy import SECOND_NS, Energy, PerToken, Scope
from melt_tui.measures.points import GAUGE, LEAST_REFRESHES, NET

_RAIL = "rail:NAME"
_RAILS = "a rail"
_SEEN = {**POINTS, NET: "an upper bound, with the charger's loss", UNKNOWN_POINT: "nobody said where"}
"""What each point sees."""

_NAMED = 4
"""So many parts are named that lack something for one reason; of more it is told how many."""


@dataclass(frozen=True, slots=True)
class PartEnergy:
    """The energy of one part, or why it is not known."""

    part: Part
    energy: Energy | None
    lacking: str = ""


@dataclass(frozen=True)
class PointEnergy:
    """All parts of a run at one point."""

    point: Point
    parts: Sequence[PartEnergy]

    @property
    def turns(self) -> Sequence[TurnSpan]:
        """In order."""
        return [each.part.turn for each in self.parts if each.part.turn and each.part.scope is Scope.TURN]

    def divisible(self, scope: Scope, turn: TurnSpan) -> Energy | None:
        """The energy of a part, where it may be divided by tokens."""
        energy = None if self.point.tokens else self.energies[scope, turn]
        return None if energy is None or self.objection(energy) else energy

    def objection(self, energy: Energy) -> str:
        """Why an energy that is known is not divided by tokens; empty where it is."""
        least_ns = LEAST_REFRESHES * self.point.measured.least_ns
        if not energy.enough:
            return f"only {100 * energy.coverage:.0f} % of it were measured"
        if self.point.point == GAUGE and energy.t1_ns - energy.t0_ns < least_ns:
            return f"shorter than {LEAST_REFRESHES} refresh periods of the gauge"
        return ""

    @cached_property
    def energies(self) -> Mapping[tuple[Scope, TurnSpan | None], Energy | None]:
        """By part."""
        return {(each.part.scope, each.part.turn): each.energy for each in self.parts}


def part_energy(point: Point, part: Part) -> PartEnergy:
    """The energy of a part at a point."""
    if part.window is None:
        return PartEnergy(part, None, part.lacking)
    energy = point.measured.energy(*part.window)
    if energy is not None:
        return PartEnergy(part, energy)
    least_s = point.measured.least_ns / SECOND_NS
    if part.window[1] - part.window[0] < point.measured.least_ns:
        return PartEnergy(
            part, None, f"shorter than {fmt.seconds(least_s)}, in which nothing new is told there"
        )
    return PartEnergy(part, None, "nothing was measured meanwhile")


def notes_of(
    run: RunSpan, points: Sequence[PointEnergy], idle: Baseline, *, charging_unknown: str
) -> Iterator[str]:
    """Why figures are missing or must be read with care; what holds for several points is said once."""
    if not points:
        yield "energy: nothing measured the power of this device"
    if charging_unknown:
        yield f"energy at usb-input: charging unknown, for {charging_unknown}"
    if any(not isinstance(one.point.idle, str) for one in points):
        state = "loaded" if run.model_loaded else "not loaded"
        yield f"net_j: less the mean power of the {idle.seconds:.0f} s before the run, model {state}"
    yield from _incomparable(list(dict.fromkeys(one.point.point for one in points)))
    where: dict[tuple[str, str], list[str]] = {}
    for one in points:
        for remark in _remarks(one):
            where.setdefault(remark, []).append(one.point.point)
    for (figure, reason), names in where.items():
        yield f"{figure} at {_listed(list(dict.fromkeys(names)))}: {reason}"


def _incomparable(points: Sequence[str]) -> Iterator[str]:
    """Why figures of several points are not the same thing."""
    seen = {_RAIL if point.startswith("rail:") else point: None for point in points}
    if len(points) > 1:
        said = "; ".join(
            f"{_RAILS if point == _RAIL else point}: {_SEEN.get(point, 'as it is called there')}"
            for point in seen
        )
        yield f"energies of different points cannot be compared ({said})"


def _remarks(known: PointEnergy) -> Iterator[tuple[str, str]]:
    """What is said of one point: the figure, and what of it."""
    yield from (("energy", text) for text in _missing(known))
    if isinstance(known.point.idle, str):
        yield "net_j", known.point.idle
    energies = [each.energy for each in known.parts if each.energy]
    if any(energy.joules.accuracy is None for energy in energies):
        yield "uncertainty_j", "nobody states the meter's accuracy, so it is not in it: ours alone"
    clipped = max((energy.clipped for energy in energies), default=0)
    if clipped:
        yield "energy", f"{clipped} samples were at the end of the meter's range, so it is too small"
    if known.point.tokens:
        yield "per_token", known.point.tokens
    else:
        yield from (("per_token", text) for text in _undivided(known))


def _missing(known: PointEnergy) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for each in known.parts:
        if each.lacking:
            by_reason.setdefault(each.lacking, []).append(each.part.title)
    return (f"{_listed(parts)}: {reason}" for reason, parts in by_reason.items())


def _undivided(known: PointEnergy) -> Iterator[str]:
    """Energies that are known and yet not divided by tokens."""
    by_reason: dict[str, list[str]] = {}
    for turn in known.turns:
        for definition in PerToken:
            energy = known.energies[definition.scope, turn]
            reason = known.objection(energy) if energy is not None else ""
            if energy is not None and definition.tokens(turn.prompt_tokens, turn.output_tokens) is None:
                reason = reason or "there are no such tokens, or nobody told how many"
            if reason:
                by_reason.setdefault(reason, []).append(f"{definition} of turn {turn.turn}")
    return (f"{_listed(parts)}: {reason}" for reason, parts in by_reason.items())


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - _NAMED
    return ", ".join(parts[:_NAMED]) + (f" and {more} more" if more > 0 else "")
