"""Between the texts of the run dialog and what the workbench is asked for: pure."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from melt_tui.errors import UsageError
from melt_tui.workbench import RunRequest, check_fairness


class FormError(Exception):
    """What was typed cannot be meant: says which field and what it takes."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form: ``name`` is that of ``RunRequest``."""

    name: str
    title: str
    default: str
    read: Callable[[str], Any]
    takes: str
    empty: Any = None
    between: str = " "
    """Of several values: what stands between them; a blank needs quotes about values that hold one."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What stands in the form."""

    devices: tuple[str, ...]
    lists: Mapping[str, str]
    fields: Mapping[str, str]
    ignore_eos: bool


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError
        return value

    return read


def _amount(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError
    return value


def _lease(text: str) -> float:
    value = float(text)
    if not 10 <= value <= 604_800:
        raise ValueError
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError
    return value


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


_POSITIVE = "a whole number from 1"
_NATURAL = "a whole number from 0"

LISTS = ("runtime", "model", "workload", "on_link_loss", "until", "order")
"""Fields of ``RunRequest`` that are chosen from a list."""
FIELDS = (
    Field("turns", "turns", "all", _whole(1), _POSITIVE),
    Field("seconds", "seconds", "no limit", _amount, "a number of seconds"),
    Field("max_tokens", "max tokens", "the workload's", _whole(1), _POSITIVE),
    Field("repeat", "repeat", "the workload's", _whole(0), f"{_NATURAL}; 0 goes on until stopped"),
    Field("warmup", "warm-up turns", "the workload's", _whole(0), _NATURAL),
    Field("pause_s", "pause s", "0", _amount, "a number of seconds", 0.0),
    Field("baseline_s", "idle before s", "0", _amount, "a number of seconds", 0.0),
    Field("threads", "threads", "all but one", _whole(1), _POSITIVE),
    Field("context", "context", "2048", _whole(1), _POSITIVE),
    Field("batch", "batch", "256", _whole(1), _POSITIVE),
    Field("seed", "seed", "42", _whole(0), _NATURAL),
    Field("temperature", "temperature", "0", _amount, "a number from 0"),
    Field("top_k", "top k", "40", _whole(0), _NATURAL),
    Field("top_p", "top p", "0.95", _share, "a number from 0 to 1"),
    Field("gate", "gate", "none", str, "a condition", ""),
    Field("cooldown", "cool-down", "none", str, "seconds, gate or a condition", ""),
    Field("ceiling", "ceiling", "none", str, "a condition", ""),
    Field("gate_timeout_s", "gate limit s", "1800", _amount, "a number of seconds", 1800.0),
    Field("variants", "variants", "none", _parts, "settings of each, with ; between", (), "; "),
    Field("runs", "runs of each", "1, in turn 2", _whole(1), _POSITIVE),
    Field("lease_s", "lease s", "900", _lease, "a number of seconds from 10 to 604800", 900.0),
    Field("url", "server URL", "start our own", str, "a URL", ""),
    Field("runtime_args", "runtime flags", "none", lambda text: tuple(shlex.split(text)), "flags", ()),
)


def request_of(texts: Texts) -> RunRequest:
    """What is asked for. Raises FormError for the first field that cannot be read."""
    if not texts.devices:
        raise FormError("Choose at least one device.")
    values: dict[str, Any] = {field.name: _read(field, texts.fields.get(field.name, "")) for field in FIELDS}
    values.update(texts.lists)
    for name in ("model", "workload"):
        if not texts.lists[name]:
            raise FormError(f"{name}: type the path of a file.")
    request = RunRequest(devices=texts.devices, ignore_eos=texts.ignore_eos, **values)
    try:
        check_fairness(request)
    except UsageError as error:
        raise FormError(str(error)) from error
    return request


def texts_of(request: RunRequest) -> Texts:
    """The form filled in with a request; defaults stay empty."""
    return Texts(
        devices=request.devices,
        lists={name: getattr(request, name) for name in LISTS},
        fields={field.name: _text(field, getattr(request, field.name)) for field in FIELDS},
        ignore_eos=request.ignore_eos,
    )


def _read(field: Field, text: str) -> Any:
    if not text:
        return field.empty
    try:
        return field.read(text)
    except ValueError as error:
        raise FormError(f"{field.title}: takes {field.takes}.") from error


def _text(field: Field, value: Any) -> str:
    if value == field.empty:
        return ""
    if isinstance(value, tuple):
        return shlex.join(value) if field.between == " " else field.between.join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
