"""Axes that people can read: ticks of 1, 2, 5, spans of time in round steps, prefixes that fit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, inf, log10

from melt_tui.format import fixed

LABEL_WIDTH = 5
"""Cells of a value's label on an axis."""

_PREFIXED = frozenset({"B", "B/s", "Hz", "W", "V", "A", "J", "s"})
_PREFIXES = {12: "T", 9: "G", 6: "M", 3: "k", 0: "", -3: "m", -6: "µ", -9: "n"}
_BASED = frozenset({"tok/s", "W", "A", "B", "B/s", "Hz", "%", "rpm", "tok", "J"})
"""Units whose values are read against zero."""
_LEAST_SPANS = {"°C": 10.0}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SECOND = 1_000_000_000
_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_LARGEST, _SMALLEST = 1e300, 1e-100
"""Beyond these an axis would overflow or vanish."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A factor that values are divided by, and the unit that says so."""

    factor: float
    unit: str


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The span of values shown and its ticks: ``(value, label)``."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    prefix: Prefix


@lru_cache(maxsize=256)
def value_axis(extent: tuple[float, float] | None, unit: str, rows: int) -> ValueAxis:
    """An axis of ``rows`` rows over the least and greatest value shown; None where there is nothing to show.

    Rates, powers, sizes and shares stand on zero, temperatures have 10 degrees at least, and nothing magnifies less
    than 4 % of a value to the full height: what is steady looks steady. With five rows or more ticks stand evenly, in
    the middle of their rows.
    """
    low, high = _roomy(*_clamped(extent), unit) if extent else (0.0, 1.0)
    if rows < 5:
        part = _round_step((high - low) / 8)
        return fixed_axis(floor(low / part) * part, ceil(high / part) * part, unit, rows)
    step, parts, first = _scale(low, high, rows)
    row = step / parts
    values = [index // parts * step for index in range(first, first + rows) if index % parts == 0]
    return _axis((first - 0.5) * row, (first + rows - 0.5) * row, values, step, unit, rows)


@lru_cache(maxsize=256)
def fixed_axis(low: float, high: float, unit: str, rows: int) -> ValueAxis:
    """An axis over exactly ``low`` … ``high``, as shared between charts."""
    low, high = _clamped((min(low, high), max(low, high)))
    if high - low <= max(_SMALLEST, 1e-9 * max(abs(low), abs(high))):
        low, high = _roomy(low, high, unit)
    step = _round_step(high - low)
    while floor(high / step + 1e-9) - ceil(low / step - 1e-9) + 1 < min(8, max(2, rows // 2)):
        step = _round_step(step * 0.3)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return _axis(low, high, [index * step for index in range(first, last + 1)], step, unit, rows)


def prefix_for(unit: str, greatest: float) -> Prefix:
    """What keeps ``greatest`` readable: an SI prefix, or a power of a thousand before units that take none."""
    size = abs(greatest)
    if not 0 < size < inf:
        return Prefix(1.0, unit)
    power = floor(log10(size * 1.0005) / 3) * 3
    if unit in _PREFIXED:
        power = max(-9, min(12, power))
        return Prefix(10.0**power, _PREFIXES[power] + unit)
    if 0.01 <= size < 99_999.5:
        return Prefix(1.0, unit)
    return Prefix(10.0**power, f"×10{str(power).translate(_SUPERSCRIPTS)} {unit}".rstrip())


def time_ticks(t0_ns: int, t1_ns: int, origin_ns: int, most: int) -> Iterator[tuple[int, str]]:
    """At most about ``most`` round moments of the span with their labels, in the session's own time."""
    step = time_step(0.95 * (t1_ns - t0_ns) / max(1, most))
    t_ns = origin_ns - (origin_ns - t0_ns) // step * step
    while t_ns < t1_ns:
        yield t_ns, clock(t_ns - origin_ns, step)
        t_ns += step


def place_ticks(t0_ns: int, t1_ns: int, origin_ns: int, most: int, unit: str) -> Iterator[tuple[int, str]]:
    """The same of places on an axis of that unit, 1e9 for each; those of ``s`` are told as times, also below 0."""
    if unit == "s":
        yield from time_ticks(t0_ns, t1_ns, origin_ns, most)
        return
    step = _round_step(max(1.0, 0.95 * (t1_ns - t0_ns) / max(1, most)))
    decimals = max(0, -floor(log10(step / _SECOND) + 1e-9))
    first, last = ceil((t0_ns - origin_ns) / step), floor((t1_ns - origin_ns) / step)
    for index in range(first, last + 1):
        place = index * step
        yield origin_ns + round(place), fixed(place / _SECOND, decimals).replace(",", "")


def time_step(least_ns: float) -> int:
    """The smallest round step in ns that is not less than ``least_ns``."""
    if least_ns <= _SECOND / 2:
        return max(1, round(_round_step(max(1.0, least_ns))))
    for step in _TIME_STEPS_S:
        if step * _SECOND >= least_ns:
            return step * _SECOND
    return ceil(least_ns / (86400 * _SECOND)) * 86400 * _SECOND


def clock(t_ns: int, step_ns: int = _SECOND) -> str:
    """A moment of the session: ``01:12``, ``1:01:12``, with the decimals that steps of ``step_ns`` need."""
    sign, size = ("-", -t_ns) if t_ns < 0 else ("", t_ns)
    decimals = 0 if step_ns >= _SECOND else min(9, ceil(log10(_SECOND / step_ns) - 1e-9))
    unit = 10 ** (9 - decimals)
    ticks = (size + unit // 2) // unit
    seconds, fraction = divmod(ticks, 10**decimals)
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    whole = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
    return f"{sign}{whole}.{fraction:0{decimals}}" if decimals else sign + whole


def _clamped(extent: tuple[float, float]) -> tuple[float, float]:
    low, high = extent
    return max(-_LARGEST, min(_LARGEST, low)), max(-_LARGEST, min(_LARGEST, high))


def _roomy(low: float, high: float, unit: str) -> tuple[float, float]:
    based = unit in _BASED
    if low >= 0 and (based or low <= 0.4 * high):
        low = 0.0
    if low < high <= 0 and (based or high >= 0.4 * low):
        high = 0.0
    size = max(abs(low), abs(high))
    least = max(_LEAST_SPANS.get(unit, 0.0), 0.04 * size if size > _SMALLEST else 1.0)
    missing = max(0.0, least - (high - low)) / 2
    return low - missing, high + missing


def _scale(low: float, high: float, rows: int) -> tuple[float, int, int]:
    """The finest scale that brings ``low`` and ``high`` into ``rows`` rows with two ticks at least.

    A round step, the rows from one step to the next, and the lowest row as a number of rows above zero.
    """
    sparsest = max(2, -(-rows // 8))
    scales: list[tuple[float, int, int]] = []
    for parts in range(sparsest, sparsest + 3):
        for step in _round_steps((high - low) * parts / (rows + 1), (high - low) * parts * 20 / rows):
            first = _lowest(low * parts / step, high * parts / step, rows)
            if first is not None and -(-first // parts) * parts + parts < first + rows:
                scales.append((step, parts, first))
    return min(scales, key=lambda scale: (scale[0] / scale[1], scale[1]))


def _lowest(low: float, high: float, rows: int) -> int | None:
    """The lowest of ``rows`` whole rows that hold ``low`` and ``high``, given in rows; None if they do not fit.

    Spare rows go half below, but not below a zero that all values are above.
    """
    first, last = floor(low + 0.5), floor(high + 0.5)
    spare = rows - 1 - (last - first)
    if spare < 0:
        return None
    return first - (spare // 2 if low < 0 else min(spare // 2, first))


def _round_steps(least: float, most: float) -> Iterator[float]:
    """1, 2, 5 times powers of ten, from the smallest that is not less than ``least`` to beyond ``most``."""
    step = _round_step(least)
    while True:
        yield step
        if step > most:
            return
        step = _round_step(step * 1.01)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not less than ``least``."""
    least = max(least, 1e-300)
    power = 10.0 ** floor(log10(least))
    for digit in (1, 2, 5):
        if digit * power >= least * (1 - 1e-9):
            return digit * power
    return 10 * power


def _axis(low: float, high: float, values: Sequence[float], step: float, unit: str, rows: int) -> ValueAxis:
    """The axis with those ticks; with more of them than rows only the outermost ones are left."""
    prefix = prefix_for(unit, max(abs(low), abs(high)))
    decimals = max(0, -floor(log10(step / prefix.factor) + 1e-9))
    shown = values if len(values) <= rows else (values[0], values[-1])
    labelled = ((value, _tick(value / prefix.factor, decimals)) for value in shown)
    return ValueAxis(low, high, tuple(tick for tick in labelled if tick[1]), prefix)


def _tick(shown: float, decimals: int) -> str:
    """The label, or nothing where it has no room: a rounded one would be wrong."""
    label = fixed(shown, decimals).replace(",", "")
    return label if len(label) <= LABEL_WIDTH else ""
