"""Moments at random: all of a period alike, never close together, none made up for."""

from contextlib import aclosing
from random import Random

import numpy as np
import pytest

from drivers.ticks import scattered
from tests.rigs.virtual_clock import VirtualClock


async def test_each_period_has_one_moment_and_all_of_it_are_alike() -> None:
    clock = VirtualClock(0)
    async with aclosing(scattered(clock, lambda: 1000, Random(1))) as ticks:
        moments = np.array([await anext(ticks) for _ in range(2000)])
    assert (moments // 1000 == np.arange(2000)).all()
    assert np.histogram(moments % 1000, 4)[0] == pytest.approx([500] * 4, rel=0.15)


async def test_moments_keep_their_distance() -> None:
    clock = VirtualClock(0)
    async with aclosing(scattered(clock, lambda: 1000, Random(1), 200)) as ticks:
        moments = np.array([await anext(ticks) for _ in range(500)])
    assert np.diff(moments).min() == 200
    assert np.diff(moments).mean() == pytest.approx(1000, rel=0.01)


async def test_what_was_missed_is_left_out() -> None:
    clock = VirtualClock(0)
    async with aclosing(scattered(clock, lambda: 1000, Random(1))) as ticks:
        await anext(ticks)
        clock.t_ns = 10_000
        after = [await anext(ticks) for _ in range(3)]
    assert [t // 1000 for t in after] == [10, 11, 12]
