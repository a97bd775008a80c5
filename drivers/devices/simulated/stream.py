"""A simulated fast meter, for load: blocks of ADC codes, as dense as they are asked for.

This module imports numpy; it is reached only when such a stream is opened, on the session's thread.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import numpy as np

from drivers.address import parse
from drivers.base import Device, Item
from drivers.clock import MILLISECOND, SECOND, Clock
from drivers.links.base import ShellLink
from drivers.model import Channel, DeviceInfo, DeviceKind, DType, Found, Quantity, Samples, Unit, linear
from drivers.ticks import ticks

OPTIONS = ("name", "rate", "seed", "block")
NOISE_LSB = 12
LOW, HIGH = 9_000, 21_000
"""Codes of an idle and of a busy device: it changes between them every ``PHASE_S``."""
PHASE_S = 3
BLOCK_LIMIT = 1 << 16
"""Samples of one block; more are due only after a delay, and come as several."""


class StreamDriver:
    """Driver of ``sim:stream?rate=…&block=…&seed=…``: samples a second, and ms between blocks."""

    async def scan(self) -> Sequence[Found]:
        """It is for load tests and does not offer itself."""
        return ()

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        """Open the stream. Raises NotSupported for a wrong address."""
        return self._open(address, name, clock)

    @asynccontextmanager
    async def _open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        options = parse(address).only(OPTIONS)
        yield StreamDevice(
            DeviceInfo(
                device=name,
                address=address,
                kind=DeviceKind.METER,
                model="Simulated fast meter",
                os="simulated",
                simulated=True,
            ),
            options.whole("rate", 100_000, 1, 5_000_000),
            options.whole("block", 40, 1, 1000) * MILLISECOND,
            options.whole("seed", 0, 0, 2**31),
            clock,
        )


class StreamDevice:
    """An open stream: one channel of U16 codes with 12 LSB of noise."""

    def __init__(self, info: DeviceInfo, rate_hz: int, block_ns: int, seed: int, clock: Clock) -> None:
        self._info = info
        self._rate_hz = rate_hz
        self._block_ns = block_ns
        self._clock = clock
        self._random = np.random.default_rng(seed)
        self._channel = Channel(
            device=info.device,
            name="current",
            quantity=Quantity.CURRENT,
            unit=Unit.AMPERE,
            rate_hz=rate_hz,
            dtype=DType.U16,
            decoding=linear(1e-4),
        )

    @property
    def info(self) -> DeviceInfo:
        """Who it is: a simulated one."""
        return self._info

    @property
    def channels(self) -> Sequence[Channel]:
        """One."""
        return (self._channel,)

    @property
    def shell(self) -> ShellLink | None:
        """A meter runs nothing."""
        return None

    async def stream(self) -> AsyncGenerator[Item, None]:
        """At every tick the samples that are due, sample ``i`` at ``start + i / rate``."""
        start_ns = self._clock.now()
        sent = 0
        async for t_ns in ticks(self._clock, self._block_ns):
            due = (t_ns - start_ns) * self._rate_hz // SECOND
            while sent < due:
                n = min(due - sent, BLOCK_LIMIT)
                yield self._block(start_ns, sent, n)
                sent += n

    def watch(self, pid: int) -> None:
        """A meter watches no process."""

    def unwatch(self, pid: int) -> None:
        """A meter watches no process."""

    def _block(self, start_ns: int, first: int, n: int) -> Samples:
        busy = np.arange(first, first + n) // (self._rate_hz * PHASE_S) % 2
        codes = LOW + (HIGH - LOW) * busy + NOISE_LSB * self._random.standard_normal(n)
        return Samples(
            self._info.device,
            self._channel.name,
            start_ns + first * SECOND // self._rate_hz,
            start_ns + (first + n - 1) * SECOND // self._rate_hz,
            DType.U16,
            np.rint(codes).astype("<u2").tobytes(),
        )
