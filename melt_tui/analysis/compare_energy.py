"""Energies of compared runs: at a reference point that all were measured at, never of one against another."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

from drivers.points import POINTS
from melt_tui import format as fmt
from melt_tui.analysis.compare_row import Basis, Figure, single
from melt_tui.analysis.compare_runs import Known
from melt_tui.analysis.energy import EnergySummary, PowerSummary, TokenEnergy
from melt_tui.analysis.runs import counts
from melt_tui.measures.energy import LEAST_COVERAGE, PerToken, Scope
from melt_tui.measures.points import rank

UNLIKE = 1.02
"""Runs of which one had so much more tokens than another did not do the same work."""

_TITLES = {
    PerToken.WHOLE: "whole turn per token",
    PerToken.MELT: "MELT's per token",
    PerToken.DECODE: "decode per token",
    PerToken.PREFILL: "prefill per token",
}

_PER_TOKEN: Final[Mapping[str, tuple[PerToken, bool]]] = {
    f"{'net_' if net else ''}j_per_token_{definition}": (definition, net)
    for net in (False, True)
    for definition in (PerToken.DECODE, PerToken.WHOLE, PerToken.PREFILL, PerToken.MELT)
}
"""By name: by which definition, and whether idle is taken off."""

ENERGIES: Final = (
    *(
        Figure(name, f"{'net ' if net else ''}{_TITLES[definition]}", "J/tok", "lower")
        for name, (definition, net) in _PER_TOKEN.items()
    ),
    Figure("run_j", "energy of the run", "J", "lower", of_turns=False),
    Figure("mean_w", "mean power", "W", "lower", of_turns=False),
    Figure("sustained_w", "sustained power", "W", "lower", of_turns=False),
    Figure("tokens_per_joule", "tokens per joule", "1/J", "higher", of_turns=False),
)
"""Those that are compared."""


def energies(known: Sequence[Known]) -> Iterator[tuple[str, Basis]]:
    """Each at every point that all runs were measured at; without such a point refused, with what each run has."""
    points = [_points(run) for run in known]
    shared = [point for point in points[0] if all(point in each for each in points)]
    for point in shared:
        yield from _at(known, [point] * len(known), "", point)
    if not shared and all(points):
        firsts = [next(iter(each)) for each in points]
        yield from _at(known, firsts, _apart(known, firsts), "")
    elif not shared and any(points):
        yield from _at(known, [next(iter(each), "") for each in points], "", "")


def _points(run: Known) -> list[str]:
    """Where something of it was measured, best first."""
    found = {one.point for one in run.summary.energy if one.scope is Scope.RUN and one.gross_j is not None}
    return sorted(found, key=lambda point: (rank(point), point))


def _apart(known: Sequence[Known], points: Sequence[str]) -> str:
    where: dict[str, list[str]] = {}
    for run, point in zip(known, points, strict=True):
        where.setdefault(point, []).append(run.told.label)
    said = (f"{', '.join(runs)} at {_seen(point)}" for point, runs in where.items())
    return f"measured at different points, which see different things: {'; '.join(said)}"


def _seen(point: str) -> str:
    meaning = POINTS.get(point, "one rail of the board" if point.startswith("rail:") else "")
    return fmt.plain(f"{point} ({meaning})" if meaning else point, 120)


def _at(
    known: Sequence[Known], points: Sequence[str], refusal: str, point: str
) -> Iterator[tuple[str, Basis]]:
    here = [_Here(run, each) for run, each in zip(known, points, strict=True)]
    meters = list(dict.fromkeys(one.meter for one in here if one.meter))
    notes = _notes(here, meters)

    def basis(values: Iterator[Mapping[Hashable, float]], why: str = "") -> Basis:
        return Basis(tuple(values), refusal or why, " / ".join(meters), point, notes)

    for name, (definition, net) in _PER_TOKEN.items():
        yield name, basis(one.per_token(definition, net=net) for one in here)
    whole = basis((single(one.run.gross_j if one.run else None) for one in here), _holes(here))
    unlike = _unlike(known)
    yield "run_j", replace(whole, notes=(*notes, *unlike), judged=not unlike)
    yield "mean_w", basis(single(one.run.mean_w if one.run else None) for one in here)
    yield "sustained_w", basis(single(one.power.sustained_w if one.power else None) for one in here)
    yield (
        "tokens_per_joule",
        basis(single(one.power.tokens_per_joule if one.power else None) for one in here),
    )


class _Here:
    """What a run has at one point, by the first source there."""

    def __init__(self, known: Known, point: str) -> None:
        self._known = known
        summary = known.summary
        at_point = [one for one in summary.energy if one.point == point and one.scope is Scope.RUN]
        self.run: EnergySummary | None = next((one for one in at_point if one.gross_j is not None), None)
        source = self.run.source if self.run else ""
        self._tokens: list[TokenEnergy] = [
            one for one in summary.per_token if (one.point, one.source) == (point, source)
        ]
        powers = (one for one in summary.power if (one.point, one.source) == (point, source))
        self.power: PowerSummary | None = next(powers, None)

    @property
    def label(self) -> str:
        """The run's."""
        return self._known.told.label

    @property
    def meter(self) -> str:
        """What measured: a kind of meter, or the device by itself."""
        if self.run is None:
            return ""
        devices = {one.device: one for one in self._known.session.devices}
        owner = max((name for name in devices if self.run.source.startswith(f"{name} ")), key=len, default="")
        info = devices.get(owner)
        model = (info.model or info.kind or owner) if info else self.run.source
        own = owner == self._known.summary.device
        return fmt.plain(f"{model} itself" if own else model, 60)

    def per_token(self, definition: PerToken, *, net: bool) -> dict[Hashable, float]:
        """By prompt, of the turns that count."""
        prompts = self._known.prompts
        turns = {turn.turn for turn in self._known.summary.turns if counts(turn)}
        found: dict[Hashable, list[float]] = {}
        for one in self._tokens:
            value = one.net_j if net else one.gross_j
            if one.definition is definition and one.turn in turns and value is not None:
                found.setdefault(prompts[one.turn], []).append(value)
        return {key: fmean(values) for key, values in found.items()}


