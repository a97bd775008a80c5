"""Runs that have not begun yet: what each waits for, and how far it is. Pure."""

from collections.abc import Iterable, Mapping

from drivers.clock import SECOND
from drivers.events import Event
from melt_tui.events import RunEnded, RunStarted, RunWaited, RunWaiting, Sensed, Wait
from melt_tui.format import UNKNOWN, fixed, percent, seconds
from melt_tui.timeline import Timeline
from melt_tui.ui.renderables.run_lines import RunModel

_FRESH_NS = 6 * SECOND
"""A wait is told every 2 s: of one that was not heard of for so long nothing is known."""
_AT_ONCE_S = 0.1
_KINDS = (RunWaiting, RunWaited, RunStarted, RunEnded)
_NAMES = {Wait.GATE: "the gate", Wait.COOLDOWN: "cool-down", Wait.IDLE: "idle time"}


def waiting(timeline: Timeline, t_ns: int) -> Mapping[str, RunWaiting]:
    """By device: what is being waited for at that moment."""
    return _last(timeline.events(t_ns - _FRESH_NS, t_ns, kinds=_KINDS))


def waiting_model(event: RunWaiting, base: RunModel) -> RunModel:
    """The run panel meanwhile; ``base`` says which device it is."""
    return RunModel(
        device=base.device or event.device,
        device_ink=base.device_ink,
        model=event.title,
        workload=event.wanted,
        phase=f"waiting for {_NAMES[event.why]}" if event.why is Wait.GATE else _NAMES[event.why],
        running=True,
        progress=event.done,
        eta=f"{seconds(event.eta_s)} left" if event.eta_s is not None else "",
        figures=tuple(
            (one.what.replace("(soc)", ""), f"{value_of(one)} {one.wanted}") for one in event.sensed
        ),
        problem=event.note,
    )


def phase_of_wait(event: RunWaiting) -> str:
    """``gate 62 %``."""
    return f"{event.why} {percent(100 * event.done)}"


def waiting_words(event: RunWaiting) -> str:
    """``waiting for the gate soc<=40: soc 43.1 °C, 62 %, 40 s to go``."""
    parts = [f"{one.what} {value_of(one)}" for one in event.sensed] + [percent(100 * event.done)]
    if event.eta_s is not None:
        parts.append(f"{seconds(event.eta_s)} to go")
    parts += [event.note] if event.note else []
    named = f"waiting for {_NAMES[event.why]}" if event.why is Wait.GATE else _NAMES[event.why]
    return f"{named} {event.wanted}".rstrip() + f" before {event.run}: {', '.join(parts)}"


def waited_words(event: RunWaited) -> str:
    """``gate met after 76 s: soc 36.9 °C``."""
    now = ", ".join(f"{one.what} {value_of(one)}" for one in event.sensed)
    how = ("met" if event.wanted else "over") if event.met else "given up"
    when = "at once" if event.waited_s < _AT_ONCE_S else f"after {seconds(event.waited_s)}"
    said = f"{event.why} {how} {when}"
    return f"{said}: {now or event.reason}" if now or event.reason else said


def value_of(one: Sensed) -> str:
    """``43.1 °C``."""
    known = UNKNOWN if one.value is None else fixed(one.value, 1)
    return f"{known} {one.unit}".rstrip()


def _last(events: Iterable[Event]) -> Mapping[str, RunWaiting]:
    found: dict[str, RunWaiting] = {}
    for event in events:
        if isinstance(event, RunWaiting):
            found[event.device] = event
        else:
            found.pop(event.device, None)
    return found
