"""Reads a text meter over any link of bytes; what cannot be read is counted and told, never made up."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from drivers.address import Address, parse
from drivers.arrival import Arrivals
from drivers.base import Device, Item
from drivers.clock import Clock
from drivers.errors import LinkError
from drivers.links.base import ByteLink, ShellLink
from drivers.metering.losses import counted_losses
from drivers.metering.timing import Timing
from drivers.meters.csv import channels as table
from drivers.meters.csv.channels import Format
from drivers.meters.csv.legible import Legible
from drivers.meters.csv.protocol import LineReader, Rows
from drivers.meters.csv.restarts import Restarts
from drivers.model import Channel, DeviceInfo, DeviceKind, Found, Samples, block

Connect = Callable[[Address, Clock], AbstractAsyncContextManager[ByteLink]]
"""Opens the link that an address names. Raises AskUser or LinkError."""

TOLERANCE = 0.2
"""How far the rate of a board that counts milliseconds may be off what it is said to be."""


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
            address=text if self._simulated else typed.base,
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
        self._reader = LineReader(form.columns, form.separator, comma=form.comma)
        self._legible = Legible(info.device, form, clock.now())
        self._measured = table.measured(info.device, form)
        self._power = table.power(info.device, form)
        self._product = form.product
        self._losses = counted_losses(info.device, "damaged lines")
        self._restarts = Restarts(info.device, self._measured)
        self._arrivals = Arrivals(form.rate_hz, tolerance=TOLERANCE, exact=False) if form.rate_hz else None
        self._timing = Timing(info.device)
        self._skipped = 0

    @property
    def info(self) -> DeviceInfo:
        """Who it is."""
        return self._info

    @property
    def channels(self) -> Sequence[Channel]:
        """One for each column, power where it is their product, the counts of damaged lines and of counters that began
        again; of lines of a known rate, how exactly their times are known."""
        derived = (self._power,) if self._power else ()
        timing = self._timing.channels if self._arrivals else ()
        return (*self._measured, *derived, self._losses.channel, *self._restarts.channels, *timing)

    @property
    def shell(self) -> ShellLink | None:
        """A meter runs nothing."""
        return None

    async def stream(self) -> AsyncGenerator[Item, None]:
        """Samples of the lines as they come, losses beside them. Raises LinkError, NotSupported when nothing of what
        comes can be read."""
        for item in self._lost(self._clock.now()):
            yield item
        while True:
            try:
                t_ns, data = await self._link.read()
            except LinkError:
                for item in self._lost(self._clock.now(), all_of_them=True):
                    yield item
                raise
            rows = self._reader.feed(data)
            self._losses.add(rows.damaged)
            self._restarts.take(rows.columns)
            self._legible.judge(t_ns, data, rows)
            for item in (*self._samples(rows, t_ns), *self._lost(t_ns)):
                yield item

    def watch(self, pid: int) -> None:
        """A meter watches no process."""

    def unwatch(self, pid: int) -> None:
        """A meter watches no process."""

    def _lost(self, t_ns: int, *, all_of_them: bool = False) -> list[Item]:
        counts = (self._losses, self._restarts)
        return [item for count in counts for item in count.told(t_ns, all_of_them=all_of_them)]

    def _samples(self, rows: Rows, t_ns: int) -> list[Samples]:
        self._skipped += rows.damaged
        if not rows.n:
            return []
        t0_ns, t1_ns = self._times(rows.n, t_ns)
        samples = [
            block(channel, t0_ns, t1_ns, codes)
            for channel, codes in zip(self._measured, rows.columns, strict=True)
        ]
        if self._power and self._product:
            volts, amperes, scale = self._product
            watts = [scale * v * a for v, a in zip(rows.columns[volts], rows.columns[amperes], strict=True)]
            samples.append(block(self._power, t0_ns, t1_ns, watts))
        return [*samples, *(self._timing.told(t_ns, self._arrivals.fit) if self._arrivals else ())]

    def _times(self, n: int, t_ns: int) -> tuple[int, int]:
        """Lines stand on the line fitted to their arrivals; without a known rate all of a read bear its arrival."""
        skipped, self._skipped = self._skipped, 0
        if self._arrivals is None:
            return t_ns, t_ns
        placed = self._arrivals.place(t_ns, n, skipped)
        return placed.t0_ns, placed.t1_ns
