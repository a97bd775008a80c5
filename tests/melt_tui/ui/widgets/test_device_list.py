"""The devices in a list shorter than they are: what the chosen one says is in sight."""

from dataclasses import replace

from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.renderables.roster import RosterEntry, RosterGroup
from melt_tui.ui.widgets.device_list import DeviceList
from tests.rigs.stage import Stage

PHONE = RosterEntry(key="p", group="adb", title="pixel", state=CardState.IDLE, said="up")
BOARD = RosterEntry(key="b", group="ssh", title="orin", state=CardState.IDLE, said="up")
CHANGED = replace(
    BOARD, reason="its host key has changed", next_step="ask who looks after the board, then press t"
)


def listed(*boards: RosterEntry) -> tuple[RosterGroup, ...]:
    return RosterGroup("Phones over adb", (PHONE,)), RosterGroup("Boards over SSH", boards)


async def test_a_reason_that_comes_later_is_brought_into_sight_unless_it_was_there_already() -> None:
    found = DeviceList()
    app = Stage(found, fill=lambda: found.show(listed(BOARD), "b"))
    async with app.run_test(size=(30, 5)) as pilot:

        async def shown(*boards: RosterEntry, scrolled: int = 0) -> str:
            found._top -= scrolled
            found.show(listed(*boards), "b")
            await pilot.pause()
            return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

        assert "orin" in await shown(BOARD)
        assert "press t" in await shown(CHANGED)
        assert "press t" not in await shown(CHANGED, replace(BOARD, key="other"), scrolled=9)
