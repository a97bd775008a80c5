"""The grid that every window is cut on: decimal levels, columns on whole multiples, so that live and recorded agree."""

LEVELS_NS = tuple(10**k for k in range(6, 14))
"""Widths of the summary levels: 1 ms, 10 ms … 10,000 s. Buckets start on multiples of their width."""

STEPS = 5
"""A column is made of at least this many buckets, so that rounding up costs at most a fifth of the columns."""


def choose(span_ns: int, columns: int) -> tuple[int, int | None]:
    """Column width for a span drawn in that many columns: ``(width_ns, level_ns)``.

    ``width_ns`` is a whole multiple of ``level_ns``, and ``ceil(span / width) <= columns``. ``level_ns`` None:
    columns are too narrow for any level and are cut from the samples themselves.
    """
    target = max(1, -(-max(1, span_ns) // max(1, columns)))
    fitting = [level for level in LEVELS_NS if level * STEPS <= target]
    if not fitting:
        return target, None
    level = fitting[-1]
    return -(-target // level) * level, level


def floor_to(t_ns: int, width_ns: int) -> int:
    """The start of the column that holds ``t_ns``."""
    return t_ns - t_ns % width_ns
