"""What is done so that runs can be compared: waits before a run, limits during it, its place among others. Plain words,
recorded with the run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fair:
    """Of one run. Conditions are texts such as ``soc<=40 and slope<2/60s``; an empty one is not asked for."""

    gate: str = ""
    """It begins when this holds."""
    gate_timeout_s: float = 1800.0
    """After so long of waiting for a condition the run is given up."""
    cooldown: str = ""
    """Between it and the run before it in its series: seconds, or a condition."""
    ceiling: str = ""
    """It ends as soon as this does not hold, or a sensor of it is lost."""
    until: str = ""
    """``steady``: it ends when its rate is steady."""
    variant: str = ""
    """What it is a run of, where several are run in turn: their names are the user's."""
    settings: str = ""
    """Of the variant: what is set otherwise than in the others, as it was asked for."""
    place: int = 1
    """The how manyeth of its series it is, on its device."""
    planned: int = 1
    """How many runs the series was to have."""
    order: str = ""
    """Of the variants in the series: ``abba``, ``abab``, ``aabb``."""
