"""Phones as they are plugged in: told as long as an adb server runs, looked for again when it does not."""

from collections.abc import AsyncIterator, Callable, Sequence

from drivers.clock import Clock, pause
from drivers.errors import DriverError, MissingExtra
from drivers.model import Found
from melt_tui.session.bus import Bus
from melt_tui.session.guard import guarded

FIRST_LOOK_S = 0.5
"""The first frames come before what a look at phones has to load."""
LOOK_S = 2.0
"""How often it is looked whether something to ask is there."""

Phones = Callable[[], AsyncIterator[Sequence[Found]]]


class Plugged:
    """Source that publishes nothing: it tells ``seen`` what is plugged in, at every change."""

    def __init__(self, phones: Phones, seen: Callable[[Sequence[Found]], None], clock: Clock) -> None:
        self._phones = phones
        self._seen = seen
        self._clock = clock

    async def run(self, bus: Bus) -> None:
        """Until cancelled, or until it is known that no phone can be seen here."""
        await guarded("plugged phones", self._run(), lambda _: None)

    async def _run(self) -> None:
        await pause(self._clock, FIRST_LOOK_S)
        while await self._follow():
            await pause(self._clock, LOOK_S)

    async def _follow(self) -> bool:
        """Tell what comes until the server goes; False when looking again is in vain."""
        try:
            async for found in self._phones():
                self._seen(found)
        except MissingExtra:
            return False
        except DriverError:
            return True  # no server, or it went: it is looked for again
        return True
