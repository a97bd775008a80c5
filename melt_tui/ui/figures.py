"""Every channel's figures: at the cursor, and exactly between the markers as far as whole columns tell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from drivers.model import Channel, Kind, Quantity, Unit
from melt_tui.format import age, count, measure, number, percent, seconds, words
from melt_tui.measures import columns, points
from melt_tui.measures.columns import Weighted, weighted
from melt_tui.measures.energy import LEAST_COVERAGE
from melt_tui.timeline import IntervalKind, Timeline, View, Window
from melt_tui.ui.energy import has_battery
from melt_tui.ui.look import age_s, last_reading, stale
from melt_tui.ui.picture import gap_ns, name_of
from melt_tui.ui.renderables.cells import Ink, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.tables import Column, TableRow
from melt_tui.ui.topics import Stock, devices, meters_of, outdated

COLUMNS = 4000
"""Into how many columns a marked span is cut: what falls short of its ends is less than one of them."""
RUNS_AT_MOST = 64
WHOLE = 0.995
"""From this share of a span on its energy is that of the span."""

FIGURE_COLUMNS = (
    Column("channel", 16, right=False),
    Column("point", 17, right=False, rank=3),
    Column("at cursor", 10),
    Column("age", 10, rank=8),
    Column("n", 7, rank=6),
    Column("mean", 10, rank=1),
    Column("min", 10, rank=2),
    Column("max", 10, rank=2),
    Column("energy", 10, rank=1),
    Column("J/tok", 8, rank=2),
    Column("p50", 10, rank=9),
    Column("p95", 10, rank=7),
    Column("p99", 10, rank=8),
    Column("σ", 10, rank=7),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFigures:
    """Of which device (empty: all), at which moment, between which markers."""

    device: str
    at_ns: int
    span: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Stats:
    """What the columns of a window say together; exact for the samples in them."""

    n: int
    mean: float
    least: float
    greatest: float
    spread: Weighted
    exact: bool
    """Each column held one sample: percentiles and σ are those of the samples, not of the columns' means."""


@dataclass(frozen=True, slots=True)
class SpanEnergy:
    """Of one channel of power or energy between the markers."""

    device: str
    """That is fed."""
    joules: float
    coverage: float
    """Fraction 0…1 of the span."""
    per_token: float | None = None
    """J for each output token of the span, where that may be told."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One channel's figures."""

    channel: Channel
    value: float | None
    stats: Stats | None
    width_ns: int = 0
    energy: SpanEnergy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that was asked for."""

    ask: AskFigures
    view: View
    channels: tuple[Figure, ...] = ()
    tokens: tuple[tuple[str, int], ...] = ()
    """Output tokens between the markers, by device."""


def take_figures(timeline: Timeline, ask: AskFigures) -> Figures:
    """Ask the timeline for every channel in question."""
    view = timeline.view(ask.at_ns)
    names = [ask.device, *meters_of(view, ask.device)] if ask.device else [d.device for d in devices(view)]
    channels = [channel for name in names for channel in view.channels.values() if channel.device == name]
    channels = [one for one in channels if not (one.derived and points.tells_off(one.name))]
    channels = [one for one in channels if not outdated(view, one)]
    tokens = dict(_tokens(timeline, names, ask.span)) if ask.span else {}
    stock = Stock(view)
    return Figures(
        ask=ask,
        view=view,
        channels=tuple(_figure(timeline, stock, channel, ask.span, tokens) for channel in channels),
        tokens=tuple(tokens.items()),
    )


def stats_within(window: Window, t0_ns: int, t1_ns: int) -> Stats | None:
    """Of the columns that lie wholly between the two moments; None without a sample."""
    inside = [
        i for i, start in enumerate(window.starts_ns) if t0_ns <= start and start + window.width_ns <= t1_ns
    ]
    counts = [window.counts[i] for i in inside]
    spread = weighted([window.means[i] for i in inside], counts)
    if spread is None:
        return None
    return Stats(
        spread.n,
        spread.mean,
        min(window.minima[i] for i in inside),
        max(window.maxima[i] for i in inside),
        spread,
        max(counts) == 1,
    )


def figure_rows(figures: Figures, stamp_at: str, shades: Mapping[str, int]) -> tuple[list[TableRow], str]:
    """The table's rows below the names of their devices, energies first, and the line above them."""
    rows: list[TableRow] = []
    groups = [list(own) for _, own in groupby(figures.channels, key=lambda one: one.channel.device)]
    for own in sorted(groups, key=lambda own: all(one.energy is None for one in own)):
        device = own[0].channel.device
        colour = shades.get(device, 0)
        name = name_of(figures.view.devices.get(device), device)
        rows.append(TableRow((f"{shape(colour)} {name}",), head=device_ink(colour), title=True))
        shown = sorted(own, key=lambda one: one.energy is None)
        rows += [_row(figures.view, one, colour) for one in shown]
    return rows, _note(figures, stamp_at)


def _figure(
    timeline: Timeline,
    stock: Stock,
    channel: Channel,
    span: tuple[int, int] | None,
    tokens: Mapping[str, int],
) -> Figure:
    reading = last_reading(stock.view, channel)
    value = reading.value if reading else None
    if span is None or channel.kind is Kind.COUNTER:
        return Figure(channel, value, None)
    window = timeline.window(channel.key, *span, COLUMNS)
    energy = _energy(timeline, stock, channel, span, tokens) if channel.quantity is Quantity.POWER else None
    return Figure(channel, value, stats_within(window, *span), window.width_ns, energy)


