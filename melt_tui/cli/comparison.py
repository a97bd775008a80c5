"""A comparison as text or JSON, and whether the conditions of ``--fail-if`` hold. Imports scipy."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from melt_tui.analysis.compare import Comparison, compare_runs
from melt_tui.analysis.compare_gate import Verdict, condition_of, judge
from melt_tui.analysis.compare_report import paragraphs
from melt_tui.analysis.compare_request import Axis
from melt_tui.cli.output import progress, result, result_json, table
from melt_tui.cli.plans import compare_request
from melt_tui.errors import UsageError

FAILED = 3
"""A condition of ``--fail-if`` holds."""


def tell(options: Namespace) -> int:
    """Print; 3 where a condition holds. Raises UsageError, also where one cannot be told."""
    conditions = [condition_of(text) for text in options.fail_if]
    comparison, axis = compare_runs(compare_request(options)), Axis(options.x)
    verdicts = [verdict for condition in conditions for verdict in judge(condition, comparison.rows)]
    if options.json:
        result_json(comparison.as_json(axis) | {"fail_if": [asdict(verdict) for verdict in verdicts]})
    else:
        result("\n\n".join(_blocks(comparison, axis)))
    return _code(verdicts)


def _blocks(comparison: Comparison, axis: Axis) -> Iterator[str]:
    """Tables apart from what stands around them by a blank line."""
    lines: list[str] = []
    for part in paragraphs(comparison, axis):
        if isinstance(part, str):
            lines.append(part)
        else:
            yield "\n".join([*lines, table(part)])
            lines = []
    if lines:
        yield "\n".join(lines)


def _code(verdicts: Sequence[Verdict]) -> int:
    for verdict in verdicts:
        holds = {True: "holds", False: "does not hold", None: "cannot be told"}[verdict.holds]
        progress(f"{verdict.condition} {holds}: {verdict.said}")
    if any(verdict.holds for verdict in verdicts):
        return FAILED
    unknown = [verdict for verdict in verdicts if verdict.holds is None]
    if unknown:
        raise UsageError(f"{unknown[0].condition} cannot be told: {unknown[0].said}")
    return 0
