"""Runs on one device that were asked for together: one after another, each waiting for what it was told to."""

import asyncio
from collections.abc import Sequence

from drivers.model import RunSpec
from melt_tui.events import RunEnded
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource


class Series:
    """Source of at least one run. One that fails does not keep the others from running; a stop ends all of them."""

    def __init__(self, sources: Sequence[RunSource]) -> None:
        self._sources = sources
        self._at = 0
        self._stopping = False
        self._over = asyncio.Event()

    @property
    def name(self) -> str:
        """That of its first run."""
        return self._sources[0].spec.run

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of all, in order."""
        return tuple(source.spec.run for source in self._sources)

    @property
    def spec(self) -> RunSpec:
        """Of the run in progress, or of the last one."""
        return self._sources[self._at].spec

    @property
    def ended(self) -> RunEnded | None:
        """How the last of them ended; None while there is one to come."""
        last = self._at == len(self._sources) - 1 or self._stopping
        return self._sources[self._at].ended if last else None

    async def run(self, bus: Bus) -> None:
        """Publish each, in order."""
        try:
            for at, source in enumerate(self._sources):
                self._at = at
                await source.run(bus)
                if self._stopping:
                    return
        finally:
            self._over.set()

    async def stop(self) -> str:
        """End the one in progress, and begin none after it. As ``RunSource.stop``."""
        self._stopping = True
        return await self._sources[self._at].stop()

    async def wait(self) -> None:
        """Return when all are over."""
        await self._over.wait()
