"""Channels of a PPK2. One of them bears every sample: power, for the voltage is set or stated; divided by it, current.

Its codes are the meter's own, ``range << 14 | reading``, and its decoding is the meter's calibration: a polynomial for
each range, multiplied by the voltage for power. Ranges 5 to 9 are ranges 0 to 4 again: their codes were put there by the
spike filter, and what was read instead is in the channel ``unfiltered``.
"""

from collections.abc import Sequence

from drivers.meters.ppk2.protocol import ACCURACY, ADC_BITS, MOST_AMPERES, RATE_HZ, Fit, Mode
from drivers.model import Channel, Decoding, DType, Kind, Quantity, Unit

LOGIC_LINES = 8
MEAN_OF = 2000
"""Samples of one value of the mean current."""


def pieces(fits: Sequence[Fit], supply_mv: int, factor: float = 1.0) -> tuple[tuple[float, ...], ...]:
    """The polynomials of all ranges, those of the filter included, for amperes times ``factor``."""
    real = [tuple(factor * c for c in fit.polynomial(supply_mv / 1000)) for fit in fits]
    return (*real, *real)


def power(device: str, fits: Sequence[Fit], mode: Mode, supply_mv: int, point: str) -> Channel:
    """Every sample, in watts."""
    volts = supply_mv / 1000
    origin = "that the PPK2 supplies" if mode is Mode.SOURCE else "of the supply, as stated"
    return Channel(
        device=device,
        name="power",
        quantity=Quantity.POWER,
        unit=Unit.WATT,
        rate_hz=RATE_HZ,
        dtype=DType.U32,
        decoding=Decoding(pieces(fits, supply_mv, volts), ADC_BITS),
        point=point,
        limit=MOST_AMPERES * volts,
        accuracy=ACCURACY.times(volts),
        provenance=f"current × {volts:g} V {origin}",
        detail="code: range << 14 | reading; ranges 5 to 9: put there by the spike filter",
    )


def unfiltered(device: str, fits: Sequence[Fit], supply_mv: int, point: str) -> Channel:
    """What was read where the spike filter put something else, in amperes."""
    return Channel(
        device=device,
        name="unfiltered",
        quantity=Quantity.OTHER,
        unit=Unit.AMPERE,
        dtype=DType.U32,
        decoding=Decoding(pieces(fits, supply_mv), ADC_BITS),
        point=point,
        detail="readings around a change of range that the spike filter replaced",
    )


def current(device: str, point: str) -> Channel:
    """The mean of ``MEAN_OF`` samples, in amperes."""
    return Channel(
        device=device,
        name="current",
        quantity=Quantity.CURRENT,
        unit=Unit.AMPERE,
        kind=Kind.INTERVAL_MEAN,
        rate_hz=RATE_HZ / MEAN_OF,
        point=point,
        limit=MOST_AMPERES,
        accuracy=ACCURACY,
        detail=f"mean of {MEAN_OF} samples; every sample is in the channel power",
    )


def supply(device: str, point: str) -> Channel:
    """The voltage that power was computed with."""
    return Channel(
        device=device,
        name="supply",
        quantity=Quantity.VOLTAGE,
        unit=Unit.VOLT,
        point=point,
        detail="set, not measured",
    )


def logic(device: str) -> tuple[Channel, ...]:
    """The logic lines: a sample at every edge, and one now and then."""
    return tuple(
        Channel(device=device, name=f"D{n}", quantity=Quantity.LOGIC, unit=Unit.NONE, dtype=DType.U8)
        for n in range(LOGIC_LINES)
    )


def clipped(device: str) -> Channel:
    """Samples so far at the end of their range: the current was at least that."""
    return Channel(
        device=device,
        name="clipped samples",
        quantity=Quantity.OTHER,
        unit=Unit.NONE,
        kind=Kind.COUNTER,
        dtype=DType.I64,
    )
