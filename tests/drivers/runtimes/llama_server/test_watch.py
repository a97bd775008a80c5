"""A server that somebody else drives."""

import struct
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Item
from drivers.events import TurnEnd, TurnEnded, TurnStarted
from drivers.model import Samples
from drivers.runtimes.llama_server.channels import polled_channel
from drivers.runtimes.llama_server.protocol import Slot
from drivers.runtimes.llama_server.watch import SlotReader

CHANNEL = polled_channel("box")


def busy(task: int, tokens: int, slot: int = 0) -> Slot:
    return Slot(slot=slot, busy=True, task=task, prompt_tokens=4, cached_tokens=2, output_tokens=tokens)


def idle(slot: int = 0) -> Slot:
    return Slot(slot=slot, busy=False, task=None, prompt_tokens=None, cached_tokens=None, output_tokens=None)


def watched(*looks: Sequence[Slot]) -> tuple[SlotReader, list[Item]]:
    reader = SlotReader(CHANNEL, "r")
    return reader, [item for t_ns, slots in enumerate(looks) for item in reader.read(t_ns, slots)]


def counts(items: Sequence[Item]) -> list[tuple[int, int]]:
    return [(b.t0_ns, struct.unpack("<q", b.codes)[0]) for b in items if isinstance(b, Samples)]


def test_a_turn_from_idle_to_idle() -> None:
    _, items = watched([idle()], [busy(7, 0)], [busy(7, 3)], [busy(7, 8)], [idle()])
    assert items[0] == TurnStarted(t_ns=1, device="box", run="r", turn=1)
    assert counts(items) == [(2, 3), (3, 8)]
    assert items[-1] == TurnEnded(
        t_ns=4, device="box", run="r", turn=1, end=TurnEnd.EOS, prompt_tokens=4, cached_tokens=2,
        output_tokens=None, approximate=True, detail="at least 8 output tokens, seen by polling",
    )  # fmt: skip


def test_turns_that_follow_at_once_count_through() -> None:
    _, items = watched([busy(1, 5)], [busy(2, 2)], [busy(2, 6)])
    assert counts(items) == [(0, 5), (1, 7), (2, 11)]
    assert [type(item).__name__ for item in items] == [
        "TurnStarted", "Samples", "TurnEnded", "TurnStarted", "Samples", "Samples",
    ]  # fmt: skip


def test_slots_side_by_side() -> None:
    _, items = watched(
        [busy(1, 1), busy(2, 1, slot=1)], [busy(1, 4), busy(2, 3, slot=1)], [idle(), busy(2, 5, slot=1)]
    )
    assert counts(items) == [(0, 2), (1, 7), (2, 9)]
    assert [item.turn for item in items if isinstance(item, TurnEnded)] == [1]


def test_a_look_without_news_is_no_sample() -> None:
    _, items = watched([busy(1, 5)], [busy(1, 5)])
    assert counts(items) == [(0, 5)]


def test_what_goes_on_when_nobody_looks() -> None:
    reader, _ = watched([busy(1, 5)])
    (ended,) = reader.left(9)
    assert isinstance(ended, TurnEnded)
    assert (ended.end, ended.detail) == (TurnEnd.STOPPED, "it is not watched any more")
    assert list(reader.left(10)) == []


SLOTS = st.builds(
    Slot,
    st.integers(0, 2),
    st.booleans(),
    st.none() | st.integers(0, 2),
    st.none(),
    st.none(),
    st.none() | st.integers(0, 9),
)


@given(st.lists(st.lists(SLOTS, max_size=3), max_size=12))
def test_counts_rise_and_turns_pair_whatever_is_told(looks: list[list[Slot]]) -> None:
    reader, items = watched(*looks)
    items += reader.left(len(looks))
    seen = [count for _, count in counts(items)]
    assert all(a < b for a, b in pairwise(seen))
    started = [item.turn for item in items if isinstance(item, TurnStarted)]
    ended = [item.turn for item in items if isinstance(item, TurnEnded)]
    assert started == sorted(started)
    assert sorted(ended) == started
