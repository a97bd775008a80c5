"""HTML and SVG made of text that may come from anywhere: nothing is markup but what is built here. Pure."""

from collections.abc import Iterable, Sequence
from html import escape

from melt_tui import format as fmt

LONGEST = 2000
"""Characters of one text."""


class Markup(str):
    """Text that is markup already, made by ``tag``."""

    __slots__ = ()


def shown(text: str) -> Markup:
    """Any text, safe as content and within quotes: without what does not print, and not too long."""
    return Markup(escape(fmt.plain(text, LONGEST), quote=True))


def tag(name: str, *content: str | Markup, **attributes: str | float | None) -> Markup:
    """An element. Of attributes ``_`` stands for ``-``, one at the end for nothing (``class_``); None leaves one out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_quoted(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(each if isinstance(each, Markup) else shown(each) for each in content)
    return Markup(f"<{name}{told}>{inner}</{name}>")


def joined(parts: Iterable[Markup]) -> Markup:
    """One after the other."""
    return Markup("\n".join(parts))


def table(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,), class_: str | None = None) -> Markup:
    """Rows, the first of them the head; columns of ``left`` hold words, the others numbers. It scrolls by itself."""
    words = {place % len(rows[0]) for place in left}
    head = tag(
        "tr", *(tag("th", cell, scope="col", class_=_side(i, words)) for i, cell in enumerate(rows[0]))
    )
    body = (
        tag("tr", *(tag("td", cell, class_=_side(i, words)) for i, cell in enumerate(row)))
        for row in rows[1:]
    )
    whole = tag("table", tag("thead", head), tag("tbody", joined(body)), class_=class_)
    return tag("div", whole, class_="scroll")


def _side(place: int, words: set[int]) -> str | None:
    return "w" if place in words else None


def _quoted(value: str | float) -> Markup:
    if isinstance(value, Markup):
        return value
    return shown(f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value))
