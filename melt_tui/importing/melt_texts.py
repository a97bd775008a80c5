"""The small files of a MELT run: prompts, stages, timings, records, thermal states. Pure: text in, rows out.

Rows that cannot be read are left out and counted; times are ns since the epoch.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from drivers.clock import SECOND
from drivers.errors import Garbled
from drivers.foreign import Fields, fields, items, number, read_json, text
from melt_tui.errors import BadImport

EPOCH_NS = (946_684_800 * SECOND, 4_102_444_800 * SECOND)
"""Times before 2000 or after 2099 are of a clock that was not set."""


@dataclass(slots=True)
class Count:
    """Rows that could not be read, by file."""

    lost: dict[str, int] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """One more."""
        self.lost[name] = self.lost.get(name, 0) + 1

    @property
    def notes(self) -> list[str]:
        """In words."""
        return [f"{name}: {n} row{'s' * (n > 1)} could not be read" for name, n in self.lost.items()]


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A row of the table that the CLI scripts write."""

    start_ns: int
    duration_ns: int
    text: str
    """``load_model``, or the prompt."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A pair of events."""

    name: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What llama.cpp timed of a turn. ``n_eval``: evaluations, one fewer than tokens that were written."""

    load_s: float | None = None
    prompt_s: float | None = None
    decode_s: float | None = None
    n_prompt: int | None = None
    n_eval: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A record of an app."""

    start_ns: int
    duration_ns: int | None
    input: str
    output: str
    session_tokens: int | None
    input_tokens: int | None
    output_tokens: int | None
    prompt_s: float | None = None
    decode_s: float | None = None
    prefill_tokens: int | None = None
    decode_tokens: int | None = None
    stats: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation of an app's record."""

    model: str
    load_start_ns: int | None
    load_ns: int | None
    questions: tuple[Question, ...]


