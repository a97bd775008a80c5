"""The energies of all runs of a recording as comma-separated tables: of their parts, and for each token."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any, TextIO

from melt_tui.analysis.energy import EnergySummary, TokenEnergy
from melt_tui.analysis.recorded import Recorded
from melt_tui.analysis.runs import RunSummary
from melt_tui.analysis.session import summarise
from melt_tui.analysis.tables import cell


def energy_table(recording: Recorded, out: TextIO) -> None:
    """``run,device,scope,turn,point,source,gross_j,…``: a row for each part of each run at each point."""
    _table(recording, out, EnergySummary, lambda run: run.energy)


def token_table(recording: Recorded, out: TextIO) -> None:
    """``run,device,definition,turn,point,source,gross_j,…``: a row for each turn and definition at each point."""
    _table(recording, out, TokenEnergy, lambda run: run.per_token)


def _table(
    recording: Recorded,
    out: TextIO,
    row: type[EnergySummary] | type[TokenEnergy],
    rows: Callable[[RunSummary], Iterable[EnergySummary | TokenEnergy]],
) -> None:
    out.write(f"{','.join(['run', 'device', *(field.name for field in fields(row))])}\n")
    for run in summarise(recording).runs:
        out.writelines(_line([run.run, run.device, *asdict(each).values()]) for each in rows(run))


def _line(values: Sequence[Any]) -> str:
    return f"{','.join(map(_cell, values))}\n"


def _cell(value: Any) -> str:
    """What is not known is an empty cell; numbers are exact."""
    if value is None:
        return ""
    return cell(value) if isinstance(value, str) else repr(value)
