"""Samples as a wide table: a row for each moment, a column for each channel, a stretch of time at a time.

A recording of any length passes through in bounded memory: a stretch holds at most ``MOST`` samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as naturals

import numpy as np

from drivers.clock import SECOND
from drivers.model import Channel, ChannelKey, Kind
from melt_tui.analysis.bulk import FAR, Part, Stored, parts, seconds_of
from melt_tui.analysis.columns import Column, Holds
from melt_tui.analysis.tables import start_ns
from melt_tui.measures.integral import Times, Values

MOST = 400_000
"""Samples of a stretch, about."""
_SHORTEST_NS = 1_000_000

Meaning = tuple[str, str, str]
"""Device, channel and unit: what has a column of its own."""


@dataclass(frozen=True, slots=True)
class Wide:
    """Some rows. What was not measured at a moment is not a number."""

    t_s: Values
    values: Mapping[str, Values]
    """By the name of the column, those that have any."""


def wide_columns(channels: Sequence[Channel]) -> dict[Meaning, Column]:
    """A column for each meaning, ``device/channel [unit]``; alike names get a number."""
    columns: dict[Meaning, Column] = {}
    names: set[str] = set()
    for channel in channels:
        meaning = meaning_of(channel)
        if meaning not in columns:
            about = f"{channel.quantity}, {channel.kind}{f', at {channel.point}' if channel.point else ''}"
            name = _free(f"{channel.device}/{channel.name} [{channel.unit}]", names)
            columns[meaning] = Column(name, Holds.REAL, str(channel.unit), about)
            names.add(name)
    return columns


def meaning_of(channel: Channel) -> Meaning:
    """What it has a column for."""
    return channel.device, channel.name, str(channel.unit)


def rows(
    recording: Stored, keys: Sequence[ChannelKey], columns: Mapping[Meaning, Column], every_s: float | None
) -> Iterator[Wide]:
    """All rows of a recording, by time. ``every_s``: one for each step, of means, of counters the last."""
    zero_ns = start_ns(recording)
    step_ns = None if every_s is None else max(1, round(every_s * SECOND))
    for low, high in _stretches(recording, keys, zero_ns, step_ns):
        found = [part for key in keys for part in parts(recording, key, low, high)]
        if found:
            yield _stepped(found, columns, zero_ns, step_ns) if step_ns else _exact(found, columns, zero_ns)


def _free(name: str, names: set[str]) -> str:
    if name not in names:
        return name
    return next(other for i in naturals(2) if (other := f"{name} ({i})") not in names)


def _stretches(
    recording: Stored, keys: Sequence[ChannelKey], zero_ns: int, step_ns: int | None
) -> Iterator[tuple[int, int]]:
    """Spans one after the other that hold few enough samples; the first and the last reach beyond what is known."""
    step = step_ns or 1
    first, last = recording.span()
    low = zero_ns + (first - zero_ns) // step * step
    high = zero_ns + -(-(last + 1 - zero_ns) // step) * step
    waiting = [(low, max(high, low + step))]
    begun = -FAR
    while waiting:
        a, b = waiting.pop()
        middle = zero_ns + ((a + b) // 2 - zero_ns) // step * step
        if a < middle < b and b - a > max(_SHORTEST_NS, step) and _many(recording, keys, a, b):
            waiting += [(middle, b), (a, middle)]
            continue
        yield begun, (b if waiting else FAR)
        begun = b


def _many(recording: Stored, keys: Sequence[ChannelKey], a: int, b: int) -> bool:
    held = 0
    for key in keys:
        held += sum(recording.window(key, a, b, 1).counts)
        if held > MOST:
            return True
    return False


def _exact(found: Sequence[Part], columns: Mapping[Meaning, Column], zero_ns: int) -> Wide:
    times = np.unique(np.concatenate([part.times for part in found]))
    values: dict[str, Values] = {}
    for part in found:
        column = values.setdefault(columns[meaning_of(part.channel)].name, np.full(len(times), np.nan))
        column[np.searchsorted(times, part.times)] = part.values
    return Wide(seconds_of(times, zero_ns), values)


def _stepped(found: Sequence[Part], columns: Mapping[Meaning, Column], zero_ns: int, step_ns: int) -> Wide:
    places = np.unique(np.concatenate([(part.times - zero_ns) // step_ns for part in found]))
    by_name: dict[str, list[Part]] = {}
    for part in found:
        by_name.setdefault(columns[meaning_of(part.channel)].name, []).append(part)
    values = {name: _column(some, places, zero_ns, step_ns) for name, some in by_name.items()}
    return Wide(seconds_of(places * step_ns, 0), values)


def _column(some: Sequence[Part], places: Times, zero_ns: int, step_ns: int) -> Values:
    times = np.concatenate([part.times for part in some])
    values = np.concatenate([part.values for part in some])
    known = ~np.isnan(values)
    order = np.argsort(times[known], kind="stable")
    times, values = times[known][order], values[known][order]
    at = np.searchsorted(places, (times - zero_ns) // step_ns)
    column = np.full(len(places), np.nan)
    if some[0].channel.kind is Kind.COUNTER:
        column[at] = values
        return column
    counts = np.bincount(at, minlength=len(places))
    with np.errstate(all="ignore"):
        means: Values = np.bincount(at, weights=values, minlength=len(places)) / counts
    return np.where(counts > 0, means, np.nan)
