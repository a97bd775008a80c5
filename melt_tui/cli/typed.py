"""Values of options: what was typed, or one sentence."""

import argparse
import math

from drivers.points import KNOWN, is_point


def words(text: str) -> str:
    """Anything but nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("nothing was given")
    return text


def point(text: str) -> str:
    """A reference point."""
    if not is_point(text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no reference point: there are {KNOWN}")
    return text


def count(text: str) -> int:
    """A whole number of at least 1."""
    return _whole(text, 1)


def number(text: str) -> int:
    """A whole number of at least 0."""
    return _whole(text, 0)


def fraction(text: str) -> float:
    """A number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0, and less than a billion")
    return value


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not least <= value < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not between {least} and {2**31 - 1}")
    return value
