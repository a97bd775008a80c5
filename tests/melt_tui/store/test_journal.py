"""Pages of the journal come back, one by one and side by side."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import DType, Samples
from melt_tui.store.codec import Damaged, pack
from melt_tui.store.journal import EVENT, Page, decode_order, encode_order, kind_of, tail_of
from tests.rigs.sample_blocks import series

pages = st.lists(st.lists(series(3), min_size=1, max_size=3), max_size=4)


@given(pages, st.integers(0, 3))
def test_pages_come_back(drawn: list[list[list[Samples]]], split: int) -> None:
    published: dict[int, list[Samples]] = {}
    order: list[int] = []
    blobs = []
    for page_of in drawn:
        page = Page()
        page.order += [EVENT, -77]
        for blocks in page_of:
            number = 1 + list(DType).index(blocks[0].dtype)
            for block in blocks:
                page.take(number, kind_of(block.dtype), block.n, block)
            published.setdefault(number, []).extend(blocks)
        blobs.append(page.encode())
        order += page.order
    tail = tail_of(blobs[split:], tail_of(blobs[:split]))
    assert tail.order.tolist() == order
    assert {n: list(tail.of(n).samples(("d", "c"))) for n in published} == published  # type: ignore[union-attr]
    assert tail.of(99) is None
    assert tail.bounds == {
        n: (min(min(b.t0_ns, b.t1_ns) for b in many), max(max(b.t0_ns, b.t1_ns) for b in many))
        for n, many in published.items()
    }


@given(series(3), st.data())
def test_the_last_sample_at_a_moment(blocks: list[Samples], data: st.DataObject) -> None:
    page = Page()
    for block in blocks:
        page.take(1, kind_of(block.dtype), block.n, block)
    tail = tail_of([page.encode()])
    for number, block in enumerate(blocks):
        times = [block.time_at(i) for i in range(block.n)]
        step = data.draw(st.sampled_from((-1, 0, 1, 10**12)))
        t_ns = max(times[0], data.draw(st.sampled_from(times)) + step)
        expected = max(i for i, t in enumerate(times) if t <= t_ns)
        at, found = tail.place(number, t_ns)
        assert (at, found) == (expected, times[expected])
        size = len(block.codes) // block.n
        assert tail.code_at(number, at) == block.codes[at * size : (at + 1) * size]


@given(st.lists(st.integers(-(1 << 31), (1 << 31) - 1)))
def test_an_order_comes_back(order: list[int]) -> None:
    assert decode_order(encode_order(order)).tolist() == order


@pytest.mark.parametrize("blob", [b"", b"nonsense", pack(b"short"), pack(bytes([9, 0, 0, 0] * 3))])
def test_damage_is_told(blob: bytes) -> None:
    with pytest.raises(Damaged, match="journal"):
        tail_of([blob])


def test_a_page_whose_parts_do_not_match() -> None:
    blob = pack(np.array([1, 0, 0], "<u4").tobytes() + np.array([5], "<i4").tobytes())
    with pytest.raises(Damaged, match="do not match"):
        tail_of([blob])


def test_a_damaged_order_is_told() -> None:
    with pytest.raises(Damaged, match="order"):
        decode_order(b"nonsense")
