from melt_tui.ui.renderables.cells import text_of
from melt_tui.ui.renderables.key_row import KeyGroup, command_at, fitting, key_row

GROUPS = (
    KeyGroup("Run", (("r", "run"),), stays=True),
    KeyGroup("Event", (("[", "previous_event"), ("]", "next_event"))),
    KeyGroup("Zoom", (("+", "zoom_in"), ("-", "zoom_out"))),
    KeyGroup("Help", (("?", "help"),), stays=True),
)


def test_keys_stand_before_their_labels() -> None:
    assert text_of([key_row(GROUPS, 40)]).rstrip() == " r Run  [ ] Event  +/- Zoom  ? Help"


def test_what_does_not_have_to_stay_goes_first() -> None:
    assert [group.label for group in fitting(GROUPS, 30)] == ["Run", "Event", "Help"]
    assert [group.label for group in fitting(GROUPS, 16)] == ["Run", "Help"]
    assert [group.label for group in fitting(GROUPS, 8)] == ["Run"]


def test_the_mouse_finds_what_it_sees() -> None:
    line = text_of([key_row(GROUPS, 40)])
    found = {command_at(GROUPS, 40, x) for x in range(40)}
    assert found == {"run", "previous_event", "next_event", "zoom_in", "zoom_out", "help", None}
    assert command_at(GROUPS, 40, line.index("]")) == "next_event"
    assert command_at(GROUPS, 40, line.index("Event")) == "previous_event"
    assert command_at(GROUPS, 40, line.index("-")) == "zoom_out"
    assert command_at(GROUPS, 40, line.index("Help")) == "help"
    assert command_at(GROUPS, 40, 39) is None
