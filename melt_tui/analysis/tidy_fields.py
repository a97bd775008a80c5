"""How columns of tidy tables are had of a run: by where the figure lies, with its unit as the name tells it."""

from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from drivers.clock import SECOND
from melt_tui.analysis.columns import Column, Field, Holds
from melt_tui.analysis.figured import FiguredRun
from melt_tui.measures.energy import PerToken, Scope

_UNITS = {
    "_ms": "ms", "_tps": "tok/s", "_s": "s", "_j": "J", "_w": "W", "_wh": "Wh", "_c": "°C", "_bytes": "B",
    "_tokens": "tokens", "_hz": "Hz", "_observed": "tok/s", "_reported": "tok/s", "_j_per_token": "J/token",
    "_k_per_min": "K/min",
}  # fmt: skip


def _unit(name: str) -> str:
    """As the end of the name says."""
    ends = sorted((end for end in _UNITS if name.endswith(end)), key=len)
    return _UNITS[ends[-1]] if ends else ""


def field(name: str, holds: Holds, meaning: str, of: Callable[[Any], Any] | str = "") -> Field:
    """A column, and what it is had of: an attribute of its name, where nothing else is said."""
    unit = _unit(name) if holds in {Holds.REAL, Holds.WHOLE} else ""
    return Field(Column(name, holds, unit, meaning), of if callable(of) else attrgetter(of or name))


def below(path: str, *rows: tuple[str, Holds, str]) -> tuple[Field, ...]:
    """Fields that are attributes of the same name of what ``path`` names."""
    return tuple(field(name, holds, meaning, f"{path}{name}") for name, holds, meaning in rows)


def setup(name: str, holds: Holds, meaning: str, key: str = "") -> Field:
    """Something of a run's set-up."""
    return field(name, holds, meaning, lambda run: run.summary.setup[key or name])


def mean(name: str, meaning: str) -> Field:
    """A mean over the turns of a run."""
    return field(
        name,
        Holds.REAL,
        f"{meaning}; mean over the counted turns that have it",
        lambda run: run.summary.mean[name],
    )


def device(name: str, holds: Holds, meaning: str, attribute: str) -> Field:
    """Something of what a run ran on."""

    def of(run: FiguredRun) -> object:
        return getattr(run.device, attribute) if run.device else None

    return field(name, holds, meaning, of)


def first_heat(name: str, holds: Holds, meaning: str, attribute: str) -> Field:
    """Something of the first sensor of its device."""

    def of(run: FiguredRun) -> object:
        return getattr(run.summary.temperatures[0], attribute) if run.summary.temperatures else None

    return field(name, holds, meaning, of)


def power(name: str, holds: Holds, meaning: str, attribute: str) -> Field:
    """Something of the point that sees most of its device."""

    def of(run: FiguredRun) -> object:
        return getattr(run.power, attribute) if run.power else None

    return field(name, holds, meaning, of)


def joules(definition: PerToken, meaning: str) -> Field:
    """A mean energy for a token."""
    name = f"{definition.value}_j_per_token"
    return field(
        name,
        Holds.REAL,
        f"{meaning}; mean over the counted turns that have it",
        lambda run: run.joules(definition),
    )


def notes(*paths: str) -> Field:
    """What is told in words."""

    def of(row: object) -> str:
        return "; ".join(note for path in paths for note in attrgetter(path)(row))

    return field("notes", Holds.TEXT, "why cells are empty, and what to know of the others", of)


def run_start(run: FiguredRun) -> str | None:
    """When a run began, UTC."""
    wall_ns = run.of.wall_ns(run.t0_ns)
    return (
        None
        if wall_ns is None
        else datetime.fromtimestamp(wall_ns / SECOND, UTC).isoformat(timespec="milliseconds")
    )


def run_joules(run: FiguredRun) -> float | None:
    """The energy of a whole run."""
    power = run.power
    parts = (each for each in run.summary.energy if each.scope is Scope.RUN and power)
    found = (each for each in parts if power and (each.point, each.source) == (power.point, power.source))
    return next((each.gross_j for each in found), None)


def key(path: str) -> tuple[Field, ...]:
    """What every row begins with; ``path`` leads to its run."""
    return (
        field("recording", Holds.TEXT, "name of the file, without its suffix", f"{path}of.name"),
        field("run", Holds.TEXT, "id of the run, unique in its recording", f"{path}summary.run"),
        field("device", Holds.TEXT, "what it ran on, as it is named in the session", f"{path}summary.device"),
    )


def stamp(path: str) -> Field:
    """What every figure stands beside; ``path`` leads to its run."""
    meaning = "how the device was when the run began: cold, warm, throttled, or unknown"
    return field("thermal_start", Holds.TEXT, meaning, f"{path}summary.start.thermal")
