"""The line in which one types what to find in the log."""

from typing import Any

from textual.widgets import Input

from tests.rigs.pilots import bench_of, press, settle


async def test_escape_leaves_it_and_the_next_search_begins_empty(desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        box = bench_of(app).query_one("#search", Input)
        await press(pilot, "slash", *"task", "escape")
        await settle(pilot)
        assert not box.display
        assert not box.has_focus
        await press(pilot, "t")
        assert bench_of(app)._view.pane == "turns"
        for leave in ("escape", "enter"):
            await press(pilot, "slash")
            await settle(pilot)
            assert (box.display, box.has_focus, box.value) == (True, True, "")
            await press(pilot, *"task", leave)
