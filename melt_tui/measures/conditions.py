"""Conditions on sensors, as ``soc<=40 and slope<2/60s``: a small language, read with bounds and judged in three values.

::

    any         = all ("or" all)*
    all         = one ("and" one)*
    one         = "(" any ")" | comparison
    comparison  = SENSOR OP number ["°C" | "C" | "%"]
                | "slope" ["(" SENSOR ")"] OP number "/" [number] ("s" | "min" | "h")

``SENSOR`` is a name of the device (in double quotes where it holds blanks) or ``soc``, ``skin``, ``battery``, ``ambient``,
``level``, ``status``. ``slope`` is how fast a sensor changes, upwards or downwards, as a straight line through so much time;
without a name it is that of the sensor named before it, else of ``soc``. ``OP`` is ``<=``, ``<``, ``>=`` or ``>``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Final, NamedTuple

from melt_tui.errors import UsageError

MOST_CHARACTERS: Final = 200
MOST_COMPARISONS: Final = 16
MOST_NESTED: Final = 8
LEAST_SPAN_S: Final = 5.0
MOST_SPAN_S: Final = 3600.0
SOC: Final = "soc"
EXAMPLE: Final = 'write it like "soc<=40 and slope<2/60s"'

_OPERATORS: Final = {"<=": le, "<": lt, ">=": ge, ">": gt}
_SAME: Final = {"≤": "<=", "≥": ">="}
_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0}
_WORDS: Final = frozenset({"and", "or", "slope"})
_UNITS: Final = frozenset({"°C", "C", "%"})
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))|(?P<name>°C|%|[^\W\d][\w.:-]*)|"(?P<quoted>[^"]*)"
    |(?P<sign><=|>=|≤|≥|<|>|\(|\)|/))""",
    re.VERBOSE,
)
_PLAIN: Final = re.compile(r"[^\W\d][\w.:-]*")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One sensor, or how fast it changes, against a number."""

    sensor: str
    operator: str
    bound: float
    """In the sensor's unit; of a slope its change in ``span_s``."""
    span_s: float | None = None
    """Of a slope: over so many seconds."""

    def holds(self, value: float) -> bool:
        """Whether that value fulfils it."""
        return bool(_OPERATORS[self.operator](value, self.bound))

    @property
    def upper(self) -> bool:
        """It wants the value to be small."""
        return self.operator.startswith("<")

    def __str__(self) -> str:
        name = _named(self.sensor)
        if self.span_s is None:
            return f"{name}{self.operator}{_number(self.bound)}"
        return f"slope({name}){self.operator}{_number(self.bound)}/{_number(self.span_s)}s"


