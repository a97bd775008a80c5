from datetime import UTC

from melt_tui.ui.heading import header_model, transport_model, view_word
from melt_tui.ui.look import Ask, take_look
from melt_tui.ui.playhead import Mode, Playhead, Reach
from melt_tui.workbench import Status
from tests.rigs.night_run import T0, Story, at, timeline

LOOK = take_look(timeline(Story()), Ask(t_ns=at(60), t0_ns=at(0), t1_ns=at(60)))
REACH = Reach(at(0), at(60), live=True)


def test_the_header_says_how_the_session_stands() -> None:
    status = Status(session="night-run", recording=True, started_ns=T0)
    model = header_model(LOOK, status, Playhead(), REACH, at(60), UTC)
    assert model.recording == "REC 00:01:00"
    assert model.devices == "4 devices · 3 running"
    assert model.note == "some simulated"
    assert model.cost == "self 1.8 % cpu"
    assert model.clock == "14:14:20"
    assert (model.session, model.view, model.problem) == ("night-run", "", "")


def test_a_problem_of_the_recording_stands_in_place_of_rec() -> None:
    status = Status(session="night-run", recording=False, started_ns=T0, problem="the disk is full")
    model = header_model(LOOK, status, Playhead(), REACH, at(60), UTC)
    assert (model.recording, model.problem) == ("", "the disk is full")


def test_what_is_not_the_newest_is_said() -> None:
    assert view_word(Playhead(mode=Mode.FROZEN), 72.9, live=True) == "FROZEN 00:01:12"
    assert view_word(Playhead(mode=Mode.PLAYING, speed=0.5), 72.0, live=True) == "REPLAY ×0.5 00:01:12"
    assert view_word(Playhead(), 72.0, live=True) == ""


def test_the_transport_says_start_now_and_end() -> None:
    playhead = Playhead(mode=Mode.PLAYING, t_ns=at(15), since_ns=at(500), speed=4.0, loop=True)
    model = transport_model("a.melt", playhead, Reach(at(0), at(60), live=False), at(500), at(0))
    assert (model.start, model.now, model.end) == ("00:00:00", "00:15.0", "00:01:00")
    assert (model.share, model.speed, model.playing, model.looping) == (0.25, "×4", True, True)
