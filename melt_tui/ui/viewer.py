"""What is looked at: a session in progress or a recording, the playhead on it, and the choice of device and charts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from melt_tui.timeline import Timeline
from melt_tui.ui.look import Ask
from melt_tui.ui.playhead import Mode, Playhead, Reach

CURSOR_STEPS = 120
"""Into how many steps the cursor divides what is shown."""
PAN = 0.1

Move = Callable[[Playhead, int, Reach], Playhead]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where to look."""

    timeline: Callable[[], Timeline]
    """Asked anew for every look: a session that begins brings its own."""
    live: bool
    """Its newest moment is now."""
    name: str = ""
    """Of a recording: the file's."""
    path: Path | None = None
    """Of a recording: its file."""
    span: tuple[int, int] = (0, 0)
    """Of the timeline, as far as it is known from the start."""


def _here(playhead: Playhead, now_ns: int, reach: Reach) -> int:
    """The cursor, or the moment shown."""
    return playhead.at(now_ns, reach) if playhead.cursor_ns is None else playhead.cursor_ns


def _step(steps: int) -> Move:
    def move(playhead: Playhead, now_ns: int, reach: Reach) -> Playhead:
        t0, t1 = playhead.window(now_ns, reach)
        goal = _here(playhead, now_ns, reach) + steps * ((t1 - t0) // CURSOR_STEPS)
        return playhead.pointed(min(goal, playhead.at(now_ns, reach)), now_ns, reach)

    return move


def _end(playhead: Playhead, now_ns: int, reach: Reach) -> Playhead:
    if reach.live:
        return playhead.pinned()
    return playhead.frozen(now_ns, reach).sought(reach.edge_ns, now_ns, reach)


def _cleared(playhead: Playhead, now_ns: int, reach: Reach) -> Playhead:
    here = playhead.settled(now_ns, reach)
    return replace(here, a_ns=None, b_ns=None, cursor_ns=None, loop=False)


MOVES: Mapping[str, Move] = {
    "freeze": Playhead.toggled,
    "play": Playhead.playing,
    "loop": Playhead.looped,
    "end": _end,
    "start": lambda p, now, reach: p.sought(reach.first_ns, now, reach),
    "slower": lambda p, now, reach: p.faster(-1, now, reach),
    "faster": lambda p, now, reach: p.faster(1, now, reach),
    "zoom_in": lambda p, now, reach: p.zoomed(-1, now, reach, p.cursor_ns),
    "zoom_out": lambda p, now, reach: p.zoomed(1, now, reach, p.cursor_ns),
    "pan_back": lambda p, now, reach: p.panned(-PAN, now, reach),
    "pan_on": lambda p, now, reach: p.panned(PAN, now, reach),
    "page_back": lambda p, now, reach: p.panned(-1, now, reach),
    "page_on": lambda p, now, reach: p.panned(1, now, reach),
    "cursor_left": _step(-1),
    "cursor_right": _step(1),
    "marker_a": lambda p, now, reach: p.marker_a(_here(p, now, reach)),
    "marker_b": lambda p, now, reach: p.marker_b(_here(p, now, reach)),
    "clear_markers": _cleared,
}
"""Commands that move the playhead and nothing else."""


class Viewer:
    """The state of a bench screen: it changes by ``move`` and by plain choices, and says what to ask for."""

    def __init__(self, scene: Scene, playhead: Playhead) -> None:
        self.scene = scene
        self.playhead = playhead
        self.span = scene.span
        """Of the timeline, as of the last look."""
        self.selected = ""
        """The device the user chose; empty: the first that runs."""
        self.alone = False
        self.skipped = 0
        self.colours: Mapping[str, int] = {}
        """Series that the user chose, by name or address of a device."""

    def reach(self, now_ns: int) -> Reach:
        """What there is to show."""
        first, last = self.span
        if not self.scene.live:
            return Reach(first, last, live=False)
        return Reach(first or now_ns, max(last, now_ns), live=True)

    def move(self, step: Move, now_ns: int) -> None:
        """Change the playhead."""
        self.playhead = step(self.playhead, now_ns, self.reach(now_ns))

    def settle(self, now_ns: int) -> None:
        """Let the playhead follow the clock."""
        reach = self.reach(now_ns)
        self.playhead = self.playhead.settled(now_ns, reach).cursor_kept(now_ns, reach)

    def ask(self, now_ns: int, columns: tuple[int, ...]) -> Ask:
        """What a frame is to show."""
        reach = self.reach(now_ns)
        t0_ns, t1_ns = self.playhead.window(now_ns, reach)
        return Ask(
            t_ns=self.playhead.at(now_ns, reach),
            t0_ns=t0_ns,
            t1_ns=t1_ns,
            columns=columns,
            skipped=self.skipped,
            selected=self.selected,
            alone=self.alone,
            cursor_ns=self.playhead.cursor_ns,
            colours=self.colours,
            live=reach.live,
        )

    @property
    def newest(self) -> bool:
        """Whether what is shown is the newest of a session in progress: it lies in memory."""
        return self.scene.live and self.playhead.mode is Mode.PINNED

    def here(self, now_ns: int) -> int:
        """The cursor, or the moment shown."""
        return _here(self.playhead, now_ns, self.reach(now_ns))
