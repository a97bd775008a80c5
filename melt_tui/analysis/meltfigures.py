"""The results of MELT as MELT defines them, of a recording that was imported from one of its folders. Ours stand beside.

Energy and discharge are sums over the samples strictly inside a window, each times the time since the sample before it; the
first weighs nothing; nothing is subtracted. Per token: of the whole prompt, divided by the output tokens as MELT's runner
counts them. Where MELT's released code is defective, what it means to reckon is reckoned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from drivers.clock import SECOND
from drivers.events import TurnEnded
from drivers.model import Channel, Quantity
from melt_tui import format as fmt
from melt_tui.analysis.power import sources
from melt_tui.analysis.recorded import EVERY, Channels, Recorded
from melt_tui.analysis.runevents import RunEvents, run_events
from melt_tui.analysis.samples import read
from melt_tui.events import Imported, Stated

ORIGIN = "MELT folder"
"""How the origin of such a recording begins."""
_HOUR_NS = 3600 * SECOND

DEFINITION = (
    "energy and discharge per token as MELT defines them: of the whole prompt (prefill, decode and all else in its window), "
    "gross, by the output tokens that the runner counts"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeltEnergy:
    """Of one window, at one place that was measured. None: nothing was measured there in it."""

    point: str
    energy_mwh: float | None
    discharge_mah: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeltLoad:
    """A row of ``results_model_load_performance.csv``."""

    run: str
    duration_s: float | None
    energies: tuple[MeltEnergy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeltTurn:
    """A row of ``results_model_inference_measurements.csv``. What was not told is None."""

    run: str
    turn: int
    iteration: int
    conversation: int
    prompt: int
    duration_s: float | None
    original_session_tokens: int | None
    input_tokens: int | None
    output_tokens: int | None
    """As MELT counts: of llama.cpp the evaluations, one fewer than tokens."""
    prefill_tps: float | None
    tps: float | None
    per_token: tuple[MeltEnergy, ...]
    """Of each place: mWh and mAh for a token."""
    reported: Mapping[str, str] = field(default_factory=dict)
    """What MELT's own results file says, where there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeltResults:
    """All of them."""

    loads: tuple[MeltLoad, ...]
    turns: tuple[MeltTurn, ...]


def melt_results(recording: Recorded, channels: Channels) -> MeltResults | None:
    """None of a recording that is of something else."""
    told = recording.events(*recording.span(), kinds=(Imported,), limit=EVERY)
    if not any(isinstance(event, Imported) and event.origin.startswith(ORIGIN) for event in told):
        return None
    stated = _stated(recording)
    runs = run_events(recording)
    return MeltResults(
        loads=tuple(_load(recording, channels, run) for run in runs),
        turns=tuple(turn for run in runs for turn in _turns(recording, channels, run, stated)),
    )


def melt_lines(results: MeltResults) -> Iterator[str]:
    """For people."""
    yield DEFINITION
    for load in results.loads:
        yield fmt.plain(f"  {load.run}: load {fmt.seconds(load.duration_s)}{_energies(load.energies)}", 200)
    for turn in results.turns:
        rates = f"prefill {fmt.rate(turn.prefill_tps)}, decode {fmt.rate(turn.tps)}"
        tokens = f"{fmt.count(turn.input_tokens)} in, {fmt.count(turn.output_tokens)} out"
        yield fmt.plain(
            f"  {turn.run} turn {turn.turn}: {fmt.seconds(turn.duration_s)}, {tokens}, {rates}"
            f"{_energies(turn.per_token, ' per token')}{_reported(turn.reported)}",
            400,
        )


def sums(
    times: Sequence[int], amperes: Sequence[float], volts: Sequence[float]
) -> tuple[float, float] | None:
    """``(mWh, mAh)`` of samples of a window, at times in ns; None without any."""
    if not len(times):
        return None
    hours = np.diff(np.asarray(times, np.int64), prepend=times[0]) / _HOUR_NS
    current, voltage = np.asarray(amperes), np.asarray(volts)
    return float(np.sum(current * voltage * hours)) * 1000, float(np.sum(current * hours)) * 1000


def _energies(energies: Sequence[MeltEnergy], each: str = "") -> str:
    return "".join(
        f", {fmt.number(one.energy_mwh)} mWh and {fmt.number(one.discharge_mah)} mAh{each} at {one.point}"
        for one in energies
        if one.energy_mwh is not None
    )


