import asyncio
from typing import Any

import pytest
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key, MouseMove

from melt_tui.ui import haste
from melt_tui.ui.haste import Haste, listening


def test_a_key_is_pending_until_it_is_answered() -> None:
    one = Haste()
    pending = [one.pending]
    for told in (one.came, one.answered):
        told()
        pending.append(one.pending)
    assert pending == [False, True, False]


def test_a_key_that_nothing_answers_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    at_s = 1000.0
    monkeypatch.setattr(haste, "monotonic", lambda: at_s)
    one = Haste()
    one.came()
    at_s += 0.039
    assert one.pending
    at_s += 0.002
    assert not one.pending


async def test_a_driver_tells_of_a_key_before_the_app_has_it() -> None:
    one, app = Haste(), App[None]()
    driver: Any = listening(HeadlessDriver, one)(app)
    driver._loop = asyncio.get_running_loop()
    came: list[bool] = []

    async def posted(message: object) -> None:
        came.append(one.pending)

    app._post_message = posted  # type: ignore[assignment, method-assign]
    moved = MouseMove(None, 1, 1, 0, 0, 0, shift=False, meta=False, ctrl=False)
    await asyncio.to_thread(driver.process_message, moved)
    await asyncio.to_thread(driver.process_message, Key("a", "a"))
    await asyncio.sleep(0)
    assert came == [False, True]
