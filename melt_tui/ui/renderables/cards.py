"""The cards of all devices as one picture: from two to five lines a device, fewer where the room is short."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from melt_tui.ui.renderables.cells import Cells, Ground, Ink, Line, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.spark import spark
from melt_tui.ui.renderables.text import cell_count, plain


class CardState(StrEnum):
    """How a device stands, as its dot shows it."""

    RUNNING = "running"
    BUSY = "busy"
    """Connecting, loading."""
    IDLE = "idle"
    STREAMING = "streaming"
    """A meter that delivers."""
    LOST = "lost"
    FAILED = "failed"


_DOTS = {
    CardState.RUNNING: ("●", Ink.GOOD),
    CardState.BUSY: ("◐", Ink.TEXT),
    CardState.IDLE: ("○", Ink.DIM),
    CardState.STREAMING: ("~", Ink.GOOD),
    CardState.LOST: ("✕", Ink.WARNING),
    CardState.FAILED: ("✖", Ink.ERROR),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A short text of a device: a value with its unit."""

    text: str
    stale: bool = False
    alarm: bool = False
    """Past a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A device as its card tells it; texts are ready to be shown."""

    device: str
    """Its name in the session: what messages carry."""
    title: str
    colour: int
    state: CardState
    phase: str = ""
    """Beside the dot: ``decode``, ``idle``, ``5 kS/s``, ``away 3 s``."""
    simulated: bool = False
    rate: Fact | None = None
    """``18.4 tok/s``."""
    spark: tuple[float | None, ...] = ()
    """Recent rates, oldest first; None where there was none."""
    facts: tuple[Fact, ...] = ()
    """``71.2 °C``, ``3.1 W``, ``1.9 GB``."""
    warning: str = ""
    """``throttled since 01:12``; empty when all is well."""
    notes: tuple[str, ...] = ()
    """More lines, dimmed; shown where there is room."""


class CardMode(StrEnum):
    """How much each device gets."""

    FULL = "full"
    """Title, rate with spark, facts, warning, notes: a line each."""
    COMPACT = "compact"
    """Title with rate, and facts or the warning: two lines."""
    ROWS = "rows"
    """One line."""


@dataclass(frozen=True, slots=True)
class CardPicture:
    """Lines of all cards together, and which card each line belongs to."""

    lines: tuple[Line, ...]
    owners: tuple[int, ...]


def mode_for(cards: Sequence[Card], width: int, height: int) -> CardMode:
    """The fullest mode in which all cards are seen at once; rows where none is, and where there is width for them."""
    for mode in (CardMode.FULL, CardMode.COMPACT):
        if sum(card_height(card, mode) for card in cards) <= height:
            return mode
    return CardMode.ROWS if width >= 60 or height < 2 * len(cards) else CardMode.COMPACT


def card_height(card: Card, mode: CardMode) -> int:
    """Lines that a card takes."""
    if mode is CardMode.ROWS:
        return 1
    if mode is CardMode.COMPACT:
        return 2
    return 1 + bool(card.rate or card.spark) + bool(card.facts) + bool(card.warning) + len(card.notes)


def card_lines(card: Card, width: int, mode: CardMode, *, selected: bool) -> tuple[Line, ...]:
    """One card: ``card_height`` lines of exactly ``width`` cells."""
    cells = Cells(width, card_height(card, mode))
    _DRAW[mode](cells, card, selected=selected)
    if selected:
        cells.ground(0, width, 0, cells.height, Ground.SELECTED)
    return cells.lines()


def stack(cards: Sequence[Card], selected: str, width: int, height: int, mode: CardMode) -> CardPicture:
    """All cards one under another, with a blank line between them where the room allows it."""
    blanks = (
        sum(card_height(card, mode) for card in cards) + len(cards) - 1 <= height
        and mode is not CardMode.ROWS
    )
    lines: list[Line] = []
    owners: list[int] = []
    for index, card in enumerate(cards):
        drawn = card_lines(card, width, mode, selected=card.device == selected)
        if blanks and index:
            drawn = (((" " * width, 0),), *drawn)
        lines += drawn
        owners += [index] * len(drawn)
    return CardPicture(tuple(lines), tuple(owners))


