"""Where in a TOML text a setting stands: for error messages only, so it reads lines and does not parse."""

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_.\- ]+?))\s*=""")


def line_of(text: str, table: str, key: str, index: int = 0) -> int | None:
    """1-based line of ``key`` in the table, the ``index``-th of that name; else of the table's header, else None.

    ``table`` ``""`` is the top. Dotted keys (``run.model = …``) and inline tables are found by their first line.
    """
    headers = -1
    current, best = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header:
            current = _bare(header[2])
            headers += current == table
            if current in {table, f"{table}.{key}".strip(".")} and headers <= index:
                best = number
            continue
        found = _key(line)
        here = current == table and (not table or headers == index)
        if (here and found == key) or (not current and found in {table, f"{table}.{key}"} and found):
            return number
    return best


def _key(line: str) -> str:
    match = _KEY.match(line)
    return _bare(next(part for part in match.groups() if part is not None)) if match else ""


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
