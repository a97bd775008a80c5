"""What a reader knows of a recording without looking at samples; grows with a recording that is in the making."""

import sqlite3
from collections.abc import Mapping, Sequence

from drivers.model import Channel, ChannelKey
from melt_tui.store.corrections import corrections
from melt_tui.store.eventcodec import from_json
from melt_tui.store.journal import Tail, tail_of
from melt_tui.store.series import Series, load_series
from melt_tui.timeline.clockmap import ClockMap, ClockRow

EVERY = 1 << 62
"""A time after any other."""

_Opening = tuple[int, int, Channel, int]
"""``(t_ns, row, channel, its row)``."""


class Catalog:
    """Channels, series, clocks and the uncompacted tail, as of the last ``refresh``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._version = -1
        self._openings: list[_Opening] = []
        self._clock_row = 0
        self._pages = (0, 0)
        self.clock = ClockMap()
        self.tail: Tail = tail_of(())
        self.by_id: dict[int, Series] = {}
        self.latest: Mapping[ChannelKey, Channel] = {}
        """Every channel, as announced last; another object once there is another."""
        self.ticks: list[Series] = []
        """Those that hold Ticks."""
        self._of_channel: dict[int, list[Series]] = {}
        self._of_key: dict[ChannelKey, list[Series]] = {}

    def refresh(self) -> None:
        """Take in what was committed since; to be called first in a read transaction."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        self._load_series()
        self._load_openings()
        self._load_clock()
        self._load_corrections()
        self._load_tail()
        self._version = version

    def series_of(self, key: ChannelKey) -> Sequence[Series]:
        """The series of a channel, in all the meanings that it was announced with."""
        return self._of_key.get(key, ())

    def channels_at(self, t_ns: int) -> Mapping[ChannelKey, Channel]:
        """Channels that were announced by ``t_ns``, by the order of their first announcement."""
        found: dict[ChannelKey, Channel] = {}
        for opened_ns, _, channel, _ in self._openings:
            if opened_ns > t_ns:
                break
            found[channel.key] = channel
        return found

    def announced(self) -> Sequence[Series]:
        """All series of channels that were announced."""
        return [series for known in self._of_key.values() for series in known]

    def _load_series(self) -> None:
        for series in load_series(self._connection, max(self.by_id, default=0)):
            self.by_id[series.id] = series
            if series.ticks:
                self.ticks.append(series)
            else:
                self._of_channel.setdefault(series.channel_id, []).append(series)
        for number, bulk, base_ns in self._connection.execute("SELECT id, bulk, base_ns FROM series"):
            self.by_id[number].bulk, self.by_id[number].base_ns = bool(bulk), base_ns

    def _load_openings(self) -> None:
        after = max((opening[1] for opening in self._openings), default=0)
        definitions = {series.channel_id: series.channel for series in self.by_id.values()}
        for row, t_ns, number, definition in self._connection.execute(_OPENINGS, (after,)):
            channel = definitions.get(number) or from_json(Channel, definition)
            self._openings.append((t_ns, row, channel, number))
            self.clock.open(channel)
        self._openings.sort(key=lambda opening: opening[:2])
        if after < max((opening[1] for opening in self._openings), default=0):
            self.latest = self.channels_at(EVERY)
        self._of_key = {}
        for number, key in dict.fromkeys((opening[3], opening[2].key) for opening in self._openings):
            self._of_key.setdefault(key, []).extend(self._of_channel.get(number, ()))

    def _load_clock(self) -> None:
        rows = self._connection.execute("SELECT * FROM clock WHERE id > ? ORDER BY id", (self._clock_row,))
        for number, device, t_ns, offset_ns, uncertainty_ns, origin in rows:
            self.clock.add(device, ClockRow(t_ns, offset_ns, uncertainty_ns, origin))
            self._clock_row = number

    def _load_corrections(self) -> None:
        """What people had corrected last, device by device; what they took back no longer counts."""
        for device, row in corrections(self._connection).items():
            self.clock.correct(device, row)

    def _load_tail(self) -> None:
        first, last = self._connection.execute("SELECT min(id), max(id) FROM journal").fetchone()
        before = self.tail if first is not None and first == self._pages[0] else None
        after = self._pages[1] if before is not None else -1
        rows = self._connection.execute("SELECT data FROM journal WHERE id > ? ORDER BY id", (after,))
        self.tail = tail_of([row[0] for row in rows], before)
        self._pages = (first or 0, last or 0)


_OPENINGS = """
    SELECT openings.id, t_ns, channel, definition FROM openings JOIN channels ON channels.id = channel
    WHERE openings.id > ? ORDER BY openings.id"""
