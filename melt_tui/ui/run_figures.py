"""The run panel and the table of turns, from what was seen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil

from drivers.model import OnLinkLoss, Quantity, Unit, Workload
from drivers.modelfile import ModelFile
from melt_tui.events import RunOutcome
from melt_tui.format import age, count, measure, number, percent, rate, seconds, stamp
from melt_tui.measures import points
from melt_tui.timeline import DeviceState, DeviceView, RunPhase, RunView, View
from melt_tui.ui.energy import PointEnergy, Within, bound, main_energy
from melt_tui.ui.look import age_s, last_reading, stale
from melt_tui.ui.picture import name_of
from melt_tui.ui.renderables.cells import Ink, device_ink
from melt_tui.ui.renderables.run_lines import RunModel
from melt_tui.ui.renderables.tables import Column, TableRow
from melt_tui.ui.standing import imported_by, simulated
from melt_tui.ui.topics import Stock
from melt_tui.ui.turns import Turn

TURN_COLUMNS = (
    Column("turn", 5, right=True),
    Column("device", 15, right=False, rank=1),
    Column("at", 8),
    Column("prompt", 7, rank=2),
    Column("cached", 7, rank=5),
    Column("output", 7, rank=1),
    Column("TTFT", 8),
    Column("prefill tok/s", 13, rank=3),
    Column("decode tok/s", 12),
    Column("engine's", 8, rank=4),
    Column("end", 8, right=False, rank=3),
)

_BESIDE = (
    ("TTFT", points.part("prefill"), Unit.JOULE, ""),
    ("decode", points.part("decode"), Unit.JOULE, ""),
    ("prefill", points.each("prefill"), Unit.JOULES_PER_TOKEN, ""),
    ("tokens", points.part("turn"), Unit.JOULE, "last turn "),
    ("tok/J", points.each("melt"), Unit.JOULES_PER_TOKEN, "MELT's "),
)
"""Name of a figure, and which energy of the last turn stands beside it."""

_NET = (
    ("net", points.ENERGY, Unit.JOULE),
    ("J/tok net", points.PER_TOKEN, Unit.JOULES_PER_TOKEN),
)
_NET_OF_TURN = (
    ("J/tok whole net", points.PER_TOKEN_WHOLE, Unit.JOULES_PER_TOKEN),
    ("turn net", points.part("turn"), Unit.JOULE),
    ("J/tok MELT's net", points.each("melt"), Unit.JOULES_PER_TOKEN),
    ("J/tok prefill net", points.each("prefill"), Unit.JOULES_PER_TOKEN),
)
"""The figures that are told net of idle; those of the last turn stand below all others."""
_NO_RUN = "no run yet"
_AWAY = "out of reach"


def run_model(stock: Stock, device: str, turns: Sequence[Turn], *, live: bool = True) -> RunModel:
    """The run in progress on a device, or its last one; the key that starts one is told where that can be done: ``live``."""
    view = stock.view
    run = view.runs.get(device)
    if run is None:
        return RunModel(hint=_hint(view, device) if live else _NO_RUN)
    energy = main_energy(stock, device)
    own = [turn for turn in turns if turn.started.device == device and turn.started.run == run.spec.run]
    model, away = run.spec.model, _kept(view, run)
    note = model_note(model) if model else ""
    return RunModel(
        device=device,
        device_ink=device_ink(stock.shades.get(device, 0)),
        model=_model_name(run),
        note=" · ".join(part for part in (note, *_marks(view, device)) if part),
        workload=" · ".join(part for part in (_workload(run), run.spec.runtime) if part),
        phase=phase_text(run, doing=_AWAY if away else ""),
        running=run.phase is not RunPhase.ENDED,
        progress=run.preparing_done if run.phase is RunPhase.LOADING else None,
        eta=f"{seconds(run.preparing_eta_s)} left" if run.preparing_eta_s is not None else "",
        figures=(*_figures(stock, run, own, energy), *_net(energy, _NET_OF_TURN)),
        beside=dict(_beside(own, energy)) if energy else {},
        foot=f"at {energy.point}" if energy else "",
        turns=tuple(_last_turns(own)),
        problem=away or _problem(run, view.devices.get(device), live=live),
    )


def model_notes(view: View) -> Mapping[str, str]:
    """By run: what goes with its model wherever its text is shown."""
    models = {run.spec.run: run.spec.model for run in view.runs.values()}
    return {run: model_note(model) for run, model in models.items() if model}


def model_note(model: ModelFile) -> str:
    """``toy model``, ``synthetic weights``, or nothing."""
    return model.note or ("synthetic weights" if model.synthetic else "")


def phase_text(run: RunView, *, doing: str = "") -> str:
    """``turn 12/48  decode``, ``loading: expanding the model``, ``ended: done``; ``doing`` instead of the phase of a turn."""
    if run.ended is not None:
        return f"{run.ended.outcome}  {_turn_count(run.turns_ended)}"
    if run.phase is RunPhase.LOADING:
        return run.preparing or "loading"
    if run.turn is None:
        return doing or run.phase
    current = Turn(started=run.turn.started)
    if current.warmup:
        return f"warm-up  {doing or run.phase}"
    going = run.turns_ended + (run.turn.ended is None)
    planned = planned_turns(run.spec.workload)
    share = f"{going}/{planned}" if planned else f"{going}"
    done = run.turn.prefill_done
    progress = f" {int(100 * done)} %" if run.phase is RunPhase.PREFILL and done is not None else ""
    return f"turn {share}  {doing or f'{run.phase}{progress}'}"


def planned_turns(workload: Workload | None) -> int | None:
    """How many measured turns a workload comes to; None where time or the user ends it."""
    if workload is None:
        return None
    listed = sum(map(len, workload.conversations)) * workload.repeat
    if workload.turns is None:
        return listed or None
    return min(workload.turns, listed) if listed else workload.turns


def turn_rows(stock: Stock, turns: Sequence[Turn], origin: int) -> list[TableRow]:
    """The table's rows, newest first."""
    return [_turn_row(stock.view, turn, stock.shades, origin) for turn in reversed(turns)]


