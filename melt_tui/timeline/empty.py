"""The timeline before anything is known."""

from array import array
from collections.abc import Sequence

from drivers.events import Event
from drivers.model import ChannelKey
from melt_tui.timeline.model import Interval, Timeline, View, Window


class Empty:
    """Answers every look with nothing."""

    def span(self) -> tuple[int, int]:
        """Nothing is known yet."""
        return (0, 0)

    def view(self, t_ns: int) -> View:
        """A view without devices."""
        return View(t_ns=t_ns)

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        """A window without columns."""
        return Window(
            key=key,
            width_ns=max(1, (t1_ns - t0_ns) // max(1, columns)),
            starts_ns=array("q"),
            counts=array("q"),
            minima=array("d"),
            maxima=array("d"),
            means=array("d"),
        )

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        """None."""
        return ()

    def events(
        self, t0_ns: int, t1_ns: int, *, kinds: Sequence[type[Event]] = (), limit: int = 1000
    ) -> Sequence[Event]:
        """None."""
        return ()

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """None."""
        return None

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """None."""
        return None


EMPTY: Timeline = Empty()
