"""What differs in the set-up of compared runs, what forbids to compare them, and what must be read with care."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from melt_tui import format as fmt
from melt_tui.analysis.compare_row import Row
from melt_tui.analysis.compare_runs import Group, Known
from melt_tui.measures.comparing import ENOUGH_RUNS
from melt_tui.measures.energy import LEAST_COVERAGE, Scope
from melt_tui.measures.ordering import MOST_LEANING, leaning

START_C = 3.0
"""Runs whose devices began further apart than so many °C did not begin alike."""
LIMITED = 0.05
"""Groups of which the one was under a limit for so much more of its time than the other were not alike."""

_PLACES = ("model_file",)
"""Where something lies says nothing of how it runs."""

_START = "start temperature"

_CHOICES = frozenset(
    {"device model", "os", "runtime", "build", "backend", "model", "quantisation", "sha256", "threads", "context"}
    | {"batch", "runtime_args", "workload", "max_tokens", "temperature", "top_k", "top_p", "seed"}
)  # fmt: skip
"""What somebody chose: where more than one of them differs, a difference is not that of one alone."""
_SAME_THING = {
    "sha256": "model",
    "quantisation": "model",
    "build": "runtime",
    "backend": "runtime",
    "os": "device model",
}
"""What differs as a rule together with another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """Something of the set-up that is not the same in all runs."""

    name: str
    values: tuple[str | None, ...]
    """Of each run; None where it is not known."""
    between: bool
    """Groups differ in it; else runs of one group do."""


def differing(known: Sequence[Known], groups: Sequence[Group]) -> tuple[Differing, ...]:
    """In the order in which the first run names them."""
    setups = [dict(_setup(run)) for run in known]
    alike = {_START} if _began_alike(known) else set()
    names = [name for name in dict.fromkeys(name for setup in setups for name in setup) if name not in alike]
    found = []
    for name in names:
        values = tuple(setup.get(name) for setup in setups)
        if len(set(values)) > 1:
            sides = {frozenset(values[i] for i in group.runs) for group in groups}
            found.append(Differing(name=name, values=values, between=len(sides) > 1))
    return tuple(found)


def _began_alike(known: Sequence[Known]) -> bool:
    starts = [run.told.start_c for run in known if run.told.start_c is not None]
    sensors = {run.told.sensor for run in known}
    return not starts or (
        len(sensors) == 1 and len(starts) == len(known) and max(starts) - min(starts) <= START_C
    )


def forbidden(known: Sequence[Known]) -> str:
    """Why no figure of these runs may be compared, in plain words; empty where they may."""
    simulated = _split({run.told.label: run.summary.simulated for run in known})
    if simulated:
        return f"{simulated[0]} ran on a simulated device, {simulated[1]} on a real one: the former is made up, not measured"
    weights = _split({run.told.label: run.summary.synthetic for run in known})
    if weights:
        return f"{weights[0]} ran with synthetic weights, {weights[1]} with real ones: a model made up to a shape is not that model"
    return ""


def _split(told: Mapping[str, bool | None]) -> tuple[str, str] | None:
    """Runs of which it is true and of which it is not, where there are both."""
    true, false = (", ".join(name for name, value in told.items() if value is each) for each in (True, False))
    return (true, false) if true and false else None


def warnings(
    known: Sequence[Known], groups: Sequence[Group], rows: Sequence[Row], setup: Sequence[Differing]
) -> tuple[str, ...]:
    """What must be read with care."""
    base, found = groups[0], list[str]()
    for group in groups[1:]:
        found += _few(base, group)
        found += _order(known, base, group)
        found += _heat(known, base, group)
        found += _causes(base, group, setup)
    found += _runs(known)
    found += _chance(rows)
    return tuple(dict.fromkeys(found))


def _few(base: Group, group: Group) -> Iterator[str]:
    if min(len(base.runs), len(group.runs)) < ENOUGH_RUNS:
        n = f"{len(base.runs)} and {len(group.runs)}" if len(base.runs) != len(group.runs) else len(base.runs)
        yield (
            f"{base.name} against {group.name} is about these runs only: {n} a side, at least {ENOUGH_RUNS} would "
            "say something of others"
        )


def _order(known: Sequence[Known], base: Group, group: Group) -> Iterator[str]:
    """Where both ran on one device."""
    if not {known[i].address for i in base.runs} & {known[i].address for i in group.runs}:
        return
    places = [[known[i].told.place for i in side.runs] for side in (base, group)]
    if any(place is None for side in places for place in side):
        yield f"order unknown: {base.name} and {group.name} may have run on a device that was warm from the other"
        return
    lean = leaning(*([float(place or 0) for place in side] for side in places))
    if abs(lean) > MOST_LEANING:
        first, later = (base, group) if lean > 0 else (group, base)
        yield (
            f"order bias: {later.name} ran after {first.name}, on a device that {first.name} may have warmed; "
            "runs in turn (A B B A) do not have that"
        )