def _marks(view: View, device: str) -> tuple[str, ...]:
    """What is no measurement of ours."""
    return "simulated" * simulated(view, device), "imported" * imported_by(view, device)


def _turn_row(view: View, turn: Turn, shades: Mapping[str, int], origin: int) -> TableRow:
    started, ended = turn.started, turn.ended
    return TableRow(
        (
            "warm" if turn.warmup else str(started.turn),
            name_of(view.devices.get(started.device), started.device),
            stamp((started.t_ns - origin) / 1e9),
            count(ended.prompt_tokens if ended else None),
            count(ended.cached_tokens if ended else None),
            count(ended.output_tokens if ended else None),
            seconds(turn.ttft_s),
            number(turn.prefill_tps),
            number(turn.decode_tps),
            number(turn.reported_tps) + "!" * turn.flagged,
            ended.end if ended else "…",
        ),
        head=device_ink(shades.get(started.device, 0)),
        ink=Ink.WARNING if turn.flagged else Ink.TEXT,
        t_ns=started.t_ns,
    )


def _figures(
    stock: Stock, run: RunView, own: Sequence[Turn], energy: PointEnergy | None
) -> Iterator[tuple[str, str]]:
    """Of the last turn that counts; a decode rate of one whose two rates agree."""
    device = run.spec.device
    counted = [turn for turn in own if not turn.warmup]
    yield from _last("TTFT", [turn.ttft_s for turn in counted], seconds)
    if energy is not None:
        yield from _per_token(energy)
    done = [turn for turn in counted if turn.ended]
    if run.phase is RunPhase.DECODE:
        yield from _now(stock, device)
        yield from _share(stock, device)
    yield from _last("decode", [turn.decode_tps for turn in done if not turn.flagged][-1:], rate)
    yield from _energy(energy) if energy is not None else _elsewhere(stock.view, device)
    yield from _last("prefill", [turn.prefill_tps for turn in done[-1:]], rate)
    tokens = _tokens(stock, device, run.started_ns)
    if tokens is not None:
        yield "tokens", count(tokens)
    if energy is not None:
        yield from _off(energy)
    if energy is not None and energy.per_token_whole is not None:
        yield "J/tok whole", _within(energy.per_token_whole, energy.whole_off)
        yield "tok/J", number(1 / energy.per_token_whole if energy.per_token_whole > 0 else None)
    if run.loaded is not None and run.loaded.load_s is not None:
        yield "load", seconds(run.loaded.load_s)


