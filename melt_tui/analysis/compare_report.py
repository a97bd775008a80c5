"""A comparison as text for people: rounded, aligned, safe to print."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from melt_tui import format as fmt
from melt_tui.analysis.compare_request import Axis
from melt_tui.analysis.compare_row import Against, Row

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison
    from melt_tui.analysis.compare_runs import ComparedRun, Group
    from melt_tui.analysis.compare_series import Overlay, Panel
    from melt_tui.measures.comparing import Difference

Cells = tuple[str, ...]

_NOTHING = 1e-9
"""Smaller steps come of rounding."""

_STATIONS = 9
"""Moments at which a trace is told in text."""


def paragraphs(comparison: "Comparison", axis: Axis) -> Iterator[str | Sequence[Cells]]:
    """Lines and tables in turn; rows of a table are equally long, its first is the head."""
    yield from tables(comparison)
    along = comparison.overlay(axis)
    if along is not None:
        yield from _traces(along, comparison)
    else:
        yield f"not laid over one another along {axis}: {_NOT_ALONG[axis]}"
    yield from (f"careful: {warning}" for warning in comparison.warnings)


def tables(comparison: "Comparison") -> Iterator[str | Sequence[Cells]]:
    """The same without what is laid over one another, and without warnings."""
    for group in comparison.groups:
        yield f"{group.name}: {fmt.plain(group.title, 200)}"
    yield [_RUN_HEAD, *(_run(run) for run in comparison.runs)]
    if comparison.refusal:
        yield f"cannot be compared: {comparison.refusal}"
    yield [_head(comparison.groups), *_figures(comparison)]
    yield from (f"note: {note}" for note in notes_of(comparison.rows))
    if comparison.setup:
        yield "what differs in the set-up:"
        yield [
            ("", *(run.label for run in comparison.runs)),
            *(
                (fmt.plain(one.name, 40), *(fmt.plain(value or fmt.UNKNOWN, 28) for value in one.values))
                for one in comparison.setup
            ),
        ]


_RUN_HEAD = (
    "run",
    "recording",
    "device",
    "model",
    "order",
    "turns",
    "lasted",
    "began",
    "start °C",
    "limited",
    "throttled",
)


_NOT_ALONG = {
    Axis.TIME: "the runs took no time",
    Axis.TOKENS: "no token came",
    Axis.JOULES: "no power was measured of all runs at one and the same reference point, without holes",
}


def _run(run: "ComparedRun") -> Cells:
    return (
        run.label,
        fmt.plain(run.session, 30),
        fmt.plain(run.device, 24),
        fmt.plain(run.model or fmt.UNKNOWN, 30),
        fmt.count(run.place),
        fmt.count(run.counted_turns),
        fmt.seconds(run.seconds),
        run.start,
        fmt.number(run.start_c),
        fmt.percent(100 * run.limited),
        fmt.UNKNOWN if run.onset_s is None else f"from {fmt.seconds(run.onset_s)} on",
    )


def _head(groups: "Sequence[Group]") -> Cells:
    return ("", groups[0].name, "", "against it", "difference", "95 % interval", "effect", "")


def _figures(comparison: "Comparison") -> Iterator[Cells]:
    for row in comparison.rows:
        for each in row.against:
            yield _figure(row, each, comparison)


def _figure(row: Row, each: Against, comparison: "Comparison") -> Cells:
    title = (
        f"{row.title} {f'@{row.point} ' if row.point else ''}{row.unit if row.unit != 'B' else ''}".rstrip()
    )
    known = each.difference
    if known is None:
        base, group = (group_mean(row, name, comparison) for name in (comparison.groups[0].name, each.group))
        why = "" if comparison.refusal else f"not compared: {fmt.whole(each.refusal)}"
        return (title, value_text(row, base), each.group, value_text(row, group), "", "", "", why)
    return (
        title,
        value_text(row, known.a),
        each.group,
        value_text(row, known.b),
        difference_text(known.relative, known.absolute),
        interval_text(known),
        fmt.number(known.effect, 2),
        word(row, known),
    )


def value_text(row: Row, value: float | None) -> str:
    """A figure, without its unit unless that is bytes."""
    return fmt.byte_count(value, 3) if row.unit == "B" else fmt.number(value, 4)


def group_mean(row: Row, group: str, comparison: "Comparison") -> float | None:
    """Over the runs of a group that have the figure."""
    runs = next(one.runs for one in comparison.groups if one.name == group)
    some = [value for i in runs if (value := row.values[i]) is not None]
    return sum(some) / len(some) if some else None


def difference_text(relative: float | None, absolute: float) -> str:
    """In per cent, of a figure without a true zero in its unit."""
    return _step(absolute) if relative is None else fmt.percent(100 * relative, 1, signed=True)


def _step(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−") if abs(value) >= _NOTHING else "0"


def interval_text(known: "Difference") -> str:
    """As the difference is told; a dash where there is none."""
    ends = known.relative_interval if known.relative is not None else known.interval
    if ends is None:
        return fmt.UNKNOWN
    if known.relative is None:
        return " … ".join(map(_step, ends))
    return " … ".join(fmt.percent(100 * end, 1, signed=True) for end in ends)


def word(row: Row, known: "Difference") -> str:
    """What comes of it."""
    if known.interval is None:
        return "these runs only"
    only = "" if known.general else ", these runs only"
    if not known.shown:
        return f"no difference shown{only}"
    higher = "higher" if known.absolute > 0 else "lower"
    return f"{'better' if row.better == higher else 'worse' if row.better else higher}{only}"


def notes_of(rows: Sequence[Row]) -> Iterator[str]:
    """What must be known beside figures: each once, with the rows that it is about."""
    about: dict[str, list[str]] = {}
    for row in rows:
        for note in dict.fromkeys([*row.notes, *(note for each in row.against for note in each.notes)]):
            about.setdefault(note, []).append(row.title)
    yield from (
        f"{', '.join(dict.fromkeys(titles[:3]))}{' …' if len(titles) > 3 else ''}: {fmt.whole(note)}"
        for note, titles in about.items()
    )


def _traces(along: "Overlay", comparison: "Comparison") -> Iterator[str | Sequence[Cells]]:
    """Every panel at some stations along the axis: the mean of each group, and its difference from the first."""
    aligned = f"aligned by {fmt.plain(comparison.align, 60)}"
    at = [along.columns * (2 * i + 1) // (2 * _STATIONS) for i in range(_STATIONS)]
    stations = tuple(fmt.number(along.start + (i + 0.5) * along.step) for i in at)
    yield f"along {along.axis}, {aligned}:"
    yield [(along.unit, *stations), *(cells for panel in along.panels for cells in _trace(panel, at))]
    yield from (f"not drawn: {reason}" for reason in along.missing)


def _trace(panel: "Panel", at: Sequence[int]) -> Iterator[Cells]:
    divisor, unit = (1e9, "GB") if panel.unit == "B" else (1.0, panel.unit)
    divisor, unit = (1e9, "GHz") if panel.unit == "Hz" else (divisor, unit)
    for name, mean in panel.groups:
        values = (mean[i] for i in at)
        shown = (fmt.number(None if value is None else value / divisor) for value in values)
        yield (f"{panel.title} {unit} {name}", *shown)
    for name, difference in panel.differences:
        steps = (difference[i] for i in at)
        yield (
            f"{panel.title} {name} − {panel.groups[0][0]}",
            *(fmt.UNKNOWN if step is None else _step(step / divisor) for step in steps),
        )
