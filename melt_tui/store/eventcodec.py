"""Events as JSON and back: by class name and type hints, without a table to forget."""

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import drivers.events
import melt_tui.events
from drivers.events import Event

T = TypeVar("T")


class UnknownEvent(Exception):
    """An event that this version cannot read: of a later kind, or with a value that it does not know."""


def detail_of(event: Event) -> str:
    """All of an event but its ``t_ns``, as a JSON object; ``device`` only where ``plain`` would change it."""
    known = _plain_fields(event)
    del known["t_ns"]
    if plain(event.device) == event.device:
        del known["device"]
    return _text(known)


def event_of(kind: str, t_ns: int, device: str, detail: str) -> Event:
    """The event back. Raises UnknownEvent."""
    cls = kinds().get(kind)
    if cls is None:
        raise UnknownEvent(f"events of kind {kind[:80]!r} are not known to this version")
    known = {"device": device, **_object(detail), "t_ns": t_ns}
    return _built(cls, known)


def to_json(value: Any) -> str:
    """A frozen dataclass of the vocabulary, as a JSON object."""
    return _text(_plain_fields(value))


def from_json(cls: type[T], text: str) -> T:
    """The dataclass back. Raises UnknownEvent for what does not fit it."""
    return _built(cls, _object(text))


def plain(text: str) -> str:
    """Text as a column for people: what UTF-8 cannot hold is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


@cache
def kinds() -> Mapping[str, type[Event]]:
    """Every kind of event, by name."""
    named = {**vars(drivers.events), **vars(melt_tui.events)}
    return {
        n: c for n, c in named.items() if isinstance(c, type) and issubclass(c, Event) and is_dataclass(c)
    }


def names_of(wanted: tuple[type[Event], ...]) -> tuple[str, ...]:
    """The names under which events of these kinds are stored, their subclasses included."""
    return tuple(name for name, cls in kinds().items() if issubclass(cls, wanted))


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text if plain(text) == text else json.dumps(value, allow_nan=False, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    try:
        known = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnknownEvent(f"its text is no JSON: {error}") from None
    if not isinstance(known, dict):
        raise UnknownEvent("its text is no JSON object")
    return known


def _plain_fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain_value(getattr(value, field.name)) for field in _shape(type(value)).fields}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain_value(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    return _plain_fields(value) if is_dataclass(value) else value


def _shape(cls: Any) -> "_Shape":
    """Fields and type hints of a dataclass, looked up once."""
    if cls not in _shapes:
        _shapes[cls] = _Shape(fields(cls), get_type_hints(cls))
    return _shapes[cls]


class _Shape(NamedTuple):
    fields: tuple[Field[Any], ...]
    hints: Mapping[str, Any]


_shapes: dict[Any, _Shape] = {}


def _built(cls: type[T], known: Mapping[str, Any]) -> T:
    shape = _shape(cls)
    given: dict[str, Any] = {}
    for field in shape.fields:
        if field.name in known:
            given[field.name] = _value(shape.hints[field.name], known[field.name])
        elif field.default is MISSING:
            raise UnknownEvent(f"{cls.__name__} lacks its {field.name}")
    return cls(**given)


def _value(hint: Any, data: Any) -> Any:
    origin = get_origin(hint)
    if origin in {types.UnionType, Union}:
        return _optional(hint, data)
    if origin is tuple:
        return _tuple(get_args(hint), data)
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(data, dict):
        return _built(hint, data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, data)
    if hint is float and isinstance(data, str | int | float) and not isinstance(data, bool):
        return _number(data)
    if isinstance(hint, type) and type(data) is hint:
        return data
    raise UnknownEvent(f"{str(data)[:80]!r} is no {hint}")


def _optional(hint: Any, data: Any) -> Any:
    return None if data is None else _value(next(a for a in get_args(hint) if a is not type(None)), data)


def _tuple(hints: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise UnknownEvent(f"{str(data)[:80]!r} is no list")
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_value(hints[0], each) for each in data)
    if len(hints) != len(data):
        raise UnknownEvent(f"a list of {len(data)} stands for one of {len(hints)}")
    return tuple(_value(hint, each) for hint, each in zip(hints, data, strict=True))


def _member(hint: type[Enum], data: Any) -> Enum:
    try:
        return hint(data)
    except ValueError as error:
        raise UnknownEvent(str(error)[:200]) from None


def _number(data: str | float) -> float:
    if not isinstance(data, str):
        return data
    try:
        return float(data)
    except ValueError:
        raise UnknownEvent(f"{data[:80]!r} is no number") from None
