"""What somebody looks at when comparing: which runs in which groups, along what, aligned by what, which part. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from melt_tui.analysis.compare_request import Alignment, Axis

LETTERS = "ABCDEFGH"
OUT = ""
"""The group of a run that is left out."""
STEPS = 200
"""Into how many steps what is shown is divided, for moving a run."""
CURSOR_STEPS = 120
PAN = 0.1
LEAST_PART = 1e-5
"""Of the whole axis: nothing smaller is shown."""

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Changes give a new one. Places are in the axis' own unit, 0 being what runs are aligned by."""

    groups: tuple[str, ...]
    """A letter for each run, or ``OUT``."""
    axis: Axis = Axis.TIME
    alignment: Alignment = field(default_factory=lambda: Alignment("start"))
    moved: Mapping[Axis, tuple[float, ...]] = field(default_factory=dict)
    """By hand, along each axis."""
    span: Span | None = None
    """What is shown; None: all there is."""
    cursor: float | None = None
    selected: int = 0
    topic: int = 0
    """Which of the quantities there are is in the large chart."""
    means: bool | None = None
    """Means of groups before their runs; None: where a group has several."""
    other: str = ""
    """Whose figures stand beside A's; empty: the first that is not A."""

    @property
    def letters(self) -> tuple[str, ...]:
        """The groups that have runs, in order."""
        return tuple(sorted({letter for letter in self.groups if letter}))

    @property
    def members(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Each group with its runs."""
        return tuple(
            (letter, tuple(i for i, mine in enumerate(self.groups) if mine == letter))
            for letter in self.letters
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Of each run: ``B2``; a dash for one that is left out."""
        return tuple(
            f"{letter}{1 + self.groups[:i].count(letter)}" if letter else "–"
            for i, letter in enumerate(self.groups)
        )

    @property
    def against(self) -> str:
        """The group that stands beside the first one; empty where there is none."""
        others = self.letters[1:]
        return self.other if self.other in others else others[0] if others else ""

    @property
    def by_means(self) -> bool:
        """Whether means of groups are drawn before their runs."""
        return len(self.letters) < sum(map(bool, self.groups)) if self.means is None else self.means

    def shifts(self) -> tuple[float, ...]:
        """By how much each run is moved along the axis shown."""
        return self.moved.get(self.axis, (0.0,) * len(self.groups))

    def shown(self, whole: Span) -> Span:
        """The part shown, of an axis that is so long."""
        return whole if self.span is None else self.span

    def chosen(self, step: int) -> "Lens":
        """Choose another run."""
        return replace(self, selected=max(0, min(len(self.groups) - 1, self.selected + step)))

    def put(self, letter: str) -> "Lens":
        """Put the chosen run into a group, or leave it out."""
        groups = (*self.groups[: self.selected], letter, *self.groups[self.selected + 1 :])
        return replace(self, groups=groups)

    def put_next(self) -> "Lens":
        """Into the group after its own, up to a new one, then A again."""
        others = {mine for i, mine in enumerate(self.groups) if mine and i != self.selected}
        ring = [letter for i, letter in enumerate(LETTERS) if letter in others or i <= len(others)]
        mine = self.groups[self.selected]
        place = ring.index(mine) + 1 if mine in ring else 0
        return self.put(ring[place % len(ring)])

    def next_against(self) -> "Lens":
        """The figures of the group after it."""
        others = self.letters[1:]
        return replace(self, other=others[(others.index(self.against) + 1) % len(others)]) if others else self

    def along(self, axes: Sequence[Axis]) -> "Lens":
        """Along the next of these axes, all of it."""
        place = axes.index(self.axis) + 1 if self.axis in axes else 0
        return replace(self, axis=axes[place % len(axes)], span=None, cursor=None)

    def aligned(self, ways: Sequence[Alignment]) -> "Lens":
        """By the next of these ways, all of the axis."""
        place = ways.index(self.alignment) + 1 if self.alignment in ways else 0
        return replace(self, alignment=ways[place % len(ways)], span=None, cursor=None)

    def shifted(self, steps: int, whole: Span) -> "Lens":
        """Move the chosen run by so many steps of what is shown."""
        a, b = self.shown(whole)
        shifts = list(self.shifts())
        shifts[self.selected] += steps * (b - a) / STEPS
        return replace(self, moved={**self.moved, self.axis: tuple(shifts)}, span=(a, b))

    def put_back(self) -> "Lens":
        """The chosen run where it is aligned, and no cursor."""
        shifts = list(self.shifts())
        shifts[self.selected] = 0.0
        return replace(self, moved={**self.moved, self.axis: tuple(shifts)}, cursor=None)

    def zoomed(self, factor: float, whole: Span, about: float | None = None) -> "Lens":
        """Show so many times less; ``about`` (the cursor, else the middle) stays where it is."""
        a, b = self.shown(whole)
        length = max((b - a) / factor, LEAST_PART * (whole[1] - whole[0]))
        if length >= whole[1] - whole[0] or b <= a:
            return replace(self, span=None)
        at = about if about is not None else self.cursor if self.cursor is not None else (a + b) / 2
        at = max(a, min(b, at))
        start = at - (at - a) / (b - a) * length
        return replace(self, span=_within((start, start + length), whole)).cursor_kept()

    def panned(self, spans: float, whole: Span) -> "Lens":
        """Move by so many times what is shown."""
        if self.span is None:
            return self
        a, b = self.span
        by = spans * (b - a)
        return replace(self, span=_within((a + by, b + by), whole)).cursor_kept()

    def pointed(self, at: float | None, whole: Span) -> "Lens":
        """The cursor there, kept within what is shown; None takes it away."""
        a, b = self.shown(whole)
        return replace(self, cursor=None if at is None else max(a, min(b, at)))

    def stepped(self, steps: int, whole: Span) -> "Lens":
        """The cursor by so many steps; from the middle where there was none."""
        a, b = self.shown(whole)
        here = (a + b) / 2 if self.cursor is None else self.cursor
        return self.pointed(here + steps * (b - a) / CURSOR_STEPS, whole)

    def cursor_kept(self) -> "Lens":
        """Without a cursor that is out of sight."""
        if self.cursor is None or self.span is None or self.span[0] <= self.cursor <= self.span[1]:
            return self
        return replace(self, cursor=None)


def ways(marks: Sequence[Sequence[str]]) -> tuple[Alignment, ...]:
    """How runs can be aligned; ``marks``: names of the marks of each run, of which those count that all have."""
    shared = [name for name in (marks[0] if marks else ()) if all(name in each for each in marks)]
    return (
        Alignment("start"),
        Alignment("first-token"),
        Alignment("onset"),
        *(Alignment("mark", mark=name) for name in shared),
    )


def told(alignment: Alignment) -> str:
    """``from the first token on``."""
    return {
        "start": "from the start",
        "first-token": "from the first token",
        "onset": "from throttling onset",
        "mark": f"from mark {alignment.mark}",
        "hand": "by hand",
    }[alignment.word]


def _within(span: Span, whole: Span) -> Span:
    """Moved back to where there is something."""
    a, b = span
    if b > whole[1]:
        a, b = a - (b - whole[1]), whole[1]
    if a < whole[0]:
        a, b = whole[0], b + (whole[0] - a)
    return a, b
