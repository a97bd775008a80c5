"""The strip of a recording: its name, start ← now → end, buttons and speed."""

from collections.abc import Iterator
from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.meter import meter
from melt_tui.ui.renderables.rows import Part, length, row
from melt_tui.ui.renderables.text import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportModel:
    """What the strip says."""

    name: str
    start: str
    now: str
    end: str
    share: float
    """How far the playhead is, 0…1."""
    speed: str
    """``×1``."""
    playing: bool
    looping: bool


Button = tuple[str, str]
"""Sign and command."""


def buttons(model: TransportModel) -> tuple[Button, ...]:
    """The buttons, from left to right."""
    middle = ("❚❚", "freeze") if model.playing else ("▶ ", "play")
    return (
        ("|◀", "start"),
        ("◀◀", "slower"),
        middle,
        ("▶▶", "faster"),
        ("▶|", "end"),
        ("◂event", "previous_event"),
        ("event▸", "next_event"),
        ("a↻b" if model.looping else "a–b", "loop"),
    )


def transport_line(model: TransportModel, width: int) -> Line:
    """The strip in ``width`` cells; the bar takes what the rest leaves."""
    parts: list[Part] = [(" ", Ink.TEXT)]
    for sign, command in buttons(model):
        lit = command == "loop" and model.looping
        parts += [(sign, Ink.WARNING if lit else Ink.TITLE), (" ", Ink.TEXT)]
    parts += [(f"{model.speed:>5}  ", Ink.STRONG), (f"{model.start} ", Ink.DIM)]
    tail: list[Part] = [(f" {model.end} ", Ink.DIM)]
    name = plain(model.name, max(0, width // 4))
    if width >= 100:
        tail.append((f" {name} ", Ink.TEXT))
    room = width - length(parts) - length(tail) - len(model.now) - 2
    filled, empty = meter(model.share, max(0, room))
    bar: list[Part] = [
        ("━" * len(filled), Ink.CURSOR),
        (f" {model.now} ", Ink.STRONG),
        ("─" * len(empty), Ink.FRAME),
    ]
    return row(width, [*parts, *bar, *tail])


def command_at(model: TransportModel, x: int) -> str | None:
    """The command under a cell; None beside the buttons."""
    for start, end, command in _places(model):
        if start <= x < end:
            return command
    return None


def _places(model: TransportModel) -> Iterator[tuple[int, int, str]]:
    x = 1
    for sign, command in buttons(model):
        size = length([(sign, Ink.TEXT)])
        yield x, x + size, command
        x += size + 1