def _reported(told: Mapping[str, str]) -> str:
    """What MELT's own results file says of its energies."""
    known = [f"{key} {value}" for key, value in told.items() if key.startswith(("energy", "discharge"))]
    return f"; MELT's results file says {', '.join(known)}" if known else ""


def _stated(recording: Recorded) -> Mapping[tuple[str, int | None], Mapping[str, str]]:
    """By run and turn."""
    told = recording.events(*recording.span(), kinds=(Stated,), limit=EVERY)
    return {(event.run, event.turn): dict(event.values) for event in told if isinstance(event, Stated)}


def _load(recording: Recorded, channels: Channels, run: RunEvents) -> MeltLoad:
    loaded = run.loaded
    took_s = loaded.load_s if loaded else None
    energies: tuple[MeltEnergy, ...] = ()
    if loaded and took_s:
        window = (loaded.t_ns - round(took_s * SECOND), loaded.t_ns)
        energies = tuple(_windowed(recording, channels, run, window, 1))
    return MeltLoad(run=run.started.run, duration_s=took_s, energies=energies)


def _turns(
    recording: Recorded,
    channels: Channels,
    run: RunEvents,
    stated: Mapping[tuple[str, int | None], Mapping[str, str]],
) -> Iterator[MeltTurn]:
    for started in run.turns:
        told = stated.get((started.run, started.turn), {})
        ended = run.turn_ends.get(started.turn)
        decoded = ended.output_tokens - 1 if ended and ended.output_tokens else None
        duration_s, output = _number(told.get("duration (sec)")), _whole(told.get("output_tokens"))
        per_token: tuple[MeltEnergy, ...] = ()
        if duration_s and output:
            window = (started.t_ns, started.t_ns + round(duration_s * SECOND))
            per_token = tuple(_windowed(recording, channels, run, window, output))
        yield MeltTurn(
            run=started.run,
            turn=started.turn,
            iteration=started.repetition,
            conversation=started.conversation,
            prompt=started.prompt,
            duration_s=duration_s,
            original_session_tokens=started.context_tokens,
            input_tokens=ended.prompt_tokens if ended else None,
            output_tokens=output,
            prefill_tps=_rate(
                told.get("prefill throughput"), ended.prompt_tokens if ended else None, ended, "prompt_s"
            ),
            tps=_rate(told.get("decode throughput"), decoded, ended, "decode_s"),
            per_token=per_token,
            reported={
                key.removeprefix("reported "): value
                for key, value in told.items()
                if key.startswith("reported ")
            },
        )


def _rate(told: str | None, tokens: int | None, ended: TurnEnded | None, took: str) -> float | None:
    """The runner's own, else its tokens over its time."""
    stated = _number(told.split()[0]) if told and told.split() else None
    seconds = getattr(ended, took) if ended else None
    if stated is not None:
        return stated
    return tokens / seconds if tokens is not None and seconds else None


def _windowed(
    recording: Recorded, channels: Channels, run: RunEvents, window: tuple[int, int], tokens: int
) -> Iterator[MeltEnergy]:
    """By every pair of current and voltage that was measured."""
    for point, current, voltage in _pairs(recording, channels, run):
        times, amperes = read(recording, channels, current.key, window[0] + 1, window[1] - 1)
        at, volts = read(recording, channels, voltage.key, window[0] - SECOND, window[1])
        found = None
        if len(at):
            places = np.clip(np.searchsorted(at, times, "right") - 1, 0, None)
            found = sums(times.tolist(), amperes.tolist(), volts[places].tolist())
        yield MeltEnergy(
            point=point,
            energy_mwh=found[0] / tokens if found else None,
            discharge_mah=found[1] / tokens if found else None,
        )


def _pairs(recording: Recorded, channels: Channels, run: RunEvents) -> Iterator[tuple[str, Channel, Channel]]:
    for source in sources(recording, channels, run.started.device, recording.span()[1]):
        name = source.channel.name.removesuffix("power")
        beside = {one.name: one for one in channels.of(source.channel.device)}
        current, voltage = beside.get(f"{name}current"), beside.get(f"{name}voltage")
        kinds = (current and current.quantity, voltage and voltage.quantity)
        if current and voltage and kinds == (Quantity.CURRENT, Quantity.VOLTAGE):
            yield source.point, current, voltage


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _whole(text: str | None) -> int | None:
    value = _number(text)
    return int(value) if value is not None and value >= 0 else None
