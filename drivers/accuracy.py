"""How far values may be off, as the documents of a meter state it, and what follows for a product of two. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The true value lies within ± (``gain_fraction`` · |value| + ``offset``)."""

    gain_fraction: float
    offset: float
    """In the channel's unit."""

    def bound(self, value: float) -> float:
        """How far the true value may be from this one, in its unit."""
        return self.gain_fraction * abs(value) + self.offset

    def times(self, factor: float) -> "Accuracy":
        """Of values that are multiplied by a number without an error of its own."""
        return Accuracy(self.gain_fraction, self.offset * abs(factor))


def of_power(
    volts: Accuracy | None, amperes: Accuracy | None, low_v: float, high_v: float
) -> Accuracy | None:
    """Of voltage × current, wherever the voltage lies from ``low_v`` > 0 to ``high_v``; None where either is unknown.

    With v = V ± (a·V + b) and i = I ± (c·I + d): |v·i - V·I| ≤ (a' + c + a'·c)·V·I + (1 + a')·d·V, a' = a + b/V.
    """
    if volts is None or amperes is None:
        return None
    of_volts = volts.gain_fraction + volts.offset / low_v
    of_amperes = amperes.gain_fraction
    return Accuracy(
        of_volts + of_amperes + of_volts * of_amperes, (1 + of_volts) * amperes.offset * abs(high_v)
    )
