from melt_tui.ui.renderables.cells import Ground, Ink, ground_of, text_of
from melt_tui.ui.renderables.event_lines import EventLine, event_line

LINE = EventLine(5, "01:12.4", "pixel-8", Ink.DEVICE_0, "throttled\x1b[2J", Ink.WARNING)


def test_a_line_says_when_who_and_what_without_escapes() -> None:
    assert text_of([event_line(LINE, 50, chosen=False)]).rstrip() == " 01:12.4 pixel-8      throttled␛[2J"
    assert text_of([event_line(LINE, 30, chosen=False)]).rstrip() == " 01:12.4 throttled␛[2J"


def test_the_chosen_one_lies_on_its_own_ground() -> None:
    assert {ground_of(style) for _, style in event_line(LINE, 50, chosen=True)} == {Ground.SELECTED}
