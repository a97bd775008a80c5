"""Live energy of a device for screens: its figures at each reference point, never added, best point first. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan

from drivers.model import Channel, DeviceKind, Quantity, Unit
from melt_tui.format import measure, percent
from melt_tui.measures import points
from melt_tui.timeline import RunView
from melt_tui.ui.look import stale
from melt_tui.ui.topics import Stock

_BATTERIES = (Quantity.BATTERY_LEVEL, Quantity.BATTERY_TEMPERATURE)
_WHOLE = 99.95
"""Percent of a run from which on it counts as measured without holes."""


_OF_TURN = (
    points.part("turn"), points.part("prefill"), points.part("decode"), points.each("melt"), points.each("prefill")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Within:
    """A figure, and ± 95 % of it where that is known."""

    value: float
    off: float | None
    t_ns: int
    """The end of what it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointEnergy:
    """What one reference point says of a run. What is not known, or may not be told, is None."""

    point: str
    joules: float | None = None
    ours_j: float | None = None
    """± 95 % of these joules that is ours: between samples, at the window's ends, a gauge's refresh."""
    accuracy_j: float | None = None
    """± the bound that the meter's maker states, of these joules; None where nobody states one."""
    mean_w: float | None = None
    """Of what was measured."""
    coverage: float | None = None
    """Percent of the run so far that was measured; None when all of it was."""
    per_token: float | None = None
    """By decode tokens: of the turn in progress, else of the last one."""
    per_token_off: float | None = None
    """± 95 % of it, all that is known."""
    old: bool = False
    """That figure is of a turn that is over."""
    per_token_whole: float | None = None
    """Of the last turn that ended: by output tokens, from the prompt on."""
    whole_off: float | None = None
    """± 95 % of that."""
    load: Within | None = None
    """Joules of the load."""
    parts: Mapping[str, Within] = field(default_factory=dict)
    """By the names of ``measures.points``: what else is told of the last turn that counts, all of one turn."""
    net: Mapping[str, Within] = field(default_factory=dict)
    """By the names of ``measures.points``: what is told less idle power; empty where that is not known."""
    charging_unknown: bool = False
    """It sees the charger, and nothing tells what goes into the battery."""


def bound(point: str) -> str:
    """``≤`` before a figure that is an upper bound; nothing before others."""
    return "≤ " if point == points.NET else ""


def energies(stock: Stock, device: str) -> Sequence[PointEnergy]:
    """At every point that tells of the device's run, the one that sees most of it first; empty without a run, and where a
    meter was corrected since: what was told then holds no longer."""
    run = stock.view.runs.get(device)
    if run is None:
        return ()
    found = [
        _point_energy(stock, run, channel)
        for channel in stock.of(device, Quantity.ENERGY)
        if channel.derived and _since(stock, channel, run.started_ns) is not None
    ]
    return tuple(sorted(found, key=lambda one: points.rank(one.point)))


def main_energy(stock: Stock, device: str) -> PointEnergy | None:
    """The one that is shown where there is room for one: of those that tell tokens, if any does, the first."""
    known = energies(stock, device)
    return next((one for one in known if one.per_token is not None), known[0] if known else None)


def energy_told(stock: Stock, device: str) -> list[str]:
    """A few words for each point: ``0.171 J/tok, 412 J at battery-terminals``."""
    if device in stock.view.corrected and device in stock.view.runs:
        return ["its meter was corrected since: melt summary has its energies"]
    told = []
    for one in energies(stock, device):
        per_token = f"{measure(one.per_token, Unit.JOULES_PER_TOKEN)}, " if one.per_token is not None else ""
        seen = "" if one.coverage is None else f", {percent(one.coverage)} of the run measured"
        unknown = ", charging unknown" * one.charging_unknown
        told.append(
            f"{per_token}{bound(one.point)}{measure(one.joules, Unit.JOULE)} at {one.point}{seen}{unknown}"
        )
    return told


