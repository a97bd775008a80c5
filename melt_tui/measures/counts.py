"""Between which counts of a counter of energy power is known, and how coarse its steps are.

Imports numpy: reached only where there are samples.
"""

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]

HOLE_PERIODS = 5
"""A gap longer than so many periods is a hole: not bridged."""

MOST_W = 10_000
"""A counter that rises faster did not count: it was set."""

_SECOND_NS = 1e9


def standing(times: Times, values: Values, period_ns: float) -> float:
    """The longest that a counter stands from one step to the next, ns; 0 where most counts differ from the one before.

    A meter that tells whole milliwatt hours a hundred times a second says nothing new for as long as 3.6 J last: its
    power is that between its steps. What stands at either end of what was told without a hole lasts longer than is seen.
    """
    times, values = _last(times, values)
    rises = np.diff(values)
    if 2 * np.count_nonzero(rises == 0) <= len(rises):
        return 0.0
    told = np.diff(times) <= HOLE_PERIODS * period_ns
    stretches = np.flatnonzero((rises != 0) | ~told) + 1
    edges = np.concatenate(([0], stretches, [len(times) - 1]))
    lasted = np.diff(times[edges])
    lasted[:-1][~told[stretches - 1]] = 0
    return float(np.max(lasted))


def steps_of(
    times: Times, values: Values, period_ns: float, wrap: float | None, *, coarse: bool
) -> tuple[Times, Times, Values, Values]:
    """From count to count, power on a level: starts, ends, W, and W once more; of several counts that came at one moment
    the last counts. Where the counter began again, and around a count that stands alone above or below both of its
    neighbours, nothing is known.

    Of a ``coarse`` one from step to step: nothing is known before the first and behind the last of what was told without
    a hole.
    """
    longest_ns = HOLE_PERIODS * period_ns
    broken = (
        np.cumsum(np.append(0, broken_steps(times, values, longest_ns)))
        if wrap is None
        else np.zeros(len(values))
    )
    last = np.flatnonzero(np.diff(times, append=times[-1:] + 1))
    times, steps, rises = times[last], np.diff(times[last]), _rises(values[last], wrap)
    sound = (steps > 0) & (steps <= longest_ns) & (rises >= 0)
    sound &= np.diff(broken[last]) == 0
    sound &= rises <= MOST_W * np.maximum(steps, period_ns) / _SECOND_NS
    starts, ends, gained = times[:-1][sound], times[1:][sound], rises[sound]
    if coarse:
        starts, ends, gained = _from_step_to_step(times, sound, rises)
    level = gained / ((ends - starts) / _SECOND_NS)
    return starts, ends, level, level


def broken_steps(times: Times, values: Values, longest_ns: float) -> NDArray[np.bool_]:
    """Of each step of a counter whether it falls, or is one of two by which it leaves where it was and comes back, with no
    hole in either."""
    falls, whole = np.diff(values) < 0, np.diff(times) <= longest_ns
    back = (falls[:-1] != falls[1:]) & (values[2:] >= values[:-2]) & whole[:-1] & whole[1:]
    falls[:-1] |= back
    falls[1:] |= back
    return falls


def _from_step_to_step(times: Times, sound: NDArray[np.bool_], rises: Values) -> tuple[Times, Times, Values]:
    steps = np.flatnonzero(sound & (rises > 0))
    holes = np.concatenate(([0], np.cumsum(~sound)))[steps]
    joined = holes[1:] == holes[:-1]
    moments = times[steps + 1]
    return moments[:-1][joined], moments[1:][joined], rises[steps][1:][joined]


def _last(times: Times, values: Values) -> tuple[Times, Values]:
    """Of several counts of one moment the last; only those that are numbers."""
    known = np.isfinite(values)
    times, values = times[known], values[known]
    last = np.flatnonzero(np.diff(times, append=times[-1:] + 1))
    return times[last], values[last]


def _rises(values: Values, wrap: float | None) -> Values:
    rises = np.diff(values)
    return rises if wrap is None else np.where(rises < 0, rises + wrap, rises)
