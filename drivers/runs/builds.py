"""Which build of llama.cpp a program says it is, of the lines that it prints as it comes up. Pure.

Sources: examples/main/main.cpp (``main: build = 880 (b9b7d94)`` from July 2023 on), common/common.cpp (``build: 4170
(d905266b) with cc …``). Both also behind a time and a level.
"""

import re
from typing import Final

LINE_LIMIT: Final = 400
"""Characters of a line that are read."""

_BUILD = re.compile(r"(?:^|[\d.]+ I )(?:main: build = |build: )(\d{1,9}) \((\w{1,40})\)")


def read_build(line: str) -> str:
    """``b880 (b9b7d94)``; empty where it tells none."""
    match = _BUILD.match(line[:LINE_LIMIT])
    return f"b{match[1]} ({match[2]})" if match else ""
