"""What MLC-LLM's server is asked and says, and what it and apps write into a log. Pure.

Sources: mlc-llm cpp/serve/metrics.cc (``usage.extra``), its chat program's ``/stats`` in today's and in MELT's form,
MELT's apps (statistics as JSON with units), ExecuTorch's ``PyTorchObserver``. Nothing raises anything but ``Garbled``.
``inter_token_latency_s`` holds the prompt's time too, so it is never used.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.errors import Garbled
from drivers.events import TurnEnd
from drivers.foreign import Fields, count, fields, items, number, printable, read_fields, text
from drivers.model import RunSpec
from drivers.runs.turn import Figures
from drivers.runtimes.mlc.given import request_fields

SERVER: Final = "the MLC server"
LARGEST_RATE: Final = 1e7
LONGEST_S: Final = 1e7
NAMES_LIMIT: Final = 1000

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One event of a streamed answer."""

    text: str = ""
    end: TurnEnd | None = None
    figures: Figures | None = None
    exact: bool = False
    """Whether the figures hold the engine's own times."""
    done: bool = False
    error: str = ""


def chat_request(
    spec: RunSpec, model: str, messages: Sequence[Message], max_tokens: int
) -> dict[str, object]:
    """The body of ``POST /v1/chat/completions``."""
    return {"messages": list(messages), **_common(spec, model, max_tokens)}


def raw_request(spec: RunSpec, model: str, prompt: str | Sequence[int], max_tokens: int) -> dict[str, object]:
    """The body of ``POST /v1/completions``: text without a template, or token ids."""
    return {"prompt": prompt if isinstance(prompt, str) else list(prompt), **_common(spec, model, max_tokens)}


