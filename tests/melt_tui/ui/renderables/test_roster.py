from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.renderables.cells import Ground, ground_of, text_of
from melt_tui.ui.renderables.roster import RosterEntry, RosterGroup, Standing, roster
from melt_tui.ui.renderables.text import cell_count

PHONE = RosterEntry(
    key="p", group="adb", title="pixel-8", state=CardState.IDLE, said="up", address="adb:X1", detail="Pixel 8",
    device="pixel-8", saved="pixel-8", colour=1,
)  # fmt: skip
NEW = RosterEntry(
    key="n", group="adb", title="Galaxy S24", state=Standing.NOT_READY, address="adb:X2",
    reason="phone says unauthorised", next_step="accept the prompt on its screen",
)  # fmt: skip
GROUPS = (
    RosterGroup("Phones over adb", (PHONE, NEW), "none was found"),
    RosterGroup("Boards over SSH", (), "none is kept: a adds one"),
)


def test_groups_with_their_devices_reasons_and_next_steps() -> None:
    picture = roster(GROUPS, "n", 80)
    assert [line.rstrip() for line in text_of(picture.lines).split("\n")] == [
        " Phones over adb",
        " ■ ○ pixel-8     up          Pixel 8                                adb:X1 kept",
        "▸  ! Galaxy S24                                                          adb:X2",
        "     phone says unauthorised: accept the prompt on its screen",
        "",
        " Boards over SSH",
        "     none is kept: a adds one",
    ]
    assert picture.owners == ("", "p", "n", "n", "", "", "")
    assert {ground_of(style) for _, style in picture.lines[3]} == {Ground.SELECTED}


def test_a_long_next_step_is_broken_and_never_cut() -> None:
    text = text_of(roster(GROUPS, "", 40).lines)
    assert "phone says unauthorised: accept" in text
    assert "the prompt on its screen" in text


@given(st.integers(1, 200), st.text(max_size=60), st.text(max_size=60))
def test_any_line_takes_exactly_its_cells(width: int, title: str, reason: str) -> None:
    one = RosterEntry(
        key="k", group="g", title=title, state=CardState.LOST, said=title, address=reason, reason=reason,
        saved="k", simulated=True, colour=3,
    )  # fmt: skip
    picture = roster((RosterGroup(title, (one,)),), "k", width)
    assert len(picture.lines) == len(picture.owners)
    assert {sum(cell_count(text) for text, _ in line) for line in picture.lines} == {width}
