"""The fleet: a row for each device from what was seen, in the order and with the filter that was asked for. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from drivers.events import LimitEngaged
from drivers.model import Channel, Quantity
from melt_tui.format import age, number, words
from melt_tui.timeline import DeviceState, DeviceView, RunPhase, RunView, View
from melt_tui.ui.energy import PointEnergy, energy_told, main_energy
from melt_tui.ui.look import Look, age_s, last_reading, stale, told_of_now
from melt_tui.ui.renderables.fleet import Figure, FleetColumn, FleetRow
from melt_tui.ui.sentences import model_title
from melt_tui.ui.standing import failure_of, phase_of, simulated, state_of, warning_of
from melt_tui.ui.topics import Stock, devices

_LIMITED = (Quantity.TEMPERATURE, Quantity.SKIN_TEMPERATURE, Quantity.BATTERY_TEMPERATURE)
"""Temperatures at whose limits something throttles."""
_FALLING = frozenset(
    {
        FleetColumn.RATE,
        FleetColumn.POWER,
        FleetColumn.PER_TOKEN,
        FleetColumn.TEMPERATURE,
        FleetColumn.ALERTS,
    }
)
"""What is looked for first is the greatest there."""
_FAILED, _LOST, _RUN_FAILED, _THROTTLED, _LIMIT = 5, 4, 3, 2, 1


@dataclass(frozen=True, slots=True)
class Order:
    """What the rows are sorted by."""

    column: FleetColumn = FleetColumn.DEVICE
    falling: bool = False

    def by(self, column: FleetColumn) -> "Order":
        """Sorted by that column as it is usually read; the other way round when it was sorted by it already."""
        if column is self.column:
            return replace(self, falling=not self.falling)
        return Order(column, column in _FALLING)

    def beside(self, columns: Sequence[FleetColumn], step: int) -> "Order":
        """Sorted by the next of these columns, or the one before."""
        place = columns.index(self.column) if self.column in columns else 0
        return Order(wanted := columns[(place + step) % len(columns)], wanted in _FALLING)


def fleet_rows(look: Look) -> tuple[FleetRow, ...]:
    """A row for each device, in order of appearance."""
    view = look.view
    origin = view.session.t_ns if view.session else view.t_ns
    return tuple(_row(look, device, origin) for device in devices(view))


def ordered(rows: Iterable[FleetRow], order: Order) -> list[FleetRow]:
    """Sorted; what is not known stands last either way, and equals by their names."""
    named = sorted(rows, key=lambda one: _natural(one.device))
    known = [one for one in named if _value(one, order.column) is not None]
    unknown = [one for one in named if _value(one, order.column) is None]
    known.sort(key=lambda one: _value(one, order.column) or (), reverse=order.falling)
    return known + unknown


def matching(rows: Iterable[FleetRow], wanted: str) -> list[FleetRow]:
    """Those in which every word of ``wanted`` stands: in the name, state, model or alerts."""
    words = wanted.casefold().split()
    return [one for one in rows if all(word in _text(one) for word in words)]


def row_told(look: Look, one: FleetRow) -> str:
    """Everything about a device, also what its row has no room for."""
    view = look.view
    device, run = view.devices[one.device], view.runs.get(one.device)
    info = device.info
    active = run if run and run.phase is not RunPhase.ENDED else None
    parts = [one.device, "simulated" if one.simulated else ""]
    parts += [info.model, info.os, info.address] if info else []
    if active and active.spec.workload:
        parts += [one.model, active.spec.workload.name]
    parts += energy_told(look.stock, one.device)
    limits = view.limits.get(one.device, ())
    parts += [
        f"⚠ {words(limit.limit)}: {limit.reason}{f', {limit.detail}' * bool(limit.detail)}"
        for limit in limits
    ]
    if one.alerts and (one.device in view.throttled or not (limits and one.gravity <= _THROTTLED)):
        parts.append(one.alerts)
    return " · ".join(part for part in parts if part)


def points_told(rows: Iterable[FleetRow]) -> str:
    """That the figures of a column are of several reference points, where they are: such are not compared."""
    known = list(rows)
    differing = [
        name
        for name, seen in (
            (FleetColumn.POWER, {one.power_point for one in known if one.power is not None}),
            (FleetColumn.PER_TOKEN, {one.token_point for one in known if one.per_token is not None}),
        )
        if len(seen) > 1
    ]
    return f"{' and '.join(differing)} at different points" if differing else ""


def _row(look: Look, device: DeviceView, origin: int) -> FleetRow:
    view, name, stock = look.view, device.device, look.stock
    run = view.runs.get(name)
    active = run if run and run.phase is not RunPhase.ENDED else None
    up = device.state is DeviceState.UP
    rate, power, heat = stock.rate(name), stock.power(name), stock.main(name, Quantity.TEMPERATURE)
    energy = main_energy(stock, name) if active else None
    alerts, gravity = _alerts(view, device, run, origin)
    figures = {"tok/s": rate if active else None, "W": power, "°C": heat}
    return FleetRow(
        device=name,
        colour=stock.shades[name],
        state=state_of(device, active, look.waiting.get(device.device)),
        phase=phase_of(view, device, active, look.waiting.get(device.device)),
        simulated=simulated(view, name),
        model=model_title(active.spec.model) if active else f"→ {device.feeds}" * bool(device.feeds),
        rate=_figure(view, rate) if active and up else None,
        trend=tuple(look.sparks[name].maxima) if active and name in look.sparks else (),
        power=_figure(view, power) if told_of_now(view, device, power) else None,
        power_point=power.point if power else "",
        per_token=_per_token(energy) if energy and up else None,
        token_point=energy.point if energy else "",
        temperature=_figure(view, heat) if told_of_now(view, device, heat) else None,
        headroom=_headroom(stock, name) if up else None,
        alerts=alerts or (_ages(view, figures) if up else ""),
        gravity=gravity,
    )


def _figure(view: View, channel: Channel | None) -> Figure | None:
    reading = last_reading(view, channel) if channel else None
    if channel is None or reading is None:
        return None
    past = channel.limit is not None and reading.value >= channel.limit
    return Figure(value=reading.value, text=number(reading.value), stale=stale(view, channel), alarm=past)


def _per_token(energy: PointEnergy) -> Figure | None:
    """Of the turn in progress; dimmed when it is of the one before."""
    if energy.per_token is None:
        return None
    return Figure(value=energy.per_token, text=number(energy.per_token), stale=energy.old)


def _headroom(stock: Stock, device: str) -> Figure | None:
    """The least distance of a fresh temperature to a limit that is known; None where none is."""
    view = stock.view
    rooms = [
        channel.limit - reading.value
        for channel in stock.of(device, *_LIMITED)
        if channel.limit is not None
        and (reading := last_reading(view, channel)) is not None
        and not stale(view, channel)
    ]
    if not rooms:
        return None
    least = min(rooms)
    return Figure(value=least, text=number(least), alarm=least <= 0)


def _alerts(view: View, device: DeviceView, run: RunView | None, origin: int) -> tuple[str, int]:
    """What is wrong, the worst of it first, and how bad that is."""
    limits = view.limits.get(device.device, ())
    said = warning_of(view, device, origin)
    if device.state in {DeviceState.FAILED, DeviceState.LOST}:
        return said, _FAILED if device.state is DeviceState.FAILED else _LOST
    failure = failure_of(run, origin)
    throttled = device.device in view.throttled
    if limits or throttled:
        more = f" +{len(limits) - 1}" if len(limits) > 1 and not throttled else ""
        both = f"{failure} · {said}{more}" if failure else said + more
        gravity = _THROTTLED if throttled else _graveness(limits)
        return both, _RUN_FAILED if failure else gravity
    return (failure, _RUN_FAILED) if failure else ("", 0)


def _graveness(limits: Iterable[LimitEngaged]) -> int:
    return _THROTTLED if any(limit.reason == "thermal" for limit in limits) else _LIMIT


def _ages(view: View, channels: dict[str, Channel | None]) -> str:
    """Which of the figures are old, and how old."""
    old = [
        f"{name} {age(age_s(view, channel.key))}"
        for name, channel in channels.items()
        if channel is not None and last_reading(view, channel) is not None and stale(view, channel)
    ]
    return " · ".join(old)


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """``p2`` before ``p10``."""
    parts = re.split(r"(\d{1,18})", name.casefold())
    return tuple((int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts)


def _value(one: FleetRow, column: FleetColumn) -> tuple[object, ...] | None:
    """What a row is sorted by; None where it is not known."""
    figures = {
        FleetColumn.RATE: one.rate,
        FleetColumn.POWER: one.power,
        FleetColumn.PER_TOKEN: one.per_token,
        FleetColumn.TEMPERATURE: one.temperature,
        FleetColumn.HEADROOM: one.headroom,
    }
    if column in figures:
        figure = figures[column]
        return None if figure is None else (figure.value,)
    if column is FleetColumn.ALERTS:
        return (one.gravity, one.alerts) if one.alerts else None
    if column is FleetColumn.DEVICE:
        return _natural(one.device)
    text = one.model if column is FleetColumn.MODEL else f"{one.state} {one.phase}"
    return (text.casefold(),) if text else None


def _text(one: FleetRow) -> str:
    marks = "simulated" if one.simulated else ""
    return f"{one.device} {one.state} {one.phase} {one.model} {one.alerts} {marks}".casefold()
