"""A recording as a Source: the same items again, for another detector, for tests, for copying."""

from pathlib import Path

from drivers.clock import Clock, SystemClock
from melt_tui.session.bus import Bus
from melt_tui.store.recording import Recording

_AT_ONCE = 256
"""Items between two moments at which others on the loop may go on."""


class Replay:
    """Publishes what was measured, in the order in which it was; what transforms derive is derived again.

    Raises BadRecording where the recording cannot be read. One that it opened itself it closes.
    """

    def __init__(self, source: Path | Recording, clock: Clock | None = None) -> None:
        self._source = source
        self._clock = clock or SystemClock()

    async def run(self, bus: Bus) -> None:
        """Publish everything, as fast as it goes."""
        recording = Recording(self._source) if isinstance(self._source, Path) else self._source
        try:
            for count, item in enumerate(recording.items(derived=False), 1):
                bus.publish(item)
                if count % _AT_ONCE == 0:
                    await self._clock.sleep_until(self._clock.now())
        finally:
            if recording is not self._source:
                recording.close()
