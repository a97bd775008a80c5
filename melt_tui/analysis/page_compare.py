"""The part of a report that holds runs against one another."""

from collections.abc import Iterator, Sequence

from drivers.model import Unit
from melt_tui.analysis.compare import Comparison, compare_runs
from melt_tui.analysis.compare_report import tables
from melt_tui.analysis.compare_request import MOST_RUNS, Axis, CompareRequest
from melt_tui.analysis.compare_series import Overlay, Panel
from melt_tui.analysis.figured import Figured
from melt_tui.analysis.markup import Markup, joined, table, tag
from melt_tui.analysis.page_run import careful, listing
from melt_tui.analysis.plot import Line, Plot, svg
from melt_tui.errors import UsageError


def comparison_section(known: Sequence[Figured]) -> Markup:
    """All runs of all recordings; where they cannot be compared, why. Nothing where there is but one run."""
    sources = tuple(str(one.path) for one in known if one.runs)
    runs = sum(len(one.runs) for one in known)
    if not 2 <= runs <= MOST_RUNS:
        return Markup("") if runs < 2 else _refused(f"{runs} runs are more than are compared at once")
    try:
        comparison = compare_runs(CompareRequest(sources=sources))
    except UsageError as error:
        return _refused(str(error))
    return tag("section", tag("h2", "Comparison"), joined(_parts(comparison)), id="comparison")


def _refused(why: str) -> Markup:
    return tag("section", tag("h2", "Comparison"), tag("p", f"Not compared: {why}."), id="comparison")


def _parts(comparison: Comparison) -> Iterator[Markup]:
    refusal = [f"Cannot be compared: {comparison.refusal}."] if comparison.refusal else []
    yield careful([*refusal, *comparison.warnings])
    lines: list[str] = []
    for part in tables(comparison):
        if isinstance(part, str):
            lines.append(part[:1].upper() + part[1:])
        else:
            yield listing(lines) if lines else Markup("")
            yield table(part, left=_words(part[0]))
            lines = []
    yield listing(lines) if lines else Markup("")
    along = comparison.overlay(Axis.TIME)
    if along is not None:
        for panel in along.panels:
            yield svg(_plot(comparison, along, panel))
        yield listing([f"not drawn: {reason}" for reason in along.missing]) if along.missing else Markup("")


def _words(head: Sequence[str]) -> Sequence[int]:
    """Which columns of a table hold words: of runs the first ones, of figures their names and ends, of a set-up all."""
    if head[0] == "run":
        return (0, 1, 2, 3, -1)
    return (0, 2, -1) if "difference" in head else range(len(head))


def _plot(comparison: Comparison, along: Overlay, panel: Panel) -> Plot:
    x = [along.start + (i + 0.5) * along.step for i in range(along.columns)]
    lines = [
        Line(
            name=f"{comparison.runs[line.run].label} {comparison.runs[line.run].device}",
            colour=line.run,
            x=x,
            low=line.low,
            mean=line.mean,
            high=line.high,
        )
        for line in panel.lines
    ]
    return Plot(
        title=f"{panel.title}{f' @{panel.point}' if panel.point else ''}",
        unit=panel.unit,
        x_title=f"aligned by {comparison.align}",
        start=along.start,
        stop=along.start + along.step * along.columns,
        lines=lines,
        clock=along.axis is Axis.TIME,
        from_zero=panel.unit in {Unit.TOKENS_PER_SECOND, Unit.WATT},
    )
