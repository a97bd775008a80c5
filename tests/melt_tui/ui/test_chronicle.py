from typing import Any

from drivers.events import FirstToken, LogLine, OutputText, TurnEnded
from melt_tui.detectors.throttling import Throttling
from melt_tui.events import SELF, DeviceUp, ThrottleSuspected
from melt_tui.session.bus import Bus
from melt_tui.ui.chronicle import AskChronicle, Chronicle, take_chronicle, why_absent
from melt_tui.ui.playhead import Reach
from melt_tui.ui.topics import TOPICS, Stock
from tests.rigs.brute import Brute
from tests.rigs.night_run import HOST, PHONE, Story, at, timeline
from tests.rigs.token_traces import Trace, severe
from tests.rigs.token_traces import at as moment


def taken(t_s: float, *, log: bool = False, **story: Any) -> Chronicle:
    known = timeline(Story(**story))
    reach = Reach(at(0), at(180), live=True)
    wish = AskChronicle(t_ns=at(t_s), reach=reach, selected=PHONE, strip_columns=80, log=log)
    return take_chronicle(known, wish, Stock(known.view(at(t_s))))


def test_events_are_those_worth_reading_up_to_the_moment_in_order() -> None:
    found = taken(80)
    times = [event.t_ns for event in found.events]
    assert times == sorted(times)
    assert max(times) <= at(80)
    assert [e.turn for e in found.events if isinstance(e, FirstToken)] == [1, 1, 1]
    assert not any(isinstance(event, TurnEnded) for event in found.events)
    assert not any(isinstance(event, DeviceUp) and event.device == SELF for event in found.events)


def test_of_throttling_what_came_of_it_is_told_and_a_suspicion_while_it_is_open() -> None:
    def speed(t: float) -> float:
        return 6.0 if 30 < t < 32 else 12.0 if t > 60 else 20.0

    known = Brute()
    bus = Bus((known,), (Throttling(),))
    for item in Trace(speed, others=[severe(61)], seconds=90).items():
        bus.publish(item)

    def told(t_s: float) -> list[str]:
        wish = AskChronicle(t_ns=moment(t_s), reach=Reach(moment(-1), moment(90), live=True))
        found = take_chronicle(known, wish, Stock(known.view(moment(t_s)))).events
        return [type(event).__name__ for event in found if "Throttle" in type(event).__name__]

    assert told(40) == ["ThrottleReference", "ThrottleSuspected"]
    assert told(50) == ["ThrottleReference"]
    assert told(89) == ["ThrottleReference", "ThrottleOnset"]
    assert len(known.events(0, moment(90), kinds=(ThrottleSuspected,))) == 2


def test_the_log_is_asked_only_when_it_is_on_screen() -> None:
    assert taken(80).log == ()
    kinds = {type(event) for event in taken(80, log=True).log}
    assert kinds == {LogLine, OutputText}


def test_absences_are_said_once_and_found_by_what_they_speak_of() -> None:
    absences = taken(80).absences
    temperature = next(topic for topic in TOPICS if topic.title == "SoC")
    assert [a.reason for a in why_absent(temperature, absences)] == ["no temperature sensor on this host"]
    assert why_absent(temperature, absences, PHONE) == []
    assert len(why_absent(temperature, absences, HOST)) == 1


def test_the_strip_shows_the_whole_session_by_the_chosen_device() -> None:
    found = taken(80)
    assert found.trend is not None
    assert found.trend.key == (PHONE, "token_rate")
    assert len(found.trend.starts_ns) <= 81
    assert {interval.device for interval in found.lasting} >= {PHONE}
