"""``--fail-if 'decode_tps<-3%'``: a condition on a comparison, for a nightly build.

It holds when the difference of a group from the first one is beyond the limit, and chance does not explain that there is
one: its 95 % interval leaves out 0. Where there is no interval the difference alone decides, and that is said.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from melt_tui import format as fmt
from melt_tui.analysis.compare_figures import FIGURES, Against, Row
from melt_tui.errors import UsageError

_CONDITION = re.compile(r"\s*(\w+)(?:@([\w:.-]+))?\s*(<=|>=|<|>)\s*([+\-−]?\d+(?:\.\d+)?)\s*(%?)\s*")
_TESTS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A limit on the difference of one figure; in per cent of the first group, else in the figure's unit."""

    text: str
    figure: str
    point: str
    sign: str
    limit: float
    percent: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it holds for one group, in words; None: it could not be told."""

    condition: str
    group: str
    holds: bool | None
    said: str


def condition_of(text: str) -> Condition:
    """What was typed. Raises UsageError, also for a figure that there is not."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UsageError(f"“{text[:60]}” is no condition", "write it as decode_tps<-3%")
    name, point, sign, limit, percent = found.groups()
    if name not in FIGURES:
        raise UsageError(f"there is no figure “{name[:40]}”", f"known are {', '.join(FIGURES)}")
    return Condition(text.strip(), name, point or "", sign, float(limit.replace("−", "-")), percent == "%")


def judge(condition: Condition, rows: tuple[Row, ...]) -> Iterator[Verdict]:
    """For each group but the first. A figure that is compared at several points: at the one that sees most."""
    mine = [row for row in rows if row.figure == condition.figure and condition.point in {"", row.point}]
    if not mine:
        yield Verdict(condition.text, "", None, f"{condition.figure}: not measured in any of these runs")
    else:
        yield from (_judged(condition, mine[0], each) for each in mine[0].against)


def _judged(condition: Condition, row: Row, each: Against) -> Verdict:
    known = each.difference
    value = None
    if known is not None:
        value = known.relative if condition.percent else known.absolute
    if known is None or value is None:
        why = each.refusal or "it has no percentage"
        return Verdict(
            condition.text, each.group, None, f"{row.figure} of {each.group} cannot be told: {why}"
        )
    limit = condition.limit / 100 if condition.percent else condition.limit
    beyond = _TESTS[condition.sign](value, limit)
    told = fmt.percent(100 * value, 2, signed=True) if condition.percent else f"{value:+.4g} {row.unit}"
    return Verdict(
        condition.text,
        each.group,
        beyond and (known.shown or known.interval is None),
        f"{row.figure} of {each.group}: {told}{_surely(shown=known.shown, interval=known.interval is not None)}",
    )


def _surely(*, shown: bool, interval: bool) -> str:
    if not interval:
        return ", without an interval"
    return "" if shown else ", which chance explains"