def _common(spec: RunSpec, model: str, max_tokens: int) -> dict[str, object]:
    return {
        "model": model,
        "max_tokens": max_tokens,
        "temperature": spec.sampling.temperature,
        "top_p": spec.sampling.top_p,
        "seed": spec.sampling.seed,
        **request_fields(spec.args),
        **_debug_config(spec),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _debug_config(spec: RunSpec) -> dict[str, object]:
    """Past the end of the text, where that is asked for; a server without debugging passes over it."""
    if spec.workload is None or not spec.workload.ignore_eos:
        return {}
    return {"debug_config": {"ignore_eos": True, **fields(request_fields(spec.args).get("debug_config"))}}


def read_chunk(line: str) -> Chunk | None:
    """One line of an event stream; None where it says nothing. Raises Garbled for what is none."""
    name, colon, value = line.partition(":")
    if not line.strip() or (colon and name in {"", "event", "id", "retry"}):
        return None
    if name != "data":
        raise Garbled(f"{SERVER} sent what is not a line of an event stream: {printable(line, 80)}")
    if value.strip() == "[DONE]":
        return Chunk(done=True)
    told = read_fields(value, SERVER)
    if "error" in told or text(told, "object") == "error":
        return Chunk(error=complaint(told))
    choices = items(told.get("choices"))
    choice = fields(choices[0]) if choices else {}
    reason = text(choice, "finish_reason")
    usage = fields(told.get("usage"))
    figures, exact = usage_figures(usage) if usage else (None, False)
    return Chunk(
        text=text(fields(choice.get("delta")), "content") or text(choice, "text"),
        end=(TurnEnd.LIMIT if reason == "length" else TurnEnd.EOS) if reason else None,
        figures=figures,
        exact=exact,
    )


def usage_figures(usage: Fields) -> tuple[Figures, bool]:
    """What a ``usage`` tells, and whether its ``extra`` told times: rates are turned back into times."""
    extra = fields(usage.get("extra"))
    prompt, output = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    new = count(extra, "prefill_tokens")
    new = prompt if new is None else new
    prompt_s = _time(new, _rate(extra, "prefill_tokens_per_s"))
    decode_s = _time(None if output is None else output - 1, _rate(extra, "decode_tokens_per_s"))
    figures = Figures(
        prompt_tokens=new,
        cached_tokens=max(0, prompt - new) if prompt is not None and new is not None and extra else None,
        output_tokens=output,
        prompt_s=prompt_s,
        decode_s=decode_s,
    )
    return figures, prompt_s is not None or decode_s is not None


def read_names(answer: str) -> tuple[str, ...]:
    """The models of a server: the answer to ``GET /v1/models``. Raises Garbled."""
    told = read_fields(answer, SERVER)
    if not isinstance(told.get("data"), list):
        raise Garbled(f"{SERVER} did not list its models: {printable(answer, 80)}")
    named = (text(fields(model), "id") for model in items(told["data"])[:NAMES_LIMIT])
    return tuple(name for name in named if name)


def complaint(told: Fields) -> str:
    """What the server says went wrong."""
    error = told.get("error")
    said = error if isinstance(error, str) else text(fields(error), "message") or text(told, "message")
    return printable(said) or "an error without a message"


def read_error(answer: str) -> str:
    """The message of an answer with an HTTP error."""
    try:
        return complaint(read_fields(answer, SERVER))
    except Garbled:
        return printable(answer, 80)


@dataclass(frozen=True, slots=True)
class Told:
    """Figures of one turn that a log told."""

    figures: Figures
    detail: str = ""
    ttft_s: float | None = None


_RATE = r"(?:(\d{1,7}(?:[.,]\d{1,6})?) tok/s|N/A)"
_STATS = re.compile(
    rf"(?:input_tokens: ?(\d{{1,9}}) tok, ?output_tokens: ?(\d{{1,9}}) tok, ?)?prefill: ?{_RATE}, ?decode: ?{_RATE}"
)


def read_stats(line: str) -> Told | None:
    """A line that tells a turn's figures, in any form; None for any other."""
    start = line.find("{")
    found = _STATS.search(line)
    if found:
        return _plain_stats(found)
    if start < 0:
        return None
    try:
        value: object = json.loads(line[start:])
    except (ValueError, RecursionError):
        return None
    told = fields(value)
    if "PyTorchObserver" in line[:start]:
        return _observer(told)
    if "completion_tokens" in told:
        return Told(usage_figures(told)[0])
    return _verbose(told) if "prefill" in told and "decode" in told else None


def _plain_stats(match: re.Match[str]) -> Told:
    prompt, decoded = (int(match[at]) if match[at] else None for at in (1, 2))
    rates = [float(match[at].replace(",", ".")) if match[at] else None for at in (3, 4)]
    return _from_rates(prompt, decoded, rates[0], rates[1])


def _verbose(told: Fields) -> Told:
    """MELT's statistics: texts with units."""
    prefill, decode = fields(told.get("prefill")), fields(told.get("decode"))
    return _from_rates(
        _whole(prefill), _whole(decode), _quantity(prefill, "throughput"), _quantity(decode, "throughput")
    )


def _from_rates(
    prompt: int | None, decoded: int | None, prefill_tps: float | None, decode_tps: float | None
) -> Told:
    """MELT's output tokens are those after the first."""
    told = [
        f"prefill {prefill_tps:g} tok/s" if prefill_tps is not None else "",
        f"decode {decode_tps:g} tok/s" if decode_tps is not None else "",
    ]
    figures = Figures(
        prompt_tokens=prompt,
        output_tokens=None if decoded is None else decoded + 1,
        prompt_s=_time(prompt, prefill_tps),
        decode_s=_time(decoded, decode_tps),
    )
    rates = ", ".join(filter(None, told)) or "no rates"
    counts = "" if decoded is not None else ", and no counts"
    return Told(figures, f"the app told {rates}{counts}")


def _observer(told: Fields) -> Told | None:
    """ExecuTorch's line: moments in a unit that it names, milliseconds as a rule."""
    unit = number(told, "SCALING_FACTOR_UNITS_PER_SECOND") or 1000.0
    moments = {
        name: number(told, f"{name}_ms")
        for name in ("inference_start", "prompt_eval_end", "first_token", "inference_end")
    }
    output = count(told, "generated_tokens")
    if output is None or unit <= 0:
        return None
    return Told(
        Figures(
            prompt_tokens=count(told, "prompt_tokens"),
            output_tokens=output,
            prompt_s=_between(moments["inference_start"], moments["prompt_eval_end"], unit),
            decode_s=_between(moments["first_token"], moments["inference_end"], unit),
        ),
        ttft_s=_between(moments["inference_start"], moments["first_token"], unit),
    )


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of Android's log."""

    pid: int
    level: str
    tag: str
    message: str
    thread: int


_LOGCAT = re.compile(
    r"\s*\d{1,12}\.\d{3,9}\s+(?:\S+\s+)??(\d{1,9})\s+(\d{1,9})\s+([VDIWEFS])\s+(.{0,200}?)\s*: (.*)"
)


def read_log(line: str) -> LogEntry | None:
    """A line of ``logcat -v epoch``; None for its separators and for any other."""
    match = _LOGCAT.fullmatch(line)
    if match is None:
        return None
    return LogEntry(int(match[1]), match[3], printable(match[4], 80), match[5], int(match[2]))


_APP = re.compile(r"[A-Za-z][\w.]{0,200}(/[\w.$]{1,200})?")


def is_app(name: str) -> bool:
    """Whether it is a package, or a package and an activity: ``ai.mlc.mlcchat/.MainActivity``."""
    return _APP.fullmatch(name) is not None


def _whole(owner: Fields) -> int | None:
    value = _quantity(owner, "total tokens")
    value = _quantity(owner, "total_tokens") if value is None else value
    return int(value) if value is not None and value.is_integer() else None


def _quantity(owner: Fields, key: str) -> float | None:
    """The number of a text like ``283.4 tok/s``."""
    match = re.match(r"\s*(\d{1,9}(?:[.,]\d{1,9})?)\b", text(owner, key))
    return float(match[1].replace(",", ".")) if match else None


def _rate(owner: Fields, key: str) -> float | None:
    value = number(owner, key)
    return value if value is not None and 0 < value <= LARGEST_RATE else None


def _time(tokens: int | None, rate: float | None) -> float | None:
    return tokens / rate if tokens is not None and tokens > 0 and rate else None


def _between(start: float | None, end: float | None, unit: float) -> float | None:
    if start is None or end is None or not 0 <= end - start <= LONGEST_S * unit:
        return None
    return (end - start) / unit
