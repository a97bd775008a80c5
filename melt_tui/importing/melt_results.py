"""What MELT's own results files say of loads and prompts: kept as they stand beside what is reckoned."""

from collections.abc import Iterable, Mapping, Sequence

from drivers.foreign import printable
from melt_tui.importing.files import text_of
from melt_tui.importing.melt_texts import table
from melt_tui.importing.melt_tree import MeltFiles
from melt_tui.importing.turns import Run, Values

LOADS = "results_model_load_performance"
PROMPTS = "results_model_inference_measurements"
MARK = "reported "
"""Before the name of each column."""

_PLACES = ("iteration", "conversation", "prompt")
_Rows = Mapping[tuple[int, ...], Values]


def report(files: MeltFiles, runs: Sequence[Run]) -> None:
    """Put it beside the turns and loads that it is of; of a run of all conversations, the load of the first."""
    loads, prompts = _rows(files, LOADS, 2), _rows(files, PROMPTS, 3)
    for run in runs:
        for turn in run.turns:
            turn.stated += prompts.get((turn.repetition, turn.conversation, turn.prompt), ())
        if run.turns:
            run.stated_load += loads.get((run.turns[0].repetition, run.turns[0].conversation), ())


def _rows(files: MeltFiles, name: str, depth: int) -> _Rows:
    path = files.results.get(name)
    found: dict[tuple[int, ...], Values] = {}
    for row in table(text_of(path)) if path else ():
        place = tuple(int(row.get(key, "")) for key in _PLACES[:depth] if row.get(key, "").strip().isdigit())
        if len(place) == depth:
            found[place] = tuple(_told(row.items()))
    return found


def _told(cells: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """−1 stands for what is not available there."""
    for key, value in cells:
        if key not in _PLACES and value.strip() not in {"", "-1", "-1.0", "nan"}:
            yield MARK + printable(key, 60), printable(value, 60)
