"""What each setting may hold: one table, for the config file and for what is remembered."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from drivers import points


class Kind(Enum):
    """Type of a value, in words for the reader."""

    TEXT = "a text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    PATH = "a path"
    TEXTS = "a list of texts"


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting: the field it fills, its type and bounds."""

    field: str
    kind: Kind
    least: float = -math.inf
    most: float = math.inf
    pattern: str = ""
    """A regular expression that the whole text matches."""
    example: str = ""
    """For a pattern: what would match."""

    @property
    def allowed(self) -> str:
        """The rule in words: ``a whole number from 1 to 60``."""
        words = self.kind.value
        if self.example:
            return f"{words} like {self.example}"
        if self.least > -math.inf:
            words += (
                f" from {_said(self.least)}" if self.most < math.inf else f" of at least {_said(self.least)}"
            )
        return words + (f" to {_said(self.most)}" if self.most < math.inf else "")


class Wrong(Exception):
    """The value does not fit; ``args[0]`` says what it is."""


def _whole(field: str, least: float = 1, most: float = 1_000_000_000) -> Rule:
    return Rule(field, Kind.WHOLE, least, most)


_COLOUR: Final = r"#[0-9a-fA-F]{6}|[a-z][a-z0-9_-]*"

DEVICE: Final[Mapping[str, Rule]] = {
    "address": Rule("address", Kind.TEXT, pattern=r"\S+", example='"host" or "adb:SERIAL"'),
    "name": Rule(
        "name", Kind.TEXT, pattern=r"\S{1,40}", example='"pixel-8", up to 40 characters without blanks'
    ),
    "colour": Rule("colour", Kind.TEXT, pattern=_COLOUR, example='"cyan" or "#4fd6e8"'),
    "feeds": Rule("feeds", Kind.TEXT, pattern=r"\S{1,40}", example="the name of another device"),
    "point": Rule(
        "point",
        Kind.TEXT,
        pattern=points.PATTERN,
        example=points.KNOWN,
    ),
}

RUN: Final[Mapping[str, Rule]] = {
    "model": Rule("model", Kind.TEXT, pattern=".+", example='"demo", "synthetic:tinyllama-1.1b" or a path'),
    "runtime": Rule("runtime", Kind.TEXT),
    "workload": Rule(
        "workload", Kind.TEXT, pattern=".+", example='"chat", "sustained", "pp512/tg128" or a path'
    ),
    "turns": _whole("turns"),
    "seconds": Rule("seconds", Kind.NUMBER, 0.001, 31_536_000),
    "max_tokens": _whole("max_tokens"),
    "repeat": _whole("repeat", 0),
    "warmup": _whole("warmup", 0, 1000),
    "pause": Rule("pause_s", Kind.NUMBER, 0, 86_400),
    "threads": _whole("threads", 1, 1024),
    "context": _whole("context", 8, 16_777_216),
    "batch": _whole("batch", 1, 65_536),
    "temperature": Rule("temperature", Kind.NUMBER, 0, 100),
    "top_k": _whole("top_k", 0),
    "top_p": Rule("top_p", Kind.NUMBER, 0, 1),
    "seed": _whole("seed", 0, 2**32 - 1),
    "ignore_eos": Rule("ignore_eos", Kind.FLAG),
    "runtime_args": Rule("runtime_args", Kind.TEXTS),
    "url": Rule("url", Kind.TEXT, pattern=r"https?://\S+", example='"http://127.0.0.1:8080"'),
    "on_link_loss": Rule("on_link_loss", Kind.TEXT, pattern="stop|keep", example='"stop" or "keep"'),
    "lease": Rule("lease_s", Kind.NUMBER, 10, 604_800),
    "baseline": Rule("baseline_s", Kind.NUMBER, 0, 86_400),
    "gate": Rule("gate", Kind.TEXT),
    "gate_timeout": Rule("gate_timeout_s", Kind.NUMBER, 0, 604_800),
    "cooldown": Rule("cooldown", Kind.TEXT),
    "ceiling": Rule("ceiling", Kind.TEXT),
    "until": Rule("until", Kind.TEXT, pattern="|steady", example='"steady"'),
    "runs": _whole("runs", 1, 1000),
    "variants": Rule("variants", Kind.TEXTS),
    "order": Rule("order", Kind.TEXT, pattern="abba|abab|aabb", example='"abba", "abab" or "aabb"'),
}

SESSION: Final[Mapping[str, Rule]] = {
    "recordings": Rule("recordings", Kind.PATH),
    "keep_short": Rule("keep_short", Kind.FLAG),
    "min_minutes": Rule("min_minutes", Kind.NUMBER, 0, 1440),
    "commit_interval_ms": _whole("commit_interval_ms", 50, 10_000),
    "seconds": Rule("seconds", Kind.NUMBER, 0.001, 31_536_000),
    "simulated": Rule("simulated", Kind.FLAG),
}

LIBRARY: Final[Mapping[str, Rule]] = {
    "keep_days": Rule("keep_days", Kind.NUMBER, 0.001, 36_500),
    "keep_gb": Rule("keep_gb", Kind.NUMBER, 0.001, 1_000_000),
}

SCREEN: Final[Mapping[str, Rule]] = {
    "theme": Rule("theme", Kind.TEXT),
    "frame_rate": _whole("frame_rate", 1, 60),
    "headless": Rule("headless", Kind.FLAG),
    "json": Rule("json", Kind.FLAG),
    "debug": Rule("debug", Kind.FLAG),
}


def checked(rule: Rule, value: Any) -> Any:
    """The value as its field holds it, or ``Wrong``."""
    if rule.kind is Kind.FLAG:
        return _typed(value, bool)
    if rule.kind is Kind.WHOLE:
        return _bounded(rule, _typed(value, int))
    if rule.kind is Kind.NUMBER:
        return _bounded(rule, float(_typed(value, int, float)))
    if rule.kind is Kind.TEXTS:
        return tuple(_text(rule, part) for part in _typed(value, list))
    text = _text(rule, value)
    return _folder(text) if rule.kind is Kind.PATH else text


def name_refused(name: str) -> str:
    """Why a device cannot be called that; empty where it can, or where it is to have no name of its own."""
    try:
        _text(DEVICE["name"], name or "none")
    except Wrong:
        return f"A name is {DEVICE['name'].allowed}"
    return ""


def _said(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


def _typed(value: Any, *types: type) -> Any:
    """A flag is no number here, though Python says so."""
    if type(value) not in types:
        raise Wrong(_named(value))
    return value


def _bounded(rule: Rule, value: float) -> float:
    if not rule.least <= value <= rule.most:
        raise Wrong(str(value)[:40])
    return value


def _text(rule: Rule, value: Any) -> str:
    text: str = _typed(value, str)
    if not text.isprintable() or len(text) > 4096:
        raise Wrong("a text with unprintable characters" if len(text) <= 4096 else "a very long text")
    if rule.pattern and not re.fullmatch(rule.pattern, text):
        raise Wrong(f'"{text[:60]}"')
    return text


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise Wrong(f'"{text[:60]}"') from error


def _named(value: Any) -> str:
    """A value of the wrong type, in a few words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"[:60]
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return {list: "a list", dict: "a table", type(None): "null"}.get(type(value), "a date or time")
