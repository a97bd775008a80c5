"""What an app's log tells of turns, also where a statistic goes over several lines. Pure."""

import re
from dataclasses import dataclass, field
from typing import Final

from drivers.runtimes.mlc.protocol import LogEntry, Told, read_log, read_stats

LINES_LIMIT: Final = 64
SIZE_LIMIT: Final = 16_384
"""Characters of one object."""
OPEN_LIMIT: Final = 8
"""Objects that are open at a time, each of another thread or tag."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_Source = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Statistic:
    """Figures of a turn, with what told them."""

    told: Told
    tag: str
    message: str


@dataclass(slots=True)
class _Open:
    """An object that has begun and is not closed."""

    lines: list[str] = field(default_factory=list)
    size: int = 0
    depth: int = 0

    def add(self, message: str) -> bool:
        """Take one more line; whether there is room for it."""
        self.lines.append(message)
        self.size += len(message)
        if self.size > SIZE_LIMIT or len(self.lines) > LINES_LIMIT:
            return False
        bare = _STRING.sub("", message)
        self.depth += bare.count("{") - bare.count("}")
        return True


class LogReader:
    """Reads the lines of one process: those of other processes, tags and threads may lie between."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._open: dict[_Source, _Open] = {}

    def read(self, line: str) -> Statistic | None:
        """The statistic that this line is, or closes; None for any other."""
        entry = read_log(line)
        if entry is None or entry.pid != self._pid:
            return None
        told = read_stats(entry.message)
        if told is not None:
            self._open.pop((entry.thread, entry.tag), None)
            return Statistic(told, entry.tag, entry.message)
        return self._joined(entry)

    def _joined(self, entry: LogEntry) -> Statistic | None:
        source, message = (entry.thread, entry.tag), entry.message
        found = self._open.pop(source, None)
        if _begins(message, found):
            found = _Open()
        if found is None or not found.add(message):
            return None
        if found.depth > 0:
            self._keep(source, found)
            return None
        text = "\n".join(found.lines)
        told = read_stats(text)
        return Statistic(told, entry.tag, " ".join(text.split())) if told else None

    def _keep(self, source: _Source, found: _Open) -> None:
        while len(self._open) >= OPEN_LIMIT:
            del self._open[next(iter(self._open))]
        self._open[source] = found


def _begins(message: str, before: _Open | None) -> bool:
    """Whether a line opens an object that is no member of the one before, which then was never closed."""
    prefix, brace, _ = message.partition("{")
    value = before is not None and before.lines[-1].rstrip().endswith(":")
    return bool(brace) and '"' not in prefix and not value
