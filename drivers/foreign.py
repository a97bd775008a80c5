"""Reading what others wrote: JSON, its fields, its text. Nothing here raises anything but ``Garbled``."""

import json
import math
from collections.abc import Mapping
from typing import Any

from drivers.errors import Garbled

Fields = Mapping[str, Any]
"""A JSON object whose fields nobody has looked at yet."""

LARGEST = 1 << 53
"""Whole numbers above this are taken for nonsense: JSON does not carry them exactly."""


def read_json(text: str, source: str) -> object:
    """The value that ``text`` holds; NaN and infinities become None. Raises Garbled, naming ``source``."""
    try:
        value: object = json.loads(text, parse_constant=_nothing)
    except (ValueError, RecursionError):
        raise Garbled(f"{source} sent what is not JSON: {printable(text, 80)}") from None
    return value


def read_fields(text: str, source: str) -> Fields:
    """The JSON object that ``text`` holds. Raises Garbled, naming ``source``."""
    value = read_json(text, source)
    if not isinstance(value, dict):
        raise Garbled(f"{source} sent JSON that is not an object: {printable(text, 80)}")
    return value


def fields(value: object) -> Fields:
    """``value`` if it is a JSON object, else one without fields."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """``value`` if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def number(owner: Fields, key: str) -> float | None:
    """A finite number; None where there is none."""
    value = owner.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < LARGEST and math.isfinite(value) else None


def count(owner: Fields, key: str) -> int | None:
    """A whole number of at least 0; None where there is none."""
    value = number(owner, key)
    return int(value) if value is not None and value >= 0 and value.is_integer() else None


def text(owner: Fields, key: str) -> str:
    """A string, without half characters; empty where there is none."""
    value = owner.get(key)
    return whole_characters(value) if isinstance(value, str) else ""


def whole_characters(value: str) -> str:
    """``value`` with lone surrogates, which JSON may carry and UTF-8 may not, replaced."""
    return value.encode("utf-8", "replace").decode("utf-8")


def printable(value: str, limit: int = 300) -> str:
    """For a sentence: one line, control characters shown as what they are, cut at ``limit`` characters."""
    shown = "".join(char if char.isprintable() else _escaped(char) for char in value[: limit + 1].strip())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escaped(char: str) -> str:
    return " " if char.isspace() else f"\\x{ord(char):02x}"


def _nothing(_: str) -> None:
    return None
