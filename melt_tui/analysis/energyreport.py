"""The energies of a run as text for people: one table of its parts and one of its turns for each reference point."""

from collections.abc import Iterator, Sequence

from melt_tui import format as fmt
from melt_tui.analysis.energy import EnergySummary, PowerSummary, TokenEnergy
from melt_tui.measures.energy import PerToken, Scope

_HEAD = ("J", "± ours", "± meter", "net J", "mean W", "peak W", "covered")
_TURN_HEAD = (
    "turn", "J", "± ours", "± meter", "net J", "prefill J", "decode J", "covered",
    "J/token whole", "MELT's", "decode", "prefill",
)  # fmt: skip


def energy_tables(
    energies: Sequence[EnergySummary], tokens: Sequence[TokenEnergy], powers: Sequence[PowerSummary]
) -> Iterator[str | Sequence[tuple[str, ...]]]:
    """Titles and tables in turn; rows of a table are equally long, its first is the head."""
    for power in powers:
        here = [each for each in energies if (each.point, each.source) == (power.point, power.source)]
        yield _title(power)
        yield [("", *_HEAD, ""), *(_part(each) for each in here if each.turn is None)]
        turns = [each for each in here if each.scope is Scope.TURN]
        if any(each.gross_j is not None for each in turns):
            own = [each for each in tokens if (each.point, each.source) == (power.point, power.source)]
            yield [(*_TURN_HEAD, ""), *(_turn(each, here, own) for each in turns)]


def _title(power: PowerSummary) -> str:
    parts = [f"energy at {power.point}, by {power.source}"]
    if power.idle_w is not None:
        around = "" if power.idle_uncertainty_w is None else f" ± {fmt.number(power.idle_uncertainty_w, 2)}"
        over = fmt.seconds(power.baseline_s)
        parts.append(f"net of {fmt.number(power.idle_w)}{around} W, the mean of the {over} before the run")
    if power.tokens_per_joule is not None:
        parts.append(f"{fmt.number(power.tokens_per_joule)} tokens per joule")
    if power.prompts_per_charge is not None:
        held = fmt.number(power.battery_wh)
        parts.append(f"{fmt.count(round(power.prompts_per_charge))} such prompts per charge of {held} Wh")
    if power.sustained_w is not None:
        parts.append(f"{fmt.number(power.sustained_w)} W sustained")
    return fmt.plain(", ".join(parts), 300)


def _part(each: EnergySummary) -> tuple[str, ...]:
    figures = (each.gross_j, each.integration_j, each.accuracy_j, each.net_j, each.mean_w, each.peak_w)
    return (each.scope, *map(fmt.number, figures), _covered(each), _mark(each))


def _turn(
    turn: EnergySummary, here: Sequence[EnergySummary], tokens: Sequence[TokenEnergy]
) -> tuple[str, ...]:
    parts = {each.scope: each.gross_j for each in here if each.turn == turn.turn}
    each_token = {each.definition: each.gross_j for each in tokens if each.turn == turn.turn}
    figures = (turn.gross_j, turn.integration_j, turn.accuracy_j, turn.net_j)
    return (
        str(turn.turn),
        *map(fmt.number, figures),
        fmt.number(parts[Scope.PREFILL]),
        fmt.number(parts[Scope.DECODE]),
        _covered(turn),
        *(fmt.number(each_token[definition]) for definition in PerToken),
        _mark(turn),
    )


def _covered(each: EnergySummary) -> str:
    return fmt.UNKNOWN if each.coverage is None else fmt.percent(100 * each.coverage)


def _mark(each: EnergySummary) -> str:
    return "clipped" if each.clipped else ""
