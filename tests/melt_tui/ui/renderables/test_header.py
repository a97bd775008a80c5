import pytest

from melt_tui.ui.renderables.cells import Ink, ink_of, text_of
from melt_tui.ui.renderables.header import HeaderModel, header_line

FULL = HeaderModel(
    recording="REC 00:03:21", session="night-run", devices="4 devices · 2 running", note="some simulated",
    cost="self 1.8 % cpu", clock="23:44:02",
)  # fmt: skip


def test_there_is_room_for_everything() -> None:
    assert text_of([header_line(FULL, 110)]).split("   ")[:1] == [" melt  ● REC 00:03:21"]
    said = text_of([header_line(FULL, 110)])
    for text in ("night-run", "4 devices · 2 running · some simulated", "self 1.8 % cpu", "23:44:02"):
        assert text in said


@pytest.mark.parametrize(
    ("width", "gone"), [(90, {"self"}), (75, {"self", "night-run"}), (56, {"self", "night-run", "some"})]
)
def test_the_less_important_goes_first(width: int, gone: set[str]) -> None:
    said = text_of([header_line(FULL, width)])
    assert len(said) == width
    assert {word for word in ("self", "night-run", "some", "devices") if word not in said} == gone
    assert "REC 00:03:21" in said
    assert "23:44:02" in said


def test_a_problem_is_said_in_the_ink_of_errors() -> None:
    line = header_line(HeaderModel(recording="REC 1", problem="the disk is full", clock="1"), 80)
    assert "NOT RECORDING" in text_of([line])
    assert "REC 1" not in text_of([line])
    assert any(ink_of(style) is Ink.ERROR for text, style in line if "disk" in text)


def test_what_is_shown_is_said() -> None:
    assert "FROZEN 00:01:12" in text_of([header_line(HeaderModel(view="FROZEN 00:01:12"), 60)])
