"""Channels as people corrected them: another reference point, another voltage that a meter's current is multiplied by."""

import re
from dataclasses import replace

from drivers.model import Channel, Decoding, Quantity
from melt_tui.timeline.edits import Edits

LOCATED = frozenset({Quantity.POWER, Quantity.ENERGY, Quantity.VOLTAGE, Quantity.CURRENT})
"""What is measured somewhere between a supply and a device."""

_STATED = re.compile(r"current × (\d{1,4}(?:\.\d{1,6})?) V\b")


def stated_volts(channel: Channel) -> float | None:
    """The voltage that a channel of power is a current multiplied by; None where the voltage was measured."""
    found = _STATED.match(channel.provenance) if channel.quantity is Quantity.POWER else None
    volts = float(found[1]) if found else 0.0
    return volts if volts > 0 else None


def factor(channel: Channel, edits: Edits) -> float:
    """By what its values are to be multiplied, since the voltage was another one."""
    told, stated = edits.volts(channel.device), stated_volts(channel)
    return 1.0 if told is None or stated is None else told / stated


def as_edited(channel: Channel, edits: Edits) -> Channel:
    """The channel with what was corrected of it."""
    wiring = edits.wiring(channel.device)
    if wiring is not None and wiring.point and channel.point and channel.quantity in LOCATED:
        channel = replace(channel, point=wiring.point)
    by = factor(channel, edits)
    return channel if by == 1.0 else _multiplied(channel, by, edits.volts(channel.device) or 0.0)


def _multiplied(channel: Channel, by: float, volts: float) -> Channel:
    decoding = channel.decoding
    pieces = tuple(tuple(by * each for each in piece) for piece in decoding.pieces)
    return replace(
        channel,
        decoding=Decoding(pieces, decoding.bits),
        limit=None if channel.limit is None else channel.limit * by,
        accuracy=None if channel.accuracy is None else channel.accuracy.times(by),
        provenance=_STATED.sub(f"current × {volts:g} V", channel.provenance, count=1) + ", corrected",
    )
