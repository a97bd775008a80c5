"""A level in one row: how far something has come, to an eighth of a cell."""

from math import isnan

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def meter(fraction: float | None, width: int) -> tuple[str, str]:
    """The filled and the empty part of a bar, together exactly ``width`` cells; an unknown fraction is all empty.

    Nothing reads as empty that has begun, and nothing as full that is not done.
    """
    if fraction is None or isnan(fraction) or width <= 0:
        return "", " " * max(0, width)
    eighths = _eighths(fraction, 8 * width)
    whole, part = divmod(eighths, 8)
    filled = _EIGHTHS[8] * whole + (_EIGHTHS[part] if part else "")
    return filled, " " * (width - len(filled))


def _eighths(fraction: float, most: int) -> int:
    if fraction <= 0:
        return 0
    if fraction >= 1:
        return most
    return min(most - 1, max(1, round(fraction * most)))
