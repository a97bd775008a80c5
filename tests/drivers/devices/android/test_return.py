"""A phone that was lost and is back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.errors import LinkLost
from drivers.events import LimitEngaged, LimitReleased
from tests.rigs.phones.bench import Bench, BoxBench
from tests.rigs.phones.phone import Phone
from tests.rigs.phones.xiaomi import xiaomi

Plant = Callable[[Callable[[Path], Phone]], BoxBench]


async def test_a_cap_in_force_is_told_again_and_its_release(bench: Plant) -> None:
    one = bench(xiaomi)
    start_khz = int(one.phone.read("sys/devices/system/cpu/cpufreq/policy7/scaling_max_freq"))
    with pytest.raises(LinkLost):
        async with one.open():
            raise LinkLost("the cable was pulled")
    one.phone.cap("policy7", 1_000_000)

    def story(bench: Bench) -> bool:
        if bench.of(LimitEngaged):
            bench.phone.cap("policy7", start_khz)
        return bool(bench.of(LimitReleased))

    async with one.open() as device:
        await one.follow(device, story)
    assert [event.limit for event in one.of(LimitEngaged)] == ["cpu cap policy7"]
    assert [event.limit for event in one.of(LimitReleased)] == ["cpu cap policy7"]
