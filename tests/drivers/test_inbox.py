"""Waiting for several things at once."""

import asyncio

import pytest

from drivers.inbox import Ended, Inbox


async def test_items_come_in_order() -> None:
    async with Inbox() as inbox:
        inbox.put(1)
        inbox.put("a")
        assert [await inbox.take(), await inbox.take()] == [1, "a"]


async def test_a_listener_tells_its_end_and_its_error() -> None:
    async def work(*, fail: bool) -> None:
        inbox.put("heard")
        if fail:
            raise ValueError("no")

    async with Inbox() as inbox:
        inbox.listen("good", work(fail=False))
        assert [await inbox.take(), await inbox.take()] == ["heard", Ended("good", None)]
        inbox.listen("bad", work(fail=True))
        assert await inbox.take() == "heard"
        ended = await inbox.take()
        assert isinstance(ended, Ended)
        assert (ended.listener, str(ended.error)) == ("bad", "no")


async def test_leaving_waits_for_the_cleaning_up() -> None:
    said = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            said.append("clean")

    async with Inbox() as inbox:
        inbox.listen("one", work())
        inbox.listen("two", work())
        await asyncio.sleep(0)
    assert said == ["clean", "clean"]


async def test_a_dismissed_listener_is_forgotten() -> None:
    async def fail() -> None:
        raise ValueError("late")

    async with Inbox() as inbox:
        task = inbox.listen("bad", fail())
        await asyncio.wait([task])
        await asyncio.sleep(0)
        await inbox.dismiss(task)
        inbox.put("next")
        assert await inbox.take() == "next"


async def test_a_listener_that_nobody_dismissed_always_tells_its_end() -> None:
    """Also where it ended because something that it waited for was cancelled by its owner."""
    owned: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await owned

    async with asyncio.timeout(5), Inbox() as inbox:
        inbox.listen("one", work())
        await asyncio.sleep(0)
        owned.cancel()
        ended = await inbox.take()
        assert isinstance(ended, Ended)
        assert (ended.listener, str(ended.error)) == ("one", "what one waited for was cancelled")


async def test_more_takes_what_waits_in_front() -> None:
    async with Inbox() as inbox:
        for item in (1, 2, "a", 3):
            inbox.put(item)
        assert inbox.more(int) == [1, 2]
        assert inbox.more(int) == []
        inbox.drop(str)
        assert await inbox.take() == 3


async def test_a_taker_wakes() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        inbox.put("x")

    async with Inbox() as inbox:
        inbox.listen("late", work())
        assert await inbox.take() == "x"


async def test_an_error_in_the_block_passes() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        async with Inbox() as inbox:
            inbox.listen("one", work())
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
