"""Record, replay: identical items. What transforms derive is left out and derived again."""

import asyncio
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, Quantity, Samples, Unit, reading
from melt_tui.errors import BadRecording
from melt_tui.events import SELF, DerivedEvent, Mark, SessionStarted
from melt_tui.session.bus import Bus
from melt_tui.store.recording import Recording
from melt_tui.store.replay import Replay
from tests.rigs.random_sessions import Step, session, steps
from tests.rigs.virtual_clock import VirtualClock
from tests.rigs.written import folder, small_scale, write

WATT = Channel(device="d", name="power", quantity=Quantity.POWER, unit=Unit.WATT)
DOUBLE = Channel(
    device="d", name="double", quantity=Quantity.OTHER, unit=Unit.WATT, provenance="2 power", derived=True
)


class Kept:
    """Sink that keeps what it takes."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def take(self, item: Item) -> None:
        self.items.append(item)


class Doubling:
    """Transform that derives a channel."""

    quantities = frozenset({Quantity.POWER})

    def feed(self, item: Item) -> Iterable[Item]:
        if isinstance(item, ChannelsOpened) and WATT in item.channels:
            yield ChannelsOpened(t_ns=item.t_ns, device="d", channels=(DOUBLE,))
        elif isinstance(item, Samples):
            yield reading(DOUBLE, item.t0_ns, 2 * item.last_code)


def replayed(source: Path | Recording, *transforms: Doubling) -> list[Item]:
    kept = Kept()
    asyncio.run(Replay(source, VirtualClock()).run(Bus([kept], transforms)))
    return kept.items


@given(steps(), st.sampled_from((1, 4, 1000)), st.sampled_from((1, 3)), st.sampled_from((64.0, 2000.0)))
@settings(max_examples=40, deadline=None)
def test_record_replay_identical(taken: list[Step], size: int, minute: int, slow_hz: float) -> None:
    items = session(taken)
    with folder() as place, small_scale(slow_hz):
        write(place / "a.melt", items, size=size, minute=minute)
        assert replayed(place / "a.melt") == [item for item in items if not isinstance(item, DerivedEvent)]


def test_what_is_derived_is_derived_again(tmp_path: Path) -> None:
    measured: list[Item] = [
        SessionStarted(t_ns=0, device=SELF, wall_ns=0, name="s", version="1", host="h"),
        ChannelsOpened(t_ns=0, device="d", channels=(WATT,)),
        *(reading(WATT, k, k / 2) for k in range(300)),
        Mark(t_ns=9, device=SELF, name="end"),
    ]
    kept = Kept()
    bus = Bus([kept], [Doubling()])
    for item in measured:
        bus.publish(item)
    assert len(kept.items) == 2 * len(measured) - 2
    write(tmp_path / "a.melt", kept.items)
    with closing(Recording(tmp_path / "a.melt")) as recording:
        assert replayed(recording) == measured
        assert replayed(recording, Doubling()) == kept.items
        assert list(recording.items()) == kept.items
        assert recording.meta.name == "s", "what was handed in stays open"


def test_of_an_announcement_the_measured_part_is_left(tmp_path: Path) -> None:
    write(tmp_path / "a.melt", [ChannelsOpened(t_ns=0, device="d", channels=(DOUBLE, WATT))])
    assert replayed(tmp_path / "a.melt") == [ChannelsOpened(t_ns=0, device="d", channels=(WATT,))]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="no recording"):
        replayed(tmp_path / "a.melt")
