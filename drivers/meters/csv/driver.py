"""Reads a text meter over any link of bytes; what cannot be read is counted and told, never made up."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from drivers.address import Address, parse
from drivers.base import Device, Item
from drivers.clock import SECOND, Clock
from drivers.errors import LinkError
from drivers.events import SamplesLost
from drivers.links.base import ByteLink, ShellLink
from drivers.meters.csv import channels as table
from drivers.meters.csv.channels import Format
from drivers.meters.csv.protocol import LineReader, Rows
from drivers.model import Channel, DeviceInfo, DeviceKind, Found, Samples, reading, uneven_block

Connect = Callable[[Address, Clock], AbstractAsyncContextManager[ByteLink]]
"""Opens the link that an address names. Raises AskUser or LinkError."""

TELL_NS = SECOND
"""Losses are told at most once in this time."""


class CsvDriver:
    """Driver of meters that write lines of text. Which link leads to one is said by who makes the driver."""

    def __init__(
        self,
        connect: Connect,
        *,
        title: str = "CSV meter",
        found: Sequence[Found] = (),
        simulated: bool = False,
        defaults: str = "",
    ) -> None:
        self._connect = connect
        self._title = title
        self._found = found
        self._simulated = simulated
        self._defaults = parse(f"?{defaults}" if defaults else "").options

    async def scan(self) -> Sequence[Found]:
        """What its maker knows to be there: a meter that only writes cannot be told from other ports."""
        return self._found

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        """Open ``…?columns=V,A&sep=comma&rate=100&point=battery-terminals``. Raises NotSupported, LinkError."""
        return self._open(address, name, clock)

    @asynccontextmanager
    async def _open(self, text: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        typed = parse(text).only(table.OPTIONS)
        address = Address(typed.base, {**self._defaults, **typed.options})
        form = table.parse_format(address)
        info = DeviceInfo(
            device=name,
            address=address.base,
            kind=DeviceKind.METER,
            model=self._title,
            simulated=self._simulated,
            facts=(("columns", ",".join(form.headings)), ("reference point", form.point or "not stated")),
        )
        async with self._connect(address, clock) as link:
            yield CsvMeter(info, form, link, clock)


class CsvMeter:
    """An open text meter."""

    def __init__(self, info: DeviceInfo, form: Format, link: ByteLink, clock: Clock) -> None:
        self._info = info
        self._link = link
        self._clock = clock
        self._reader = LineReader(form.columns, form.separator)
        self._measured = table.measured(info.device, form)
        self._power = table.power(info.device, form)
        self._product = form.product
        self._losses = _Losses(info.device)
        self._period_ns = round(SECOND / form.rate_hz) if form.rate_hz else 0
        self._last_ns = clock.now()

    @property
    def info(self) -> DeviceInfo:
        """Who it is."""
        return self._info

    @property
    def channels(self) -> Sequence[Channel]:
        """One for each column, power where it is their product, and the count of damaged lines."""
        derived = (self._power,) if self._power else ()
        return (*self._measured, *derived, self._losses.channel)

    @property
    def shell(self) -> ShellLink | None:
        """A meter runs nothing."""
        return None

    async def stream(self) -> AsyncGenerator[Item, None]:
        """Samples of the lines as they come, losses beside them. Raises LinkError."""
        yield self._losses.reading(self._clock.now())
        while True:
            try:
                t_ns, data = await self._link.read()
            except LinkError:
                for item in self._losses.told(self._clock.now(), all_of_them=True):
                    yield item
                raise
            rows = self._reader.feed(data)
            self._losses.add(rows.damaged)
            for item in (*self._samples(rows, t_ns), *self._losses.told(t_ns)):
                yield item

    def watch(self, pid: int) -> None:
        """A meter watches no process."""

    def unwatch(self, pid: int) -> None:
        """A meter watches no process."""

    def _samples(self, rows: Rows, t_ns: int) -> list[Samples]:
        if not rows.n:
            return []
        times = self._times(rows.n, t_ns)
        samples = [
            uneven_block(channel, times, codes)
            for channel, codes in zip(self._measured, rows.columns, strict=True)
        ]
        if self._power and self._product:
            volts, amperes, scale = self._product
            watts = [scale * v * a for v, a in zip(rows.columns[volts], rows.columns[amperes], strict=True)]
            samples.append(uneven_block(self._power, times, watts))
        return samples

    def _times(self, n: int, t_ns: int) -> list[int]:
        """Lines that came together were written one period apart; without a known period all bear their arrival."""
        times = [max(self._last_ns, t_ns - (n - 1 - i) * self._period_ns) for i in range(n)]
        self._last_ns = times[-1]
        return times


class _Losses:
    """Damaged lines: counted at once, told at most once in ``TELL_NS``."""

    def __init__(self, device: str) -> None:
        self.channel = table.losses(device)
        self._total = 0
        self._untold = 0
        self._told_ns: int | None = None

    def add(self, damaged: int) -> None:
        """So many more."""
        self._total += damaged
        self._untold += damaged

    def reading(self, t_ns: int) -> Samples:
        """The count so far."""
        return reading(self.channel, t_ns, self._total)

    def told(self, t_ns: int, *, all_of_them: bool = False) -> list[Item]:
        """What is to be told now, if anything is."""
        if not self._untold:
            return []
        if self._told_ns is not None and t_ns < self._told_ns + TELL_NS and not all_of_them:
            return []
        lost = SamplesLost(
            t_ns=t_ns,
            device=self.channel.device,
            channel=self.channel.name,
            count=self._untold,
            reason="damaged lines",
        )
        self._untold, self._told_ns = 0, t_ns
        return [lost, self.reading(t_ns)]
