"""What energies mean: scopes, per-token definitions, net of idle, and how uncertainties join. Without numpy.

``integral`` makes an ``Energy`` out of samples; here is what follows from it. Joules, watts and seconds throughout;
what is not defined is None, never 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import hypot, sqrt

from melt_tui.measures.points import LEAST_REFRESHES

SECOND_NS = 1e9

IDLE_S = 60.0
"""Of the baseline before a run, unless the run was set up with another length."""

SUSTAINED_S = 300.0
"""Sustained power is the mean of the last 5 min."""

LEAST_COVERAGE = 0.95
"""Below it an energy is not divided by tokens, and a baseline is none: too much of the window was not measured."""

ROUNDING = 1e-12
"""A difference of sums is nothing below this share of them."""

MWH_J = 3.6
"""1 mWh in joules."""


class Scope(StrEnum):
    """Over what an energy is."""

    RUN = "run"
    """The run was asked for → it was over."""
    LOAD = "load"
    """Runtime start → ready for the first prompt."""
    TURN = "turn"
    """Prompt sent → last output token."""
    PREFILL = "prefill"
    """Prompt sent → first output token."""
    DECODE = "decode"
    """First → last output token."""


class PerToken(StrEnum):
    """The four energies per token."""

    WHOLE = "whole"
    """Turn ÷ output tokens."""
    MELT = "melt"
    """Turn ÷ decode tokens (output tokens - 1), as MELT divides."""
    DECODE = "decode"
    """Decode ÷ decode tokens."""
    PREFILL = "prefill"
    """Prefill ÷ new prompt tokens."""

    @property
    def scope(self) -> Scope:
        """The energy that is divided."""
        return _SCOPES[self]

    def tokens(self, prompt_tokens: int | None, output_tokens: int | None) -> int | None:
        """By how many tokens it is divided; None where they are unknown, or there are none.

        ``prompt_tokens`` are the new ones; ``output_tokens`` all, the first included.
        """
        if self is PerToken.PREFILL:
            n = prompt_tokens
        elif output_tokens is None or self is PerToken.WHOLE:
            n = output_tokens
        else:
            n = output_tokens - 1
        return n if n is not None and n > 0 else None


@dataclass(frozen=True, slots=True)
class Amount:
    """A figure, and how far it may be off, ours and the meter's apart; all three in the same unit."""

    value: float
    integration: float
    """± 95 %: what lies between samples, the times of the window's ends, the refresh of a gauge. Ours."""
    accuracy: float | None
    """± the bound that the meter's maker states; None where nobody states one."""

    @property
    def uncertainty(self) -> float:
        """± 95 %, both together; where nobody states the meter's accuracy, ours alone."""
        return expanded(self.integration, self.accuracy or 0.0)

    def times(self, factor: float) -> "Amount":
        """Multiplied by a number without an error of its own."""
        by = abs(factor)
        accuracy = None if self.accuracy is None else self.accuracy * by
        return Amount(self.value * factor, self.integration * by, accuracy)

    def widened(self, by: float) -> "Amount":
        """The same, known less well: by something else that may be off by as much, ± 95 %."""
        return Amount(self.value, hypot(self.integration, by), self.accuracy)

    def plus(self, other: "Amount") -> "Amount":
        """The sum of what two meters, or one in two states, have measured: their errors are not the same."""
        known = None not in (self.accuracy, other.accuracy)
        return Amount(
            self.value + other.value,
            hypot(self.integration, other.integration),
            expanded(self.accuracy or 0.0, other.accuracy or 0.0) if known else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What went through one reference point in a window, as far as it was measured: never of the holes."""

    t0_ns: int
    t1_ns: int
    covered_ns: float
    """How much of the window was measured; greater than 0."""
    joules: Amount
    peak_w: float
    """The greatest sample, or mean of an interval, of the window."""
    clipped: int = 0
    """Samples at the end of the meter's range: there was at least that, so the figure is tainted."""

    @property
    def span_s(self) -> float:
        """Of the window."""
        return (self.t1_ns - self.t0_ns) / SECOND_NS

    @property
    def coverage(self) -> float:
        """Fraction 0…1 of the window that was measured."""
        return min(1.0, self.covered_ns / (self.t1_ns - self.t0_ns))

    @property
    def mean(self) -> Amount:
        """Power, W: the mean of what was measured."""
        return self.joules.times(SECOND_NS / self.covered_ns)

    @property
    def enough(self) -> bool:
        """Whether so much was measured that the whole may stand for the window."""
        return self.coverage >= LEAST_COVERAGE


def expanded(*bounds: float) -> float:
    """± 95 % of a sum of independent errors, each within ± its bound (or ± 95 %).

    Each bound is a rectangular distribution, of standard deviation bound/√3; these add in squares, times 2 (GUM, JCGM
    100:2008, 4.3.7, 6.2). Never more than the sum of the bounds.
    """
    return min(sum(bounds), 2 / sqrt(3) * hypot(*bounds))


def student(freedom: float) -> float:
    """How many standard deviations are ± 95 % of one that is told by so many degrees of freedom (Cornish-Fisher; GUM G.3):
    2, by few of them more."""
    return 2 + 2.5 / freedom + 3.06 / freedom**2


def net(energy: Energy, idle: Amount) -> Amount:
    """Joules above idle, of what was measured."""
    return less_idle(energy.joules, idle, energy.covered_ns)


def less_idle(joules: Amount, idle: Amount, covered_ns: float) -> Amount:
    """``gross - idle power · measured time``; the baseline's own uncertainty enters. What rounding leaves is nothing."""
    above = joules.plus(idle.times(-covered_ns / SECOND_NS))
    return replace(above, value=0.0) if abs(above.value) < ROUNDING * abs(joules.value) else above


def per_token(joules: Amount, coverage: float, tokens: int) -> Amount:
    """Joules for each of at least one token; what was not measured of the window widens it.

    For ``coverage`` of at least ``LEAST_COVERAGE``: the rest may have taken as much again as its share.
    """
    missing = abs(joules.value) * (1 / coverage - 1)
    widened = Amount(joules.value, joules.integration + missing, joules.accuracy)
    return widened.times(1 / tokens)


def joined(parts: Sequence[Energy]) -> Energy:
    """Of windows that follow one another, measured by one meter: at least one."""
    accuracies = [part.joules.accuracy for part in parts]
    stated = [accuracy for accuracy in accuracies if accuracy is not None]
    return Energy(
        t0_ns=parts[0].t0_ns,
        t1_ns=parts[-1].t1_ns,
        covered_ns=sum(part.covered_ns for part in parts),
        joules=Amount(
            sum(part.joules.value for part in parts),
            hypot(*(part.joules.integration for part in parts)),
            sum(stated) if len(stated) == len(accuracies) else None,
        ),
        peak_w=max(part.peak_w for part in parts),
        clipped=sum(part.clipped for part in parts),
    )


def together(energies: Sequence[Energy]) -> Energy:
    """Of one window, measured by several meters side by side that feed the same device; at least one.

    Peaks of meters need not have come at the same moment: their sum is the most that it can have been.
    """
    first = energies[0]
    total = first.joules
    for energy in energies[1:]:
        total = total.plus(energy.joules)
    return Energy(
        t0_ns=first.t0_ns,
        t1_ns=first.t1_ns,
        covered_ns=min(energy.covered_ns for energy in energies),
        joules=total,
        peak_w=sum(energy.peak_w for energy in energies),
        clipped=sum(energy.clipped for energy in energies),
    )


def net_device_power(usb_w: float, battery_w: float) -> float:
    """What a device takes that is fed over USB and has a battery, W: ``usb - into the battery``.

    ``battery_w`` is positive when it leaves the battery. An upper bound: it contains the loss of the charger.
    """
    return usb_w + battery_w


def net_device(usb: Energy, battery: Energy, refresh_ns: float) -> Energy | None:
    """The same as energy of one window; None for one shorter than ``LEAST_REFRESHES`` refresh periods of the gauge.

    Never for a token.
    """
    if usb.t1_ns - usb.t0_ns < LEAST_REFRESHES * refresh_ns:
        return None
    return together([usb, battery])


def tokens_per_joule(output_tokens: int | None, turn_j: float | None) -> float | None:
    """Output tokens for a joule of their turns; None without either, or where there is no energy."""
    if output_tokens is None or turn_j is None or output_tokens <= 0 or turn_j <= 0:
        return None
    return output_tokens / turn_j


def prompts_per_charge(battery_wh: float | None, turn_j: float | None) -> float | None:
    """How many such turns a full battery gives: ``battery Wh / energy of a turn``."""
    if battery_wh is None or turn_j is None or battery_wh <= 0 or turn_j <= 0:
        return None
    return battery_wh * 1000 * MWH_J / turn_j


def mwh(joules: float) -> float:
    """Milliwatt hours."""
    return joules / MWH_J


def mah(joules: float, volts: float) -> float:
    """Milliampere hours: only of a point at the battery, with its own voltage."""
    return joules / MWH_J / volts


_SCOPES = {
    PerToken.WHOLE: Scope.TURN,
    PerToken.MELT: Scope.TURN,
    PerToken.DECODE: Scope.DECODE,
    PerToken.PREFILL: Scope.PREFILL,
}
