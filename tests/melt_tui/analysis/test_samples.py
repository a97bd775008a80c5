"""Times of arrays, against the clock map's own of each."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import Channel, Quantity, Unit
from melt_tui.analysis.samples import to_host
from melt_tui.timeline.clockmap import ClockMap, ClockRow

OWN = Channel(device="d", name="c", quantity=Quantity.OTHER, unit=Unit.NONE, own_clock=True)
NEAR, FAR = st.integers(-(10**6), 10**6), st.integers(-(10**14), 10**14)


@settings(max_examples=80)
@given(
    st.lists(st.tuples(FAR | NEAR, FAR | NEAR), max_size=5),
    st.lists(FAR | NEAR, min_size=1, max_size=8),
    st.none() | NEAR,
)
def test_host_times_are_those_of_the_clock_map(
    rows: list[tuple[int, int]], times: list[int], correction: int | None
) -> None:
    clock = ClockMap()
    clock.open(OWN)
    for t_ns, offset_ns in rows:
        clock.add("d", ClockRow(t_ns, offset_ns, 0, "round trip"))
    if correction is not None:
        clock.correct("d", ClockRow(0, correction, 0, "by hand"))
    told = to_host(clock, OWN.key, np.array(times, np.int64))
    assert told.tolist() == [clock.to_host(OWN.key, t_ns) for t_ns in times]
