"""From what was seen to what is drawn: charts, cards and the strip, as their widgets take them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from drivers.events import Event, LimitEngaged, LimitReleased
from drivers.model import Channel, Quantity
from melt_tui.events import SELF, DeviceLost, DeviceUp, Mark, ThrottleEnded, ThrottleOnset
from melt_tui.format import age, count, measure, number, percent, seconds, words
from melt_tui.timeline import DeviceState, DeviceView, Interval, IntervalKind, RunPhase, RunView, View
from melt_tui.timeline.filled import hole_ns
from melt_tui.ui.energy import bound, charging_unknown
from melt_tui.ui.look import Look, PanelLook, age_s, last_reading, stale, told_of_now
from melt_tui.ui.playhead import Mode, Playhead
from melt_tui.ui.renderables.cards import Card, Fact
from melt_tui.ui.renderables.plot_model import AtCursor, Band, PlotMark, PlotModel, Series
from melt_tui.ui.standing import failure_of, phase_of, simulated, state_of, warning_of
from melt_tui.ui.topics import Stock, devices

SIMULATED = "sim"
"""Stands beside every name and figure of a simulated device."""
IMPORTED = "imported"
"""The same of one that was read from files that others wrote."""

_BAND_KINDS = frozenset(
    {
        IntervalKind.LOAD,
        IntervalKind.PREFILL,
        IntervalKind.DECODE,
        IntervalKind.LIMIT,
        IntervalKind.THROTTLED,
        IntervalKind.OUTAGE,
    }
)
_GRAVE = frozenset({IntervalKind.LIMIT, IntervalKind.THROTTLED, IntervalKind.OUTAGE})
_LABELLED_CHARTS = 2
"""Charts that name their bands; below them the same bands need no words."""
_GLYPHS: dict[type[Event], tuple[str, str]] = {
    Mark: ("◆", "mark"),
    LimitEngaged: ("▼", "warning"),
    LimitReleased: ("△", "good"),
    ThrottleOnset: ("◣", "warning"),
    ThrottleEnded: ("◢", "good"),
    DeviceLost: ("✕", "error"),
    DeviceUp: ("▴", "good"),
}
_STRIP = (Mark, LimitEngaged, ThrottleOnset, DeviceLost)
_AGAIN = "r starts a run again"
_UNEVEN_GAP_NS = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """What every chart of one frame shares."""

    playhead: Playhead
    origin_ns: int


def origin_ns(view: View, first_ns: int) -> int:
    """The session's start: where its time reads 00:00."""
    return view.session.t_ns if view.session else first_ns


def status(playhead: Playhead, t0_ns: int, t1_ns: int) -> str:
    """What the view is doing, in a few cells: ``pin ▸ 2 min``."""
    span = seconds((t1_ns - t0_ns) / 1e9)
    doing = {Mode.PINNED: "pin", Mode.FROZEN: "frozen", Mode.PLAYING: f"×{playhead.speed:g}"}
    return f"{doing[playhead.mode]} ▸ {span}"


def plots(look: Look, frame: Frame) -> list[PlotModel]:
    """The charts on screen, in order."""
    bands = tuple(_bands(look))
    alone = {look.selected, SELF} if look.ask.alone else None
    marks = tuple(_marks(event for event in look.marks if alone is None or event.device in alone))
    quiet = _unlabelled(bands)
    return [
        _plot(look, one, frame, bands if i < _LABELLED_CHARTS else quiet, marks, first=i == 0)
        for i, one in enumerate(look.panels)
    ]


def cards(look: Look) -> tuple[Card, ...]:
    """A card for each device, in order of appearance."""
    origin = look.view.session.t_ns if look.view.session else look.view.t_ns
    shades = look.stock.shades
    return tuple(_card(look, device, shades[device.device], origin) for device in devices(look.view))


def name_of(device: DeviceView | None, name: str) -> str:
    """A device's name, marked when it is simulated or imported."""
    if device is None or device.info is None:
        return name
    mark = (
        IMPORTED
        if device.info.address.startswith("imported:")
        else SIMULATED
        if device.info.simulated
        else ""
    )
    return f"{name} ({mark})" if mark else name


def strip_bands(intervals: Sequence[Interval]) -> tuple[Band, ...]:
    """What lasts, for the strip: limits, throttling and outages of every device."""
    return tuple(Band(t0_ns=i.t0_ns, t1_ns=i.t1_ns, style=i.kind) for i in intervals if i.kind in _GRAVE)


