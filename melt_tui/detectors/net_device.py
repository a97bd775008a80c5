"""The energy of a device with a battery that is fed over USB: by its input and its gauge, as recordings have it."""

from collections.abc import Sequence

from drivers.model import Channel
from melt_tui.detectors.history import History
from melt_tui.detectors.marks import Mark, Off, Source
from melt_tui.detectors.reached import Reached
from melt_tui.measures.energy import Amount
from melt_tui.measures.points import LEAST_REFRESHES
from melt_tui.timeline.clockmap import ClockMap


class NetDevice(Source):
    """The derived channel of net device power: what it used is the sum of what its two sources tell."""

    def __init__(self, channel: Channel, clock: ClockMap, usb: Source, battery: Source) -> None:
        super().__init__(channel, clock)
        self.parts = (usb, battery)

    @property
    def newest_ns(self) -> int | None:
        """As far as both have come."""
        usb, battery = (part.newest_ns for part in self.parts)
        return None if usb is None or battery is None else min(usb, battery)

    def mark(self, t_ns: int, off: Off) -> Mark | None:
        """None where either has none."""
        found = [part.mark(t_ns, each) for part, each in zip(self.parts, off.parts, strict=True)]
        known = [mark for mark in found if mark is not None]
        return self._joined(t_ns, known, off) if len(known) == len(found) else None

    def past(self, until_ns: int) -> tuple[History, ...]:
        """Of both, or nothing."""
        found = [part.past(until_ns) for part in self.parts]
        return tuple(one for some in found for one in some) if all(found) else ()

    def mark_past(self, past: Sequence[History], t_ns: int, off: Off) -> Mark:
        """Of both."""
        each = zip(self.parts, past, off.parts, strict=True)
        return self._joined(t_ns, [part.mark_past([one], t_ns, how) for part, one, how in each], off)

    def between(self, start: Mark, end: Mark) -> Reached:
        """Measured is what both have measured."""
        usb, battery = (part.between(*ends) for part, *ends in self._each(start, end))
        return usb.plus(battery)._replace(covered_ns=min(usb.covered_ns, battery.covered_ns))

    def amount(self, start: Mark, end: Mark) -> Amount | None:
        """What two meters measured is off by what each of them is; None of less than so many refreshes of the gauge."""
        usb, battery = (part.amount(*ends) for part, *ends in self._each(start, end))
        if usb is None or battery is None or end.t_ns - start.t_ns < end.least_ns:
            return None
        return usb.plus(battery)

    def _each(self, start: Mark, end: Mark) -> Sequence[tuple[Source, Mark, Mark]]:
        return list(zip(self.parts, start.parts, end.parts, strict=True))

    def _joined(self, t_ns: int, marks: Sequence[Mark], off: Off) -> Mark:
        usb, battery = marks
        least_ns = LEAST_REFRESHES * max(self.parts[1].period_ns, off.parts[1].refresh_ns)
        return Mark(
            t_ns,
            usb.reached.plus(battery.reached),
            usb.earlier,
            battery.later,
            None,
            0.0,
            usb.final and battery.final,
            (usb, battery),
            least_ns,
        )