@dataclass(frozen=True, slots=True)
class All:
    """Every part has to hold."""

    parts: tuple["Condition", ...]

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part has to hold."""

    parts: tuple["Condition", ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.parts))


Condition = Comparison | All | AnyOf

Value = Callable[[Comparison], float | None]
"""What a comparison compares, now; None while it is not known."""


def parse(text: str) -> Condition:
    """The condition that is written there. Raises UsageError, with the column at which it cannot be read."""
    return _Parser(text).condition()


def seconds_of(text: str) -> float | None:
    """Of a wait that is a time; None of one that is a condition, or nothing."""
    try:
        return float(text)
    except ValueError:
        return None


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison, from left to right."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        for part in condition.parts:
            yield from comparisons(part)


def judge(condition: Condition, value: Value) -> bool | None:
    """Whether it holds; None where what is not known would decide it."""
    if isinstance(condition, Comparison):
        known = value(condition)
        return None if known is None else condition.holds(known)
    verdicts = [judge(part, value) for part in condition.parts]
    decides = isinstance(condition, AnyOf)
    if decides in verdicts:
        return decides
    return None if None in verdicts else not decides


def least(condition: Condition, value: Callable[[Comparison], float]) -> float:
    """The whole of what each part comes to: the worst of those that all have to hold, the best of those of which one has."""
    if isinstance(condition, Comparison):
        return value(condition)
    choose = max if isinstance(condition, AnyOf) else min
    return choose(least(part, value) for part in condition.parts)


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


class _Parser:
    """Reads one text, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) > MOST_CHARACTERS:
            raise self._error(MOST_CHARACTERS, f"it is longer than {MOST_CHARACTERS} characters")
        self._tokens = list(self._tokenised())
        self._at = 0
        self._named = SOC
        self._count = 0

    def condition(self) -> Condition:
        found = self._any(0)
        if self._next.kind != "end":
            raise self._wanted("“and”, “or” or the end")
        return found

    def _tokenised(self) -> Iterator[_Token]:
        text, at = self._text.rstrip(), 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise self._error(at, f"{text[at]!r} means nothing here")
            kind = match.lastgroup
            said = _SAME.get(match[kind], match[kind]) if kind == "sign" else match[kind]
            yield _Token(kind, said, match.start(kind))
            at = match.end()
        yield _Token("end", "", len(text))

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> str:
        """The next token, if it is one of these; else nothing is taken."""
        token = self._next
        if token.kind not in {"name", "sign"} or token.text not in texts:
            return ""
        self._at += 1
        return token.text

    def _any(self, depth: int) -> Condition:
        parts = [self._all(depth)]
        while self._take("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._take("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Condition:
        if not self._take("("):
            return self._comparison()
        if depth == MOST_NESTED:
            raise self._error(self._next.column, f"more than {MOST_NESTED} brackets lie in one another")
        inner = self._any(depth + 1)
        if not self._take(")"):
            raise self._wanted("“)”")
        return inner

    def _comparison(self) -> Comparison:
        self._count += 1
        if self._count > MOST_COMPARISONS:
            raise self._error(self._next.column, f"more than {MOST_COMPARISONS} comparisons")
        if self._take("slope"):
            return self._slope()
        self._named = self._sensor()
        operator, bound = self._operator(), self._number()
        self._take(*_UNITS)
        return Comparison(self._named, operator, bound)

    def _slope(self) -> Comparison:
        if self._take("("):
            self._named = self._sensor()
            if not self._take(")"):
                raise self._wanted("“)”")
        operator, bound = self._operator(), self._number()
        self._take(*_UNITS)
        if not self._take("/"):
            raise self._wanted("“/” and a time, as in slope<2/60s,")
        return Comparison(self._named, operator, bound, self._span())

    def _span(self) -> float:
        column = self._next.column
        many = self._number() if self._next.kind == "number" else 1.0
        unit = self._take(*_SECONDS)
        if not unit:
            raise self._wanted("s, min or h")
        span_s = many * _SECONDS[unit]
        if not LEAST_SPAN_S <= span_s <= MOST_SPAN_S:
            raise self._error(column, f"a slope is taken over {LEAST_SPAN_S:g} s to {MOST_SPAN_S / 60:g} min")
        return span_s

    def _sensor(self) -> str:
        token = self._next
        named = token.kind == "name" and token.text not in _WORDS | _UNITS
        if not named and not (token.kind == "quoted" and token.text.strip()):
            raise self._wanted("the name of a sensor")
        self._at += 1
        return token.text

    def _operator(self) -> str:
        return self._take(*_OPERATORS) or self._fail("<=, <, >= or >")

    def _number(self) -> float:
        token = self._next
        if token.kind != "number" or abs(float(token.text)) > 1e6:
            self._fail("a number")
        self._at += 1
        return float(token.text)

    def _fail(self, what: str) -> str:
        raise self._wanted(what)

    def _wanted(self, what: str) -> UsageError:
        token = self._next
        found = f"not {token.text[:20]!r}" if token.kind != "end" else "but it ends there"
        return self._error(token.column, f"{what} is expected, {found}")

    def _error(self, at: int, said: str) -> UsageError:
        shown = self._text if len(self._text) <= 60 else f"{self._text[:59]}…"
        return UsageError(f"“{_printable(shown)}” cannot be read at column {at + 1}: {said}", EXAMPLE)


def _named(sensor: str) -> str:
    bare = _PLAIN.fullmatch(sensor) and sensor not in _WORDS | _UNITS
    return sensor if bare else f'"{sensor}"'


def _number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
