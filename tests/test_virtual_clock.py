import asyncio

from drivers.clock import SECOND, pause
from drivers.ticks import ticks
from tests.rigs.virtual_clock import VirtualClock


async def test_sleepers_wake_in_the_order_of_their_times(virtual_clock: VirtualClock) -> None:
    woken: list[tuple[str, int]] = []
    start = virtual_clock.now()

    async def sleeper(name: str, *moments: float) -> None:
        for moment in moments:
            await virtual_clock.sleep_until(start + round(moment * SECOND))
            woken.append((name, virtual_clock.now() - start))

    await asyncio.gather(sleeper("a", 3, 3.5), sleeper("b", 1, 3), sleeper("c", 2))
    assert woken == [
        ("b", 1 * SECOND),
        ("c", 2 * SECOND),
        ("a", 3 * SECOND),
        ("b", 3 * SECOND),
        ("a", 3 * SECOND + SECOND // 2),
    ]


async def test_time_waits_for_work_that_is_ready(virtual_clock: VirtualClock) -> None:
    seen: list[int] = []

    async def busy() -> None:
        for _ in range(50):
            await asyncio.sleep(0)
            seen.append(virtual_clock.now())

    start = virtual_clock.now()
    await asyncio.gather(pause(virtual_clock, 5), busy())
    assert set(seen) == {start}
    assert virtual_clock.now() == start + 5 * SECOND


async def test_a_sleeper_that_was_cancelled_is_forgotten(virtual_clock: VirtualClock) -> None:
    sleeper = asyncio.create_task(pause(virtual_clock, 1))
    await asyncio.sleep(0)
    sleeper.cancel()
    start = virtual_clock.now()
    await virtual_clock.run_for(3)
    assert virtual_clock.now() == start + 3 * SECOND
    assert sleeper.cancelled()


async def test_ticks_come_on_their_grid(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    seen = []
    async for t_ns in ticks(virtual_clock, SECOND // 10):
        seen.append(t_ns - start)
        if len(seen) == 4:
            break
    assert seen == [0, SECOND // 10, SECOND // 5, 3 * SECOND // 10]
    assert virtual_clock.wall() > 10**18