def _beside(own: Sequence[Turn], energy: PointEnergy) -> Iterator[tuple[str, str]]:
    """The energies of the load and of the last turn that counts, beside the figures of the same."""
    if energy.load is not None:
        yield "load", _measured(energy.load, Unit.JOULE)
    counted = [turn for turn in own if not turn.warmup]
    last = next((turn for turn in reversed(counted) if turn.ended), None)
    if last is None or last.ended is None:
        return
    parts = {name: one for name, one in energy.parts.items() if one.t_ns == last.ended.last_token_ns}
    for name, part, unit, what in _BESIDE:
        # what is being told of the next turn already is no neighbour of this one's
        if part in parts and (name != "TTFT" or counted[-1] is last):
            yield name, f"{what}{_measured(parts[part], unit)}"


def _measured(one: Within, unit: Unit) -> str:
    """``26.2 J ±1.3 J``."""
    off = "" if one.off is None else f" ±{measure(one.off, unit, 2)}"
    return f"{measure(one.value, unit)}{off}"


def _per_token(energy: PointEnergy) -> Iterator[tuple[str, str]]:
    """Of the turn in progress, else of the last one."""
    if energy.charging_unknown:
        yield "J/tok", "charging unknown"
    elif energy.per_token is not None:
        yield "J/tok decode", _within(energy.per_token, energy.per_token_off)


def _within(value: float, off: float | None) -> str:
    """``0.465 ±0.021``; without what nobody can tell."""
    return number(value) if off is None else f"{number(value)} ±{number(off, 2)}"


def _off(energy: PointEnergy) -> Iterator[tuple[str, str]]:
    """How far the joules may be off, ours and the meter's apart, or why that is not told."""
    if energy.ours_j is None:
        if energy.point == points.NET:
            yield "energy ±", "gauge too slow so far"
        return
    yield "± ours", measure(energy.ours_j, Unit.JOULE, 2)
    stated = energy.accuracy_j
    yield "meter's ±", "not stated" if stated is None else measure(stated, Unit.JOULE, 2)


def _energy(energy: PointEnergy) -> Iterator[tuple[str, str]]:
    """Of the run so far: joules, and the mean power of what was measured."""
    yield (
        "energy",
        f"{bound(energy.point)}{measure(energy.joules, Unit.JOULE)} · {measure(energy.mean_w, Unit.WATT)}",
    )
    yield from _net(energy, _NET)
    if energy.coverage is not None:
        yield "measured", f"{percent(energy.coverage)} of the run"


def _elsewhere(view: View, device: str) -> Iterator[tuple[str, str]]:
    """What was told here holds no longer, since a meter of the device was corrected."""
    if device in view.corrected:
        yield "energy", "see summary"


def _net(energy: PointEnergy | None, figures: Sequence[tuple[str, str, Unit]]) -> Iterator[tuple[str, str]]:
    """Less what the device takes when it is idle, where that was measured before the run."""
    if energy is None:
        return
    for name, of, unit in figures:
        one = energy.net.get(of)
        if one is not None:
            told = _measured(one, unit) if unit is Unit.JOULE else _within(one.value, one.off)
            yield name, f"{bound(energy.point)}{told}"


