"""What users hand to a runtime with ``--runtime-arg``: ``name=value`` for us, flags for the program. Pure."""

import json
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NoReturn

MODEL_FLAGS: Final = ("-m", "--model", "-mu", "--model-url", "-hf", "-hfr", "--hf-repo")
"""By which llama.cpp's programs are told another model than the one that is recorded."""


def option(args: Sequence[str], name: str) -> str:
    """The value of the last ``name=value`` of ours; empty when it was not given."""
    prefix = f"{name}="
    return next((arg.removeprefix(prefix) for arg in reversed(args) if arg.startswith(prefix)), "")


def binary_of(args: Sequence[str]) -> str:
    """The program named by ``binary=PATH``; empty when none was."""
    return option(args, "binary")


def json_value(text: str) -> object:
    """A field of a request as JSON has it, else the text itself: the server says best what it does not take."""
    try:
        found: object = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return text
    return found


def flag_words(args: Sequence[str], ours: Sequence[str] = ("binary",)) -> list[str]:
    """Flags and values for the program apart, however they were given: ``--a=b``, ``--a b``, or each by itself.

    ``name=value`` with one of the names that are ours is left out.
    """
    words: list[str] = []
    for arg in args:
        if arg.partition("=")[0] not in ours or "=" not in arg:
            words += re.split(r"[=\s]+", arg, maxsplit=1) if arg.startswith("-") else [arg]
    return words


def last_number(args: Sequence[str], names: Sequence[str], ours: int) -> int | None:
    """The number of the last of these flags, ``ours`` when none was given; None when it is no number."""
    given = [value for name, value in pairwise(flag_words(args)) if name in names]
    if not given:
        return ours
    return int(given[-1]) if re.fullmatch(r"\d{1,9}", given[-1]) else None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    """Raises ValueError for a number that is too large for JSON's readers."""
    value = float(text)
    if not math.isfinite(value):
        _refuse(text)
    return value
