"""Where jumps on the bench lead: places that are looked for in a timeline, and the moves that go there."""

from typing import NamedTuple

from drivers.events import LimitEngaged
from melt_tui.events import ThrottleOnset
from melt_tui.timeline import Timeline
from melt_tui.ui.chronicle import LISTED_KINDS, told_in
from melt_tui.ui.viewer import Move

_LEAD_NS = 5_000_000_000
"""How long before an onset ``replay_from`` begins to play."""


class Place(NamedTuple):
    """Where to go: a moment, and the device that it is about where that is to be chosen."""

    t_ns: int
    device: str = ""


def find_event(timeline: Timeline, *, here_ns: int, forward: bool) -> Place | None:
    """The next moment of an event that the list of events tells of, or the one before."""
    told = told_in(timeline)
    step = timeline.event_after if forward else timeline.event_before
    event = step(here_ns, LISTED_KINDS)
    while event is not None and not any(
        told(one) for one in timeline.events(event.t_ns, event.t_ns, kinds=LISTED_KINDS)
    ):
        event = step(event.t_ns, LISTED_KINDS)
    return Place(event.t_ns) if event else None


def find_first_onset(timeline: Timeline) -> Place | None:
    """Of throttling, or of a limit where nothing throttled; of a simulated device, if there is one: the demo's."""
    first, last = timeline.span()
    onsets = timeline.events(first, last, kinds=(ThrottleOnset,))
    found = onsets or timeline.events(first, last, kinds=(LimitEngaged,))
    view = timeline.view(last)
    acted = [e for e in found if (d := view.devices.get(e.device)) and d.info and d.info.simulated]
    return next((Place(event.t_ns, event.device) for event in acted or found), None)


def reveal(t_ns: int) -> Move:
    """Put the cursor there, in sight."""
    return lambda p, now, reach: p.revealed(t_ns, now, reach)


def replay_from(t_ns: int) -> Move:
    """Play on from a little before."""
    return lambda p, now, reach: p.sought(t_ns - _LEAD_NS, now, reach).playing(now, reach)