def _holes(here: Sequence[_Here]) -> str:
    """Of which runs the joules are not all: what lacks of them is not known."""
    thin = [one.label for one in here if one.run and (one.run.coverage or 0) < LEAST_COVERAGE]
    return f"of {', '.join(thin)} not all was measured" if thin else ""


def _unlike(known: Sequence[Known]) -> tuple[str, ...]:
    """Whether some of them did more than others, as far as that is known: then more joules are no fault."""
    found = []
    for what in ("output", "prompt"):
        tokens = {run.told.label: _tokens(run, f"{what}_tokens") for run in known}
        some = [count for count in tokens.values() if count is not None]
        if len(some) == len(tokens) and max(some) > UNLIKE * min(some):
            said = ", ".join(f"{label} {count}" for label, count in tokens.items())
            found.append(f"the runs did not do the same work, {what} tokens {said}: compare joules per token")
    return tuple(found)


def _tokens(run: Known, kind: str) -> int | None:
    """Of every turn, also of those that do not count: they took energy too. None where one is not known."""
    each = [getattr(turn, kind) for turn in run.summary.turns]
    return None if None in each else sum(each)


def _notes(here: Sequence[_Here], meters: Sequence[str]) -> tuple[str, ...]:
    notes = []
    thin = [one for one in here if one.run and (one.run.coverage or 0) < LEAST_COVERAGE]
    clipped = [one.label for one in here if one.run and one.run.clipped]
    if thin:
        said = ", ".join(
            f"{one.label} {fmt.percent(100 * (one.run.coverage or 0))}" for one in thin if one.run
        )
        notes.append(f"not all of the run was measured: {said}")
    if clipped:
        notes.append(f"samples at the end of the meter's range, figures too small: {', '.join(clipped)}")
    if len(meters) > 1:
        notes.append(
            f"measured by {' and '.join(meters)}: how far these are off by themselves is not in the interval"
        )
    return tuple(notes)
