"""Numbers for people: significant digits, SI prefixes, durations, ages.

What is unknown (None or not a number) is ``–``, never 0; what is not zero does not read as zero but where a fixed
number of decimals is asked for (``fixed``, ``celsius``); a minus is ``−``.
Pure functions; nothing here parses.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

from drivers.model import Unit

UNKNOWN: Final = "–"
MINUS: Final = "−"
_PREFIXES: Final = ("n", "µ", "m", "", "k", "M", "G", "T", "P")
_ONE: Final = 3
"""Index of the empty prefix."""
_PREFIXED: Final = frozenset({Unit.BYTES, Unit.HERTZ, Unit.WATT, Unit.VOLT, Unit.AMPERE, Unit.JOULE})
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def number(value: float | None, digits: int = 3) -> str:
    """At least that many significant digits; whole digits are never rounded away: ``18.4``, ``0.170``, ``12,345``."""
    if value is None or math.isnan(value):
        return UNKNOWN
    return _signed(value, _magnitude(abs(value), digits))


def si(value: float | None, unit: str, digits: int = 3) -> str:
    """With the SI prefix that leaves one to three digits before the point: ``412 mW``, ``1.90 GHz``."""
    return _prefixed(value, unit, digits, smallest=0)


def byte_count(value: float | None, digits: int = 2) -> str:
    """Decimal bytes: ``1.9 GB``, ``637 MB``, ``12 B``."""
    return _prefixed(value, Unit.BYTES, digits, smallest=_ONE)


def rate(value: float | None, digits: int = 3) -> str:
    """Tokens per second: ``18.4 tok/s``."""
    return with_unit(number(value, digits), Unit.TOKENS_PER_SECOND)


def celsius(value: float | None) -> str:
    """One decimal: ``71.2 °C``."""
    return with_unit(fixed(value, 1), Unit.CELSIUS)


def percent(value: float | None, decimals: int = 0, *, signed: bool = False) -> str:
    """Of a value in percent: ``87 %``, signed ``+4 %``, ``−13 %``; what would read as 0 is ``<1 %``."""
    if value is None or math.isnan(value):
        return UNKNOWN
    step = 10**-decimals
    text = fixed(value, decimals)
    if value and not _has_digit(text):
        text = f"<{step:.{decimals}f}" if value > 0 else f">{MINUS}{step:.{decimals}f}"
    elif signed and value > 0:
        text = f"+{text}"
    return with_unit(text, Unit.PERCENT)


def count(value: float | None) -> str:
    """Whole things, grouped: ``1,084``."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if 0 < abs(value) <= 0.5:
        return "<1" if value > 0 else f">{MINUS}1"
    return fixed(value, 0)


def fixed(value: float | None, decimals: int) -> str:
    """That many decimals, for columns; no negative zero."""
    if value is None or math.isnan(value):
        return UNKNOWN
    text = "∞" if math.isinf(value) else f"{abs(value):,.{decimals}f}"
    return _signed(value if _has_digit(text) else 0.0, text)


def seconds(value: float | None, digits: int = 2) -> str:
    """A length of time: ``41 ms``, ``0.41 s``, ``12 s``, ``3 min 21 s``, ``2 h 05 min``, ``3 d 04 h``."""
    if value is None or math.isnan(value):
        return UNKNOWN
    size = abs(value)
    if size < 0.0995:
        return _prefixed(value, Unit.SECOND, digits, smallest=0)
    if size < 99.5 or math.isinf(size):
        return with_unit(number(value, digits), Unit.SECOND)
    return _signed(value, _two_parts(size))


def milliseconds(value: float | None, digits: int = 3) -> str:
    """Of a value in ms: ``41.3 ms``."""
    return with_unit(number(value, digits), "ms")


def clock(value_s: float | None) -> str:
    """Hours, minutes and whole seconds gone by: ``00:03:21``; cut, not rounded, as clocks do."""
    if value_s is None or not math.isfinite(value_s):
        return UNKNOWN
    minutes, sec = divmod(int(abs(value_s)), _MINUTE)
    hours, minute = divmod(minutes, _MINUTE)
    return _signed(value_s if abs(value_s) >= 1 else 0.0, f"{hours:02d}:{minute:02d}:{sec:02d}")


def stamp(value_s: float | None) -> str:
    """A moment of a session, to a tenth: ``01:12.4``, from one hour on ``1:01:12.4``; cut, not rounded."""
    if value_s is None or not math.isfinite(value_s):
        return UNKNOWN
    tenths = math.floor(abs(value_s) * 10 + 1e-6)
    minutes, rest = divmod(tenths, 600)
    hours, minute = divmod(minutes, _MINUTE)
    head = f"{hours}:{minute:02d}" if hours else f"{minute:02d}"
    return _signed(value_s if tenths else 0.0, f"{head}:{rest // 10:02d}.{rest % 10}")