def strip_marks(events: Iterable[Event]) -> tuple[PlotMark, ...]:
    """What happened, for the strip: no more than marks, limits, onsets and losses."""
    return tuple(
        PlotMark(t_ns=mark.t_ns, glyph=mark.glyph, style=mark.style)
        for mark in _marks(event for event in events if isinstance(event, _STRIP))
    )


def _plot(
    look: Look,
    one: PanelLook,
    frame: Frame,
    bands: tuple[Band, ...],
    marks: tuple[PlotMark, ...],
    *,
    first: bool,
) -> PlotModel:
    panel, ask, playhead = one.panel, look.ask, frame.playhead
    return PlotModel(
        title=panel.title,
        brief=panel.brief,
        firm=bool(panel.point),
        unit=panel.topic.unit,
        t0_ns=ask.t0_ns,
        t1_ns=ask.t1_ns,
        series=tuple(_series(look, one)),
        bands=bands,
        marks=marks,
        limits=tuple(_limits(panel.channels)),
        cursor_ns=playhead.cursor_ns,
        a_ns=playhead.a_ns,
        b_ns=playhead.b_ns,
        origin_ns=frame.origin_ns,
        status=status(playhead, ask.t0_ns, ask.t1_ns) if first else "",
    )


def _series(look: Look, one: PanelLook) -> Iterable[Series]:
    shades = look.stock.shades
    spare = len(shades)
    seen: set[str] = set()
    for channel, window in zip(one.panel.channels, one.windows, strict=False):
        colour = shades.get(channel.device, 0)
        if channel.device in seen:
            colour, spare = spare, spare + 1
        seen.add(channel.device)
        reading, old = last_reading(look.view, channel), stale(look.view, channel)
        yield Series(
            label=_label(look, channel, one),
            colour=colour,
            window=window,
            last=reading.value if reading else None,
            last_age_s=float(int(age_s(look.view, channel.key) or 0)) if old and reading else None,
            stale=old,
            fall=_fall(look.stock, channel),
            at_cursor=_at_cursor(look, channel),
            gap_ns=gap_ns(channel, window.width_ns),
        )


def _at_cursor(look: Look, channel: Channel) -> AtCursor | None:
    """The reading that the figures tell too: nothing ahead of the moment shown, and nothing that is old there."""
    view = look.at_cursor
    if view is None:
        return None
    reading = last_reading(view, channel) if view.t_ns <= look.ask.t_ns else None
    return AtCursor(None if reading is None or stale(view, channel) else reading.value)


def _fall(stock: Stock, channel: Channel) -> str:
    """What throttling has taken of a token rate: ``▼13 %``; empty while nothing throttles."""
    view = stock.view
    share = stock.main(channel.device, Quantity.RATE_SHARE)
    if channel.quantity is not Quantity.TOKEN_RATE or channel.device not in view.throttled or share is None:
        return ""
    reading = last_reading(view, share)
    lost = 100 - reading.value if reading is not None and not stale(view, share) else 0.0
    return f"▼{percent(lost)}" if lost >= 1 else ""


def gap_ns(channel: Channel, width_ns: int) -> int:
    """Columns of a channel that are farther apart than this have a hole between them."""
    return max(hole_ns(channel) or _UNEVEN_GAP_NS, 2 * width_ns)


def _label(look: Look, channel: Channel, one: PanelLook) -> str:
    """The device; of one device alone the channel in words, unless the chart's title says that already."""
    name = name_of(look.view.devices.get(channel.device), channel.device)
    called = words(channel.name)
    if look.ask.alone and called.casefold() != one.panel.topic.title.casefold():
        return called if channel.device == look.selected else f"{name} {called}"
    return name if one.panel.point or not channel.point else f"{name} {channel.point}"


def _limits(channels: Iterable[Channel]) -> Iterable[tuple[float, str]]:
    known: dict[float, str] = {}
    for channel in channels:
        if channel.limit is not None:
            known.setdefault(channel.limit, f"limit {number(channel.limit)}")
    return known.items()


