# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker passes on: lines of a phone's log, few enough to be read, and bytes of forwarded ports."""

import asyncio
import re

from drivers.clock import SECOND
from drivers.devices.ios.worker.serving import CLOCK, tell
from drivers.links.usbmuxwire import TEXT_LIMIT, Tell

LOG_PER_S = 20


class Log:
    """Lines of the phone's log, few enough to be read: of apps that are watched, and errors; or all."""

    ERRORS = re.compile(r"<(?:Error|Fault|Critical|Alert|Emergency)>")

    def __init__(self, mode: str) -> None:
        self.pids: set[int] = set()
        self.names: set[str] = set()
        self._all = mode == "all"
        self._credit = float(LOG_PER_S)
        self._then = CLOCK.now()
        self._left_out = 0

    def watch(self, pids: set[int]) -> None:
        """Whose lines are told from now on."""
        self.pids.clear()
        self.pids |= pids

    def take(self, line: str) -> None:
        """Tell a line, or count it."""
        head = line[:160]
        ours = any(f"[{pid}]" in head for pid in self.pids) or any(f" {name}" in head for name in self.names)
        if not (ours or self._all or self.ERRORS.search(head)):
            return
        now = CLOCK.now()
        self._credit = min(LOG_PER_S, self._credit + (now - self._then) / SECOND * LOG_PER_S)
        self._then = now
        if self._credit < 1 and not ours:
            self._left_out += 1
            return
        self._credit -= 0 if ours else 1
        tell(Tell.LOG, text=line[:TEXT_LIMIT], left_out=self._left_out)
        self._left_out = 0


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until one end closes."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
