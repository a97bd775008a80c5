"""What MELT measured beside a run, as streams of samples: Monsoon, software sampler, Jetson's rails and zones.

Nothing is kept in memory but some thousand rows. Times are ns since the epoch, moved by ``shift_ns`` into the session.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from drivers.clock import SECOND
from drivers.model import Channel, DType, Quantity, Samples, Unit, linear, uneven_block
from melt_tui.importing.files import lines_of
from melt_tui.importing.melt_texts import sane
from melt_tui.importing.numbers import Layout, Losses, pieces, rows_of

MONSOON = "monsoon"
BATTERY = "battery-terminals"
HEAD_LINES = 50_000
"""Of a log, in which every sort of line is met."""
_WINDOW_NS = SECOND
_ABSENT_MC = -256_000.0

MONSOON_LAYOUT = Layout(columns=(0, 1, 2))


def monsoon_channels(device: str, rate_hz: float | None) -> tuple[Channel, Channel, Channel]:
    """Current, voltage, power."""
    return (
        Channel(
            device=device,
            name="current",
            quantity=Quantity.CURRENT,
            unit=Unit.AMPERE,
            rate_hz=rate_hz,
            decoding=linear(0.001),
            point=BATTERY,
        ),
        Channel(
            device=device,
            name="voltage",
            quantity=Quantity.VOLTAGE,
            unit=Unit.VOLT,
            rate_hz=rate_hz,
            point=BATTERY,
        ),
        Channel(
            device=device,
            name="power",
            quantity=Quantity.POWER,
            unit=Unit.WATT,
            rate_hz=rate_hz,
            point=BATTERY,
            provenance="voltage × current of the same row",
        ),
    )


def rate_of(path: Path, layout: Layout) -> float | None:
    """Rows per second, by the first some thousand; None where that cannot be told."""
    rows = next(rows_of(path, layout, Losses()), None)
    if rows is None or len(rows) < 3:
        return None
    step = float(np.median(np.diff(rows[:, 0])))
    return float(f"{1 / step:.4g}") if step > 0 else None


def monsoon(path: Path, start_ns: int, channels: Sequence[Channel], losses: Losses) -> Iterator[Samples]:
    """Rows of time (s), current (mA), voltage (V); ``start_ns`` is the session's time of second 0."""
    for rows in pieces(rows_of(path, MONSOON_LAYOUT, losses), 1.0):
        times = start_ns + np.rint(rows[:, 0] * SECOND).astype(np.int64)
        current, voltage = rows[:, 1], rows[:, 2]
        for channel, values in zip(channels, (current, voltage, current * voltage * 0.001), strict=True):
            yield packed(channel, times, values)


def packed(channel: Channel, times: NDArray[np.int64], values: NDArray[np.float64]) -> Samples:
    """A block of F64 codes with their times."""
    codes, moments = values.astype("<f8").tobytes(), times.astype("<i8").tobytes()
    return Samples(channel.device, channel.name, int(times[0]), int(times[-1]), DType.F64, codes, moments)


ADB_LAYOUT = Layout(columns=(0, 3), head=1)


def cpu_channel(device: str) -> Channel:
    """What the software sampler tells."""
    return Channel(
        device=device,
        name="cpu",
        quantity=Quantity.CPU_USE,
        unit=Unit.PERCENT,
        detail="/proc/stat between two rows of measurements_adb.csv",
    )


def cpu(path: Path, shift_ns: int, channel: Channel, losses: Losses) -> Iterator[Samples]:
    """The CPU's share of the software sampler."""
    for rows in rows_of(path, ADB_LAYOUT, losses):
        times = np.rint(rows[:, 0] * 1e6).astype(np.int64) * 1000 + shift_ns
        yield packed(channel, times, rows[:, 1])


