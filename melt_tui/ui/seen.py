"""All that one look brings, each part asked as often as it needs to be."""

from dataclasses import dataclass

from melt_tui.timeline import Timeline
from melt_tui.ui.chronicle import AskChronicle, Chronicle, take_chronicle
from melt_tui.ui.figures import AskFigures, Figures, take_figures
from melt_tui.ui.look import Ask, Look, take_glance, with_charts
from melt_tui.ui.steps import Pause, Steps, done


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be seen; parts that were seen a moment ago are None."""

    frame: Ask
    chronicle: AskChronicle | None = None
    figures: AskFigures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen; parts that were not wished for are None."""

    look: Look
    chronicle: Chronicle | None = None
    figures: Figures | None = None


def gather(timeline: Timeline, wish: Wish) -> Seen:
    """Ask the timeline for everything; safe on any thread."""
    return done(add(timeline, wish, take_glance(timeline, wish.frame)))


def add(timeline: Timeline, wish: Wish, glance: Look) -> Steps[Seen]:
    """Ask the timeline for what a ``glance`` at the same moment did not bring, in steps."""
    look = yield from with_charts(timeline, glance)
    yield Pause.KEY
    chronicle = take_chronicle(timeline, wish.chronicle, look.stock) if wish.chronicle else None
    yield Pause.KEY
    figures = take_figures(timeline, wish.figures) if wish.figures else None
    return Seen(look=look, chronicle=chronicle, figures=figures)