def charging_unknown(stock: Stock, device: str) -> bool:
    """Whether its power is seen at the charger alone: it has a battery, and nobody tells what goes into that."""
    chosen = stock.power(device)
    return chosen is not None and chosen.point == points.USB and has_battery(stock, device)


def has_battery(stock: Stock, device: str) -> bool:
    """Whether a device has one, as far as is known."""
    known = stock.view.devices.get(device)
    phone = known is not None and known.info is not None and known.info.kind is DeviceKind.PHONE
    gauged = any(channel.point == points.GAUGE for channel in stock.of(device, Quantity.POWER))
    return phone or gauged or bool(stock.of(device, *_BATTERIES))


def _point_energy(stock: Stock, run: RunView, energy: Channel) -> PointEnergy:
    device, where = energy.device, energy.name.removeprefix(points.ENERGY)
    since, now_ns = run.started_ns, stock.view.readings[energy.key].t_ns
    coverage = _named(stock, device, points.COVERAGE + where, since)
    joules = _since(stock, energy, since)
    elapsed_s = (now_ns - since) / 1e9 * (100.0 if coverage is None else coverage) / 100
    live = stock.view.channels.get((device, points.PER_TOKEN + where))

    def told(name: str) -> float | None:
        return _named(stock, device, name + where, since)

    def within(name: str) -> Within | None:
        return _within(stock, device, name, where, since)

    return PointEnergy(
        point=energy.point,
        load=within(points.part("load")),
        parts=_latest({name: one for name in _OF_TURN if (one := within(name)) is not None}),
        net={
            name: one for name in points.NETS if (one := _net(stock, device, name, where, since)) is not None
        },
        joules=joules,
        ours_j=told(points.OURS),
        accuracy_j=told(points.STATED),
        mean_w=joules / elapsed_s if joules is not None and elapsed_s > 0 else None,
        coverage=coverage if coverage is not None and coverage < _WHOLE else None,
        per_token=None if live is None else _since(stock, live, since),
        old=live is not None and (_ended(run, stock, live) or stale(stock.view, live)),
        per_token_off=told(points.PER_TOKEN_OFF),
        per_token_whole=told(points.PER_TOKEN_WHOLE),
        whole_off=told(points.WHOLE_OFF),
        charging_unknown=energy.point == points.USB and charging_unknown(stock, device),
    )


def _ended(run: RunView, stock: Stock, live: Channel) -> bool:
    """Whether the figure is of a turn before the one in progress, or of one that is over."""
    reading = stock.view.readings.get(live.key)
    turn = run.turn
    return turn is None or turn.ended is not None or reading is None or reading.t_ns < turn.started.t_ns


def _within(stock: Stock, device: str, name: str, where: str, since_ns: int) -> Within | None:
    """Of this run; how far it may be off only where that is of the same turn."""
    key = device, name + where
    known = stock.view.readings.get(key)
    if key not in stock.view.channels or known is None or known.t_ns < since_ns or isnan(known.value):
        return None
    return Within(known.value, _named(stock, device, points.off(name) + where, known.t_ns), known.t_ns)


def _net(stock: Stock, device: str, name: str, where: str, since_ns: int) -> Within | None:
    """Of the same moment as the figure that is not net."""
    gross = stock.view.readings.get((device, name + where))
    one = _within(stock, device, points.net(name), where, since_ns)
    return one if one is not None and gross is not None and one.t_ns == gross.t_ns else None


def _latest(found: Mapping[str, Within]) -> Mapping[str, Within]:
    """A turn may lack what the one before it had: only what is of the same turn stands side by side."""
    last_ns = max((one.t_ns for one in found.values()), default=0)
    return {name: one for name, one in found.items() if one.t_ns == last_ns}


def _named(stock: Stock, device: str, name: str, since_ns: int) -> float | None:
    channel = stock.view.channels.get((device, name))
    return None if channel is None else _since(stock, channel, since_ns)


def _since(stock: Stock, channel: Channel, since_ns: int) -> float | None:
    """The last value of this run."""
    reading = stock.view.readings.get(channel.key)
    return None if reading is None or reading.t_ns < since_ns else reading.value