def _energy(
    timeline: Timeline, stock: Stock, channel: Channel, span: tuple[int, int], tokens: Mapping[str, int]
) -> SpanEnergy | None:
    """Of the columns that touch the span, and of those beside it, which tell what was at its ends."""
    beside = gap_ns(channel, 0)
    window = timeline.window(channel.key, span[0] - beside, span[1] + beside, COLUMNS)
    found = columns.energy(window.starts_ns, window.width_ns, window.means, *span, beside)
    if not found.covered_ns:
        return None
    coverage = min(1.0, found.covered_ns / (span[1] - span[0]))
    known = stock.view.devices.get(channel.device)
    fed = (known.feeds if known else "") or channel.device
    period_ns = (span[1] - span[0] + 2 * beside) / max(1, sum(window.counts))
    told = (
        points.tells_tokens(channel.point, battery=has_battery(stock, fed))
        and coverage >= LEAST_COVERAGE
        and span[1] - span[0] >= points.least_span_ns(channel.point, period_ns)
    )
    counted = tokens.get(fed, 0) if told else 0
    return SpanEnergy(fed, found.joules, coverage, found.joules / counted if counted else None)


def _tokens(timeline: Timeline, names: Iterable[str], span: tuple[int, int]) -> Iterable[tuple[str, int]]:
    """Counted run by run, since every run counts from zero."""
    a, b = span
    runs = [i for i in timeline.intervals(a, b) if i.kind is IntervalKind.RUN][-RUNS_AT_MOST:]
    for name in names:
        counted = [
            _counted(timeline, name, max(a, run.t0_ns), min(b, run.t1_ns or b), fresh=run.t0_ns >= a)
            for run in runs
            if run.device == name
        ]
        if any(one is not None for one in counted):
            yield name, sum(one or 0 for one in counted)


def _counted(timeline: Timeline, device: str, t0_ns: int, t1_ns: int, *, fresh: bool) -> int | None:
    end = _counter(timeline.view(t1_ns), device, t0_ns if fresh else None)
    if end is None:
        return None
    start = 0 if fresh else _counter(timeline.view(t0_ns), device, None)
    return end - (start or 0)


def _counter(view: View, device: str, since_ns: int | None) -> int | None:
    for quantity in (Quantity.TOKEN_ARRIVALS, Quantity.TOKENS):
        for channel in view.channels.values():
            reading = view.readings.get(channel.key)
            if channel.device == device and channel.quantity is quantity and reading is not None:
                return int(reading.value) if since_ns is None or reading.t_ns >= since_ns else 0
    return None


def _row(view: View, one: Figure, colour: int) -> TableRow:
    channel, stats = one.channel, one.stats

    def shown(value: float | None) -> str:
        return measure(value, channel.unit)

    figures: Sequence[str] = ("–",) * 4
    spread: Sequence[str] = ("–",) * 4
    if stats is not None:
        figures = (count(stats.n), shown(stats.mean), shown(stats.least), shown(stats.greatest))
        about = "" if stats.exact else "~"
        spread = [
            about + shown(one)
            for one in (stats.spread.p50, stats.spread.p95, stats.spread.p99, stats.spread.sigma)
        ]
    old = stale(view, channel)
    since = age(age_s(view, channel.key)) if old and one.value is not None else ""
    return TableRow(
        (
            words(channel.name),
            channel.point,
            shown(one.value),
            since,
            *figures,
            *_joules(one.energy),
            *spread,
        ),
        head=device_ink(colour),
        ink=Ink.DIM if old else Ink.TEXT,
    )


def _joules(energy: SpanEnergy | None) -> tuple[str, str]:
    """An energy of which a part is missing says so."""
    if energy is None:
        return "–", "–"
    whole = energy.coverage >= WHOLE
    return measure(energy.joules, Unit.JOULE) + "!" * (not whole), number(energy.per_token)


def _note(figures: Figures, stamp_at: str) -> str:
    if figures.ask.span is None:
        return f"values at {stamp_at} · a and b mark a span"
    a, b = figures.ask.span
    width = max((one.width_ns for one in figures.channels), default=0)
    cut = f" · whole columns of {seconds(width / 1e9)}" if width > 1 else ""
    tokens = "".join(f" · {name} {tokens} tok{_per_token(figures, name)}" for name, tokens in figures.tokens)
    holes = [one for one in figures.channels if one.energy is not None and one.energy.coverage < WHOLE]
    least = min((one.energy.coverage for one in holes if one.energy), default=1.0)
    missing = f" · ! measured for {percent(100 * least)} only" if holes else ""
    return f"a–b {seconds((b - a) / 1e9, 3)}{missing}{tokens}{cut}"


def _per_token(figures: Figures, device: str) -> str:
    """At each point for itself: ``, 0.465 J/tok battery-terminals``."""
    return "".join(
        f", {measure(one.energy.per_token, Unit.JOULES_PER_TOKEN)} {one.channel.point}"
        for one in figures.channels
        if one.energy is not None and one.energy.per_token is not None and one.energy.device == device
    )
