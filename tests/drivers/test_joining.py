"""Rounds that were told at once: no reading is lost, moved in time or doubled."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Item
from drivers.events import LimitEngaged
from drivers.joining import joined
from drivers.model import Channel, DType, Quantity, Samples, Unit, block, reading, uneven_block


def channel(name: str, dtype: DType = DType.F64) -> Channel:
    return Channel(
        device="phone", name=name, quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, dtype=dtype, rate_hz=10.0
    )


SOC, SKIN = channel("soc"), channel("skin", DType.I32)


def limit(t_ns: int) -> LimitEngaged:
    return LimitEngaged(t_ns=t_ns, device="phone", limit="soc", reason="thermal")


def test_two_rounds_are_a_block_of_two_for_each_channel() -> None:
    first: list[Item] = [reading(SOC, 10, 41.0), reading(SKIN, 10, 33), limit(10)]
    second: list[Item] = [reading(SOC, 20, 42.0), reading(SKIN, 21, 34), limit(20)]
    assert joined([first, second]) == [
        block(SOC, 10, 20, [41.0, 42.0]),
        block(SKIN, 10, 21, [33, 34]),
        limit(10),
        limit(20),
    ]


def test_more_rounds_are_a_block_whose_samples_have_their_own_times() -> None:
    told: list[list[Item]] = [
        [reading(SOC, t_ns, 40.0 + t_ns), reading(SKIN, t_ns, t_ns)] for t_ns in (10, 21, 30)
    ]
    soc, skin = joined(told)
    assert soc == uneven_block(SOC, [10, 21, 30], [50.0, 61.0, 70.0])
    assert skin == uneven_block(SKIN, [10, 21, 30], [10, 21, 30])
    assert isinstance(soc, Samples)
    assert isinstance(skin, Samples)
    assert soc.times is skin.times, "one object for all that was read together"


def test_what_does_not_follow_stays_as_it_is() -> None:
    one = reading(SOC, 10, 41.0)
    for other in (
        reading(SOC, 10, 42.0),
        reading(SOC, 9, 42.0),
        reading(channel("soc", DType.F32), 20, 42.0),
        block(SOC, 20, 30, [1.0, 2.0]),
        uneven_block(SOC, [20], [1.0]),
        reading(SOC, 20, 1.0)._replace(device="other"),
    ):
        assert joined([[one], [other]]) == [one, other]
    assert joined([]) == joined([[], []]) == []


def test_a_round_that_reads_more_than_the_other() -> None:
    soc, skin = (
        [reading(SOC, t_ns, t_ns) for t_ns in (10, 20)],
        [reading(SKIN, t_ns, t_ns) for t_ns in (10, 20)],
    )
    both = block(SOC, 10, 20, [10, 20])
    assert joined([[soc[0]], [soc[1], skin[1]]]) == [both, skin[1]]
    assert joined([[soc[0], skin[0]], [soc[1]]]) == [both, skin[0]]
    assert joined([[skin[0], soc[0]], [soc[1]]]) == [skin[0], both]


def test_a_round_that_reads_a_channel_twice_keeps_its_order() -> None:
    first, again, later, last = (
        reading(SOC, t_ns, value) for t_ns, value in ((10, 1), (10, 2), (20, 3), (20, 4))
    )
    assert joined([[first, again], [later, last]]) == [first, block(SOC, 10, 20, [2, 3]), last]
    assert joined([[first, again], [later]]) == [first, block(SOC, 10, 20, [2, 3])]


@st.composite
def rounds(draw: st.DrawFn) -> list[list[Item]]:
    made: list[list[Item]] = []
    t_ns = 0
    for _ in range(draw(st.integers(0, 6))):
        t_ns += draw(st.integers(0, 3))
        some = draw(st.lists(st.sampled_from([SOC, SKIN, None]), max_size=5))
        made.append(
            [limit(t_ns) if one is None else reading(one, t_ns, draw(st.integers(0, 99))) for one in some]
        )
    return made


@given(rounds())
def test_every_reading_keeps_its_time_its_value_and_its_order(made: list[list[Item]]) -> None:
    told = [item for one in made for item in one]
    items = joined(made)
    assert readings(items) == readings(told)
    assert [item for item in items if not isinstance(item, Samples)] == [
        item for item in told if not isinstance(item, Samples)
    ]


def readings(items: list[Item]) -> dict[str, list[tuple[int, bytes]]]:
    found: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for item in items:
        if isinstance(item, Samples):
            size = len(item.codes) // item.n
            found[item.channel] += [
                (item.time_at(i), item.codes[i * size : (i + 1) * size]) for i in range(item.n)
            ]
    return found