def _full(cells: Cells, card: Card, *, selected: bool) -> None:
    _head(cells, card, 0, cells.width, selected=selected)
    y = 1
    if card.rate or card.spark:
        x = _rate(cells, card, _INDENT, y)
        _spark(cells, card, x, y, cells.width - x)
        y += 1
    if card.facts:
        _facts(cells, card.facts, _INDENT, y, cells.width)
        y += 1
    if card.warning:
        cells.put(_INDENT, y, plain(f"⚠ {card.warning}", max(0, cells.width - _INDENT)), Ink.WARNING)
        y += 1
    for line, note in enumerate(card.notes, start=y):
        cells.put(_INDENT, line, plain(note, max(0, cells.width - _INDENT)), Ink.DIM)


def _compact(cells: Cells, card: Card, *, selected: bool) -> None:
    _head(cells, card, 0, cells.width, selected=selected)
    x = _INDENT
    if card.warning:
        x = cells.put(x, 1, "⚠ ", Ink.WARNING)
    if card.rate:
        x = _rate(cells, card, x, 1)
    _facts(cells, card.facts, x, 1, cells.width)


def _row(cells: Cells, card: Card, *, selected: bool) -> None:
    name, rate, trend = max(16, cells.width // 3), 12, min(16, max(0, (cells.width - 60) // 4))
    _head(cells, card, 0, min(cells.width, name + 12), selected=selected)
    x = name + 13
    if x + rate > cells.width:
        return
    _rate(cells, card, x, 0)
    x += rate
    _spark(cells, card, x, 0, trend)
    x += trend + bool(trend)
    if card.warning:
        x = cells.put(x, 0, plain(f"⚠ {card.warning}", max(0, cells.width - x)), Ink.WARNING) + 2
    _facts(cells, card.facts, x, 0, cells.width)


class _Draw(Protocol):
    def __call__(self, cells: Cells, card: Card, *, selected: bool) -> None: ...


_DRAW: dict[CardMode, _Draw] = {
    CardMode.FULL: _full,
    CardMode.COMPACT: _compact,
    CardMode.ROWS: _row,
}
_INDENT = 3
_SIMULATED = (" simulated", " sim")


def _head(cells: Cells, card: Card, y: int, width: int, *, selected: bool) -> None:
    """``▸▲ pixel-8 simulated   ● decode`` in ``width`` cells: the name gives way first, the mark never."""
    dot, dot_ink = _DOTS[card.state]
    phase = plain(card.phase, max(0, width // 2 - 2))
    cells.put(0, y, "▸" if selected else " ", Ink.STRONG)
    cells.put(1, y, shape(card.colour), device_ink(card.colour))
    x = max(_INDENT, width - 2 - cell_count(phase))
    cells.put(x, y, f"{dot} ", dot_ink)
    cells.put(x + 2, y, phase, Ink.TEXT if card.state is CardState.RUNNING else Ink.DIM)
    room = x - 1 - _INDENT
    title = plain(card.title)
    note = _note(card, room - cell_count(title))
    end = cells.put(_INDENT, y, plain(title, max(0, room - len(note))), Ink.TITLE)
    cells.put(end, y, note, Ink.DIM)


def _note(card: Card, room: int) -> str:
    """The mark of a simulated device: whole where there is room for it beside the name."""
    if not card.simulated:
        return ""
    return next((text for text in _SIMULATED if len(text) <= room), _SIMULATED[-1])


def _rate(cells: Cells, card: Card, x: int, y: int) -> int:
    if card.rate is None:
        return x
    ink = Ink.DIM if card.rate.stale else Ink.WARNING if card.rate.alarm else Ink.STRONG
    return cells.put(x, y, plain(card.rate.text, max(0, cells.width - x)), ink) + 1


def _spark(cells: Cells, card: Card, x: int, y: int, room: int) -> None:
    width = min(room, len(card.spark))
    if width > 0:
        stale = card.rate is not None and card.rate.stale
        cells.put(x, y, spark(card.spark, width), Ink.DIM if stale else device_ink(card.colour))


def _facts(cells: Cells, facts: Sequence[Fact], x: int, y: int, end: int) -> None:
    """Facts with dots between; one that does not fit is left out with all after it."""
    for index, fact in enumerate(facts):
        text = plain(fact.text) + "!" * fact.alarm
        joint = " · " if index else ""
        if x + cell_count(joint + text) > end:
            return
        x = cells.put(x, y, joint, Ink.DIM)
        x = cells.put(x, y, text, Ink.DIM if fact.stale else Ink.WARNING if fact.alarm else Ink.TEXT)
