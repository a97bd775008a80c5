"""What apps on iPhones print: our one-line protocol, and lines such as LLMFarmEval and llama.cpp write. Pure.

Our protocol is a JSON object per line, with ``"melt": 1`` (its version) and an ``event``; what stands before the object (a
log's own words) is left out, and fields that are not known are not looked at:

- ``{"melt": 1, "event": "load", "model": NAME, "load_s": SECONDS, "build": NAME, "backend": NAME, "context": TOKENS}``: the
  model is ready;
- ``{"melt": 1, "event": "turn", "text": PROMPT}``: a prompt goes to the engine;
- ``{"melt": 1, "event": "token", "n": N, "t": SECONDS, "text": TEXT}``: N output tokens of this turn so far (one more where it
  is not told), at ``t`` by any clock of the app's that only rises;
- ``{"melt": 1, "event": "turn", "end": REASON, "output_tokens": N, "prompt_tokens": N, "prompt_s": SECONDS,
  "decode_s": SECONDS}``: the turn is over; REASON is ``eos``, ``limit``, ``stopped`` or ``failed``;
- ``{"melt": 1, "event": "thermal", "state": STATE}``: ``nominal``, ``fair``, ``serious`` or ``critical``, at the start and at
  every change.
"""

import json
import re
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice

from drivers.events import TurnEnd
from drivers.foreign import Fields, count, fields, number, printable, text
from drivers.runs.turn import Figures

VERSION = 1
LONGEST_S = 1e6
BRACES = 32
"""So many beginnings of objects are tried in a line: a log puts its own words before ours."""


class ThermalState(IntEnum):
    """``ProcessInfo.ThermalState``."""

    NOMINAL = 0
    FAIR = 1
    SERIOUS = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Load:
    """The model is loaded."""

    model: str
    load_s: float | None
    backend: str
    context: int | None
    build: str = ""
    """Of the engine; empty where the app does not tell."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A prompt goes to the engine."""

    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """``n`` output tokens of this turn so far; None: one more. ``t`` in seconds by the app's clock."""

    n: int | None
    t: float | None
    text: str


@dataclass(frozen=True, slots=True)
class End:
    """A turn is over."""

    end: TurnEnd
    figures: Figures


@dataclass(frozen=True, slots=True)
class Thermal:
    """What iOS tells the app."""

    state: ThermalState


@dataclass(frozen=True, slots=True)
class Timing:
    """Figures of a whole turn, told when it was over by an app that tells nothing before."""

    figures: Figures


Said = Load | Begin | Token | End | Thermal | Timing


def read_line(line: str) -> Said | None:
    """What a line says; None for one that says nothing to us."""
    if '"melt"' in line:
        return _ours(_told(line))
    if '"state"' in line and '"timestamp"' in line:
        return _thermal(_object(line[max(0, line.find("{")) :].rstrip().rstrip(",]")))
    return _timing(line)


class Timings:
    """llama.cpp's timings of one turn stand in several lines, the prompt's before those of the output."""

    def __init__(self) -> None:
        self._prompt: tuple[int, float] | None = None

    def read(self, line: str) -> Timing | None:
        """What the lines until this one say of a turn, when it is the last of them."""
        match = _LLAMA.search(line)
        if match is None:
            return None
        told = (int(match[3]), float(match[2]) / 1000)
        if match[1]:
            self._prompt = told
            return None
        prompt, self._prompt = self._prompt, None
        return Timing(
            Figures(
                prompt_tokens=prompt[0] if prompt else None,
                prompt_s=_seconds(prompt[1]) if prompt else None,
                output_tokens=told[0] + 1,
                decode_s=_seconds(told[1]),
            )
        )


_LLAMA = re.compile(
    r"(?:llama_print_timings|llama_perf_context_print|common_perf_print):\s+(prompt )?eval time =\s{0,20}(\d{1,9}(?:\.\d{1,6})?) ms"
    r" /\s{0,20}(\d{1,9}) (?:runs|tokens)"
)
_NUMBER = r"(-?\d{1,15}(?:\.\d{1,9})?)"
_ROW = re.compile(",".join([rf"\s*{_NUMBER}\s*"] * 9))
"""LLMFarmEval: t_start_ms, t_end_ms, t_load_ms, t_sample_ms, t_p_eval_ms, t_eval_ms, n_sample, n_p_eval, n_eval."""


def _timing(line: str) -> Timing | None:
    match = _ROW.fullmatch(line.strip())
    if match is None:
        return None
    values = [float(match[at]) for at in range(1, 10)]
    prompt_ms, decode_ms = values[4], values[5]
    prompt, decoded = values[7], values[8]
    if min(prompt_ms, decode_ms, prompt, decoded) < 0 or not (prompt.is_integer() and decoded.is_integer()):
        return None
    return Timing(
        Figures(
            prompt_tokens=int(prompt),
            prompt_s=_seconds(prompt_ms / 1000),
            output_tokens=int(decoded) + 1,
            decode_s=_seconds(decode_ms / 1000),
        )
    )


def _ours(told: Fields) -> Said | None:
    event = text(told, "event") if told.get("melt") == VERSION else ""
    if event == "token":
        return Token(count(told, "n"), number(told, "t"), text(told, "text"))
    if event == "thermal":
        return _thermal(told)
    if event == "load":
        return Load(
            printable(text(told, "model"), 200),
            _seconds(number(told, "load_s")),
            printable(text(told, "backend"), 80),
            count(told, "context"),
            printable(text(told, "build"), 80),
        )
    if event == "turn":
        return _end(told) if "end" in told else Begin(text(told, "text"))
    return None


_ENDS = {"eos": TurnEnd.EOS, "limit": TurnEnd.LIMIT, "stopped": TurnEnd.STOPPED, "failed": TurnEnd.FAILED}


def _end(told: Fields) -> End:
    return End(
        _ENDS.get(text(told, "end"), TurnEnd.EOS),
        Figures(
            prompt_tokens=count(told, "prompt_tokens"),
            cached_tokens=count(told, "cached_tokens"),
            output_tokens=count(told, "output_tokens"),
            prompt_s=_seconds(number(told, "prompt_s")),
            decode_s=_seconds(number(told, "decode_s")),
        ),
    )


def _thermal(told: Fields) -> Thermal | None:
    state = text(told, "state").upper()
    return Thermal(ThermalState[state]) if state in ThermalState.__members__ else None


def _told(line: str) -> Fields:
    """The object of a line that has our mark, wherever among its fields; one without fields where there is none."""
    for brace in islice(re.finditer(r"\{", line), BRACES):
        told = _object(line[brace.start() :])
        if "melt" in told:
            return told
    return {}


def _object(line: str) -> Fields:
    """The first JSON object of a line; one without fields where there is none."""
    try:
        value, _ = json.JSONDecoder().raw_decode(line)
    except (ValueError, RecursionError):
        return {}
    return fields(value)


def _seconds(value: float | None) -> float | None:
    return value if value is not None and 0 <= value <= LONGEST_S else None