def _now(stock: Stock, device: str) -> Iterator[tuple[str, str]]:
    channel = stock.rate(device)
    reading = last_reading(stock.view, channel) if channel else None
    if channel is not None and reading is not None:
        text = rate(reading.value)
        old = stale(stock.view, channel)
        yield "now", f"{text} {age(age_s(stock.view, channel.key))}" if old else text


def _share(stock: Stock, device: str) -> Iterator[tuple[str, str]]:
    """The decode rate as a part of what it is cool, at the same context."""
    channel = stock.main(device, Quantity.RATE_SHARE)
    reading = last_reading(stock.view, channel) if channel else None
    if channel is not None and reading is not None and not stale(stock.view, channel):
        yield "rate/r0", percent(reading.value)


def _last(
    name: str, values: Sequence[float | None], said: Callable[[float], str]
) -> Iterator[tuple[str, str]]:
    """The last of them that is known, if any is."""
    known = [value for value in values if value is not None]
    if known:
        yield name, said(known[-1])


def _tokens(stock: Stock, device: str, since_ns: int) -> float | None:
    """Output tokens of the run so far."""
    for channel in stock.of(device, Quantity.TOKEN_ARRIVALS, Quantity.TOKENS):
        reading = stock.view.readings.get(channel.key)
        if reading is not None and reading.t_ns >= since_ns:
            return reading.value
    return None


def _last_turns(own: Sequence[Turn]) -> Iterator[tuple[str, str, str]]:
    for turn in reversed(own):
        if turn.ended is not None:
            number_of = "warm" if turn.warmup else str(turn.started.turn)
            yield number_of, number(turn.decode_tps), seconds(turn.ttft_s)


def _model_name(run: RunView) -> str:
    model = run.spec.model
    if model is None:
        return (run.loaded.model if run.loaded else "") or "model unknown"
    quantisation = model.quantisation
    return model.name if quantisation.lower() in model.name.lower() else f"{model.name} {quantisation}"


def _workload(run: RunView) -> str:
    fair = run.spec.fair
    place = f"{fair.place} of {fair.planned}" if fair.planned > 1 else ""
    name = run.spec.workload.name if run.spec.workload else "watching"
    return " · ".join(filter(None, (fair.variant, place, name)))


def _turn_count(turns: int) -> str:
    return f"after {turns} turn" + "s" * (turns != 1)


def _problem(run: RunView, device: DeviceView | None, *, live: bool) -> str:
    ended = run.ended
    if ended is None or ended.outcome is RunOutcome.DONE:
        return ""
    if device is not None and device.state is DeviceState.UP and device.since_ns > ended.t_ns:
        back = f"{ended.reason}: {device.device} is back"
        return f"{back}, r starts a run again" if live else back
    return f"{ended.reason}: {ended.remedy}" if ended.remedy else ended.reason


def _kept(view: View, run: RunView) -> str:
    """What is known of a run that goes on on a device that is away; empty for any other."""
    device = view.devices.get(run.spec.device)
    kept = run.ended is None and run.spec.on_link_loss is OnLinkLoss.KEEP
    if not kept or device is None or device.state is not DeviceState.LOST:
        return ""
    left_s = run.spec.lease_s - (view.t_ns - device.since_ns) / 1e9
    if left_s <= 0:
        return f"its lease of {run.spec.lease_s:g} s has run out: what {device.device} kept is waited for"
    return f"{device.device} is away: it goes on there, for {seconds(float(ceil(left_s)))} more at most"


def _hint(view: View, device: str) -> str:
    known = view.devices.get(device)
    if known is not None and known.info is not None and not known.info.runtimes:
        return f"{device} runs no model: choose another device, or r to start a run elsewhere"
    return f"{_NO_RUN}: r starts one"
