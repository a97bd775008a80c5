"""What a throttling detector can be told; the defaults are those of the definition."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite

from melt_tui.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Times in s, ratios of a rate to the expected one."""

    window_s: float = 5.0
    window_tokens: float = 8.0
    """The rate is taken over the last ``window_s`` or ``window_tokens``, whichever is longer."""
    below: float = 0.90
    """A rate under this part of the expected one is the symptom."""
    deep: float = 0.75
    hold_s: float = 10.0
    hold_turns: float = 2.0
    """So long, in decode time, or for so many whole turns the symptom stays."""
    recovered_s: float = 30.0
    """So long, in decode time, the rate is back before throttling is over."""
    near_s: float = 30.0
    """A mechanism's rising edge that lies so near to the crossing is its other witness."""
    reference_s: float = 5.0
    reference_tokens: float = 32.0
    """The cool window of the reference rate: whichever is longer."""
    settle_s: float = 15.0
    """What was measured so long ago, and no limit since, is cool beyond doubt and is learnt from."""
    forget_s: float = 45.0
    """At a doubt, what was learnt in so much time before it is forgotten, where enough was learnt earlier."""
    learn_s: float = 30.0
    """So much decoding is learnt from at contexts that are known already."""
    pressure_percent: float = 10.0
    """Memory pressure from which on it is a mechanism."""
    prompt_tokens: float = 32.0
    """Shorter prompts say nothing about the prefill rate."""

    def told(self) -> tuple[tuple[str, str], ...]:
        """Names and values, as text."""
        return tuple((name, f"{value:g}") for name, value in asdict(self).items())

    def changed(self, settings: Iterable[str]) -> "Parameters":
        """With ``name=value`` set. Raises UsageError for a name or value that there is not."""
        known = {field.name for field in fields(self)}
        found: dict[str, float] = {}
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals or name not in known:
                raise UsageError(
                    f"{setting!r} sets nothing", f"write NAME=NUMBER, with {', '.join(sorted(known))}"
                )
            found[name] = _share(setting, value) if name in _SHARES else _positive(setting, value)
        return replace(self, **found)


_SHARES = frozenset({"below", "deep"})
"""Parts of the expected rate."""


def _share(setting: str, value: str) -> float:
    number = _positive(setting, value)
    if number > 1:
        raise UsageError(
            f"{setting!r} sets nothing", "write a part of the expected rate, above 0 and up to 1, as 0.95"
        )
    return number


def _positive(setting: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not isfinite(number) or number <= 0:
        raise UsageError(f"{setting!r} sets nothing", "write a number above 0 after the =")
    return number
