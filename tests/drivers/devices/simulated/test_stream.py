from contextlib import aclosing
from statistics import pstdev

import numpy as np
import pytest

from drivers.clock import SECOND
from drivers.devices.simulated.stream import BLOCK_LIMIT, NOISE_LSB, StreamDriver
from drivers.errors import NotSupported
from drivers.model import DType, Samples
from tests.rigs.virtual_clock import VirtualClock


async def blocks(clock: VirtualClock, address: str, seconds: float) -> list[Samples]:
    until_ns = clock.now() + round(seconds * SECOND)
    found: list[Samples] = []
    async with StreamDriver().open(address, "fast", clock) as device, aclosing(device.stream()) as stream:
        async for item in stream:
            assert isinstance(item, Samples)
            if clock.now() > until_ns:
                return found
            found.append(item)
    raise AssertionError


async def test_blocks_are_dense_even_and_without_gaps(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    found = await blocks(virtual_clock, "sim:stream?rate=100000", 1)
    assert sum(one.n for one in found) == 100_000
    assert {one.n for one in found} == {4000}
    i = 0
    for one in found:
        assert one.dtype is DType.U16
        for k in (0, 1, 1999, one.n - 1):
            assert one.time_at(k) == start + (i + k) * 10_000
        i += one.n


async def test_noise_is_twelve_codes(virtual_clock: VirtualClock) -> None:
    found = await blocks(virtual_clock, "sim:stream?rate=20000&block=20", 2)
    codes = np.frombuffer(b"".join(one.codes for one in found), "<u2")
    assert pstdev(codes.tolist()) == pytest.approx(NOISE_LSB, rel=0.03)
    assert len(np.unique(codes[:1000])) > 40


async def test_the_same_seed_gives_the_same_codes_in_blocks_of_any_size() -> None:
    async def codes(address: str) -> bytes:
        return b"".join(one.codes for one in await blocks(VirtualClock(), address, 4))

    one = await codes("sim:stream?rate=1000&seed=5&block=40")
    assert one == await codes("sim:stream?rate=1000&seed=5&block=20")
    assert one != await codes("sim:stream?rate=1000&seed=6&block=40")


async def test_a_late_reader_gets_bounded_blocks(virtual_clock: VirtualClock) -> None:
    address = "sim:stream?rate=1000000"
    async with (
        StreamDriver().open(address, "fast", virtual_clock) as device,
        aclosing(device.stream()) as stream,
    ):
        first = await anext(stream)
        virtual_clock.t_ns += SECOND
        late = [await anext(stream) for _ in range(16)]
    assert isinstance(first, Samples)
    sizes = [one.n for one in late if isinstance(one, Samples)]
    assert max(sizes) == BLOCK_LIMIT
    assert sum(sizes) == 1_000_000 + 40_000


@pytest.mark.parametrize("options", ["rate=0", "rate=1e9", "rate=1.5", "block=0", "colour=red"])
async def test_wrong_addresses_are_refused(virtual_clock: VirtualClock, options: str) -> None:
    with pytest.raises(NotSupported):
        async with StreamDriver().open(f"sim:stream?{options}", "fast", virtual_clock):
            pass
    assert await StreamDriver().scan() == ()
