"""Items into rows: one transaction per commit, once a minute what is in the journal into chunks."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, groupby, repeat
from operator import gt
from types import TracebackType
from typing import cast

from drivers.base import Item
from drivers.events import ChannelsOpened, Event, RunEvent, SamplesLost
from drivers.model import Samples
from melt_tui.events import Tick
from melt_tui.store.compaction import compact
from melt_tui.store.eventcodec import detail_of, plain
from melt_tui.store.facts import Facts
from melt_tui.store.fast import FastWriter
from melt_tui.store.journal import EVENT, Page
from melt_tui.store.pyramid import PyramidWriter
from melt_tui.store.series import Registry, Run, bulk_base, crowded
from melt_tui.store.ticks import tick_block

COMPACT_S = 60.0
"""How often the journal is compacted. More often makes more rows, which a look at hours has to go through; the first time comes
after half as long, so that what packing takes of memory is taken early."""

_ITEMS = 20_000
"""Items of one transaction at most."""

_PAGES_BYTES = 8_000_000
"""The journal is compacted early when it has grown to this."""

Bulk = dict[int, list[Samples]]
"""Blocks of fast series, by the number of the series."""


class Ingest:
    """Writes what it is given, in order, and compacts after so many commits. Any sqlite3.Error leaves the file as it was before that commit."""

    def __init__(self, connection: sqlite3.Connection, compacted_every: int) -> None:
        self._connection = connection
        self._registry = Registry(connection)
        self._facts = Facts(connection)
        self._pyramid = PyramidWriter(connection)
        self._compacted_every = compacted_every
        self._commits = 1
        self._pages = compacted_every // 2
        self._pages_bytes = 0
        self._event_number = 0
        self._turned_bulk: dict[int, Samples] = {}
        self._fast = FastWriter(connection, self._pyramid)
        self.ticked_ns: int | None = None
        """The last tick that was written."""

    def commit(self, items: Sequence[Item]) -> None:
        """Make these items durable, in one transaction or, if they are very many, a few. Compacting has one of its own."""
        for start in range(0, len(items), _ITEMS):
            with Transaction(self._connection):
                self._write(items[start : start + _ITEMS])
            if self._pages >= self._compacted_every or self._pages_bytes >= _PAGES_BYTES:
                # afterwards: of a crash meanwhile these items know nothing
                with Transaction(self._connection):
                    self.compact()

    def compact(self) -> None:
        """Turn the journal into chunks, within the transaction that is open."""
        compact(self._connection, self._registry, self._pyramid, self._fast.summaries())
        self._pages = self._pages_bytes = 0
        for number, block in self._turned_bulk.items():
            series = self._registry.by_id[number]
            base_ns = series.base_ns or bulk_base(series.channel, block)
            self._registry.fix(series, bulk=True, base_ns=base_ns)
        self._turned_bulk.clear()

    def _write(self, items: Sequence[Item]) -> None:
        if self._turned_bulk:
            self.compact()
        page = Page()
        bulk: Bulk = {}
        for kind, run in groupby(items, type):
            if kind is Samples:
                self._samples(list(cast("Iterator[Samples]", run)), page, bulk)
            else:
                for item in cast("Iterator[Event]", run):
                    self._happening(item, page)
        for number, blocks in bulk.items():
            self._fast.write(self._registry.by_id[number], blocks)
        blob = page.encode()
        self._connection.execute("INSERT INTO journal VALUES (?, ?)", (self._commits, blob))
        self._commits += 1
        self._pages += 1
        self._pages_bytes += len(blob)

    def _happening(self, item: Event, page: Page) -> None:
        if isinstance(item, Tick):
            self.ticked_ns = max(self.ticked_ns or item.t_ns, item.t_ns)
            ticks = self._registry.ticks(item.device)
            page.take(ticks.id, ticks.kind, 1, tick_block(item, self._event_number))
        else:
            self._event(item, page)

    def _samples(self, blocks: Sequence[Samples], page: Page, bulk: Bulk) -> None:
        """Blocks that came one after the other. They are many: looked at together, as nearly always, each costs a fraction."""
        run = self._registry.run(blocks)
        if run is None:
            for block in blocks:
                self._block(block, page, bulk)
            return
        page.order += run.numbers
        least = min(run.numbers)
        if least > 0:
            page.extend(run.kinds, run.counts, blocks)
        elif least == max(run.numbers):
            bulk.setdefault(-least, []).extend(blocks)
        else:
            self._mixed(run, blocks, page, bulk)

    @staticmethod
    def _mixed(run: Run, blocks: Sequence[Samples], page: Page, bulk: Bulk) -> None:
        """Blocks of fast series and others."""
        slow = list(map(gt, run.numbers, repeat(0)))
        page.extend(compress(run.kinds, slow), compress(run.counts, slow), compress(blocks, slow))
        for number, block in zip(run.numbers, blocks, strict=True):
            if number < 0:
                bulk.setdefault(-number, []).append(block)

    def _block(self, block: Samples, page: Page, bulk: Bulk) -> None:
        series = self._registry.series(block)
        n = series.count(block)
        if not n:
            self._event(_lost(block), page)
        elif series.bulk:
            page.order.append(-series.id)
            bulk.setdefault(series.id, []).append(block)
        else:
            page.take(series.id, series.kind, n, block)
            if crowded(series.channel, block):
                self._turned_bulk[series.id] = block

    def _event(self, event: Event, page: Page) -> None:
        page.order.append(EVENT)
        self._event_number += 1
        kind, run = type(event).__name__, plain(event.run) if isinstance(event, RunEvent) else None
        row = (self._event_number, event.t_ns, plain(event.device), kind, run, getattr(event, "turn", None))
        self._connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, detail_of(event)))
        if isinstance(event, ChannelsOpened):
            self._registry.open(event)
        self._facts.take(event, self._event_number)


class Transaction:
    """All of what is done within it, or nothing."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done = False
        try:
            if kind is None:
                self._connection.execute("COMMIT")
                done = True
        finally:
            if not done and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def newest_ns(items: Iterable[Item]) -> int:
    """The newest moment that these items tell of; 0 without any."""
    return max((item.t1_ns if isinstance(item, Samples) else item.t_ns for item in items), default=0)


def _lost(block: Samples) -> SamplesLost:
    return SamplesLost(
        t_ns=min(max(block.t0_ns, 0), (1 << 63) - 1),
        device=block.device,
        channel=block.channel,
        count=None,
        reason="the block was malformed",
    )
