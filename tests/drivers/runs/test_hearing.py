"""What a run listens to while it works."""

import asyncio

import pytest

from drivers.errors import LinkLost
from drivers.events import TurnEnd
from drivers.inbox import Inbox
from drivers.runs.hearing import Cut, Ear, Halt


async def test_a_halt_interrupts_what_is_waited_for() -> None:
    cleaned = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    async with Inbox() as inbox:
        asyncio.get_running_loop().call_soon(inbox.put, Halt(TurnEnd.TIME))
        with pytest.raises(Cut) as cut:
            await Ear(inbox, None).attend("endless", endless())
    assert (cut.value.end, cleaned) == (TurnEnd.TIME, [True])


async def test_what_it_waits_for_may_fail() -> None:
    async def lost() -> None:
        raise LinkLost("gone")

    async with Inbox() as inbox:
        with pytest.raises(LinkLost):
            await Ear(inbox, None).attend("lost", lost())


async def test_other_things_are_passed_over() -> None:
    done: list[bool] = []

    async def work() -> None:
        inbox.put("something")
        done.append(True)

    async with Inbox() as inbox:
        await Ear(inbox, None).attend("work", work())
    assert done == [True]
