"""The grid that every window is cut on: decimal levels, columns on whole multiples, so that live and recorded agree."""

from dataclasses import dataclass

LEVELS_NS = tuple(10**k for k in range(6, 14))
"""Widths of the summary levels: 1 ms, 10 ms … 10,000 s. Buckets start on multiples of their width."""

STEPS = 5
"""A column is made of at least this many buckets, so that rounding up costs at most a fifth of the columns."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a window is cut, in the channel's own time: columns at ``start_ns``, ``start_ns + width_ns`` … before ``stop_ns``.

    Both ends are multiples of ``width_ns``, and there is at least one column. ``level_ns`` is as ``choose`` says.
    """

    start_ns: int
    stop_ns: int
    width_ns: int
    level_ns: int | None


def choose(span_ns: int, columns: int) -> tuple[int, int | None]:
    """Column width for a span drawn in that many columns: ``(width_ns, level_ns)``.

    ``width_ns`` is a whole multiple of ``level_ns``, and ``ceil(span / width) <= columns``. ``level_ns`` None:
    columns are too narrow for any level and are cut from the samples themselves. A span of whole columns keeps their
    width: ``choose(k * width, k)`` has the ``width`` that ``choose`` gave.
    """
    target = max(1, -(-max(1, span_ns) // max(1, columns)))
    fitting = [level for level in LEVELS_NS if level * STEPS <= target]
    if not fitting:
        return target, None
    level = fitting[-1]
    return -(-target // level) * level, level


def cut(span_ns: int, columns: int, d0_ns: int, d1_ns: int) -> Cut:
    """The columns of a window over ``span_ns`` of host time that lies at ``d0_ns … d1_ns`` of the channel's own time.

    Every column that holds a moment of ``d0_ns <= t < d1_ns`` is whole in it; when there is none, the one at ``d0_ns``.
    """
    width, level = choose(span_ns, columns)
    start = floor_to(d0_ns, width)
    stop = floor_to(d1_ns + width - 1, width)
    return Cut(start, max(stop, start + width), width, level)


def floor_to(t_ns: int, width_ns: int) -> int:
    """The start of the column that holds ``t_ns``."""
    return t_ns - t_ns % width_ns


def ceil_to(t_ns: int, width_ns: int) -> int:
    """The first column start that is not before ``t_ns``."""
    return floor_to(t_ns + width_ns - 1, width_ns)