_LINE = re.compile(r"(\d{15,19}) (\S{1,64}): (-?\d{1,12}(?:\.\d{1,12})?) (mV|mA|mW|mC)")
_RAIL = re.compile(r"(voltage|current|power)_(.{1,48})")
_UNITS = {
    "mV": (Quantity.VOLTAGE, Unit.VOLT),
    "mA": (Quantity.CURRENT, Unit.AMPERE),
    "mW": (Quantity.POWER, Unit.WATT),
    "mC": (Quantity.TEMPERATURE, Unit.CELSIUS),
}
BOARD_INPUTS = frozenset({"VDD_IN"})
"""Rails that feed all of a board's module."""
_UNNAMED = "NC"


@dataclass(slots=True)
class Jetson:
    """What a power log of a Jetson tells of."""

    channels: Mapping[str, Channel]
    """By key."""
    first_ns: int | None
    notes: list[str] = field(default_factory=list)


def jetson(device: str, paths: Sequence[Path]) -> Jetson:
    """Its channels, by the beginning of its logs."""
    steps: dict[str, list[int]] = {}
    units: dict[str, str] = {}
    first: list[int] = []
    for path in paths:
        for _, line in zip(range(HEAD_LINES), lines_of(path), strict=False):
            read = _read(line)
            if read is not None:
                t_ns, key, _, unit = read
                units.setdefault(key, unit)
                steps.setdefault(key, []).append(t_ns)
                first = first or [t_ns]
    named = {key: unit for key, unit in units.items() if not key.endswith(f"_{_UNNAMED}")}
    notes = (
        [] if len(named) == len(units) else ["two rails of the board bear one name, NC: they are left out"]
    )
    channels = {key: _channel(device, key, unit, _rate(steps[key])) for key, unit in named.items()}
    return Jetson(channels, first[0] if first else None, notes)


def jetson_samples(path: Path, shift_ns: int, known: Jetson, losses: Losses) -> Iterator[Samples]:
    """All of one log, some seconds at a time."""
    pending: dict[str, tuple[list[int], list[float]]] = {}
    begun_ns: int | None = None
    for line in lines_of(path):
        read = _read(line)
        if read is None:
            losses.unreadable += bool(line.strip()) and not line.strip().isdigit()
            continue
        t_ns, key, value, _ = read
        begun_ns = t_ns if begun_ns is None else begun_ns
        if not 0 <= t_ns - begun_ns < _WINDOW_NS:
            yield from _flushed(pending, shift_ns, known)
            begun_ns = t_ns
        if key in known.channels and value != _ABSENT_MC:
            times, values = pending.setdefault(key, ([], []))
            times.append(t_ns)
            values.append(value)
    yield from _flushed(pending, shift_ns, known)


def _flushed(
    pending: dict[str, tuple[list[int], list[float]]], shift_ns: int, known: Jetson
) -> Iterator[Samples]:
    blocks = []
    for key, (times, values) in pending.items():
        pairs = sorted(zip(times, values, strict=True))
        moved = [t_ns + shift_ns for t_ns, _ in pairs]
        blocks.append(uneven_block(known.channels[key], moved, [value for _, value in pairs]))
    pending.clear()
    yield from sorted(blocks, key=lambda block: block.t1_ns)


def _read(line: str) -> tuple[int, str, float, str] | None:
    found = _LINE.fullmatch(line)
    t_ns = sane(int(found[1])) if found else None
    return None if found is None or t_ns is None else (t_ns, found[2], float(found[3]), found[4])


def _channel(device: str, key: str, unit: str, rate_hz: float | None) -> Channel:
    quantity, si = _UNITS[unit]
    rail = _RAIL.fullmatch(key)
    where = rail[2] if rail else ""
    point = ("board-input" if where in BOARD_INPUTS else f"rail:{where}") if rail else ""
    return Channel(
        device=device,
        name=f"{where} {rail[1]}" if rail else key,
        quantity=quantity,
        unit=si,
        rate_hz=rate_hz,
        decoding=linear(0.001),
        point=point,
        provenance="voltage × current, as jetson-monitor multiplied them"
        if quantity is Quantity.POWER
        else "",
    )


def _rate(times: Sequence[int]) -> float | None:
    steps = [b - a for a, b in pairwise(times) if b > a]
    return float(f"{SECOND / median(steps):.3g}") if len(steps) > 2 else None
