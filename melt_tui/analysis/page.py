"""A report: recordings as one page that needs nothing else, fit to be sent, read on any screen and printed.

No script and nothing from elsewhere: a policy in the page itself forbids both. All text of devices and files is escaped.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import TextIO

from drivers.clock import SECOND
from melt_tui import __version__
from melt_tui import format as fmt
from melt_tui.analysis.alignment import line_of
from melt_tui.analysis.destination import check_destination, destination
from melt_tui.analysis.export_request import ReportRequest
from melt_tui.analysis.figured import Figured, FiguredRun, opened
from melt_tui.analysis.markup import Markup, joined, shown, table, tag
from melt_tui.analysis.meltfigures import melt_lines
from melt_tui.analysis.page_compare import comparison_section
from melt_tui.analysis.page_run import (
    careful,
    cautions,
    decode_rate,
    listing,
    run_section,
    run_title,
    throttled,
)
from melt_tui.analysis.provenance import edit_line, part_lines
from melt_tui.analysis.report import away
from melt_tui.errors import UsageError
from melt_tui.measures.energy import PerToken


def write_report(request: ReportRequest, stream: TextIO | None = None) -> None:
    """The page. Raises UsageError, MeltError when it cannot be written, and what opening a recording raises."""
    if len(set(request.files)) < len(request.files):
        raise UsageError("a recording was given twice", "give each once")
    if request.out is not None:
        check_destination(request.out, force=request.force)
    with ExitStack() as stack:
        text = page(list(opened(request.files, stack)), request.title)
    if request.out is not None:
        with destination(request.out, force=request.force) as out:
            out.write(text.encode())
    elif stream is not None:
        stream.write(text)


def page(known: Sequence[Figured], title: str = "") -> str:
    """The whole document."""
    style = files("melt_tui.analysis").joinpath("page.css").read_text(encoding="utf-8")
    name = title or ", ".join(dict.fromkeys(one.summary.session.name or one.name for one in known))
    head = joined(
        [
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{shown(_policy(style))}">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup('<meta name="referrer" content="no-referrer">'),
            tag("title", f"{name} · melt report"),
            Markup(f"<style>{style}</style>"),
        ]
    )
    body = tag("main", joined(_parts(known, name)))
    return f'<!DOCTYPE html>\n<html lang="en"><head>\n{head}\n</head><body>\n{body}\n</body></html>\n'


def _policy(style: str) -> str:
    """Nothing may be loaded, run or sent; the one sheet of the page is known by its sum."""
    known = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'"


def _parts(known: Sequence[Figured], name: str) -> Iterator[Markup]:
    runs = [run for one in known for run in one.runs]
    yield tag("h1", name)
    yield tag("p", _when(known), class_="dim")
    yield careful(list(_cautions(known, runs)))
    if len(runs) > 1:
        yield tag("h2", "Runs at a glance")
        yield _glance(runs)
    if not runs:
        yield tag(
            "p",
            "Nothing was run in these recordings."
            if len(known) > 1
            else "Nothing was run in this recording.",
        )
    yield comparison_section(known)
    for i, run in enumerate(runs, 1):
        title = run_title(run)
        yield run_section(run, f"Run {i}: {title}" if len(runs) > 1 else title, f"run-{i}")
    yield from _recordings(known)
    yield _words()
    yield tag(
        "footer",
        f"Made by melt {__version__} from {_names(known)}. Nothing in this page was loaded from elsewhere.",
    )


def _when(known: Sequence[Figured]) -> str:
    walls = [one.started.wall_ns for one in known if one.started]
    if not walls:
        return "when it was recorded is not known"
    first, last = (datetime.fromtimestamp(wall / SECOND, UTC) for wall in (min(walls), max(walls)))
    span = f"{first:%Y-%m-%d %H:%M}" + (f" to {last:%Y-%m-%d %H:%M}" if last != first else "")
    return f"recorded {span} UTC · {len(known)} recording{'s' * (len(known) > 1)}"


def _cautions(known: Sequence[Figured], runs: Sequence[FiguredRun]) -> Iterator[str]:
    for one in known:
        session = one.summary.session
        if session.lost:
            yield f"{one.name}: {session.lost}"
        elif not session.ended:
            yield f"{one.name}: it was still being recorded when this page was made"
        yield from (
            f"{one.name}: imported {made.origin}: not measured by melt" for made in one.summary.imported
        )
        yield from (f"{one.name}: {line.strip()}" for line in part_lines(one.summary.part))
        standing = [edit for edit in one.summary.edits if edit.standing]
        yield from (f"{one.name}: corrected by hand: {edit_line(edit)}" for edit in standing)
    if len(runs) > 1:
        by_word: dict[str, list[str]] = {}
        for i, run in enumerate(runs, 1):
            for caution in cautions(run):
                by_word.setdefault(caution, []).append(f"run {i}")
        yield from (f"{', '.join(which)}: {caution}" for caution, which in by_word.items())


def _glance(runs: Sequence[FiguredRun]) -> Markup:
    head = [
        "",
        "",
        "decode tok/s",
        "prefill tok/s",
        "TTFT ms",
        "J/token",
        "peak RSS",
        "greatest °C",
        "throttled",
        "J at",
    ]
    return table([head, *(_line(i, run) for i, run in enumerate(runs, 1))], left=(0, 1, -2, -1))


def _line(place: int, run: FiguredRun) -> list[str]:
    """One run, in the order of the head."""
    mean, power = run.summary.mean, run.power
    decode_tps, basis = decode_rate(run)
    hottest = max((each.max_c for each in run.summary.temperatures[:1]), default=None)
    return [
        f"run {place}",
        run_title(run),
        f"{fmt.number(decode_tps)}{basis}",
        *(fmt.number(mean[name]) for name in ("prefill_tps", "ttft_ms")),
        fmt.number(run.joules(PerToken.DECODE)),
        fmt.byte_count(run.summary.rss_peak_bytes, 3),
        fmt.fixed(hottest, 1),
        throttled(run),
        power.point if power else fmt.UNKNOWN,
    ]


def _recordings(known: Sequence[Figured]) -> Iterator[Markup]:
    yield tag("h2", "Recordings and devices")
    for one in known:
        session = one.summary.session
        yield tag("h3", f"{one.name} · {session.name or 'no name'}")
        host = f"on {session.host} " if session.host else ""
        version = f"by melt {session.version}" if session.version else "by an unknown version"
        yield tag(
            "p",
            f"{session.started or 'start not known'}, {fmt.seconds(session.duration_s)}, recorded {host}{version}",
        )
        rows = [("device", "kind", "model", "system", "remarks")]
        for device in one.summary.devices:
            absent = [f"no {each['what']}: {each['reason']}" for each in device.absent]
            lost = [f"lost {fmt.count(each.count)} {each.what}" for each in device.losses]
            marks = ["simulated"] * bool(device.simulated) + (
                [f"measures {device.feeds}"] if device.feeds else []
            )
            broke = [f"its link broke {device.outages} ×"] * bool(device.outages)
            problem = [device.problem] if device.problem else []
            problem += [away(device)] if device.away is not None else []
            remarks = "; ".join([*marks, *broke, *problem, *lost, *absent])
            told = (
                device.device,
                device.kind or "",
                device.model or "",
                device.os or "",
                fmt.plain(remarks, 600),
            )
            rows.append(told)
        yield table(rows, left=(0, 1, 2, 3, 4), class_="prose")
        clocks = [f"clock {line_of(each)}" for each in one.summary.alignment]
        yield listing(clocks) if clocks else Markup("")
        if one.summary.melt:
            yield tag("h3", f"{one.name} · results as MELT defines them")
            yield listing([line.strip() for line in melt_lines(one.summary.melt)])


_WORDS = (
    ("decode rate", "(output tokens − 1) / time from first to last output token, by their arrival at the recording computer"),
    ("reported", "the same as the runtime tells it; turns in which both differ by more than 5 % are not counted"),
    ("prefill rate", "new prompt tokens / prompt-evaluation time"),
    ("TTFT", "prompt sent until the first output token; E2E: until the last; TPOT: (E2E − TTFT) / (output tokens − 1)"),
    ("ITL", "inter-token latency: the gaps between tokens, their 50th, 95th and 99th percentile"),
    ("J/token (decode)", "energy from first to last token / (output tokens − 1), gross, at the reference point that is named beside it"),
    ("net", "less by idle power × time"),
    ("covered", "how much of the window was measured; holes are not bridged"),
    ("± ours, ± meter", "at 95 %: of the integration, and as the meter's maker states its accuracy"),
    ("throttled", "decode or prefill rate below 90 % of the cool one at the same context, held, and a limit that the platform tells"),
)  # fmt: skip


def _words() -> Markup:
    rows = [("word", "meaning"), *_WORDS]
    how = "In the plots a line is the mean of each column, the shade behind it reaches from its least to its greatest value."
    return joined(
        [
            tag("h2", "What the words mean"),
            table(rows, left=(0, 1), class_="prose"),
            tag("p", how, class_="dim"),
        ]
    )


def _names(known: Sequence[Figured]) -> str:
    return ", ".join(one.path.name for one in known)