def age(value_s: float | None) -> str:
    """How long ago: ``now`` under a second, ``3 s ago``, ``12 min ago``, ``5 h ago``, ``9 d ago``; cut, not rounded."""
    if value_s is None or math.isnan(value_s):
        return UNKNOWN
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s")):
        if value_s >= size:
            many = "∞" if math.isinf(value_s) else f"{int(value_s // size):,}"
            return f"{many} {unit} ago"
    return "now"


def measure(value: float | None, unit: Unit, digits: int = 3) -> str:
    """A value in a channel's unit, in that unit's manner: ``3.12 W``, ``1.90 GB``, ``71.2 °C``, ``87 %``, ``12``."""
    if unit in _PREFIXED:
        return _prefixed(value, unit, digits, smallest=_ONE if unit is Unit.BYTES else 0)
    manner = _MANNERS.get(unit)
    return manner(value) if manner else with_unit(number(value, digits), "" if unit is Unit.NONE else unit)


_REASON: Final = 4096
"""Characters of the longest reason; what is longer nobody wrote to be read."""


def with_unit(text: str, unit: str) -> str:
    """``text unit``; the unknown carries no unit."""
    return text if text == UNKNOWN or not unit else f"{text} {unit}"


def words(name: str) -> str:
    """A channel's name for people: ``memory available``. Where one has to be typed, it stands as it is."""
    return name.replace("_", " ")


def plain(text: str, most: int = 120) -> str:
    """Foreign text as one line that is safe to show: unprintable characters are ``?``, the middle is left out."""
    if len(text) > most:
        head = most // 2
        text = f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"
    return "".join(c if c.isprintable() else "?" for c in text)


def whole(text: str) -> str:
    """The same with nothing left out of a reason, whose middle may be what it is about."""
    return plain(text, _REASON)


_MANNERS: Final[Mapping[Unit, Callable[[float | None], str]]] = {
    Unit.CELSIUS: celsius,
    Unit.PERCENT: percent,
    Unit.SECOND: seconds,
    Unit.TOKENS: lambda value: with_unit(count(value), Unit.TOKENS),
    Unit.RPM: lambda value: with_unit(count(value), Unit.RPM),
}


def _prefixed(value: float | None, unit: str, digits: int, *, smallest: int) -> str:
    if value is None or math.isnan(value):
        return UNKNOWN
    if value == 0 or math.isinf(value):
        return with_unit(_signed(value, "∞" if value else "0"), unit)
    index = _prefix(abs(value), digits, smallest)
    scaled = abs(value) / 1000.0 ** (index - _ONE)
    whole = index == smallest == _ONE and scaled == int(scaled)
    text = f"{scaled:.0f}" if whole else _magnitude(scaled, digits)
    return with_unit(_signed(value, text), _PREFIXES[index] + unit)


def _prefix(size: float, digits: int, smallest: int) -> int:
    """Index of the prefix under which the *rounded* number stands between 1 and 1000, as far as prefixes go."""
    exponent = int(f"{size:.{max(digits, 3) - 1}e}".partition("e")[2])
    return min(max(exponent // 3 + _ONE, smallest), len(_PREFIXES) - 1)


def _magnitude(size: float, digits: int) -> str:
    """``size`` ≥ 0 without sign: at least ``digits`` significant ones, all of those before the point."""
    if math.isinf(size):
        return "∞"
    if size == 0:
        return "0"
    mantissa, _, exponent_text = f"{size:.{digits - 1}e}".partition("e")
    exponent = int(exponent_text)
    if not -4 <= exponent <= 15:
        return f"{mantissa}e{exponent}".replace("-", MINUS)
    grouped = "," if size >= 9999.5 else ""
    return f"{size:{grouped}.{max(0, digits - 1 - exponent)}f}"


def _two_parts(size: float) -> str:
    """From 99.5 s on: the two largest of days, hours, minutes, seconds, rounded to the smaller one."""
    units = ((_DAY, _HOUR, "d", "h"), (_HOUR, _MINUTE, "h", "min"), (_MINUTE, 1, "min", "s"))
    for large, small, large_name, small_name in units:
        parts = round(size / small)
        if parts * small >= large:
            first, second = divmod(parts, large // small)
            return (
                f"{first:,} {large_name} {second:02d} {small_name}" if second else f"{first:,} {large_name}"
            )
    return f"{round(size)} s"


def _signed(value: float, text: str) -> str:
    return MINUS + text if value < 0 else text


def _has_digit(text: str) -> bool:
    """Whether anything but zeros is said."""
    return any(c in "123456789∞" for c in text)
