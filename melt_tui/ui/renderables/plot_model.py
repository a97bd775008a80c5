"""What a chart is told: everything that it draws, in the channel's own unit and in host-monotonic ns."""

from dataclasses import dataclass

from melt_tui.timeline import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One channel of one device in a chart. Earlier series are drawn over later ones."""

    label: str
    colour: int
    """Device colour index: 0…7, the same for a device everywhere."""
    window: Window
    last: float | None = None
    """The newest value at the playhead, in the unit of the window."""
    last_age_s: float | None = None
    """Shown beside a stale value."""
    stale: bool = False
    """Older than three periods: dimmed, with its age."""
    fall: str = ""
    """Beside the newest value: ``▼13 %``, what throttling has taken of it."""
    faint: bool = False
    """It lies behind others: drawn without a colour of its own, and not told of."""
    at_cursor: "AtCursor | None" = None
    """What was read there; None: what the columns say."""
    gap_ns: int = 1_000_000_000
    """Columns farther apart than this are not joined: the gap is seen."""


@dataclass(frozen=True, slots=True)
class AtCursor:
    """The reading at the cursor's instant; None where there is none."""

    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Something that lasts, shaded behind the lines."""

    t0_ns: int
    t1_ns: int | None
    """None: it goes on."""
    style: str
    """A kind of interval: ``prefill``, ``decode``, ``load``, ``limit``, ``outage`` …"""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotMark:
    """A moment: a vertical line with a glyph at its head."""

    t_ns: int
    glyph: str = "▾"
    label: str = ""
    style: str = "event"
    """``event``, ``mark``, ``warning``, ``error``, ``good``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotModel:
    """A chart's whole content. Two equal models give the same picture."""

    title: str
    brief: str = ""
    """What stands for the title where that has no room."""
    firm: bool = False
    """The brief title is said whole, before any value."""
    unit: str
    """Of every value in the model: ``B``, ``°C``, ``tok/s``; the chart chooses the prefix that it shows."""
    t0_ns: int
    t1_ns: int
    series: tuple[Series, ...] = ()
    bands: tuple[Band, ...] = ()
    marks: tuple[PlotMark, ...] = ()
    limits: tuple[tuple[float, str], ...] = ()
    """``(value, label)``: drawn as a line, in a warning colour only where a value is past it."""
    cursor_ns: int | None = None
    a_ns: int | None = None
    b_ns: int | None = None
    y_range: tuple[float, float] | None = None
    """Fixed axis, shared between charts; None: fitted to what is shown."""
    origin_ns: int = 0
    """The session's start: where the time axis reads 00:00."""
    along: str = "time"
    """What the chart goes along: ``time`` of the session, or ``s``, ``tokens``, ``J`` from ``origin_ns`` on, a unit as 1e9;
    these have labels on both sides of it."""
    status: str = ""
    """What the view is doing: ``pin ▸ 2m``."""
