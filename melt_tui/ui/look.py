"""What a frame needs of the timeline, asked in one go: pure, and safe on any thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drivers.events import Event, LimitEngaged, LimitReleased
from drivers.model import Channel, ChannelKey, Quantity
from melt_tui.events import (
    DeviceLost,
    DeviceUp,
    Mark,
    RunEnded,
    RunOutcome,
    RunStarted,
    RunWaiting,
    SafetyStop,
    ThrottleEnded,
    ThrottleOnset,
)
from melt_tui.timeline import (
    DeviceState,
    DeviceView,
    Interval,
    Reading,
    RunPhase,
    RunView,
    Timeline,
    View,
    Window,
)
from melt_tui.ui.steps import Pause, Steps, done
from melt_tui.ui.topics import Panel, Stock, devices, panels
from melt_tui.ui.waits import waiting

MARKED_KINDS: tuple[type[Event], ...] = (
    Mark,
    LimitEngaged,
    LimitReleased,
    ThrottleOnset,
    ThrottleEnded,
    DeviceLost,
    DeviceUp,
    RunStarted,
    RunEnded,
    SafetyStop,
)
"""Events that stand as upright lines in the charts."""

MARKS_AT_MOST = 60
SPARK_NS = 30_000_000_000
SPARK_COLUMNS = 12

BLOCK_S = 1.0
UNEVEN_STALE_S = 10.0
"""Age past which the last value of a channel without a rate of its own is stale."""
TOLD_STALE_S = 1.0
"""The same of a token rate: while there is one it is told with every tick, four times a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is to be seen: the moment, the span, and how many columns each chart on screen has."""

    t_ns: int
    t0_ns: int
    t1_ns: int
    columns: tuple[int, ...] = ()
    """Dot columns of the charts that are on screen, in order; 0 for one that has no room."""
    skipped: int = 0
    """Charts passed over, so that those without room have their turn."""
    selected: str = ""
    """The chosen device; empty: the first that runs, else the first."""
    alone: bool = False
    """Charts of the chosen device only."""
    cursor_ns: int | None = None
    colours: Mapping[str, int] = field(default_factory=dict)
    """Series that the user chose, by name or address of a device."""
    live: bool = True
    """Whether a run can be started on what is seen: not in a recording."""


@dataclass(frozen=True, slots=True)
class PanelLook:
    """A chart with the windows of its channels, in the same order."""

    panel: Panel
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen."""

    ask: Ask
    span: tuple[int, int]
    """Of the timeline, when it was asked."""
    stock: Stock
    """The channels of ``view``."""
    selected: str = ""
    panels: tuple[PanelLook, ...] = ()
    at_cursor: View | None = None
    """What was true at the cursor, up to the moment asked for."""
    intervals: Sequence[Interval] = ()
    marks: Sequence[Event] = ()
    sparks: Mapping[str, Window] = field(default_factory=dict)
    """By device: its token rate of the last half minute."""
    waiting: Mapping[str, RunWaiting] = field(default_factory=dict)
    """By device: what a run waits for that has not begun."""

    @property
    def view(self) -> View:
        """What was true at the moment asked for."""
        return self.stock.view


def take_look(timeline: Timeline, ask: Ask) -> Look:
    """Ask the timeline for everything that ``ask`` needs."""
    return done(with_charts(timeline, take_glance(timeline, ask)))


def take_glance(timeline: Timeline, ask: Ask) -> Look:
    """What every device says, without charts."""
    view = timeline.view(ask.t_ns)
    stock = Stock(view, ask.colours)
    return Look(
        ask=ask,
        span=timeline.span(),
        stock=stock,
        selected=ask.selected if ask.selected in view.devices else default_device(view),
        sparks=_sparks(timeline, stock),
        waiting=waiting(timeline, ask.t_ns),
    )


