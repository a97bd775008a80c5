"""How a device stood towards heat over a span, by the limits that its platform told."""

from collections.abc import Iterator

from drivers.events import LimitEngaged, LimitReleased
from melt_tui.analysis.recorded import EVERY, Recorded
from melt_tui.measures.heat import thermal_state

LimitEvent = LimitEngaged | LimitReleased


def states(recording: Recorded, device: str, a_ns: int, b_ns: int) -> Iterator[tuple[int, str]]:
    """The thermal state at ``a_ns``, then each change up to ``b_ns``."""
    force = {limit.limit: limit for limit in recording.view(a_ns).limits.get(device, ())}
    yield a_ns, thermal_state(force.values())
    for event in limit_events(recording, device, a_ns + 1, b_ns):
        force.pop(event.limit, None)
        if isinstance(event, LimitEngaged):
            force[event.limit] = event
        yield event.t_ns, thermal_state(force.values())


def limit_events(recording: Recorded, device: str, a_ns: int, b_ns: int) -> list[LimitEvent]:
    """What was told of a device's limits between two moments."""
    found = recording.events(a_ns, b_ns, kinds=(LimitEngaged, LimitReleased), limit=EVERY)
    return [one for one in found if isinstance(one, LimitEvent) and one.device == device]
