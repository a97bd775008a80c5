"""Where the keys that jump lead."""

from melt_tui.events import ThrottleRuledOut, Verdict
from melt_tui.ui.chronicle import AskChronicle, take_chronicle
from melt_tui.ui.jumps import find_event
from melt_tui.ui.playhead import Reach
from melt_tui.ui.topics import Stock
from tests.rigs.brute import Brute
from tests.rigs.night_run import HOST, Story, at, timeline


def steps(known: Brute, here_ns: int, *, forward: bool) -> list[int]:
    found = []
    place = find_event(known, here_ns=here_ns, forward=forward)
    while place is not None:
        found.append(place.t_ns)
        place = find_event(known, here_ns=place.t_ns, forward=forward)
    return found


def test_every_event_of_the_list_is_reached_both_ways_and_nothing_else() -> None:
    known = timeline(Story())
    slower = ThrottleRuledOut(
        device=HOST, t_ns=at(100), run="r1", verdict=Verdict.UNEXPLAINED, symptom_ns=at(95)
    )
    known.take(slower)
    end = at(180)
    wish = AskChronicle(t_ns=end, reach=Reach(at(0), end, live=True))
    listed = take_chronicle(known, wish, Stock(known.view(end))).events
    assert slower in listed
    moments = sorted({event.t_ns for event in listed})
    assert steps(known, known.span()[0] - 1, forward=True) == moments
    assert steps(known, end + 1, forward=False) == moments[::-1]
