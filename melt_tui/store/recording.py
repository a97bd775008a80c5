"""A recording as a Timeline: any moment of a session, also of the one that is still being written."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.base import Item
from drivers.events import Event
from drivers.model import Channel, ChannelKey, Samples
from melt_tui.store import edits
from melt_tui.store.catalog import Catalog
from melt_tui.store.chunks import Chunks
from melt_tui.store.database import being_written, close, open_to_read, reading
from melt_tui.store.extent import extent
from melt_tui.store.happenings import Happenings
from melt_tui.store.lost import loss
from melt_tui.store.published import Published, Touches
from melt_tui.store.readings import readings_at
from melt_tui.store.ticks import Ticks
from melt_tui.store.windows import window_at
from melt_tui.timeline.blocks import Blocks
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.edits import Edits
from melt_tui.timeline.model import Interval, View, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What a recording says of itself."""

    name: str
    """As its user named it last."""
    tags: tuple[str, ...]
    version: str
    """Of the melt that wrote it; empty while nothing is known."""
    state: str
    """``ended``, ``unfinished`` (in the making, or its writer is gone) or ``recovered``."""
    lost: str
    """What may be missing, in one sentence; empty when nothing is."""


class Recording:
    """Answers looks at a recording. Raises BadRecording, RecordingTooNew; read-only; any thread may call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection = open_to_read(path)
        self._catalog = Catalog(self._connection)
        self._chunks = Chunks(self._connection, self._catalog)
        self._happenings = Happenings(self._connection, Ticks(self._catalog, self._chunks))
        self._published = Published(self._connection, self._catalog, self._chunks, self._look)
        self.clock: ClockMap = self._catalog.clock
        """What was measured of every device's clock, as far as it was looked at."""

    def close(self) -> None:
        """Let go of the file; later looks raise BadRecording."""
        with self._lock:
            close(self._connection)

    @property
    def meta(self) -> Meta:
        """What it says of itself."""
        with reading(self.path), self._look():
            told = dict(self._connection.execute("SELECT key, value FROM session"))
            notes = dict(self._connection.execute(_NOTES))
            left = told.get("state") == "recording" and not being_written(self.path, self._connection)
        state = told.get("state")
        return Meta(
            name=str(notes.get("name", told.get("name", ""))),
            tags=tuple(json.loads(notes.get("tags", "[]"))),
            version=str(told.get("version", "")),
            state="unfinished" if state == "recording" else str(state),
            lost=loss(told, self.span()[1]) if left else str(told.get("lost", "")),
        )

    @property
    def edits(self) -> Edits:
        """What people corrected in it; figures are reckoned with that."""
        with reading(self.path), self._look():
            return edits.read(self._connection)

    @property
    def notes(self) -> Sequence[str]:
        """Kinds of events that a later version wrote and this one passed over, as far as they were met."""
        return [f"{kind}: {why}" for kind, why in sorted(self._happenings.unknown.items())]

    def span(self) -> tuple[int, int]:
        """As ``Timeline.span``."""
        with reading(self.path), self._look():
            return extent(self._connection, self._catalog, self._chunks)

    def announced(self) -> Mapping[ChannelKey, Channel]:
        """As ``timeline.filled.Announcing.announced``; as of the last look."""
        return self._catalog.latest

    def crowded(self) -> frozenset[ChannelKey]:
        """Channels without a nominal rate that were found to be fast ones."""
        with reading(self.path), self._look():
            series = self._catalog.by_id.values()
            return frozenset(one.key for one in series if one.bulk and not one.channel.rate_hz)

    def view(self, t_ns: int) -> View:
        """As ``Timeline.view``."""
        with reading(self.path), self._look():
            channels, devices = self._catalog.channels_at(t_ns), self._happenings.devices(t_ns)
            meters = {*self.clock.corrected(), *edits.read(self._connection).meters}
            return View(
                t_ns=t_ns,
                session=self._happenings.session(t_ns),
                devices=devices,
                channels=channels,
                readings=readings_at(self._connection, self._catalog, self._chunks, channels, t_ns),
                runs=self._happenings.runs(t_ns),
                limits=self._happenings.limits(t_ns),
                throttled=self._happenings.throttled(t_ns),
                corrected=frozenset(devices[meter].feeds for meter in meters if meter in devices),
            )

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        """As ``Timeline.window``."""
        with reading(self.path), self._look():
            return window_at(self._connection, self._catalog, self._chunks, key, (t0_ns, t1_ns), columns)

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        """As ``Timeline.intervals``."""
        with reading(self.path), self._look():
            return self._happenings.intervals(t0_ns, t1_ns)

    def events(
        self, t0_ns: int, t1_ns: int, *, kinds: Sequence[type[Event]] = (), limit: int = 1000
    ) -> Sequence[Event]:
        """As ``Timeline.events``."""
        with reading(self.path), self._look():
            return self._happenings.events(t0_ns, t1_ns, kinds, limit)

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_after``."""
        with reading(self.path), self._look():
            return self._happenings.event_after(t_ns, kinds)

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_before``."""
        with reading(self.path), self._look():
            return self._happenings.event_before(t_ns, kinds)

    def samples(self, key: ChannelKey, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
        """Blocks of one channel as they were published, that touch the span of its device's own clock."""
        with reading(self.path), self._look():
            known = tuple(self._catalog.series_of(key))
        for series in known:
            with reading(self.path):
                yield from self._published.samples(series, t0_ns, t1_ns)

    def blocks(self, key: ChannelKey, t0_ns: int, t1_ns: int) -> Iterator[tuple[Channel, Blocks]]:
        """Samples of one channel side by side: chunks that touch the span of its device's own clock, whole, and the tail,
        each with what the channel meant; meaning by meaning, those of one in order of publication."""
        with reading(self.path), self._look():
            known = tuple(self._catalog.series_of(key))
        for series in known:
            with reading(self.path):
                yield from (
                    (series.channel, blocks) for blocks in self._published.blocks(series, t0_ns, t1_ns)
                )

    def told(self) -> Iterator[Event]:
        """Every event but the Ticks, in the order of publication; no samples are looked at."""
        with reading(self.path):
            yield from self._published.events()

    def items(self, *, derived: bool = True) -> Iterator[Item]:
        """Every item in the order of publication, as it was published: times are not corrected.

        Without ``derived`` what transforms made is left out.
        """
        with reading(self.path):
            yield from self._published.items(derived=derived)

    def items_touching(self, touches: Touches) -> Iterator[Item]:
        """As ``items``, but samples that lie where nothing is wanted may be left out, many at a time."""
        with reading(self.path):
            yield from self._published.items(derived=True, touches=touches)

    @contextmanager
    def _look(self) -> Iterator[None]:
        """A short read transaction, with the catalog as it is then. Never nested."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                self._catalog.refresh()
                yield
            finally:
                self._connection.execute("ROLLBACK")


_NOTES = "SELECT kind, value FROM annotations WHERE kind IN ('name', 'tags') ORDER BY id"
