"""Figure by figure: each group against the first, or in words why two may not be compared."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Final

from drivers.model import Quantity
from melt_tui.analysis.compare_energy import ENERGIES, energies
from melt_tui.analysis.compare_row import NO_PAIR, Against, Basis, Figure, Row, single
from melt_tui.analysis.compare_runs import Group, Known
from melt_tui.analysis.runs import counts
from melt_tui.analysis.turns import TurnSummary
from melt_tui.measures.comparing import Difference, compare
from melt_tui.measures.points import rank

__all__ = ["FIGURES", "Against", "Figure", "Row", "rows_of"]

Reader = Callable[[TurnSummary], float | None]

_OBSERVED, _REPORTED = "observed", "reported"


def rows_of(known: Sequence[Known], groups: Sequence[Group], refusal: str) -> tuple[Row, ...]:
    """Every figure that any of the runs has; ``refusal``: why none of them may be compared."""
    rows = [_row(figure, basis, known, groups, refusal) for figure, basis in _bases(known)]
    some = [row for row in rows if any(value is not None for value in row.values)]
    return tuple(sorted(some, key=lambda row: rank(row.point) if row.point else -1))


def _bases(known: Sequence[Known]) -> Iterator[tuple[Figure, Basis]]:
    yield FIGURES["decode_tps"], _decode(known)
    mixed = _mixed(known)
    for name, of_turn in _OF_TURNS.items():
        yield FIGURES[name], _of_turns(known, of_turn, mixed if name.startswith("itl_") else "")
    for name, of_run in _OF_RUNS.items():
        yield FIGURES[name], _of_runs(known, of_run)
    yield FIGURES["max_c"], _hottest(known)
    yield from ((FIGURES[name], basis) for name, basis in energies(known))


def _row(figure: Figure, basis: Basis, known: Sequence[Known], groups: Sequence[Group], refusal: str) -> Row:
    values = tuple(fmean(each.values()) if each else None for each in basis.values)
    return Row(
        figure=figure.name,
        title=figure.title,
        unit=figure.unit,
        better=figure.better if basis.judged else "",
        point=basis.point,
        basis=basis.said,
        values=values,
        against=tuple(
            _against(figure, basis, known, groups[0], group, refusal or basis.refusal) for group in groups[1:]
        ),
        notes=basis.notes,
    )


def _against(
    figure: Figure, basis: Basis, known: Sequence[Known], base: Group, group: Group, refusal: str
) -> Against:
    sides = [[basis.values[i] for i in side.runs] for side in (base, group)]
    difference = None if refusal else compare(sides[0], sides[1], ratio=figure.ratio)
    if difference is None and not refusal:
        lacking = [one.name for one, side in zip((base, group), sides, strict=True) if not any(side)]
        refusal = f"{' and '.join(lacking)}: not measured"
    without = [known[i].told.label for i in (*base.runs, *group.runs) if not basis.values[i]]
    return Against(
        group=group.name,
        difference=difference,
        refusal=refusal,
        without=tuple(without) if difference is not None else (),
        notes=tuple(_paired(difference)) if difference is not None and figure.of_turns else (),
    )


def _paired(difference: Difference) -> Iterator[str]:
    if not difference.prompts:
        yield NO_PAIR
    if difference.left_out:
        yield f"over the prompts that all of these runs have: {difference.prompts}; left out: {difference.left_out}"


def _turns(run: Known, reader: Reader) -> dict[Hashable, float]:
    """A figure by prompt: the mean over the turns with it that count."""
    found: dict[Hashable, list[float]] = {}
    prompts = run.prompts
    for turn in run.summary.turns:
        value = reader(turn) if counts(turn) else None
        if value is not None:
            found.setdefault(prompts[turn.turn], []).append(value)
    return {key: fmean(values) for key, values in found.items()}


def _decode(known: Sequence[Known]) -> Basis:
    """Observed where all runs have it, else reported where all have that: never the one against the other."""
    observed = [_turns(run, lambda turn: turn.decode_tps_observed) for run in known]
    reported = [_turns(run, lambda turn: turn.decode_tps_reported) for run in known]
    if all(observed) or not any(reported):
        return Basis(tuple(observed), said=_OBSERVED)
    if all(reported) or not any(observed):
        return Basis(tuple(reported), said=_REPORTED)
    either = [mine or told for mine, told in zip(observed, reported, strict=True)]
    if not all(either):
        best = observed if sum(map(bool, observed)) >= sum(map(bool, reported)) else reported
        return Basis(tuple(best), said=_OBSERVED if best is observed else _REPORTED)
    seen = _labels(run for run, mine in zip(known, observed, strict=True) if mine)
    told = _labels(run for run, mine in zip(known, observed, strict=True) if not mine)
    return Basis(
        tuple(either),
        refusal=f"observed by this computer in {seen}, only reported by the engine in {told}: not the same clock",
    )


def _of_turns(known: Sequence[Known], reader: Reader, mixed: str) -> Basis:
    values = tuple(_turns(run, reader) for run in known)
    return Basis(values, refusal=mixed if all(values) else "")


def _mixed(known: Sequence[Known]) -> str:
    """Gaps between tokens as the engine tells them are not those of arrivals."""
    engine = [run for run in known if _timed_by_engine(run)]
    if len(engine) in {0, len(known)}:
        return ""
    others = _labels(run for run in known if run not in engine)
    return f"by the engine's own times in {_labels(engine)}, by arrivals in {others}"


def _timed_by_engine(run: Known) -> bool:
    channels = run.recording.view(run.t1_ns).channels.values()
    return any(one.device == run.told.device and one.quantity is Quantity.TOKENS for one in channels)


def _of_runs(known: Sequence[Known], reader: Callable[[Known], float | None]) -> Basis:
    return Basis(tuple(single(reader(run)) for run in known))


def _hottest(known: Sequence[Known]) -> Basis:
    """Of a sensor that all have: another one is another place."""
    sensors = [{one.sensor: one.max_c for one in run.summary.temperatures} for run in known]
    shared = [name for name in sensors[0] if all(name in each for each in sensors)]
    if shared:
        return Basis(tuple(single(each[shared[0]]) for each in sensors), said=shared[0])
    first = tuple(single(next(iter(each.values()), None)) for each in sensors)
    return Basis(first, refusal="measured by different sensors" if all(first) else "")


def _labels(runs: Sequence[Known] | Iterator[Known]) -> str:
    return ", ".join(run.told.label for run in runs)


_OF_TURNS: Final[Mapping[str, Reader]] = {
    "prefill_tps": lambda turn: turn.prefill_tps,
    "ttft_ms": lambda turn: turn.ttft_ms,
    "tpot_ms": lambda turn: turn.tpot_ms,
    "itl_p50_ms": lambda turn: turn.itl_p50_ms,
    "itl_p95_ms": lambda turn: turn.itl_p95_ms,
    "itl_p99_ms": lambda turn: turn.itl_p99_ms,
    "e2e_ms": lambda turn: turn.e2e_ms,
    "prompt_tokens": lambda turn: turn.prompt_tokens,
    "output_tokens": lambda turn: turn.output_tokens,
}

_OF_RUNS: Final[Mapping[str, Callable[[Known], float | None]]] = {
    "load_s": lambda run: run.summary.load_s,
    "rss_peak_bytes": lambda run: run.summary.rss_peak_bytes,
    "footprint_peak_bytes": lambda run: run.summary.footprint_peak_bytes,
    "peak_tps": lambda run: run.summary.throttling.peak_tps,
    "sustained_tps": lambda run: run.summary.throttling.plateau_tps,
    "retained": lambda run: run.summary.throttling.retained,
    "time_to_throttle_s": lambda run: run.summary.throttling.time_to_throttle.s,
}

_LIST: Final = (
    Figure("decode_tps", "decode rate", "tok/s", "higher"),
    Figure("prefill_tps", "prefill rate", "tok/s", "higher"),
    Figure("ttft_ms", "TTFT", "ms", "lower"),
    Figure("tpot_ms", "TPOT", "ms", "lower"),
    Figure("itl_p50_ms", "ITL p50", "ms", "lower"),
    Figure("itl_p95_ms", "ITL p95", "ms", "lower"),
    Figure("itl_p99_ms", "ITL p99", "ms", "lower"),
    Figure("e2e_ms", "E2E", "ms", "lower"),
    Figure("prompt_tokens", "prompt", "tokens", ""),
    Figure("output_tokens", "output", "tokens", ""),
    Figure("load_s", "load time", "s", "lower", of_turns=False),
    Figure("rss_peak_bytes", "peak RSS", "B", "lower", of_turns=False),
    Figure("footprint_peak_bytes", "peak footprint", "B", "lower", of_turns=False),
    Figure("peak_tps", "peak rate", "tok/s", "higher", of_turns=False),
    Figure("sustained_tps", "sustained rate", "tok/s", "higher", of_turns=False),
    Figure("retained", "retained", "", "higher", of_turns=False),
    Figure("time_to_throttle_s", "time to throttle", "s", "higher", of_turns=False),
    Figure("max_c", "hottest", "°C", "lower", of_turns=False, ratio=False),
    *ENERGIES,
)

FIGURES: Final[Mapping[str, Figure]] = {figure.name: figure for figure in _LIST}
"""By the name that ``--fail-if`` takes."""
