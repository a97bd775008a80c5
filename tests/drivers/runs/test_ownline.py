"""Straight lines between measurements of a device's clock."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.events import ClockMeasured
from drivers.links.asking import Offset
from drivers.model import Channel, Quantity, Unit
from drivers.runs.ownline import OwnLine
from melt_tui.timeline.clockmap import ClockMap

FAR = 10**15


def test_between_before_and_after() -> None:
    line = OwnLine([Offset(1_000 + 100, 100, 5), Offset(2_000 + 140, 140, 9)])
    assert [line.host(own_ns) for own_ns in (500, 1_000, 1_500, 2_000, 9_000)] == [
        600,
        1_100,
        1_620,
        2_140,
        9_140,
    ]
    assert [line.own(host_ns) for host_ns in (600, 1_100, 1_620, 2_140, 9_140)] == [
        500,
        1_000,
        1_500,
        2_000,
        9_000,
    ]
    assert [line.uncertainty(own_ns) for own_ns in (500, 1_500, 3_000)] == [5, 9, 9]


def test_a_clock_that_was_set_back_forgets_what_was() -> None:
    line = OwnLine([Offset(5_000, 0, 1)])
    line.add(Offset(6_000, 4_000, 1))
    assert line.host(2_500) == 6_500
    assert OwnLine().known is False
    assert line.known


@given(
    st.lists(st.tuples(st.integers(1, FAR), st.integers(-(10**6), 10**6)), min_size=1, max_size=6),
    st.integers(-FAR, 7 * FAR),
)
def test_it_is_what_everybody_reads(steps: list[tuple[int, int]], own_ns: int) -> None:
    """The clock map of a recording places a sample of an own clock where the run's events are told."""
    line, known = OwnLine(), ClockMap()
    channel = Channel(device="d", name="c", quantity=Quantity.OTHER, unit=Unit.NONE, own_clock=True)
    known.open(channel)
    at_ns, offset_ns = 0, 0
    for run_ns, change_ns in steps:
        at_ns, offset_ns = at_ns + run_ns + 10**6, offset_ns + change_ns
        t_ns = at_ns + offset_ns
        line.add(Offset(t_ns, offset_ns, 7))
        known.learn(
            ClockMeasured(t_ns=t_ns, device="d", offset_ns=offset_ns, uncertainty_ns=7, origin="round trip")
        )
    host_ns = line.host(own_ns)
    assert host_ns == known.to_host(("d", "c"), own_ns)
    assert abs(line.own(host_ns) - own_ns) <= 3
