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


def listed(*boards: RosterEntry, phones: int = 1) -> tuple[RosterGroup, ...]:
    found = tuple(replace(PHONE, key=f"p{number}") for number in range(phones))
    return RosterGroup("Phones over adb", found), RosterGroup("Boards over SSH", boards)


async def test_the_chosen_one_stays_in_sight_with_all_that_it_says_unless_it_was_scrolled_away() -> None:
    found = DeviceList()
    app = Stage(found, fill=lambda: found.show(listed(BOARD), "b"))
    async with app.run_test(size=(30, 5)) as pilot:

        async def shown(groups: tuple[RosterGroup, ...], scrolled: int = 0) -> str:
            found._top -= scrolled
            found.show(groups, "b")
            await pilot.pause()
            return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

        assert "orin" in await shown(listed(BOARD))
        assert "press t" in await shown(listed(CHANGED))
        assert "press t" in await shown(listed(CHANGED, phones=4))
        assert "orin" not in await shown(listed(CHANGED, phones=5), scrolled=9)
