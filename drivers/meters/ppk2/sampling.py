"""From samples of a PPK2 in time to what travels: power, the mean current, what was filtered out, and logic edges.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.metering.losses import Losses
from drivers.meters.ppk2 import channels as table
from drivers.meters.ppk2.frames import Words
from drivers.meters.ppk2.protocol import ADC_BITS, Fit, Mode
from drivers.meters.ppk2.spikes import Encoder, SpikeFilter, Values, amperes
from drivers.model import Channel, DType, Samples, block, reading

_TOP_READING = (1 << ADC_BITS) - 1


class Sampling:
    """Takes samples in their order and makes blocks of them. The voltage may change on the way."""

    def __init__(
        self, device: str, fits: Sequence[Fit], mode: Mode, supply_mv: int, point: str, *, filtered: bool
    ) -> None:
        self._device = device
        self._fits = fits
        self._mode = mode
        self._point = point
        self._filtered = filtered
        self._current = table.current(device, point)
        self._supply = table.supply(device, point)
        self.clipped = Losses(table.clipped(device))
        self._pending: Values = np.empty(0)
        self._calibrate(supply_mv)
        self._filter = SpikeFilter(self._table)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What it gives at the present voltage."""
        replaced = (self._unfiltered,) if self._filtered else ()
        return (self.power, self._current, self._supply, *replaced, self.clipped.channel)

    def supplied(self, t_ns: int) -> Samples:
        """The voltage."""
        return reading(self._supply, t_ns, self._supply_mv / 1000)

    def change(self, t_ns: int, supply_mv: int) -> Iterator[Item]:
        """From the next samples on this voltage holds."""
        self._calibrate(supply_mv)
        self._filter.recalibrate(self._table)
        yield ChannelsOpened(
            t_ns=t_ns, device=self._device, channels=(self.power, self._unfiltered)[: 1 + self._filtered]
        )
        yield self.supplied(t_ns)

    def gap(self) -> None:
        """Samples are missing before the next ones."""
        self._pending = self._pending[:0]

    def take(self, codes: Words, t0_ns: int, t1_ns: int) -> Iterator[Item]:
        """Samples without a gap, the first and last of them at these times."""
        times = t0_ns, t1_ns
        self.clipped.add(int(np.count_nonzero((codes & np.uint32(_TOP_READING)) == _TOP_READING)))
        shown, values = codes, self._table[codes]
        if self._filtered:
            replaced = self._filter.feed(codes)
            if len(replaced.places):
                shown = codes.copy()
                shown[replaced.places] = self._encoder.codes(replaced.values)
                values[replaced.places] = replaced.values
                yield uneven(
                    self._unfiltered, _times(replaced.places, len(codes), times), codes[replaced.places]
                )
        packed = shown.astype("<u4", copy=False).tobytes()
        yield Samples(self._device, self.power.name, t0_ns, t1_ns, DType.U32, packed)
        yield from self._means(values, times)

    def _calibrate(self, supply_mv: int) -> None:
        self._supply_mv = supply_mv
        self.power = table.power(self._device, self._fits, self._mode, supply_mv, self._point)
        self._unfiltered = table.unfiltered(self._device, self._fits, supply_mv, self._point)
        self._table = amperes(table.pieces(self._fits, supply_mv))
        self._encoder = Encoder(self._table)

    def _means(self, values: Values, times: tuple[int, int]) -> Iterator[Samples]:
        before = len(self._pending)
        together = np.concatenate([self._pending, values])
        whole = len(together) // table.MEAN_OF
        self._pending = together[whole * table.MEAN_OF :]
        if whole:
            means = together[: whole * table.MEAN_OF].reshape(whole, -1).mean(axis=1)
            ends = np.arange(1, whole + 1) * table.MEAN_OF - 1 - before
            at = _times(ends[[0, -1]], len(values), times)
            yield block(self._current, int(at[0]), int(at[1]), means.tolist())


class Logic:
    """The logic lines: their edges, and their state when it is asked for."""

    def __init__(self, device: str) -> None:
        self.channels = table.logic(device)
        self._state: int | None = None

    def take(self, lines: Words, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
        """The edges among these samples; at the beginning every line as it is."""
        if self._state is None:
            self._state = int(lines[0])
            yield from self.state(t0_ns)
        before = np.concatenate([np.array([self._state], np.uint32), lines[:-1]])
        changed = lines ^ before
        if changed.any():
            self._state = int(lines[-1])
            yield from self._edges(lines, changed, (t0_ns, t1_ns))

    def state(self, t_ns: int) -> Iterator[Samples]:
        """Every line as it is now, if anything is known of it."""
        if self._state is not None:
            for n, channel in enumerate(self.channels):
                yield reading(channel, t_ns, self._state >> n & 1)

    def _edges(self, lines: Words, changed: Words, times: tuple[int, int]) -> Iterator[Samples]:
        for n, channel in enumerate(self.channels):
            places = np.flatnonzero(changed >> np.uint32(n) & np.uint32(1))
            if len(places):
                levels = (lines[places] >> np.uint32(n) & np.uint32(1)).astype("u1")
                yield uneven(channel, _times(places, len(lines), times), levels)


def uneven(
    channel: Channel, times: NDArray[np.int64], codes: NDArray[np.uint32] | NDArray[np.uint8]
) -> Samples:
    """A block of at least one sample, each with its own time."""
    return Samples(
        channel.device,
        channel.name,
        int(times[0]),
        int(times[-1]),
        channel.dtype,
        codes.astype("<" + channel.dtype, copy=False).tobytes(),
        times.astype("<i8", copy=False).tobytes(),
    )


def _times(places: NDArray[np.int64], n: int, times: tuple[int, int]) -> NDArray[np.int64]:
    """The times of some of ``n`` samples, exactly as ``Samples.time_at`` has them."""
    t0_ns, t1_ns = times
    if n == 1:
        return np.full(len(places), t0_ns, np.int64)
    return t0_ns + (t1_ns - t0_ns) * places // (n - 1)
