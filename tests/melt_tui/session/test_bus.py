"""The bus hands on in order, and keeps bulk streams from those who did not ask."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from drivers.base import Item
from drivers.events import (
    ChannelsOpened,
)
from drivers.model import (
    Quantity,
    Samples,
    reading,
)
from melt_tui.session.bus import Bus
from tests.rigs.session_parts import CHANNEL, Collected, SteppedClock


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def bus(collected: Collected) -> Bus:
    return Bus((collected,))


class Doubling:
    """A transform that answers every temperature with twice its value, and a tick with nothing."""

    quantities = frozenset({Quantity.TEMPERATURE})

    def feed(self, item: Item) -> Iterable[Item]:
        if isinstance(item, Samples):
            yield reading(
                replace(CHANNEL, name="double", quantity=Quantity.OTHER), item.t0_ns, item.last_code * 2
            )


def test_bus_hands_each_item_to_every_sink_then_what_follows_from_it() -> None:
    first, second = Collected(), Collected()
    bus = Bus((first, second), (Doubling(),))
    opened = ChannelsOpened(t_ns=0, device="dev", channels=(CHANNEL,))
    sample = reading(CHANNEL, 5, 21.0)
    bus.publish(opened)
    bus.publish(sample)
    assert first.items == second.items == [opened, sample, reading(replace(CHANNEL, name="double"), 5, 42.0)]


def test_bus_keeps_a_bulk_stream_from_a_transform_that_did_not_ask() -> None:
    seen = Collected()
    bus = Bus((seen,), (Doubling(),))
    power = replace(CHANNEL, name="power", quantity=Quantity.POWER)
    bus.publish(ChannelsOpened(t_ns=0, device="dev", channels=(power,)))
    bus.publish(reading(power, 5, 3.0))
    assert len(seen.items) == 2


def test_what_a_device_kept_reaches_the_sinks_and_no_transform(collected: Collected) -> None:
    """It comes late: nothing that follows from the moment may be taken from it."""
    kept = replace(CHANNEL, name="kept soc", fills=("soc",))
    told = Told()
    bus = Bus((collected,), (told,))
    items = (
        ChannelsOpened(t_ns=1, device="dev", channels=(CHANNEL, kept)),
        reading(kept, 1, 40.0),
        reading(CHANNEL, 2, 41.0),
    )
    for item in items:
        bus.publish(item)
    assert collected.items == [*items]
    assert told.items == [replace(items[0], channels=(CHANNEL,)), items[2]]


class Told:
    """A transform that only listens to temperatures."""

    quantities = frozenset({Quantity.TEMPERATURE})

    def __init__(self) -> None:
        self.items: list[Item] = []

    def feed(self, item: Item) -> Iterable[Item]:
        self.items.append(item)
        return ()
