from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.playhead import SPANS_NS, SPEEDS, Mode, Playhead, Reach

S = 1_000_000_000
FIRST = 1_000 * S
LIVE = Reach(FIRST, FIRST + 600 * S, live=True)
SAVED = Reach(FIRST, FIRST + 600 * S, live=False)
NOW = LIVE.edge_ns

moments = st.integers(FIRST - 50 * S, FIRST + 700 * S)
reaches = st.builds(
    lambda length, live: Reach(FIRST, FIRST + length, live=live), st.integers(0, 5000 * S), st.booleans()
)
Step = Callable[[Playhead, int, Reach], Playhead]


def steps() -> st.SearchStrategy[Step]:
    """Everything that a user can do to a playhead."""
    plain: list[Step] = [
        Playhead.frozen, Playhead.playing, Playhead.toggled, Playhead.settled, Playhead.looped,
        Playhead.cursor_kept, lambda p, now, reach: p.pinned(),
    ]  # fmt: skip
    return st.one_of(
        st.sampled_from(plain),
        moments.map(lambda t: lambda p, now, reach: p.sought(t, now, reach)),
        moments.map(lambda t: lambda p, now, reach: p.pointed(t, now, reach)),
        moments.map(lambda t: lambda p, now, reach: p.revealed(t, now, reach)),
        moments.map(lambda t: lambda p, now, reach: p.marker_a(t)),
        moments.map(lambda t: lambda p, now, reach: p.marker_b(t)),
        st.floats(-3, 3).map(lambda x: lambda p, now, reach: p.panned(x, now, reach)),
        st.integers(-3, 3).map(lambda n: lambda p, now, reach: p.zoomed(n, now, reach)),
        st.integers(-3, 3).map(lambda n: lambda p, now, reach: p.faster(n, now, reach)),
        st.tuples(st.sampled_from([0.8, 1.25]), moments).map(
            lambda x: lambda p, now, reach: p.scaled(x[0], x[1], now, reach)
        ),
    )


@given(reaches, st.lists(st.tuples(steps(), st.integers(0, 100 * S)), max_size=12))
def test_whatever_is_done_what_is_shown_exists(reach: Reach, done: list[tuple[Step, int]]) -> None:
    playhead, now = Playhead(), reach.edge_ns
    for step, wait in done:
        now += wait
        if reach.live:
            reach = replace(reach, edge_ns=now)
        playhead = step(playhead, now, reach)
        t0, t1 = playhead.window(now, reach)
        assert reach.first_ns <= playhead.at(now, reach) <= reach.edge_ns
        assert reach.first_ns <= t0 < t1
        assert t0 <= playhead.at(now, reach) <= t1
        assert playhead.span_ns is None or t1 - t0 == playhead.span_ns
        assert playhead.speed in SPEEDS


@given(reaches, moments, st.sampled_from(Mode), st.sampled_from(SPEEDS))
def test_settling_moves_nothing(reach: Reach, t_ns: int, mode: Mode, speed: float) -> None:
    playhead = Playhead(mode=mode, t_ns=t_ns, since_ns=NOW - 3 * S, speed=speed)
    assert playhead.settled(NOW, reach).at(NOW, reach) == playhead.at(NOW, reach)


@given(st.integers(0, 500), st.sampled_from(SPEEDS), st.integers(0, 10**10))
def test_playing_goes_with_the_clock_times_speed(start_s: int, speed: float, waited: int) -> None:
    playhead = Playhead(mode=Mode.PLAYING, t_ns=FIRST + start_s * S, since_ns=NOW, speed=speed)
    expected = min(SAVED.edge_ns, FIRST + start_s * S + round(speed * waited))
    assert playhead.at(NOW + waited, SAVED) == expected


def test_freezing_stands_while_time_goes_on_and_space_again_pins() -> None:
    frozen = Playhead().toggled(NOW, LIVE)
    later = replace(LIVE, edge_ns=NOW + 60 * S)
    assert frozen.mode is Mode.FROZEN
    assert frozen.at(NOW + 60 * S, later) == NOW
    assert frozen.toggled(NOW + 60 * S, later).at(NOW + 60 * S, later) == NOW + 60 * S


def test_panned_back_space_plays_from_there_until_it_has_caught_up() -> None:
    back = Playhead().panned(-0.5, NOW, LIVE)
    assert (back.mode, back.at(NOW, LIVE)) == (Mode.FROZEN, NOW - 60 * S)
    fast = back.toggled(NOW, LIVE).faster(1, NOW, LIVE)
    assert (fast.mode, fast.speed) == (Mode.PLAYING, 2.0)
    caught = replace(LIVE, edge_ns=NOW + 60 * S)
    settled = fast.settled(NOW + 60 * S, caught)
    assert (settled.mode, settled.speed) == (Mode.PINNED, 1.0)


