"""The cards of all devices as one picture: from two to five lines a device, fewer where the room is short."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from melt_tui.ui.renderables.cells import Ground, Ink, Line, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.rows import Part, justified, length, row
from melt_tui.ui.renderables.spark import trend
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


DOTS = {
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
    return tuple(_DRAW[mode](card, width, Ground.SELECTED if selected else Ground.NONE))


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


def _full(card: Card, width: int, ground: Ground) -> Iterator[Line]:
    yield _head(card, width, ground)
    room = width - _INDENT
    if card.rate or card.spark:
        rate = _rate(card)
        yield _line(width, [*rate, *_spark(card, room - length(rate))], ground)
    if card.facts:
        yield _line(width, _facts(card.facts, room), ground)
    if card.warning:
        yield _line(width, [(f"⚠ {card.warning}", Ink.WARNING)], ground)
    for note in card.notes:
        yield _line(width, [(note, Ink.DIM)], ground)


def _compact(card: Card, width: int, ground: Ground) -> Iterator[Line]:
    yield _head(card, width, ground)
    before = [("⚠ ", Ink.WARNING)] * bool(card.warning) + _rate(card)
    yield _line(width, [*before, *_facts(card.facts, width - _INDENT - length(before))], ground)


def _row(card: Card, width: int, ground: Ground) -> Iterator[Line]:
    name = max(16, width // 3)
    head = min(width, name + 12)
    room = width - head - 1
    if room < _RATE_CELLS:
        yield (*_head(card, head, ground), *row(width - head, (), ground))
        return
    rate = _rate(card)
    parts = [(" ", Ink.TEXT), *rate, (" " * max(0, _RATE_CELLS - length(rate)), Ink.TEXT)]
    cells = min(16, max(0, (width - 60) // 4))
    shown = _spark(card, cells)
    parts += [*shown, (" " * (cells - length(shown) + bool(cells)), Ink.TEXT)]
    if card.warning:
        parts.append((f"⚠ {card.warning}  ", Ink.WARNING))
    yield (
        *_head(card, head, ground),
        *row(width - head, [*parts, *_facts(card.facts, room + 1 - length(parts))], ground),
    )


_DRAW: dict[CardMode, Callable[[Card, int, Ground], Iterator[Line]]] = {
    CardMode.FULL: _full,
    CardMode.COMPACT: _compact,
    CardMode.ROWS: _row,
}
_INDENT = 3
_RATE_CELLS = 12
_SIMULATED = (" simulated", " sim")


def _line(width: int, parts: Sequence[Part], ground: Ground) -> Line:
    return row(width, [(" " * _INDENT, Ink.TEXT), *parts], ground)


def _head(card: Card, width: int, ground: Ground) -> Line:
    return _head_line(
        card.title, card.phase, card.state, card.colour, width, ground, simulated=card.simulated
    )


@lru_cache(maxsize=1024)
def _head_line(
    title: str,
    phase: str,
    state: CardState,
    colour: int,
    width: int,
    ground: Ground,
    *,
    simulated: bool,
) -> Line:
    """``▸▲ pixel-8 simulated   ● decode``: the name gives way first, the mark of the simulated never."""
    dot, dot_ink = DOTS[state]
    pointer = "▸" if ground is Ground.SELECTED else " "
    doing = plain(phase, max(0, width // 2 - 2))
    right = [(f" {dot} ", dot_ink), (doing, Ink.TEXT if state is CardState.RUNNING else Ink.DIM)]
    room = max(0, width - _INDENT - length(right))
    note = _note(room - cell_count(plain(title))) if simulated else ""
    left = [
        (pointer, Ink.STRONG),
        (f"{shape(colour)} ", device_ink(colour)),
        (plain(title, max(0, room - len(note))), Ink.TITLE),
        (note, Ink.DIM),
    ]
    return justified(width, left, right, ground)


def _note(room: int) -> str:
    """The mark of a simulated device: whole where there is room for it beside the name."""
    return next((text for text in _SIMULATED if len(text) <= room), _SIMULATED[-1])


def _rate(card: Card) -> list[Part]:
    if card.rate is None:
        return []
    ink = Ink.DIM if card.rate.stale else Ink.WARNING if card.rate.alarm else Ink.STRONG
    return [(card.rate.text, ink), (" ", Ink.TEXT)]


def _spark(card: Card, room: int) -> list[Part]:
    width = min(room, len(card.spark))
    if width <= 0:
        return []
    stale = card.rate is not None and card.rate.stale
    return [(trend(card.spark, width), Ink.DIM if stale else device_ink(card.colour))]


def _facts(facts: Sequence[Fact], room: int) -> list[Part]:
    """Facts with dots between; one that does not fit is left out with all after it."""
    parts: list[Part] = []
    for fact in facts:
        text = plain(fact.text) + "!" * fact.alarm
        joint = " · " if parts else ""
        room -= cell_count(text) + len(joint)
        if room < 0:
            break
        parts += [
            (joint, Ink.DIM),
            (text, Ink.DIM if fact.stale else Ink.WARNING if fact.alarm else Ink.TEXT),
        ]
    return parts
