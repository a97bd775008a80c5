"""What changes at a reader's pace: events, log, turns, absences, the strip's trend. Asked less often than a frame."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from drivers.events import (
    Absent,
    Event,
    FirstToken,
    LimitEngaged,
    LogLine,
    OutputText,
    TurnEnd,
    TurnEnded,
)
from drivers.model import ChannelKey
from melt_tui.events import (
    SELF,
    DeviceLost,
    DeviceUp,
    Mark,
    ThrottleOnset,
    ThrottleRuledOut,
    ThrottleSuspected,
    Verdict,
)
from melt_tui.measures.suspicions import answered
from melt_tui.timeline import Interval, Timeline, Window
from melt_tui.ui.look import default_device
from melt_tui.ui.playhead import Reach
from melt_tui.ui.sentences import TOLD_KINDS
from melt_tui.ui.topics import Stock, Topic
from melt_tui.ui.turns import TURN_KINDS, Turn, turns_of

EVENTS_AT_MOST = 300
LOG_AT_MOST = 600
TURN_EVENTS_AT_MOST = 450
_STRIP_KINDS: tuple[type[Event], ...] = (Mark, LimitEngaged, ThrottleOnset, DeviceLost)
_NOTABLE_ENDS = frozenset({TurnEnd.FAILED, TurnEnd.STOPPED, TurnEnd.REFUSED})
_SETTLING: tuple[type[Event], ...] = (ThrottleSuspected, ThrottleOnset, ThrottleRuledOut)
_FREQUENT: tuple[type[Event], ...] = (Absent, FirstToken, TurnEnded)
_LISTED = tuple(kind for kind in TOLD_KINDS if kind not in _FREQUENT)
LISTED_KINDS: tuple[type[Event], ...] = (*_LISTED, FirstToken, TurnEnded)
"""Kinds of which the list of events tells all or some; see ``told_in``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskChronicle:
    """Up to which moment, of which device, how wide the strip is, and whether the log is on screen."""

    t_ns: int
    reach: Reach
    selected: str = ""
    strip_columns: int = 0
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """What was found; lists are in order of time."""

    ask: AskChronicle
    events: Sequence[Event] = ()
    """Of the turns only the first token of a run, and those that were cut short: the rest is in ``turns``."""
    log: Sequence[Event] = ()
    """``LogLine`` and ``OutputText``."""
    turns: Sequence[Turn] = ()
    absences: Sequence[Absent] = ()
    trend: Window | None = None
    lasting: Sequence[Interval] = ()
    """Of the whole session, for the strip."""
    marks: Sequence[Event] = ()


def take_chronicle(timeline: Timeline, ask: AskChronicle, stock: Stock) -> Chronicle:
    """Ask the timeline for all of it; ``stock`` is that of ``ask.t_ns``."""
    first, edge = ask.reach.first_ns, ask.reach.edge_ns
    turns = turns_of(timeline.events(first, ask.t_ns, kinds=TURN_KINDS, limit=TURN_EVENTS_AT_MOST))
    listed = timeline.events(first, ask.t_ns, kinds=_LISTED, limit=EVENTS_AT_MOST)
    return Chronicle(
        ask=ask,
        events=sorted([*_news(listed), *_notable(turns)], key=lambda event: event.t_ns),
        log=timeline.events(first, ask.t_ns, kinds=(LogLine, OutputText), limit=LOG_AT_MOST)
        if ask.log
        else (),
        turns=turns,
        absences=_last_said(timeline.events(first, ask.t_ns, kinds=(Absent,), limit=EVENTS_AT_MOST)),
        trend=_trend(timeline, ask, stock),
        lasting=timeline.intervals(first, edge),
        marks=timeline.events(first, edge, kinds=_STRIP_KINDS, limit=EVENTS_AT_MOST),
    )


def why_absent(topic: Topic, absences: Iterable[Absent], device: str = "") -> list[Absent]:
    """What devices said about not giving this quantity; of one device only when it is named."""
    return [
        absent
        for absent in absences
        if device in {"", absent.device} and any(w in absent.what.lower() for w in topic.absent_words)
    ]


def told_in(timeline: Timeline) -> Callable[[Event], bool]:
    """Whether the list of events tells of one, as far as the whole of this timeline shows."""
    settled = answered(timeline.events(*timeline.span(), kinds=_SETTLING))

    def told(event: Event) -> bool:
        if isinstance(event, FirstToken):
            return event.turn == 1
        if isinstance(event, TurnEnded):
            return event.end in _NOTABLE_ENDS
        return _is_news(event, settled)

    return told


def _news(listed: Sequence[Event]) -> Iterator[Event]:
    """Without what is none: that melt's own meter is up, what was suspected and has come to something, or to nothing."""
    settled = answered(listed)
    return (event for event in listed if _is_news(event, settled))


def _is_news(event: Event, settled: Container[Event]) -> bool:
    own = event.device == SELF and isinstance(event, DeviceUp)
    past = isinstance(event, ThrottleSuspected) and event in settled
    nothing = isinstance(event, ThrottleRuledOut) and event.verdict is Verdict.RECOVERED
    return not (own or past or nothing)


def _notable(turns: Iterable[Turn]) -> Iterator[Event]:
    for turn in turns:
        if turn.first_token is not None and turn.started.turn == 1:
            yield turn.first_token
        if turn.ended is not None and turn.ended.end in _NOTABLE_ENDS:
            yield turn.ended


def _last_said(events: Sequence[Event]) -> Sequence[Absent]:
    """The last word on each missing thing: a device says it at every opening."""
    said = {(event.device, event.what): event for event in events if isinstance(event, Absent)}
    return tuple(said.values())


def _trend(timeline: Timeline, ask: AskChronicle, stock: Stock) -> Window | None:
    key = trend_key(stock, ask.selected)
    if key is None or ask.strip_columns <= 0:
        return None
    return timeline.window(key, ask.reach.first_ns, ask.reach.edge_ns, ask.strip_columns)


def trend_key(stock: Stock, selected: str) -> ChannelKey | None:
    """What the strip draws: the token rate of the chosen device, or of the first that has one."""
    for device in (selected, default_device(stock.view), *stock.view.devices):
        channel = stock.rate(device)
        if channel is not None:
            return channel.key
    return None
