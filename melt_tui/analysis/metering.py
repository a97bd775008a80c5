"""What a recording says of its meters: what each feeds, where it measures, how truly, and what was lost on the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers.events import Event, SamplesLost
from drivers.model import Channel, Quantity

_FIGURES = frozenset({Quantity.POWER, Quantity.ENERGY})


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSummary:
    """A channel of power or energy that was measured."""

    channel: str
    point: str
    unit: str
    kind: str
    rate_hz: float | None
    """None where samples come when they come."""
    accuracy_gain: float | None
    """Both None where nobody states one: the true value lies within ± (``accuracy_gain`` · |value| + ``accuracy_offset``)."""
    accuracy_offset: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSummary:
    """What a device sent and nobody got, or came damaged."""

    what: str
    count: int | None
    """None where nobody could count."""


def powers(channels: Iterable[Channel]) -> tuple[PowerSummary, ...]:
    """Of channels of one device, those of power and energy that no transform made."""
    return tuple(
        PowerSummary(
            channel=one.name,
            point=one.point,
            unit=one.unit,
            kind=one.kind,
            rate_hz=one.rate_hz,
            accuracy_gain=one.accuracy.gain_fraction if one.accuracy else None,
            accuracy_offset=one.accuracy.offset if one.accuracy else None,
        )
        for one in channels
        if one.quantity in _FIGURES and not one.derived
    )


def losses(events: Sequence[Event]) -> tuple[LossSummary, ...]:
    """The sums over a session."""
    counts: dict[str, int | None] = {}
    for event in events:
        if isinstance(event, SamplesLost):
            before = counts.get(event.what, 0)
            counts[event.what] = None if before is None or event.count is None else before + event.count
    return tuple(LossSummary(what=what, count=count) for what, count in counts.items())
