"""What the command line writes: results to stdout, progress to stderr; text from outside cannot steer the terminal."""

import io
import json
import os
import pathlib
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, TextIO

from melt_tui.errors import UsageError

_DEEPER = 4
"""Columns by which a line goes on further in than it began."""


def open_streams() -> None:
    """What a terminal or locale cannot show is replaced, rather than that nothing is shown."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def stdout() -> TextIO:
    """Where results go. Raises UsageError where it is closed."""
    stream: TextIO | None = sys.stdout
    if stream is None:
        raise UsageError("stdout is closed, so that no result can be told", "leave it open")
    return stream


def result(text: str) -> None:
    """A result, for people or pipes. Raises UsageError where there is nowhere to write it."""
    stdout().write(text if text.endswith("\n") else f"{text}\n")


def result_text(text: str) -> None:
    """A result in lines for people: on a terminal wide ones go on below, deeper; in a file or pipe each stays one.

    Raises UsageError as ``result`` does.
    """
    on_screen = stdout().isatty()
    result(wrapped(text, shutil.get_terminal_size().columns) if on_screen else text)


def wrapped(text: str, columns: int) -> str:
    """No line wider than that, but where a word is: a fingerprint or a path stays in one piece."""
    return "\n".join(chain.from_iterable(_wrapped(line, columns) for line in text.split("\n")))


def _wrapped(line: str, columns: int) -> list[str]:
    if len(line) <= columns:
        return [line]
    deeper = " " * (len(line) - len(line.lstrip()) + _DEEPER)
    width = max(columns, 2 * len(deeper))
    return textwrap.wrap(
        line, width, subsequent_indent=deeper, break_long_words=False, break_on_hyphens=False
    )


def flush() -> None:
    """Have the results reach their place while it can still be told when they do not. Raises OSError."""
    stream: TextIO | None = sys.stdout
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        _let_go(stream)
        raise


def result_json(value: Any) -> None:
    """A result as JSON, one document."""
    plain = not (stdout().encoding or "utf").lower().startswith("utf")
    result(json.dumps(value, indent=2, ensure_ascii=plain, allow_nan=False, default=str))


def progress(text: str) -> None:
    """A line of progress, shown at once."""
    stream: TextIO | None = sys.stderr
    if stream is not None:
        stream.write(f"{harmless(text)}\n")
        stream.flush()


def _let_go(stream: TextIO) -> None:
    """What it still holds goes nowhere, so that the end of the program does not try again."""
    with suppress(OSError), pathlib.Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def harmless(text: str) -> str:
    """The text with every control character made visible: it comes from devices and files."""
    return "".join(char if char.isprintable() or char == " " else _shown(char) for char in text)


def _shown(char: str) -> str:
    return "�" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"} else " "


def table(rows: Sequence[tuple[str, ...]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows in aligned columns; those whose index is in ``right`` are aligned to the right."""
    shown = [tuple(harmless(cell) for cell in row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    )
    return "\n".join(lines)