def test_a_recording_ends_standing_and_plays_again_from_its_start() -> None:
    playing = Playhead(mode=Mode.PLAYING, resume=Mode.PLAYING, t_ns=SAVED.edge_ns - S, since_ns=NOW)
    ended = playing.settled(NOW + 5 * S, SAVED)
    assert (ended.mode, ended.at(NOW + 9 * S, SAVED)) == (Mode.FROZEN, SAVED.edge_ns)
    again = ended.toggled(NOW + 9 * S, SAVED)
    assert again.at(NOW + 10 * S, SAVED) == FIRST + S


@given(st.integers(0, 10**12))
def test_a_loop_stays_between_its_markers(waited: int) -> None:
    a, b = FIRST + 10 * S, FIRST + 14 * S
    looping = Playhead().marker_b(a).marker_a(b).looped(NOW, SAVED)
    assert a <= looping.at(NOW + waited, SAVED) <= b
    assert looping.at(NOW + 5 * S, SAVED) == a + S


def test_without_two_markers_there_is_no_loop() -> None:
    assert not Playhead().marker_a(FIRST).looped(NOW, SAVED).loop
    assert not Playhead().marker_a(FIRST).marker_b(FIRST).looped(NOW, SAVED).loop
    assert not Playhead().marker_a(FIRST).marker_b(FIRST + S).looped(NOW, SAVED).marker_a(None).loop


def test_panning_on_beyond_the_newest_moment_pins() -> None:
    back = Playhead().panned(-1, NOW, LIVE)
    assert back.panned(2, NOW, LIVE).mode is Mode.PINNED
    assert back.panned(0.5, NOW, LIVE).at(NOW, LIVE) == NOW - 60 * S


def test_zooming_goes_through_the_steps_up_to_the_whole_session() -> None:
    playhead, seen = Playhead(), []
    for _ in range(5):
        playhead = playhead.zoomed(1, NOW, LIVE)
        seen.append(playhead.span_ns)
    assert seen == [300 * S, 600 * S, None, None, None]
    assert playhead.window(NOW, LIVE) == (FIRST, NOW)
    assert playhead.zoomed(-1, NOW, LIVE).span_ns == 600 * S
    for _ in range(20):
        playhead = playhead.zoomed(-1, NOW, LIVE)
    assert playhead.span_ns == SPANS_NS[0]


@given(st.sampled_from([0.5, 0.8, 1.25, 2.0]), st.integers(300, 400))
def test_a_frozen_zoom_leaves_the_moment_under_the_mouse_in_its_place(factor: float, at_s: int) -> None:
    frozen = Playhead(mode=Mode.FROZEN, t_ns=FIRST + 400 * S, since_ns=NOW)
    about = FIRST + at_s * S
    t0, t1 = frozen.window(NOW, SAVED)
    u0, u1 = frozen.scaled(factor, about, NOW, SAVED).window(NOW, SAVED)
    assert (about - u0) / (u1 - u0) == pytest.approx((about - t0) / (t1 - t0), abs=1e-6)


def test_at_the_beginning_the_charts_fill_from_the_left() -> None:
    young = Reach(FIRST, FIRST + 5 * S, live=True)
    assert Playhead().window(FIRST + 5 * S, young) == (FIRST, FIRST + 120 * S)


def test_what_is_revealed_is_on_screen_with_something_after_it() -> None:
    shown = Playhead().revealed(FIRST + 100 * S, NOW, LIVE)
    t0, _ = shown.window(NOW, LIVE)
    assert shown.cursor_ns == FIRST + 100 * S
    assert shown.at(NOW, LIVE) == FIRST + 112 * S
    assert t0 <= FIRST + 100 * S
    near = Playhead().revealed(NOW - S, NOW, LIVE)
    assert (near.mode, near.cursor_ns) == (Mode.PINNED, NOW - S)


def test_a_cursor_that_has_scrolled_out_of_sight_is_gone() -> None:
    pointed = Playhead().pointed(NOW - 100 * S, NOW, LIVE)
    later = replace(LIVE, edge_ns=NOW + 30 * S)
    assert pointed.cursor_kept(NOW, LIVE).cursor_ns == NOW - 100 * S
    assert pointed.cursor_kept(NOW + 30 * S, later).cursor_ns is None


@pytest.mark.parametrize(("steps_up", "speed"), [(1, 2.0), (9, 64.0), (-1, 0.5), (-9, 0.25)])
def test_speeds_stay_within_their_range(steps_up: int, speed: float) -> None:
    assert Playhead().faster(steps_up, NOW, SAVED).speed == speed
