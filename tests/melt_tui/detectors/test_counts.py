"""Counts come one block late: then it is known which of them stand alone."""

from drivers.model import Channel, Kind, Quantity, Samples, Unit, block, reading
from melt_tui.detectors.counts import Counts

S = 1_000_000_000
CHANNEL = Channel(
    device="m", name="energy", quantity=Quantity.ENERGY, unit=Unit.JOULE, kind=Kind.COUNTER, rate_hz=1.0
)


def passed(*blocks: Samples) -> list[tuple[int, int, bool]]:
    counts = Counts()
    return [
        (some.t0_ns // S, some.n, torn)
        for one in blocks
        for some, torn in counts.after(one, CHANNEL.decoding, 5 * S)
    ]


def test_a_block_passes_whole_when_the_next_one_has_come() -> None:
    first, second = block(CHANNEL, S, 3 * S, [1.0, 2.0, 3.0]), reading(CHANNEL, 4 * S, 4.0)
    assert passed(first) == []
    assert passed(first, second) == [(1, 3, False)]


def test_a_count_that_stands_alone_is_told_across_blocks() -> None:
    damaged = [(1, 1, False), (2, 1, True), (3, 1, True), (4, 1, False)]
    for values in ((1.0, 9.0, 3.0, 4.0, 5.0), (5.0, 1.0, 6.0, 7.0, 8.0)):
        assert passed(*(reading(CHANNEL, (i + 1) * S, value) for i, value in enumerate(values))) == damaged
        whole = block(CHANNEL, S, 4 * S, values[:4])
        assert passed(whole, reading(CHANNEL, 5 * S, values[4])) == damaged


def test_what_is_no_number_hides_no_damage() -> None:
    values = [1.0, 9.0, float("nan"), 3.0, 4.0]
    assert passed(block(CHANNEL, S, 5 * S, values), reading(CHANNEL, 6 * S, 5.0)) == [
        (1, 1, False), (2, 1, True), (4, 1, True), (5, 1, False),
    ]  # fmt: skip


def test_beyond_a_hole_nothing_is_known_of_damage() -> None:
    values = [(1, 1.0), (2, 9.0), (8, 3.0), (9, 4.0)]
    assert passed(*(reading(CHANNEL, t * S, value) for t, value in values)) == [
        (1, 1, False), (2, 1, False), (8, 1, True),
    ]  # fmt: skip
