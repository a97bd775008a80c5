"""Caps of frequencies: when one of them is a limit, also of a device that was lost and is back. Pure.

A cap is a limit when it lies below the highest that was seen since the device was opened. The hardware's own maximum is no
measure: a cap that stood below it from the start may be the user's own.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from drivers import linux
from drivers.base import Item
from drivers.errors import LinkError
from drivers.events import LimitEngaged, LimitReleased

SYSTEM = "operating-system cap"


class Highest:
    """Of one device, the highest that each cap was seen at."""

    def __init__(self) -> None:
        self._seen_hz: dict[str, float] = {}

    def seen(self, limit: str, hertz: float) -> None:
        """A cap stands there now."""
        self._seen_hz[limit] = max(hertz, self.of(limit, hertz))

    def of(self, limit: str, otherwise_hz: float) -> float:
        """The highest that it was seen at."""
        return self._seen_hz.get(limit, otherwise_hz)


class Judge:
    """One cap against the highest that it was seen at."""

    def __init__(
        self, device: str, limit: str, start_hz: float | None, highest: Highest | None = None
    ) -> None:
        """``start_hz``: where it stood when the device was opened, if that is known."""
        self._device = device
        self._limit = limit
        self._highest = highest or Highest()
        self._in_force_hz: float | None = None
        if start_hz is not None:
            self._highest.seen(limit, start_hz)

    def take(self, t_ns: int, hertz: float, *, whole: bool = True) -> list[Item]:
        """The limit that begins, changes or ends with it. One that is not ``whole``, the lowest of some caps of which not
        all were read, is never the highest."""
        if whole:
            self._highest.seen(self._limit, hertz)
        top_hz = self._highest.of(self._limit, hertz)
        was, self._in_force_hz = self._in_force_hz, hertz if hertz < top_hz else None
        if self._in_force_hz == was:
            return []
        detail = f"{linux.gigahertz(was or top_hz)} → {linux.gigahertz(hertz)}"
        if self._in_force_hz is None:
            return [LimitReleased(t_ns=t_ns, device=self._device, limit=self._limit, detail=detail)]
        return [LimitEngaged(t_ns=t_ns, device=self._device, limit=self._limit, reason=SYSTEM, detail=detail)]


class Remembered:
    """What was seen of devices, as long as they are open or their link is lost."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Highest] = {}

    @contextmanager
    def kept(self, device: Hashable) -> Iterator[Highest]:
        """What was seen of it before its link was lost. One that was closed begins anew."""
        lost = False
        try:
            yield self._known.setdefault(device, Highest())
        except LinkError:
            lost = True
            raise
        finally:
            if not lost:
                self._known.pop(device, None)