def _bands(look: Look) -> Iterable[Band]:
    """Of the chosen device everything that lasts, of the others what went wrong."""
    engaged = {_engaged_as(e): e.detail for e in look.marks if isinstance(e, LimitEngaged) and e.detail}
    for interval in look.intervals:
        own = interval.device == look.selected
        if look.ask.alone and not own:
            continue
        if interval.kind in _BAND_KINDS and (own or interval.kind in _GRAVE):
            detail = engaged.get((interval.device, interval.t0_ns, interval.label), "")
            label = ", ".join(part for part in (_told(interval), detail) if part)
            shown = label if own and interval.kind in _GRAVE else ""
            end_ns = look.ask.t_ns if interval.t1_ns is None else min(interval.t1_ns, look.ask.t_ns)
            yield Band(t0_ns=interval.t0_ns, t1_ns=end_ns, style=interval.kind, label=shown)


def _engaged_as(event: LimitEngaged) -> tuple[str, int, str]:
    """Device, start and label of its interval: several limits may engage at one moment."""
    return event.device, event.t_ns, f"{event.limit}: {event.reason}"


def _told(interval: Interval) -> str:
    return f"throttled: {interval.label}" if interval.kind is IntervalKind.THROTTLED else interval.label


def _unlabelled(bands: Iterable[Band]) -> tuple[Band, ...]:
    return tuple(replace(band, label="") for band in bands)


def _marks(events: Iterable[Event]) -> Iterable[PlotMark]:
    for event in events:
        glyph, style = _GLYPHS.get(type(event), ("▾", "event"))
        label = event.name if isinstance(event, Mark) else ""
        yield PlotMark(t_ns=event.t_ns, glyph=glyph, label=label, style=style)


def _card(look: Look, device: DeviceView, colour: int, origin: int) -> Card:
    view, name = look.view, device.device
    run = view.runs.get(name)
    active = run if run and run.phase is not RunPhase.ENDED else None
    up = device.state is DeviceState.UP
    return Card(
        device=name,
        title=f"{name} → {device.feeds}" if device.feeds else name,
        colour=colour,
        state=state_of(device, active, look.waiting.get(device.device)),
        phase=phase_of(view, device, active, look.waiting.get(device.device)),
        simulated=simulated(view, name),
        rate=_fact(view, look.stock.rate(name)) if active and up else None,
        spark=tuple(look.sparks[name].maxima) if active and name in look.sparks else (),
        facts=tuple(_facts(look.stock, device)),
        warning=warning_of(view, device, origin) or (failure_of(run, origin) if up else ""),
        notes=(*_place(device), *_charging(look.stock, name), *_notes(active))
        or (_AGAIN,) * bool(look.ask.live and up and failure_of(run, origin)),
    )


def _facts(stock: Stock, device: DeviceView) -> Iterable[Fact]:
    name, view = device.device, stock.view
    shown = (stock.main(name, Quantity.TEMPERATURE), stock.power(name), stock.main(name, Quantity.RSS))
    facts = (_fact(view, channel) for channel in shown if told_of_now(view, device, channel))
    return (fact for fact in (*facts, *_losses(stock, device)) if fact is not None)


def _losses(stock: Stock, device: DeviceView) -> Iterable[Fact]:
    """What is missing or damaged of its figures so far, as long as it is up."""
    for channel in stock.of(device.device, Quantity.LOSS_COUNT):
        reading = last_reading(stock.view, channel)
        if reading is not None and reading.value and told_of_now(stock.view, device, channel):
            yield Fact(text=f"{count(reading.value)} {words(channel.name)}", alarm=True)


def _fact(view: View, channel: Channel | None) -> Fact | None:
    reading = last_reading(view, channel) if channel else None
    if channel is None or reading is None:
        return None
    old = stale(view, channel)
    text = measure(reading.value, channel.unit)
    past = channel.limit is not None and reading.value >= channel.limit
    text = bound(channel.point) + text
    return Fact(text=f"{text} {age(age_s(view, channel.key))}" if old else text, stale=old, alarm=past)


def _charging(stock: Stock, device: str) -> Iterable[str]:
    """That the power beside is the charger's."""
    if charging_unknown(stock, device):
        yield "charging unknown"


def _place(device: DeviceView) -> tuple[str, ...]:
    """Of a meter, what its figures are of."""
    return (f"at {device.point}",) if device.point else ()


def _notes(run: RunView | None) -> Iterable[str]:
    if run is not None and run.spec.model is not None:
        note = run.spec.model.note
        yield f"{run.spec.model.name} · {note}" if note else run.spec.model.name
