"""The part of a report that tells of one run: figures, plots, tables, set-up, caveats."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isfinite

from drivers.clock import SECOND
from drivers.model import Channel, Kind, Quantity, Unit
from melt_tui import format as fmt
from melt_tui.analysis.energyreport import energy_tables
from melt_tui.analysis.figured import FiguredRun, FiguredTurn
from melt_tui.analysis.markup import Markup, joined, table, tag
from melt_tui.analysis.plot import Band, Line, Plot, svg
from melt_tui.analysis.power import sources
from melt_tui.analysis.report import COLUMNS, throttling_lines
from melt_tui.analysis.start import start_lines
from melt_tui.measures.energy import PerToken
from melt_tui.timeline.filled import Filled, hole_ns
from melt_tui.timeline.model import IntervalKind

_PLOTS = (
    ("token rate", Quantity.TOKEN_RATE),
    ("SoC temperature", Quantity.TEMPERATURE),
    ("power", Quantity.POWER),
    ("memory (RSS)", Quantity.RSS),
    ("memory (physFootprint)", Quantity.FOOTPRINT),
    ("clock", Quantity.FREQUENCY),
)
_FINE = 600
"""Columns of a plot."""
_MOST = 4
"""Lines of a plot."""
_FEW = 30
"""Rows of a table that is open from the start."""
_BANDS = {
    IntervalKind.PREFILL: "prefill",
    IntervalKind.DECODE: "decode",
    IntervalKind.THROTTLED: "throttled",
    IntervalKind.LIMIT: "limit",
    IntervalKind.OUTAGE: "outage",
}
_MOST_BANDS = 600
"""Of more, those of prefill and decode cannot be told apart any more, and are left out."""
_SHADES = {
    "prefill": "in the strip at the top, dark is prefill",
    "decode": "light is decode",
    "throttled": "deep shade is throttled",
    "limit": "light shade is a limit of the platform in force",
    "outage": "grey is a link that was lost",
}

Tile = tuple[str, str]
"""What a figure is called, and what it is."""


def run_section(run: FiguredRun, title: str, anchor: str) -> Markup:
    """Everything of it."""
    return tag(
        "section",
        tag("h2", title),
        tag("p", _subtitle(run), class_="dim"),
        joined(_start(run)),
        careful(list(cautions(run))),
        tiles(list(headline(run))),
        joined(_plots(run)),
        joined(_throttling(run)),
        joined(_turns(run)),
        joined(_energy(run)),
        joined(_setup(run)),
        joined(_notes(run)),
        id=anchor,
    )


def run_title(run: FiguredRun) -> str:
    """What a reader knows it by."""
    summary = run.summary
    return fmt.plain(f"{summary.model or 'unknown model'} on {summary.device}", 120)


def headline(run: FiguredRun) -> Iterator[Tile]:
    """Its figures, each with its name; of energy the reference point with it."""
    mean, power = run.summary.mean, run.power
    decode_tps, basis = decode_rate(run)
    yield f"decode rate{basis}", fmt.rate(decode_tps)
    yield "prefill rate", fmt.rate(mean["prefill_tps"])
    yield "time to first token", fmt.milliseconds(mean["ttft_ms"])
    if power is not None:
        joules = run.joules(PerToken.DECODE)
        yield f"J/token (decode) at {power.point}", fmt.measure(joules, Unit.JOULE)
    yield "peak RSS", fmt.byte_count(run.summary.rss_peak_bytes, 3)
    if run.summary.footprint_peak_bytes is not None:
        yield "peak physFootprint", fmt.byte_count(run.summary.footprint_peak_bytes, 3)
    if run.summary.temperatures:
        first = run.summary.temperatures[0]
        told = f"{fmt.fixed(first.start_c, 1)} → {fmt.celsius(first.max_c)}"
        yield f"{fmt.words(first.sensor)}: start → greatest", told
    yield "began", run.summary.start.thermal
    yield "throttled", throttled(run)
    yield "turns counted", f"{run.summary.counted_turns} of {len(run.summary.turns)}"


def decode_rate(run: FiguredRun) -> tuple[float | None, str]:
    """As observed; where it was not, as the runtime tells it, and a word that says so."""
    observed, reported = (run.summary.mean[f"decode_tps_{basis}"] for basis in ("observed", "reported"))
    return (reported, " (reported)") if observed is None and reported is not None else (observed, "")


def throttled(run: FiguredRun) -> str:
    """In a word; that nobody looked, or could tell, is not that there was none."""
    known = run.summary.throttling
    if known.onset_s is not None:
        return f"from {fmt.seconds(known.onset_s)} on"
    if known.detector is None:
        return "not looked for"
    return "none found" if known.reference_tps is not None else "cannot be told"


def cautions(run: FiguredRun) -> Iterator[str]:
    """What nobody may miss who takes its figures."""
    summary = run.summary
    if summary.simulated:
        yield "The device is simulated: no figure of this run is a measurement."
    if summary.synthetic:
        yield "The weights are made up to the true shape: speed is real, text is not."
    if summary.outcome not in {"done", "stopped"}:
        yield f"The run did not end in order ({summary.outcome or 'the recording ended first'})."
    if not summary.counted_turns:
        yield "No turn ended by itself and agrees with what the runtime tells: there are no means."
    if run.limited:
        yield f"For {fmt.percent(100 * run.limited)} of its time a limit of the platform was in force."
    if run.summary.throttling.onset_s is not None:
        yield "The run was throttled: means over its turns mix cool and hot ones."
    clipped = any(each.clipped for each in summary.energy)
    if clipped:
        yield "Power reached the end of the meter's range: its energies are too small."


def careful(sentences: Sequence[str], title: str = "Read with care") -> Markup:
    """A box of caveats; nothing where there are none."""
    if not sentences:
        return Markup("")
    return tag("div", tag("h3", title), listing(sentences), class_="careful")


def listing(sentences: Sequence[str]) -> Markup:
    """One below the other."""
    return tag("ul", joined(tag("li", each) for each in sentences))


def tiles(known: Sequence[Tile]) -> Markup:
    """Figures to be seen from afar."""
    return tag(
        "div",
        joined(tag("div", tag("span", name), tag("b", value), class_="tile") for name, value in known),
        class_="tiles",
    )


def _subtitle(run: FiguredRun) -> str:
    device, summary = run.device, run.summary
    parts = [run.of.summary.session.name or run.of.name, summary.runtime, summary.workload or ""]
    parts += [device.model or "", device.os or ""] if device else []
    parts.append(f"lasted {fmt.seconds((run.t1_ns - run.t0_ns) / SECOND)}")
    return fmt.plain(" · ".join(part for part in parts if part), 400)


def _start(run: FiguredRun) -> Iterator[Markup]:
    """What every figure stands beside."""
    state, *done = start_lines(run.summary.start, run.summary.fair)
    yield tag("p", f"Thermal state at its start: {state.removeprefix('began ')}.")
    yield from (tag("p", f"{line[:1].upper()}{line[1:]}.") for line in done)


def _plots(run: FiguredRun) -> Iterator[Markup]:
    if run.t1_ns <= run.t0_ns:
        return
    bands, marks = list(_run_bands(run)), list(_marks(run))
    stop = (run.t1_ns - run.t0_ns) / SECOND
    drawn = False
    for title, quantity in _PLOTS:
        channels = _chosen(run, quantity)
        lines = [line for i, channel in enumerate(channels) if (line := _line(run, channel, i)) is not None]
        if lines:
            drawn = True
            yield svg(
                Plot(
                    title=title,
                    unit=str(channels[0].unit),
                    x_title="since the run's start",
                    start=0.0,
                    stop=stop,
                    lines=lines,
                    bands=bands,
                    marks=marks,
                    limit=channels[0].limit,
                    from_zero=quantity in {Quantity.TOKEN_RATE, Quantity.POWER},
                )
            )

    said = dict.fromkeys(_SHADES[band.kind] for band in bands)
    if drawn and said:
        yield tag("p", f"In the plots: {'; '.join(said)}.", class_="dim")


def _chosen(run: FiguredRun, quantity: Quantity) -> list[Channel]:
    """Of one unit, no more than can be told apart."""
    if quantity is Quantity.POWER:
        found = [
            one.channel for one in sources(run.of.recording, run.of.channels, run.summary.device, run.t1_ns)
        ]
        found = [one for one in found if one.quantity is Quantity.POWER and one.kind is not Kind.COUNTER]
    else:
        found = [one for one in run.of.channels.of(run.summary.device) if one.quantity is quantity]
    return [one for one in found if one.unit is found[0].unit][:_MOST]


def _line(run: FiguredRun, channel: Channel, colour: int) -> Line | None:
    window = Filled(run.of.recording).window(channel.key, run.t0_ns, run.t1_ns, _FINE)
    if not len(window.starts_ns):
        return None
    hole = max(hole_ns(channel) or 5 * SECOND, 2 * window.width_ns)
    x: list[float] = []
    values: list[tuple[float | None, float | None, float | None]] = []
    last_ns = window.starts_ns[0]
    for start, *three in zip(window.starts_ns, window.minima, window.means, window.maxima, strict=True):
        if start - last_ns > hole:
            x.append(((start + last_ns) / 2 - run.t0_ns) / SECOND)
            values.append((None, None, None))
        last_ns = start
        x.append(max(0.0, (start + window.width_ns / 2 - run.t0_ns) / SECOND))
        known = [value if isfinite(value) else None for value in three]
        values.append((known[0], known[1], known[2]) if None not in known else (None, None, None))
    low, mean, high = zip(*values, strict=True)
    return Line(name=_called(run, channel), colour=colour, x=x, low=low, mean=mean, high=high)


def _called(run: FiguredRun, channel: Channel) -> str:
    called = fmt.words(channel.name)
    name = called if channel.device == run.summary.device else f"{channel.device} {called}"
    return f"{name} @{channel.point}" if channel.point else name


def _run_bands(run: FiguredRun) -> Iterator[Band]:
    found = run.of.recording.intervals(run.t0_ns, run.t1_ns)
    mine = [one for one in found if one.device == run.summary.device and one.kind in _BANDS]
    strips = {IntervalKind.PREFILL, IntervalKind.DECODE}
    for one in mine if len(mine) <= _MOST_BANDS else (one for one in mine if one.kind not in strips):
        start = (one.t0_ns - run.t0_ns) / SECOND
        stop = ((run.t1_ns if one.t1_ns is None else one.t1_ns) - run.t0_ns) / SECOND
        yield Band(_BANDS[one.kind], start, stop, f"{_BANDS[one.kind]} {one.label}".rstrip())


def _marks(run: FiguredRun) -> Iterator[tuple[float, str]]:
    throttling = run.summary.throttling
    if throttling.onset_s is not None:
        yield throttling.onset_s, fmt.plain(f"throttled: {throttling.reason}", 40)


def _throttling(run: FiguredRun) -> Iterator[Markup]:
    yield tag("h3", "Throttling")
    lines = [line.strip() for line in throttling_lines(run.summary.throttling)]
    if run.summary.throttling.onset_s is None:
        lines[0] = lines[0].replace("none found", throttled(run))
    yield listing([line.removeprefix("throttling: ").removeprefix("note: ") for line in lines])


def _turns(run: FiguredRun) -> Iterator[Markup]:
    if not run.turns:
        return
    heat = run.summary.temperatures
    head = ["turn", *(name for name, _, _ in COLUMNS), *(["start °C"] if heat else []), "thermal", "ended"]
    rows = [head, *(_turn(turn, heat=bool(heat)) for turn in run.turns)]
    if run.summary.counted_turns:
        means = [rounded(run.summary.mean[name]) for _, name, rounded in COLUMNS]
        rows.append(["mean", *means, *([""] if heat else []), "", f"{run.summary.counted_turns} counted"])
    yield tag("h3", "Turns")
    yield _long(table(rows, left=(0, -1, -2)), len(rows), f"all {len(run.turns)} turns")


def _turn(turn: FiguredTurn, *, heat: bool) -> list[str]:
    known = asdict(turn.summary)
    remarks = [str(turn.summary.purpose)] if turn.summary.purpose != "measured" else []
    remarks += ["differs > 5 %"] * turn.summary.flagged + ["left out"] * (turn.summary.excluded is not None)
    return [
        str(turn.summary.turn),
        *(rounded(known[name]) for _, name, rounded in COLUMNS),
        *([fmt.fixed(turn.start_c, 1)] if heat else []),
        turn.thermal_state,
        ", ".join([turn.summary.end or "did not end", *remarks]),
    ]


def _energy(run: FiguredRun) -> Iterator[Markup]:
    parts = list(energy_tables(run.summary.energy, run.summary.per_token, run.summary.power))
    if parts:
        yield tag("h3", "Energy")
    for part in parts:
        if isinstance(part, str):
            yield tag("p", part[:1].upper() + part[1:])
        elif len(part) > 1:
            yield _long(table(part, left=(0, -1)), len(part), f"all {len(part) - 1} turns")


def _long(what: Markup, rows: int, summary: str) -> Markup:
    return what if rows <= _FEW else tag("details", tag("summary", summary), what)


def _setup(run: FiguredRun) -> Iterator[Markup]:
    yield tag("h3", "Set-up")
    known = dict(_told(run))
    rows = [("what", "value"), *((name, value) for name, value in known.items() if value)]
    yield table(rows, left=(0, 1), class_="prose")
    unknown = [name for name, value in known.items() if not value]
    if unknown:
        yield tag("p", f"Not known: {', '.join(unknown)}.", class_="dim")


def _told(run: FiguredRun) -> Iterator[tuple[str, str]]:
    device, summary = run.device, run.summary
    yield (
        "device",
        fmt.plain(
            " · ".join(
                part for part in (summary.device, device and device.model, device and device.os) if part
            ),
            300,
        ),
    )
    yield "runtime", summary.runtime
    yield "model", summary.model or ""
    yield "workload", summary.workload or ""
    for name, value in _plain(summary.setup).items():
        yield name, value
    for name, value in summary.facts.items():
        yield fmt.plain(name, 60), fmt.plain(value, 300)


def _plain(setup: Mapping[str, object]) -> dict[str, str]:
    """Without where files lie on somebody's computer."""
    told = {name.replace("_", " "): value for name, value in setup.items() if name != "model_file"}
    return {name: "" if value in (None, []) else _said(value) for name, value in told.items()}


def _said(value: object) -> str:
    return fmt.plain(" ".join(map(str, value)) if isinstance(value, list) else str(value), 300)


def _notes(run: FiguredRun) -> Iterator[Markup]:
    notes = [*run.summary.notes]
    by_note: dict[str, list[int]] = {}
    for turn in run.summary.turns:
        for note in turn.notes:
            by_note.setdefault(note, []).append(turn.turn)
    notes += [f"turn{'s' * (len(turns) > 1)} {_some(turns)}: {note}" for note, turns in by_note.items()]
    if notes:
        yield tag("h3", "Notes")
        yield listing(notes)


def _some(turns: Sequence[int]) -> str:
    shown = ", ".join(map(str, turns[:6]))
    return shown if len(turns) <= 6 else f"{shown} and {len(turns) - 6} more"