def _heat(known: Sequence[Known], base: Group, group: Group) -> Iterator[str]:
    starts = [_mean(known[i].told.start_c for i in side.runs) for side in (base, group)]
    alike = len({known[i].told.sensor for i in (*base.runs, *group.runs)}) == 1
    if alike and None not in starts and abs((starts[1] or 0) - (starts[0] or 0)) > START_C:
        yield (
            f"thermal state: {base.name} began at {fmt.celsius(starts[0])}, {group.name} at {fmt.celsius(starts[1])}"
        )
    began = [{known[i].told.start for i in side.runs} for side in (base, group)]
    if began[0] != began[1]:
        mine, theirs = (" and ".join(sorted(states)) for states in began)
        yield f"thermal state: runs of {base.name} began {mine}, those of {group.name} {theirs}"
    limited = [_mean(known[i].told.limited for i in side.runs) or 0.0 for side in (base, group)]
    if abs(limited[1] - limited[0]) > LIMITED:
        said = " and ".join(
            f"{side.name} {fmt.percent(100 * share)}"
            for side, share in zip((base, group), limited, strict=True)
        )
        yield f"thermal state: under a limit of the platform {said} of the time"


def _causes(base: Group, group: Group, setup: Sequence[Differing]) -> Iterator[str]:
    names = []
    for one in setup:
        sides = [{one.values[i] for i in side.runs} for side in (base, group)]
        if one.name in _CHOICES and sides[0] != sides[1]:
            names.append(one.name)
    own = [name for name in names if _SAME_THING.get(name) not in names]
    if len(own) > 1:
        yield (
            f"{base.name} and {group.name} differ in {', '.join(own[:-1])} and {own[-1]}: "
            "a difference is not that of one of them alone"
        )


def _runs(known: Sequence[Known]) -> Iterator[str]:
    """Of single runs."""
    yield from _named(known, lambda run: not run.told.counted_turns, "without a turn that counts")
    yield from _named(known, lambda run: run.summary.outcome != "done", "not run to their end")
    yield from _named(known, lambda run: run.told.warm, "began warm")
    yield from _named(known, lambda run: bool(run.session.imported), "imported, not measured by melt")
    yield from _named(known, lambda run: any(e.standing for e in run.session.edits), "corrected by hand")
    yield from _named(known, lambda run: run.session.part is not None, "only a span of their session")
    yield from _named(
        known,
        lambda run: bool(run.session.part and run.session.part.downsampled_hz),
        "downsampled: their figures are of means",
    )
    yield from _named(
        known, lambda run: bool(run.session.session.lost), "something may be missing of the recording"
    )
    yield from _named(
        known, lambda run: run.summary.synthetic is None, "it is not known whether the weights are real"
    )
    yield from _named(
        known, _thin, f"power was measured for less than {100 * LEAST_COVERAGE:.0f} % of the run"
    )


def _thin(run: Known) -> bool:
    energies = [one for one in run.summary.energy if one.scope is Scope.RUN and one.coverage is not None]
    return any((one.coverage or 0) < LEAST_COVERAGE for one in energies)


def _chance(rows: Sequence[Row]) -> Iterator[str]:
    """Of many intervals some leave out 0 by chance."""
    told = [each for row in rows for each in row.against if each.difference and each.difference.interval]
    if len(told) >= 10:
        yield f"{len(told)} differences are told, each with an interval for 95 %: one in twenty is wrong by chance"
    passed = sorted({label for row in rows for each in row.against for label in each.without})
    if passed:
        yield f"some figures are without {', '.join(passed)}, which lack them"


def _named(known: Sequence[Known], wrong: Callable[[Known], bool], said: str) -> Iterator[str]:
    names = [run.told.label for run in known if wrong(run)]
    if names:
        yield f"{', '.join(names)}: {said}"


def _mean(values: Iterable[float | None]) -> float | None:
    some = [value for value in values if value is not None]
    return sum(some) / len(some) if some else None


def _setup(run: Known) -> Iterator[tuple[str, str | None]]:
    summary, device = run.summary, run.device
    yield "device", summary.device
    yield "device model", device.model or None if device else None
    yield "os", device.os or None if device else None
    yield "simulated device", "yes" if summary.simulated else "no"
    yield "runtime", summary.runtime
    yield "model", summary.model
    yield "weights", {True: "synthetic", False: "real", None: None}[summary.synthetic]
    yield "workload", summary.workload
    yield from ((name, _text(value)) for name, value in summary.setup.items() if name not in _PLACES)
    yield from ((f"device: {name}", fmt.plain(value)) for name, value in summary.facts.items())
    yield "reference points of power", ", ".join(dict.fromkeys(one.point for one in summary.power)) or None
    start_c = run.told.start_c
    yield _START, None if start_c is None else fmt.plain(f"{start_c:.1f} °C, {fmt.words(run.told.sensor)}")
    yield "thermal state at the start", run.told.start
    fair = summary.fair
    for name, value in (
        ("gate", fair.gate),
        ("cool-down", fair.cooldown),
        ("ceiling", fair.ceiling),
        ("until", fair.until),
    ):
        yield name, None if value is None else fmt.plain(value)
    yield "recorded by melt", run.session.session.version


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return fmt.plain(" ".join(map(str, value))) or "none"
    return fmt.plain(str(value))
