from dataclasses import replace

from melt_tui.ui.renderables.cells import Ground, Ink, ground_of, text_of
from melt_tui.ui.renderables.event_lines import LINES_AT_MOST, EventLine, event_lines

LINE = EventLine(5, "01:12.4", "pixel-8", Ink.DEVICE_0, "throttled\x1b[2J", Ink.WARNING)


def test_a_line_says_when_who_and_what_without_escapes() -> None:
    assert (
        text_of(list(event_lines(LINE, 50, chosen=False))).rstrip() == " 01:12.4 pixel-8      throttled␛[2J"
    )
    assert text_of(list(event_lines(LINE, 30, chosen=False))).rstrip() == " 01:12.4 throttled␛[2J"


def test_the_chosen_one_lies_on_its_own_ground() -> None:
    assert {ground_of(style) for line in event_lines(LINE, 50, chosen=True) for _, style in line} == {
        Ground.SELECTED
    }


def test_why_it_happened_is_wrapped_under_its_beginning() -> None:
    why = replace(LINE, text="throttling onset: thermal SEVERE, 75.6 °C")
    assert text_of(list(event_lines(why, 30, chosen=False))).split("\n") == [
        " 01:12.4 throttling onset:    ",
        "         thermal SEVERE, 75.6 ",
        "         °C                   ",
    ]
    assert len(list(event_lines(replace(LINE, text="x " * 99), 30, chosen=False))) == LINES_AT_MOST
