import pytest

from melt_tui.timeline.empty import EMPTY
from melt_tui.ui.commands import BY_NAME
from melt_tui.ui.playhead import Mode, Playhead
from melt_tui.ui.viewer import MOVES, Scene, Viewer

S = 1_000_000_000
T0 = 1000 * S
NOW = T0 + 300 * S


def viewer(*, live: bool = True) -> Viewer:
    made = Viewer(Scene(lambda: EMPTY, live=live, span=(T0, T0 + 200 * S)), Playhead())
    made.settle(NOW)
    return made


def moved(*names: str, live: bool = True) -> Viewer:
    made = viewer(live=live)
    for name in names:
        made.move(MOVES[name], NOW)
    return made


def test_every_move_is_a_command() -> None:
    assert set(MOVES) <= set(BY_NAME)


def test_a_session_reaches_to_now_a_recording_to_its_end() -> None:
    assert viewer().reach(NOW).edge_ns == NOW
    assert viewer(live=False).reach(NOW).edge_ns == T0 + 200 * S
    assert [viewer(live=live).ask(NOW, ()).live for live in (True, False)] == [True, False]
    assert viewer().newest
    assert not viewer(live=False).newest


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ((), NOW),
        (("start",), T0),
        (("page_back",), NOW - 120 * S),
        (("pan_back", "pan_back", "pan_on"), NOW - 12 * S),
        (("page_back", "end"), NOW),
        (("zoom_in", "page_back"), NOW - 60 * S),
    ],
)
def test_moves_in_a_session(names: tuple[str, ...], shown: int) -> None:
    assert moved(*names).ask(NOW, ()).t_ns == shown


def test_the_end_of_a_recording_stands() -> None:
    made = moved("start", "play", "end", live=False)
    assert made.playhead.mode is Mode.FROZEN
    assert made.ask(NOW, ()).t_ns == T0 + 200 * S


def test_markers_stand_at_the_cursor_and_are_cleared_together() -> None:
    made = moved("cursor_left", "marker_a", "cursor_left", "cursor_left", "marker_b")
    assert made.playhead.marked == (NOW - 3 * S, NOW - S)
    cleared = moved("cursor_left", "marker_a", "cursor_left", "marker_b", "clear_markers").playhead
    assert (cleared.marked, cleared.cursor_ns) == (None, None)


def test_the_cursor_does_not_leave_what_has_happened() -> None:
    made = moved("cursor_right")
    assert made.playhead.cursor_ns == NOW
    assert made.here(NOW) == NOW
