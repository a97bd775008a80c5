"""From a comparison to what stands below the charts: figures with their differences, the set-up, what needs care. Pure."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from melt_tui import format as fmt
from melt_tui.analysis.compare_report import (
    difference_text,
    group_mean,
    interval_text,
    notes_of,
    value_text,
    word,
)
from melt_tui.analysis.compare_row import Against, Row
from melt_tui.ui.renderables.cells import Ink
from melt_tui.ui.renderables.delta_lines import Delta, Said, Text
from melt_tui.ui.renderables.tables import Column, TableRow

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison

_ABSENT = "not measured"
"""What is so plain stands beside the figure, without a sentence of its own."""
_INKS = {"better": Ink.GOOD, "worse": Ink.WARNING}


def figures(comparison: "Comparison", against: str) -> tuple[Text, ...]:
    """One group against the first: a line for each figure, and in words what must be known beside it."""
    return tuple(_figures(comparison, against))


def setup(comparison: "Comparison") -> tuple[Text, ...]:
    """What is not the same in all runs."""
    if not comparison.setup:
        return (Said("Nothing of the set-up differs, as far as it is known.", Ink.DIM),)
    labels = [run.label for run in comparison.runs]
    columns = (Column("", 24, right=False), *(Column(label, 22, right=False) for label in labels))
    rows = [
        Delta(
            columns,
            TableRow(
                (one.name, *(value or fmt.UNKNOWN for value in one.values)),
                Ink.TITLE if one.between else Ink.TEXT,
            ),
        )
        for one in comparison.setup
    ]
    return (Delta(columns, TableRow(("", *labels), Ink.DIM, Ink.DIM), heading=True), *rows)


def care(comparison: "Comparison") -> tuple[Text, ...]:
    """What must be read with care, each in a sentence."""
    found = [
        *([comparison.refusal] if comparison.refusal else []),
        *comparison.warnings,
        *notes_of(comparison.rows),
    ]
    if not found:
        return (Said("Nothing speaks against comparing these runs.", Ink.DIM),)
    return tuple(
        Said(f"• {one}", Ink.WARNING if i < 1 + len(comparison.warnings) else Ink.TEXT)
        for i, one in enumerate(found)
    )


def _figures(comparison: "Comparison", against: str) -> Iterator[Text]:
    base = comparison.groups[0].name
    if comparison.refusal:
        yield Said(f"These runs cannot be compared: {comparison.refusal}.", Ink.ERROR)
    elif (few := _few(comparison, base, against)) is not None:
        yield Said(few, Ink.WARNING)
    columns = _columns(base, against)
    titles = tuple(column.title for column in columns)
    yield Delta(columns, TableRow(titles, Ink.DIM, Ink.DIM), heading=True)
    said = set[str]()
    for row in comparison.rows:
        each = next((one for one in row.against if one.group == against), None)
        if each is not None:
            yield from _figure(row, each, comparison, columns)
            yield from _notes(row, each, said)


def _few(comparison: "Comparison", base: str, against: str) -> str | None:
    sizes = {group.name: len(group.runs) for group in comparison.groups}
    if min(sizes[base], sizes.get(against, 0)) >= 3:
        return None
    return f"{base} {sizes[base]} × {against} {sizes.get(against, 0)}: about these runs only; 3 a side would say something of others"


def _columns(base: str, against: str) -> tuple[Column, ...]:
    return (
        Column("", 22, right=False),
        Column(base, 8),
        Column(against, 8),
        Column("difference", 10),
        Column("95 % interval", 17),
        Column("effect", 6, rank=3),
        Column("", 19, right=False, rank=2),
        Column("basis", 20, right=False, rank=4),
    )


def _figure(row: Row, each: Against, comparison: "Comparison", columns: Sequence[Column]) -> Iterator[Text]:
    unit = row.unit if row.unit != "B" else ""
    title = f"{row.title} {unit}".rstrip()
    basis = row.point or fmt.words(row.basis)
    known = each.difference
    if known is None:
        base = comparison.groups[0].name
        why = each.refusal if each.refusal.endswith(_ABSENT) else "not compared"
        means = [value_text(row, group_mean(row, name, comparison)) for name in (base, each.group)]
        yield Delta(columns, TableRow((title, *means, "", "", "", why, basis), Ink.TEXT, Ink.DIM))
        if not comparison.refusal and why != each.refusal:
            yield Said(f"not compared: {each.refusal}", Ink.DIM, indent=4)
        return
    told = word(row, known).removesuffix(", these runs only")
    yield Delta(
        columns,
        TableRow(
            (
                title,
                value_text(row, known.a),
                value_text(row, known.b),
                difference_text(known.relative, known.absolute),
                interval_text(known),
                fmt.number(known.effect, 2),
                told,
                basis,
            ),
            Ink.TEXT,
            _INKS.get(told, Ink.TEXT),
        ),
    )
    if each.without:
        yield Said(f"without {', '.join(each.without)}, which lack it", Ink.DIM, indent=4)


def _notes(row: Row, each: Against, said: set[str]) -> Iterator[Text]:
    """Beside a figure what it needs; of prompts, which are those of every turn's figure, under the first of these."""
    notes = () if each.difference is None else (*row.notes, *(one for one in each.notes if one not in said))
    yield from (Said(f"! {note}", Ink.DIM, indent=4) for note in dict.fromkeys(notes))
    said.update(each.notes)


def run_notes(comparison: "Comparison") -> list[str]:
    """Of each compared run what is known with its figures: the thermal state that they were measured in."""
    return [" · ".join(_run_note(run.onset_s, run.start_c, run.limited)) for run in comparison.runs]


def _run_note(onset_s: float | None, start_c: float | None, limited: float) -> Iterator[str]:
    if onset_s is not None:
        yield f"throttled from {fmt.seconds(onset_s)} on"
    elif limited > 0:
        yield f"limited {fmt.percent(100 * limited)}"
    if start_c is not None:
        yield f"from {fmt.celsius(start_c)}"
