"""Where in a TOML text a setting stands: for error messages only, so it reads lines and does not parse."""

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_.\- ]+?))\s*=""")


def line_of(text: str, table: str, key: str, index: int = 0) -> int | None:
    """1-based line of ``key`` in the table, the ``index``-th of that name; else of the table's header, else None.

    ``table`` ``""`` is the top. Dotted keys (``run.model = …``) and inline tables are found by their first line.
    """
    seen = -1
    current, best = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header:
            current = _bare(header[2])
            seen += current == table
            exact = (current == table and seen <= index) or current == f"{table}.{key}"
            best = number if exact or (best is None and _is_about(current, table, key)) else best
        elif _is_at(_key(line), table, key, current, at_index=seen == index):
            return number
    return best


def _is_about(current: str, table: str, key: str) -> bool:
    return current.startswith(f"{table}.") if table else current == key


def _is_at(found: str, table: str, key: str, current: str, *, at_index: bool) -> bool:
    """Whether a line that sets ``found`` under ``[current]`` is the one."""
    if not found:
        return False
    if current == table and (not table or at_index):
        return found == key
    return not current and found in {table, f"{table}.{key}"}


def _key(line: str) -> str:
    match = _KEY.match(line)
    return _bare(next(part for part in match.groups() if part is not None)) if match else ""


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
