"""From what was asked for to runs that can be compared: variants in turn, each with what it waits for. Pure."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from drivers.fair import Fair
from melt_tui.config import rules
from melt_tui.errors import UsageError
from melt_tui.format import plain
from melt_tui.measures.conditions import parse, seconds_of
from melt_tui.measures.ordering import Order, turns
from melt_tui.workbench.contract import RunRequest

MOST_VARIANTS = 26
MOST_RUNS = 1000
STEADY = "steady"
STEADY_LIMIT_S = 3600.0
"""A run that is to last until its rate is steady ends after so long without having been, where no other limit was set."""
GATE = "gate"
"""A cool-down by the gate's own condition."""

_OF_ALL = frozenset({"variants", "runs", "order", "cooldown", "gate", "gate_timeout"})
"""Settings that are those of the whole series."""
_NAME = re.compile(r"\s*([\w.+-]{1,40}):\s")
_EXAMPLE = 'write it like "q4: model=model-q4.gguf threads=4"'


@dataclass(frozen=True, slots=True)
class Variant:
    """What one of several kinds of run is: the request for it alone, and what goes into its record."""

    request: RunRequest
    fair: Fair


def variants_of(request: RunRequest) -> Sequence[Variant]:
    """One for each kind of run, at least one. Raises UsageError for what cannot be meant."""
    fair = _fair(request)
    if not request.variants:
        return [Variant(replace(request, runs=None), fair)]
    if len(request.variants) > MOST_VARIANTS:
        raise UsageError(f"{len(request.variants)} variants", f"give at most {MOST_VARIANTS}")
    told = [_told(text, i) for i, text in enumerate(request.variants)]
    names = [name for name, _, _ in told]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise UsageError(f"two variants are called “{twice}”", "give each a name of its own")
    return [_variant(request, *one) for one in told]


def planned(request: RunRequest, variants: int) -> Sequence[int]:
    """Which variant each run of a device is of, in order. Raises UsageError."""
    runs = request.runs if request.runs is not None else (2 if variants > 1 else 1)
    if not 1 <= runs <= MOST_RUNS:
        raise UsageError(f"{runs} runs of each", f"give 1 to {MOST_RUNS}")
    try:
        order = Order(request.order)
    except ValueError:
        raise UsageError(
            f"there is no order “{plain(request.order, 40)}”", f"take {', '.join(Order)}"
        ) from None
    return turns(variants, runs, order)


def check(request: RunRequest) -> None:
    """Raises UsageError for what cannot be meant, as far as that can be told without any device."""
    planned(request, len(variants_of(request)))


def _variant(request: RunRequest, name: str, text: str, settings: Mapping[str, Any]) -> Variant:
    own = replace(request, **settings)
    return Variant(replace(own, variants=(), runs=None), replace(_fair(own), variant=name, settings=text))


def _fair(request: RunRequest) -> Fair:
    for text in filter(None, (request.gate, request.ceiling)):
        parse(text)
    if request.until not in {"", STEADY}:
        raise UsageError(
            f"a run cannot last until “{plain(request.until, 40)}”", f"there is --until {STEADY}"
        )
    if request.ceiling and request.on_link_loss == "keep":
        raise UsageError(
            "a ceiling cannot be watched while the link is gone",
            "leave out --ceiling, or --on-link-loss keep",
        )
    return Fair(
        gate=request.gate,
        gate_timeout_s=request.gate_timeout_s,
        cooldown=_cooldown(request),
        ceiling=request.ceiling,
        until=request.until,
        order=request.order if request.variants else "",
    )


def _cooldown(request: RunRequest) -> str:
    """Seconds or a condition, as text."""
    text = request.cooldown.strip()
    if text == GATE:
        if not request.gate:
            raise UsageError("a cool-down by the gate needs a gate", "add --gate, or give it a time")
        return request.gate
    seconds = seconds_of(text)
    if seconds is None and text:
        parse(text)
    if seconds is not None and not 0 <= seconds <= 86_400:
        raise UsageError(
            f"a cool-down of {plain(text, 20)} s", "give 0 to 86400 seconds, “gate” or a condition"
        )
    return text


def _told(text: str, i: int) -> tuple[str, str, dict[str, Any]]:
    """Name, settings as text and as values."""
    match = _NAME.match(text)
    name, rest = (match[1], text[match.end() :]) if match else ("", text)
    settings = dict(_settings(text, rest))
    if not settings:
        raise UsageError(f"the variant “{plain(text, 60)}” sets nothing", _EXAMPLE)
    return name or chr(ord("A") + i), plain(rest.strip(), 200), settings


def _settings(text: str, rest: str) -> Iterator[tuple[str, Any]]:
    known: Mapping[str, rules.Rule] = {key: rule for key, rule in rules.RUN.items() if key not in _OF_ALL}
    try:
        words = shlex.split(rest)
    except ValueError:
        raise UsageError(f"the variant “{plain(text, 60)}” has a quote that does not end", _EXAMPLE) from None
    for word in words:
        key, equals, value = word.partition("=")
        rule = known.get(key.replace("-", "_"))
        if not equals or rule is None:
            raise UsageError(
                f"the variant “{plain(text, 60)}” cannot set “{plain(word, 40)}”",
                f"{_EXAMPLE}; known are {', '.join(known)}",
            )
        yield rule.field, _value(key, rule, value)


def _value(key: str, rule: rules.Rule, text: str) -> Any:
    try:
        value = rules.checked(rule, _READ.get(rule.kind, str)(text))
    except (rules.Wrong, ValueError):
        raise UsageError(
            f"“{plain(key, 40)}” cannot be “{plain(text, 40)}”", f"give {rule.allowed}"
        ) from None
    return value


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError
    return text == "true"


_READ: Mapping[rules.Kind, Any] = {
    rules.Kind.WHOLE: int,
    rules.Kind.NUMBER: float,
    rules.Kind.FLAG: _flag,
    rules.Kind.TEXTS: shlex.split,
}
