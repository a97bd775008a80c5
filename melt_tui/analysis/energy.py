"""The energy of a run: of each of its parts, at every reference point that was measured, and for each token.

Gross is what was measured; net is less by the mean power of the time before the run. What could not be measured is None,
with its reason in the notes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from drivers.clock import SECOND
from melt_tui.analysis.baseline import Baseline, baseline
from melt_tui.analysis.partenergy import PartEnergy, PointEnergy, notes_of, part_energy
from melt_tui.analysis.parts import RunSpan, parts_of
from melt_tui.analysis.points import Point, charging_unknown, points_of
from melt_tui.analysis.power import AT_BATTERY, full_battery
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.measures.energy import (
    SUSTAINED_S,
    Amount,
    Energy,
    PerToken,
    Scope,
    net,
    per_token,
    prompts_per_charge,
    tokens_per_joule,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySummary:
    """Joules of one part of a run at one reference point; ± are for 95 %."""

    scope: Scope
    turn: int | None
    """None for the run and its load."""
    point: str
    source: str
    """Which channel, of which device or meter; several where they were added."""
    gross_j: float | None
    """Of what was covered of the window."""
    net_j: float | None
    uncertainty_j: float | None
    """± of gross, all of it; ours alone where nobody states the meter's accuracy."""
    net_uncertainty_j: float | None
    integration_j: float | None
    """± of gross that is ours: between samples, at the window's ends, refresh of a gauge."""
    accuracy_j: float | None
    """± of gross that the meter's maker states."""
    coverage: float | None
    """Fraction 0…1 of the window."""
    mean_w: float | None
    peak_w: float | None
    clipped: int | None
    """Samples at the end of the meter's range: the figures are too small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEnergy:
    """Joules for a token of one turn at one reference point; ± are for 95 %."""

    definition: PerToken
    turn: int
    point: str
    source: str
    gross_j: float | None
    net_j: float | None
    uncertainty_j: float | None
    net_uncertainty_j: float | None
    tokens: int | None
    """By how many it was divided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSummary:
    """What else is known of one reference point."""

    point: str
    source: str
    idle_w: float | None
    """Mean of the baseline."""
    idle_uncertainty_w: float | None
    baseline_s: float | None
    """How long it was."""
    sustained_w: float | None
    """Mean of the run's last 5 min; None of a shorter run."""
    tokens_per_joule: float | None
    """Output tokens of all turns that were measured, for a joule of these turns."""
    battery_wh: float | None
    """What the device says that its battery holds; None at points that do not see what is drawn from it."""
    prompts_per_charge: float | None
    """How many turns, as these are in the mean, a full battery gives."""


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """All of it."""

    energy: tuple[EnergySummary, ...]
    per_token: tuple[TokenEnergy, ...]
    power: tuple[PowerSummary, ...]
    notes: tuple[str, ...]


def run_energy(
    recording: Recorded, channels: Channels, run: RunSpan, *, added: Collection[str] = ()
) -> RunEnergy:
    """The energies of a run. ``added``: points at which several meters are to be summed up."""
    span = (run.t0_ns, run.t1_ns)
    idle = baseline(recording, channels, run.device, span, run.baseline_s, run.busy_until_ns)
    points = points_of(recording, channels, run.device, span, idle, added)
    parts = list(parts_of(run))
    known = [PointEnergy(point, [part_energy(point, part) for part in parts]) for point in points]
    battery_wh = full_battery(recording, run.device, run.t1_ns)
    charging = charging_unknown(points, channels, run.device)
    return RunEnergy(
        tuple(_energy(one.point, each) for one in known for each in one.parts),
        tuple(each for one in known for each in _tokens(one)),
        tuple(_power(one, run, idle, battery_wh) for one in known),
        (*notes_of(run, known, idle, charging_unknown=charging), *_alone(points, added)),
    )


def _alone(points: Sequence[Point], added: Collection[str]) -> Iterator[str]:
    """Of the points that were to be summed up: those at which there is nothing to add."""
    for name in added:
        if sum(point.point == name for point in points) <= 1:
            yield f"energy at {name}: nothing was summed up, for no two meters measured there"


def _energy(point: Point, known: PartEnergy) -> EnergySummary:
    part, energy = known.part, known.energy
    gross = energy.joules if energy else None
    above = _net(point, energy)
    return EnergySummary(
        scope=part.scope,
        turn=part.turn.turn if part.turn else None,
        point=point.point,
        source=point.source,
        gross_j=gross.value if gross else None,
        net_j=above.value if above else None,
        uncertainty_j=gross.uncertainty if gross else None,
        net_uncertainty_j=above.uncertainty if above else None,
        integration_j=gross.integration if gross else None,
        accuracy_j=gross.accuracy if gross else None,
        coverage=energy.coverage if energy else None,
        mean_w=energy.mean.value if energy else None,
        peak_w=energy.peak_w if energy else None,
        clipped=energy.clipped if energy else None,
    )


def _tokens(known: PointEnergy) -> Iterator[TokenEnergy]:
    """The four definitions of every turn."""
    for turn in known.turns:
        for definition in PerToken:
            n = definition.tokens(turn.prompt_tokens, turn.output_tokens)
            energy = known.divisible(definition.scope, turn)
            above = _net(known.point, energy)
            gross = per_token(energy.joules, energy.coverage, n) if energy and n else None
            net_each = per_token(above, energy.coverage, n) if energy and above and n else None
            yield TokenEnergy(
                definition=definition,
                turn=turn.turn,
                point=known.point.point,
                source=known.point.source,
                gross_j=gross.value if gross else None,
                net_j=net_each.value if net_each else None,
                uncertainty_j=gross.uncertainty if gross else None,
                net_uncertainty_j=net_each.uncertainty if net_each else None,
                tokens=n,
            )


def _net(point: Point, energy: Energy | None) -> Amount | None:
    return None if energy is None or isinstance(point.idle, str) else net(energy, point.idle)


def _power(known: PointEnergy, run: RunSpan, idle: Baseline, battery_wh: float | None) -> PowerSummary:
    mean = None if isinstance(known.point.idle, str) else known.point.idle
    last_ns = round(SUSTAINED_S * SECOND)
    last = (
        known.point.measured.energy(run.t1_ns - last_ns, run.t1_ns)
        if run.t1_ns - run.t0_ns >= last_ns
        else None
    )
    turns = [(turn, known.divisible(Scope.TURN, turn)) for turn in known.turns if turn.whole]
    joules = [energy.joules.value for turn, energy in turns if energy and turn.output_tokens]
    tokens = [turn.output_tokens for turn, energy in turns if energy and turn.output_tokens]
    return PowerSummary(
        point=known.point.point,
        source=known.point.source,
        idle_w=mean.value if mean else None,
        idle_uncertainty_w=mean.uncertainty if mean else None,
        baseline_s=idle.seconds if mean else None,
        sustained_w=last.mean.value if last and last.enough else None,
        tokens_per_joule=tokens_per_joule(sum(tokens), sum(joules)),
        battery_wh=(held := battery_wh if known.point.point in AT_BATTERY else None),
        prompts_per_charge=prompts_per_charge(held, fmean(joules)) if joules else None,
    )