def with_charts(timeline: Timeline, glance: Look) -> Steps[Look]:
    """The same with the charts that were asked for, each a step."""
    ask = glance.ask
    chosen = _turned(panels(glance.stock, glance.selected if ask.alone else ""), ask)
    until_ns = min(ask.t_ns, ask.t1_ns)
    found = []
    for panel, columns in zip(chosen, ask.columns, strict=False):
        found.append(PanelLook(panel, _windows(timeline, panel, ask.t0_ns, until_ns, columns)))
        yield Pause.KEY
    return replace(
        glance,
        panels=tuple(found),
        at_cursor=_at_cursor(timeline, glance),
        intervals=timeline.intervals(ask.t0_ns, until_ns),
        marks=timeline.events(ask.t0_ns, until_ns, kinds=MARKED_KINDS, limit=MARKS_AT_MOST),
    )


def _at_cursor(timeline: Timeline, glance: Look) -> View | None:
    cursor_ns = glance.ask.cursor_ns
    return None if cursor_ns is None else timeline.view(cursor_ns)


def default_device(view: View) -> str:
    """The first device that runs a model, or whose run failed: it is not to go out of sight with the reason. Else the first one;
    empty when there is none."""
    known = [device.device for device in devices(view)]
    busy = [name for name in known if name in view.runs and _heeded(view.runs[name])]
    return next(iter(busy or known), "")


def _heeded(run: RunView) -> bool:
    return run.ended is None or run.ended.outcome is RunOutcome.FAILED


def running(view: View) -> list[str]:
    """The devices with a run in progress, in order of appearance."""
    runs = view.runs
    return [
        d.device for d in devices(view) if d.device in runs and runs[d.device].phase is not RunPhase.ENDED
    ]


def _turned(chosen: list[Panel], ask: Ask) -> list[Panel]:
    """The panels from the first one not passed over; at the end of the list it begins again."""
    if len(chosen) <= len(ask.columns):
        return chosen
    start = ask.skipped % len(chosen)
    return chosen[start:] + chosen[:start]


def _windows(timeline: Timeline, panel: Panel, t0_ns: int, t1_ns: int, columns: int) -> tuple[Window, ...]:
    if columns <= 0 or t1_ns <= t0_ns:
        return ()
    return tuple(timeline.window(channel.key, t0_ns, t1_ns, columns) for channel in panel.channels)


def _sparks(timeline: Timeline, stock: Stock) -> Mapping[str, Window]:
    view = stock.view
    found: dict[str, Window] = {}
    for device in running(view):
        channel = stock.rate(device)
        if channel is not None:
            found[device] = timeline.window(channel.key, view.t_ns - SPARK_NS, view.t_ns, SPARK_COLUMNS)
    return found


def age_s(view: View, key: ChannelKey) -> float | None:
    """How old the last value of a channel is; None without one."""
    reading = view.readings.get(key)
    return None if reading is None else max(0, view.t_ns - reading.t_ns) / 1e9


def last_reading(view: View, channel: Channel) -> Reading | None:
    """The last value of a channel that still says something: a run that has ended has no token rate."""
    return None if _over(view, channel) else view.readings.get(channel.key)


def told_of_now(view: View, device: DeviceView, channel: Channel | None) -> bool:
    """Whether the last value of a device's channel may stand for this moment: the device is up, or read it by itself
    while it was away."""
    if device.state is DeviceState.UP:
        return True
    reading = view.readings.get(channel.key) if channel and channel.device == device.device else None
    return reading is not None and reading.t_ns > device.since_ns


def stale(view: View, channel: Channel) -> bool:
    """Whether its last value is older than three of its periods, and than a second: fast meters deliver blocks.

    A token rate is stale as soon as its run has ended.
    """
    age = age_s(view, channel.key)
    return age is not None and (age > _fresh_s(channel) or _over(view, channel))


def _fresh_s(channel: Channel) -> float:
    if channel.quantity is Quantity.TOKEN_RATE:
        return TOLD_STALE_S
    return max(3 / channel.rate_hz, BLOCK_S) if channel.rate_hz else UNEVEN_STALE_S


def _over(view: View, channel: Channel) -> bool:
    run = view.runs.get(channel.device)
    return channel.quantity is Quantity.TOKEN_RATE and (run is None or run.phase is RunPhase.ENDED)
