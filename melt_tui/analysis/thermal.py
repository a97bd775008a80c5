"""How a device stood towards heat over a span, by the limits that its platform told."""

from collections.abc import Iterator

from drivers.events import LimitEngaged, LimitReleased
from drivers.model import Quantity
from melt_tui.analysis.recorded import EVERY, Channels, Recorded
from melt_tui.analysis.samples import read
from melt_tui.measures.heat import UNTOLD, thermal_state

_LIMITS = frozenset({Quantity.FREQUENCY_CAP, Quantity.LIMIT_LEVEL, Quantity.THROTTLE_COUNT})
"""What tells of limits of a platform."""
LimitEvent = LimitEngaged | LimitReleased


def states(
    recording: Recorded, channels: Channels, device: str, a_ns: int, b_ns: int
) -> Iterator[tuple[int, str]]:
    """The thermal state at ``a_ns``, then each change up to ``b_ns``; ``not told`` until anything tells of limits."""
    force = {limit.limit: limit for limit in recording.view(a_ns).limits.get(device, ())}
    events = limit_events(recording, device, a_ns + 1, b_ns)
    told_ns = a_ns if force else told_since(recording, channels, device, a_ns, b_ns)
    moments = (told_ns, events[0].t_ns if events else None)
    since_ns = min((t_ns for t_ns in moments if t_ns is not None), default=None)
    if since_ns != a_ns:
        yield a_ns, UNTOLD
    if since_ns is not None:
        yield since_ns, thermal_state(force.values())
    for event in events:
        force.pop(event.limit, None)
        if isinstance(event, LimitEngaged):
            force[event.limit] = event
        yield event.t_ns, thermal_state(force.values())


def told_since(recording: Recorded, channels: Channels, device: str, a_ns: int, b_ns: int) -> int | None:
    """From when on between two moments something read whether the device is limited; None where nothing did."""
    keys = [one.key for one in channels.of(device) if one.quantity in _LIMITS]
    if any(key in recording.view(a_ns).readings for key in keys):
        return a_ns
    firsts = (read(recording, channels, key, a_ns, b_ns)[0][:1].tolist() for key in keys)
    return min((t_ns for first in firsts for t_ns in first), default=None)


def limit_events(recording: Recorded, device: str, a_ns: int, b_ns: int) -> list[LimitEvent]:
    """What was told of a device's limits between two moments."""
    found = recording.events(a_ns, b_ns, kinds=(LimitEngaged, LimitReleased), limit=EVERY)
    return [one for one in found if isinstance(one, LimitEvent) and one.device == device]
