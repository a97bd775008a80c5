"""A summary as text for people: rounded, aligned, safe to print."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict

from drivers.events import TurnEnd, TurnPurpose
from drivers.model import DeviceKind, Unit
from melt_tui import format as fmt
from melt_tui.analysis.alignment import line_of
from melt_tui.analysis.energyreport import energy_tables
from melt_tui.analysis.meltfigures import melt_lines
from melt_tui.analysis.metering import PowerSummary
from melt_tui.analysis.provenance import edit_lines, import_lines, part_lines
from melt_tui.analysis.runs import RunSummary, Temperature
from melt_tui.analysis.session import DeviceSummary, SelfSummary, Summary
from melt_tui.analysis.start import start_lines
from melt_tui.analysis.throttling import ThrottlingSummary
from melt_tui.analysis.turns import TurnSummary
from melt_tui.measures.heat import UNLIMITED, UNTOLD

COLUMNS: Sequence[tuple[str, str, Callable[[float | None], str]]] = (
    ("prompt", "prompt_tokens", fmt.count),
    ("output", "output_tokens", fmt.count),
    ("TTFT ms", "ttft_ms", fmt.number),
    ("prefill tok/s", "prefill_tps", fmt.number),
    ("decode tok/s", "decode_tps_observed", fmt.number),
    ("reported", "decode_tps_reported", fmt.number),
    ("ITL p50 ms", "itl_p50_ms", fmt.number),
    ("p95", "itl_p95_ms", fmt.number),
    ("p99", "itl_p99_ms", fmt.number),
    ("TPOT ms", "tpot_ms", fmt.number),
    ("E2E ms", "e2e_ms", fmt.number),
)
"""Of the table of turns: title, field of a TurnSummary, how it is rounded."""


def text_of(summary: Summary) -> str:
    """The whole summary, paragraphs apart by a blank line."""
    paragraphs = [
        "\n".join(_session(summary)),
        *("\n".join(_run(run)) for run in summary.runs),
        *(["\n".join(f"clock    {line_of(one)}" for one in summary.alignment)] if summary.alignment else []),
        *(["\n".join(melt_lines(summary.melt))] if summary.melt else []),
        "\n".join(_own(summary.own)),
    ]
    if not summary.runs:
        paragraphs.insert(1, "no run")
    return "\n\n".join(paragraphs)


def throttling_lines(known: ThrottlingSummary) -> Iterator[str]:
    """What throttling did to a run: a line for each thing to know of it."""
    yield f"throttling: {_onset(known)}"
    rates = {"r0": known.reference_tps, "peak": known.peak_tps, "plateau": known.plateau_tps}
    told = [f"{name} {fmt.rate(value)}" for name, value in rates.items() if value is not None]
    if known.retained is not None:
        told.append(
            f"retained {fmt.percent(100 * known.retained)}{'' if known.steady else ', not steady yet'}"
        )
    if told:
        yield f"  {', '.join(told)}"
    if known.states:
        shares = (f"{fmt.plain(state)} {fmt.percent(100 * share)}" for state, share in known.states.items())
        yield f"  of its time: {', '.join(shares)}"
    yield from (f"  note: {fmt.whole(note)}" for note in known.notes)


def _onset(known: ThrottlingSummary) -> str:
    if known.onset_s is None:
        return f"none found{f', slower: {known.reason}' if known.reason else ''}"
    first = known.time_to_throttle
    after = [f"{fmt.count(first.tokens)} tokens", f"{fmt.count(first.turns)} turns"]
    if first.j is not None:
        after.append(f"{fmt.measure(first.j, Unit.JOULE)} at {known.energy_point}")
    lost = fmt.percent(100 * ((known.ratio or 1) - 1), signed=True)
    end = f", back at {fmt.seconds(known.end_s)}" if known.end_s is not None else ""
    why = fmt.whole(
        f"{known.reason} ({fmt.words(known.limit or fmt.UNKNOWN)}), {known.confidence} confidence"
    )
    return f"from {fmt.seconds(known.onset_s)} on, after {', '.join(after)}: {why}, {lost}{end}"


def _session(summary: Summary) -> Iterator[str]:
    session = summary.session
    how = "" if session.ended else ", not ended in order" if session.lost else ", still being recorded"
    name = f"{fmt.plain(session.name)}, " if session.name else ""
    yield f"session  {name}{session.started or fmt.UNKNOWN}, {fmt.seconds(session.duration_s)}{how}"
    if session.lost:
        yield f"         {fmt.whole(session.lost)}"
    yield from part_lines(summary.part)
    yield from import_lines(summary.imported)
    yield from edit_lines(summary.edits)
    for device in summary.devices:
        yield f"device   {_device(device)}"
        yield from (f"         {line}" for line in _meter(device))
        for absent in device.absent:
            yield f"         {_because(absent['what'], absent['reason'], absent['remedy'])}"


def _device(device: DeviceSummary) -> str:
    parts = [fmt.plain(device.device)]
    parts += [fmt.plain(text) for text in (device.model, device.os) if text]
    if device.simulated and "simulated" not in parts:
        parts.append("simulated")
    if device.outages:
        parts.append(f"lost {device.outages} ×")
    if device.problem:
        parts.append(f"given up: {fmt.whole(device.problem)}")
    if device.away is not None:
        parts.append(fmt.whole(away(device)))
    return ", ".join(parts)


def away(device: DeviceSummary) -> str:
    """That a device was not there, and why as far as that was said."""
    when = "away when last heard of" if device.kind else "never opened"
    return f"{when}: {device.away}" if device.away else when


def _meter(device: DeviceSummary) -> Iterator[str]:
    """Of a meter what its figures are of and how true they are; of any device what was lost of it."""
    if device.kind == DeviceKind.METER:
        of = f" of {device.feeds}" if device.feeds else ""
        for power in device.powers:
            yield fmt.plain(
                f"{fmt.words(power.channel)}{of} at {power.point or 'an unknown point'}, {_accuracy(power)}",
                200,
            )
    for lost in device.losses:
        yield fmt.plain(f"lost: {fmt.count(lost.count)} {lost.what}", 200)


def _accuracy(power: PowerSummary) -> str:
    if power.accuracy_gain is None or power.accuracy_offset is None:
        return "accuracy not stated"
    offset = fmt.si(power.accuracy_offset, power.unit)
    return f"± ({fmt.percent(100 * power.accuracy_gain, 2)} + {offset})"


def _because(what: str, reason: str, remedy: str) -> str:
    return fmt.whole(f"no {what}: {reason}" + (f" ({remedy})" if remedy else ""))


def _run(run: RunSummary) -> Iterator[str]:
    marks = [mark for mark, on in (("simulated", run.simulated), ("synthetic weights", run.synthetic)) if on]
    parts = [f"run {run.run}", f"on {run.device}", run.runtime, run.model or "model unknown"]
    parts += [text for text in (run.workload, run.outcome) if text]
    yield fmt.plain(", ".join(parts), 300) + (f"  [{', '.join(marks)}]" if marks else "")
    load, peak = fmt.seconds(run.load_s), fmt.byte_count(run.rss_peak_bytes, 3)
    if run.footprint_peak_bytes is not None:
        peak += f", peak physFootprint {fmt.byte_count(run.footprint_peak_bytes, 3)}"
    counted = f"{run.counted_turns} turn" + "s" * (run.counted_turns != 1)
    yield f"  load {load}, peak RSS {peak}, {counted} counted"
    yield from (f"  {line}" for line in _table(_turn_rows(run)))
    yield from (f"  {line}" for line in start_lines(run.start, run.fair))
    yield from (f"  {_temperature(temperature)}" for temperature in run.temperatures)
    for part in energy_tables(run.energy, run.per_token, run.power):
        yield from (f"  {part}",) if isinstance(part, str) else (f"    {line}" for line in _table(part))
    yield from (f"  {line}" for line in throttling_lines(run.throttling))
    yield from (f"  note: {fmt.whole(note)}" for note in run.notes)
    for turn in run.turns:
        yield from (f"  note on turn {turn.turn}: {fmt.whole(note)}" for note in turn.notes)


def _temperature(known: Temperature) -> str:
    start, greatest, end = (fmt.celsius(value) for value in (known.start_c, known.max_c, known.end_c))
    return (
        f"{fmt.plain(f'{known.device} {fmt.words(known.sensor)}')}: start {start}, max {greatest}, end {end}"
    )


def _turn_rows(run: RunSummary) -> list[tuple[str, ...]]:
    rows = [("turn", *(title for title, _, _ in COLUMNS), "")]
    rows += [(str(turn.turn), *_cells(asdict(turn)), _remarks(turn)) for turn in run.turns]
    if run.counted_turns:
        rows.append(("mean", *_cells(run.mean), ""))
    return rows


def _cells(figures: Mapping[str, float | None]) -> Iterator[str]:
    return (rounded(figures[name]) for _, name, rounded in COLUMNS)


def _remarks(turn: TurnSummary) -> str:
    remarks = {
        "warm-up": turn.purpose is TurnPurpose.WARMUP,
        "differs > 5 %": turn.flagged,
        "left out": turn.excluded is not None,
        turn.thermal: turn.thermal not in {UNLIMITED, UNTOLD},
        f"{turn.end or 'not ended'}": turn.end not in {TurnEnd.LIMIT, TurnEnd.EOS},
    }
    return ", ".join(remark for remark, on in remarks.items() if on)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows in columns aligned to the right, the last one to the left; nothing where there is only a head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if len(rows) > 1 else ():
        cells = (cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False))
        yield "  ".join((*cells, row[-1])).rstrip()


def _own(own: SelfSummary) -> Iterator[str]:
    lag = fmt.milliseconds(own.loop_lag_p99_ms)
    yield (
        f"melt itself: CPU {fmt.percent(own.cpu_percent, 1)} of a core, RSS {fmt.byte_count(own.rss_bytes, 3)}, "
        f"loop lag p99 {lag}, dropped frames {fmt.count(own.dropped_frames)}"
    )
    yield from (f"  note: {note}" for note in own.notes)
