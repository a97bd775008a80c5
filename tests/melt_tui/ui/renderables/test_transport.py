import pytest

from melt_tui.ui.commands import BY_NAME
from melt_tui.ui.renderables.cells import text_of
from melt_tui.ui.renderables.transport import TransportModel, buttons, command_at, transport_line

MODEL = TransportModel(
    name="a.melt",
    start="00:00:00",
    now="01:00.0",
    end="00:03:00",
    share=0.5,
    speed="×1",
    playing=False,
    looping=False,
)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_strip_has_its_width(width: int) -> None:
    line = text_of([transport_line(MODEL, width)])
    assert len(line) == width
    assert ("a.melt" in line) is (width >= 100)


def test_start_now_and_end_stand_in_order() -> None:
    line = text_of([transport_line(MODEL, 120)])
    assert line.index("00:00:00") < line.index("01:00.0") < line.index("00:03:00")
    assert abs(line.count("━") - line.count("─")) <= 1


def test_every_button_is_a_command_and_is_found_by_the_mouse() -> None:
    assert {command for _, command in buttons(MODEL)} <= set(BY_NAME)
    line = text_of([transport_line(MODEL, 120)])
    for sign, command in buttons(MODEL):
        assert command_at(MODEL, line.index(sign.strip())) == command
    assert command_at(MODEL, 0) is None
    assert command_at(MODEL, 100) is None


def test_while_it_plays_the_button_freezes() -> None:
    playing = TransportModel(
        name="", start="", now="", end="", share=0.0, speed="×4", playing=True, looping=True
    )
    assert {"freeze", "loop"} <= {command for _, command in buttons(playing)}
    assert "❚❚" in text_of([transport_line(playing, 80)])
