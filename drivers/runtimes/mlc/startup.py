"""What ``mlc_llm serve`` prints as it comes up: on what it computes, and where it listens. Pure.

Sources: mlc-llm python/mlc_llm/support/auto_device.py, python/mlc_llm/serve/engine_base.py and cpp/serve/config.cc (the
mode), uvicorn (the address). Its version it never tells.
"""

import re
from typing import Final

LINE_LIMIT: Final = 2000
"""Characters of a line that are read."""

_STYLE = re.compile(r"\x1b\[[0-9;]{0,20}m")
_FOUND = re.compile(r"\bFound device: (\w{1,20}):\d")
_USING = re.compile(r"\bUsing device: (\w{1,20}:\d{1,3})\b")
_MODE = re.compile(r"\bThe actual engine mode is .{1,200} prefill chunk size is (\d{1,9})\b")
_LISTENING = re.compile(r"\bUvicorn running on https?://\S{1,100}:(\d{1,5})\b")


class Startup:
    """What it has told so far."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.batch: int | None = None
        """Tokens of a prompt that it takes at a time."""
        self._using = ""
        self._found: set[str] = set()

    @property
    def backend(self) -> str:
        """``cuda:0`` where it chose itself; ``cuda`` where it looked for that alone; empty when it did not tell."""
        only = next(iter(self._found)) if len(self._found) == 1 else ""
        return self._using or only

    def note(self, line: str) -> None:
        """Read one of its lines."""
        line = _STYLE.sub("", line[:LINE_LIMIT])
        if match := _FOUND.search(line):
            self._found.add(match[1])
        elif match := _USING.search(line):
            self._using = match[1]
        elif match := _MODE.search(line):
            self.batch = int(match[1])
        elif match := _LISTENING.search(line):
            self.port = int(match[1])