def epoch_ns(value: object) -> int | None:
    """Seconds since the epoch, or an ISO 8601 text, as ns; None for what is no such time."""
    if isinstance(value, str):
        try:
            seconds = float(value)
        except ValueError:
            return _iso_ns(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        return None
    return sane(round(seconds * 1e6) * 1000) if math.isfinite(seconds) and abs(seconds) < 1e11 else None


def sane(t_ns: int) -> int | None:
    """A time of a clock that was set."""
    return t_ns if EPOCH_NS[0] <= t_ns <= EPOCH_NS[1] else None


def prompt_rows(content: str, name: str, count: Count) -> list[PromptRow]:
    """``start_date,duration,state``; quotes within a prompt are not escaped there, so that only the first two commas part."""
    rows = []
    for line in content.splitlines()[1:]:
        parts = line.split(",", 2)
        start_ns = epoch_ns(parts[0])
        duration_s = _float(parts[1]) if len(parts) == 3 else None
        if start_ns is None or duration_s is None or not 0 <= duration_s < 1e6:
            count.add(name) if line.strip() else None
            continue
        state = parts[2].strip().removeprefix('"').removesuffix('"').replace("\\n", "\n")
        rows.append(PromptRow(start_ns, round(duration_s * SECOND), state))
    return rows


def stages(content: str, name: str, count: Count) -> dict[str, Stage]:
    """``event value`` or ``event,value``, unordered: pairs of ``.start`` and ``.end``, by the name without these."""
    moments: dict[str, int] = {}
    for line in content.splitlines():
        event, _, value = line.strip().replace(",", " ").rpartition(" ")
        t_ns = sane(int(value)) if value.isascii() and value.isdigit() and len(value) < 20 else None
        if t_ns is not None and event:
            moments[event.strip()] = t_ns
        elif line.strip():
            count.add(name)
    starts = {key.removesuffix(".start"): t_ns for key, t_ns in moments.items() if key.endswith(".start")}
    found = {key: (t_ns, moments.get(f"{key}.end")) for key, t_ns in starts.items()}
    return {
        key: Stage(key, a_ns, b_ns)
        for key, (a_ns, b_ns) in found.items()
        if b_ns is not None and b_ns >= a_ns
    }


_TIMING = re.compile(
    r"llama_(?:print_timings|perf_context_print):\s*(load|prompt eval|eval) time =\s*([\d.]+|nan|inf) ms"
    r"(?:\s*/\s*(\d+) (?:runs|tokens))?"
)


def timing_blocks(lines: Sequence[str]) -> list[Timing]:
    """Every block of timings that llama.cpp printed, of either prefix."""
    blocks: list[dict[str, tuple[float | None, int | None]]] = []
    for line in lines:
        found = _TIMING.search(line)
        if found is None:
            continue
        if found[1] == "load" or not blocks:
            blocks.append({})
        blocks[-1][found[1]] = (_float(found[2]), int(found[3]) if found[3] else None)
    return [_block(block) for block in blocks]


def _block(told: Mapping[str, tuple[float | None, int | None]]) -> Timing:
    def seconds(name: str) -> float | None:
        milliseconds = told.get(name, (None, None))[0]
        return None if milliseconds is None else milliseconds / 1000

    return Timing(
        load_s=seconds("load"),
        prompt_s=seconds("prompt eval"),
        decode_s=seconds("eval"),
        n_prompt=told.get("prompt eval", (None, None))[1],
        n_eval=told.get("eval", (None, None))[1],
    )


def timing_rows(content: str, name: str, count: Count) -> list[Timing]:
    """The table of LLMFarmEval, a row for each prompt."""
    found = []
    for row in table(content):
        values = {key: _float(value) for key, value in row.items()}
        if values.get("t_eval_ms") is None or values.get("n_eval") is None:
            count.add(name)
            found.append(Timing())
            continue
        found.append(
            Timing(
                load_s=_ms(values.get("t_load_ms")),
                prompt_s=_ms(values.get("t_p_eval_ms")),
                decode_s=_ms(values["t_eval_ms"]),
                n_prompt=_whole(values.get("n_p_eval")),
                n_eval=_whole(values["n_eval"]),
            )
        )
    return found


def conversations(content: str, name: str, count: Count) -> list[Conversation]:
    """The record of an app's run. Raises BadImport for what is no such JSON."""
    return [_conversation(fields(each), name, count) for each in _array(content, name)]


def _array(content: str, name: str) -> list[object]:
    try:
        told = read_json(content, name)
    except Garbled:
        raise BadImport(f"{name} was cut off, or is no JSON", "copy it again, or leave it out") from None
    if not isinstance(told, list):
        raise BadImport(f"{name} holds no list", "is it the file that was meant?")
    return told


def _conversation(told: Fields, name: str, count: Count) -> Conversation:
    load = fields(told.get("modelLoadTime"))
    questions = []
    for record in items(told.get("questionRecords", told.get("chatRecords"))):
        question = _question(fields(record))
        if question is None:
            count.add(name)
        else:
            questions.append(question)
    load_s = number(load, "duration")
    return Conversation(
        model=text(told, "modelName"),
        load_start_ns=epoch_ns(load.get("start")),
        load_ns=None if load_s is None or load_s < 0 else round(load_s * SECOND),
        questions=tuple(questions),
    )


def _question(told: Fields) -> Question | None:
    time = fields(told.get("time"))
    start_ns, duration_s = epoch_ns(time.get("start")), number(time, "duration")
    if start_ns is None:
        return None
    prefill, decode, stats = mlc_stats(text(told, "runtimeStats"))
    return Question(
        start_ns=start_ns,
        duration_ns=None if duration_s is None or duration_s < 0 else round(duration_s * SECOND),
        input=text(told, "input"),
        output=text(told, "output"),
        session_tokens=_whole(number(told, "original_session_tokens")),
        input_tokens=_whole(number(told, "input_tokens")),
        output_tokens=_whole(number(told, "output_tokens")),
        prompt_s=prefill.get("time"),
        decode_s=decode.get("time"),
        prefill_tokens=_whole(prefill.get("tokens")),
        decode_tokens=_whole(decode.get("tokens")),
        stats=stats,
    )


Phase = Mapping[str, float]


def mlc_stats(content: str) -> tuple[Phase, Phase, tuple[tuple[str, str], ...]]:
    """What MLC tells of a turn: prefill and decode, each tokens, time and rate as far as told; and all of it as it stood."""
    try:
        told = fields(json.loads(content, parse_constant=lambda _: None)) if content.strip() else {}
    except (ValueError, RecursionError):
        told = {}
    phases = [_phase(fields(told.get(name))) for name in ("prefill", "decode")]
    stated = tuple(
        (f"{phase} {key}", str(value)[:40])
        for phase in ("prefill", "decode")
        for key, value in fields(told.get(phase)).items()
    )
    return phases[0], phases[1], stated


def _phase(told: Fields) -> Phase:
    """A time of one decimal is worth less than the rate: it follows from that where both are told."""
    spelt = {str(key).replace("_", " "): value for key, value in told.items()}
    named = {"tokens": "total tokens", "time": "total time", "rate": "throughput"}
    found = {name: _leading(spelt.get(key)) for name, key in named.items()}
    known = {name: value for name, value in found.items() if value is not None and value >= 0.0}
    if known.get("rate") and known.get("tokens"):
        known["time"] = known["tokens"] / known["rate"]
    return known


def thermal_states(content: str, name: str, count: Count) -> list[tuple[int, str]]:
    """Moments and states. Raises BadImport for what is no such JSON."""
    found = []
    for each in map(fields, _array(content, name)):
        t_ns, state = epoch_ns(each.get("timestamp")), text(each, "state")
        if t_ns is None or not state:
            count.add(name)
        else:
            found.append((t_ns, state[:40]))
    return sorted(found)


def table(content: str) -> Iterator[Mapping[str, str]]:
    """Rows of a table with a head, as they stand; to the first that is no row."""
    rows = csv.DictReader(io.StringIO(content))
    with suppress(csv.Error):
        for row in rows:
            yield {
                key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)
            }


def _iso_ns(value: str) -> int | None:
    try:
        told = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return sane(round(told.timestamp() * 1000) * 1_000_000) if told.tzinfo else None


def _leading(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return _float(value.split()[0]) if isinstance(value, str) and value.split() else None


def _float(value: object) -> float | None:
    try:
        found = float(str(value).strip())
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and 0 <= value < 1e9 else None


def _ms(value: float | None) -> float | None:
    return None if value is None else value / 1000
