"""llama-server's HTTP: what is asked, and what its answers say. Verified with xllamacpp b11549.

Nothing in here raises anything but ``Garbled``, whatever a server sends. What it does not say is None.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.errors import Garbled
from drivers.events import TurnEnd
from drivers.foreign import Fields, count, fields, items, number, printable, read_fields, read_json, text
from drivers.model import Sampling

SERVER = "the server"
LONGEST_MS = 1e10
"""Some months: a longer time is nonsense."""

Message = Mapping[str, str]
"""``{"role": …, "content": …}``."""
PromptPart = str | int
"""Text, or one token id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request asks beside its prompt."""

    max_tokens: int
    ignore_eos: bool
    sampling: Sampling
    reuse: bool
    """Keep what of the context is the same as in the last request."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Counts and times of one answer so far, in the engine's own clock. ``predicted_ms`` counts from the first token."""

    prompt_n: int | None
    cache_n: int | None
    prompt_ms: float | None
    predicted_n: int | None
    predicted_ms: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Tokens of a prompt that are evaluated, the cached ones included."""

    total: int
    cached: int
    processed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One event of a streamed answer."""

    text: str = ""
    """All that was written, what the model thinks aloud included."""
    reply: str = ""
    """Of it what belongs to the answer."""
    output_tokens: int | None = None
    timings: Timings | None = None
    progress: Progress | None = None
    end: TurnEnd | None = None
    done: bool = False
    """The last event: nothing may follow."""
    truncated: bool = False
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """What one slot of a server does now."""

    slot: int
    busy: bool
    task: int | None
    prompt_tokens: int | None
    """New ones of its prompt that are evaluated."""
    cached_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Props:
    """What a server says of itself."""

    model: str
    build: str
    context: int | None
    slots: int | None


def chat_request(messages: Sequence[Message], limits: Limits) -> dict[str, object]:
    """The body of ``POST /v1/chat/completions``."""
    return {
        "messages": list(messages),
        "max_tokens": limits.max_tokens,
        "stream_options": {"include_usage": True},
        **_common(limits),
    }


def completion_request(prompt: Sequence[PromptPart], limits: Limits) -> dict[str, object]:
    """The body of ``POST /completion``: text parts are joined, token ids are sent exactly."""
    parts: list[PromptPart] = []
    for part in prompt:
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    whole = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else parts
    return {"prompt": whole, "n_predict": limits.max_tokens, **_common(limits)}


def _common(limits: Limits) -> dict[str, object]:
    return {
        "stream": True,
        "timings_per_token": True,
        "return_progress": True,
        "cache_prompt": limits.reuse,
        "ignore_eos": limits.ignore_eos,
        "temperature": limits.sampling.temperature,
        "top_k": limits.sampling.top_k,
        "top_p": limits.sampling.top_p,
        "seed": limits.sampling.seed,
    }


def read_chunk(line: str) -> Chunk | None:
    """One line of a streamed answer, of ``/completion`` or of ``/v1/chat/completions``; None where it says nothing.

    Raises Garbled for what is not a line of an event stream of JSON.
    """
    name, colon, value = line.partition(":")
    value = value.removeprefix(" ")
    if not line.strip() or (colon and name in {"", "event", "id", "retry"}):
        return None
    if name == "data" and value.strip() == "[DONE]":
        return Chunk(done=True)
    if name == "error":
        return Chunk(error=_complaint(read_fields(value, SERVER)))
    if name != "data":
        raise Garbled(f"{SERVER} sent what is not a line of an event stream: {printable(line, 80)}")
    event = read_fields(value, SERVER)
    if "error" in event:
        return Chunk(error=_complaint(event))
    return _chat_chunk(event) if "choices" in event else _completion_chunk(event)


def _completion_chunk(event: Fields) -> Chunk:
    timings = _timings(event)
    written = text(event, "content")
    stop = event.get("stop") is True
    told = timings.predicted_n if timings else None
    return Chunk(
        text=written,
        reply=written,
        output_tokens=told if told is not None else count(event, "tokens_predicted"),
        timings=timings,
        progress=_progress(event),
        end=_end(text(event, "stop_type")) if stop else None,
        done=stop,
        truncated=event.get("truncated") is True,
    )


def _chat_chunk(event: Fields) -> Chunk:
    timings = _timings(event)
    choices = items(event.get("choices"))
    choice = fields(choices[0]) if choices else {}
    delta = fields(choice.get("delta"))
    reply = text(delta, "content")
    usage = fields(event.get("usage"))
    reason = text(choice, "finish_reason")
    told = timings.predicted_n if timings else None
    return Chunk(
        text=text(delta, "reasoning_content") + reply,
        reply=reply,
        output_tokens=told if told is not None else count(usage, "completion_tokens"),
        timings=timings,
        progress=_progress(event),
        end=_end(reason) if reason else None,
        prompt_tokens=count(usage, "prompt_tokens"),
        cached_tokens=count(fields(usage.get("prompt_tokens_details")), "cached_tokens"),
    )


def _timings(event: Fields) -> Timings | None:
    told = fields(event.get("timings"))
    if not told:
        return None
    return Timings(
        prompt_n=count(told, "prompt_n"),
        cache_n=count(told, "cache_n"),
        prompt_ms=_milliseconds(told, "prompt_ms"),
        predicted_n=count(told, "predicted_n"),
        predicted_ms=_milliseconds(told, "predicted_ms"),
    )


def _progress(event: Fields) -> Progress | None:
    told = fields(event.get("prompt_progress"))
    total, processed = count(told, "total"), count(told, "processed")
    if total is None or processed is None:
        return None
    return Progress(total, count(told, "cache") or 0, processed)


def _milliseconds(owner: Fields, key: str) -> float | None:
    value = number(owner, key)
    return value if value is not None and 0 <= value <= LONGEST_MS else None


def _end(reason: str) -> TurnEnd:
    return TurnEnd.LIMIT if reason in {"limit", "length"} else TurnEnd.EOS


def read_slots(answer: str) -> tuple[Slot, ...]:
    """The answer to ``GET /slots``. Raises Garbled."""
    value = read_json(answer, SERVER)
    if not isinstance(value, list):
        raise Garbled(f"{SERVER} did not list its slots: {printable(answer, 80)}")
    return tuple(_slot(position, fields(slot)) for position, slot in enumerate(value))


def _slot(position: int, slot: Fields) -> Slot:
    number_of = count(slot, "id")
    told = slot.get("next_token")
    following = fields(told[0]) if isinstance(told, list) and told else fields(told)
    return Slot(
        slot=position if number_of is None else number_of,
        busy=slot.get("is_processing") is True,
        task=count(slot, "id_task"),
        prompt_tokens=count(slot, "n_prompt_tokens_processed"),
        cached_tokens=count(slot, "n_prompt_tokens_cache"),
        output_tokens=count(following, "n_decoded"),
    )


def read_props(answer: str) -> Props:
    """The answer to ``GET /props``. Raises Garbled when it is none of llama-server's."""
    told = read_fields(answer, SERVER)
    settings = fields(told.get("default_generation_settings"))
    if "default_generation_settings" not in told and "model_path" not in told:
        raise Garbled(f"{SERVER} does not answer as llama-server does")
    return Props(
        model=printable(text(told, "model_alias") or text(told, "model_path")),
        build=printable(text(told, "build_info"), 80),
        context=count(settings, "n_ctx"),
        slots=count(told, "total_slots"),
    )


def read_error(answer: str) -> tuple[str, str]:
    """``(type, message)`` of an answer with an HTTP error; both may be empty."""
    try:
        told = read_fields(answer, SERVER)
    except Garbled:
        return "", ""
    return text(fields(told.get("error")), "type")[:80], _complaint(told)


def _complaint(told: Fields) -> str:
    error = told.get("error")
    message = error if isinstance(error, str) else text(fields(error), "message") or text(told, "message")
    return printable(message) or "an error without a message"


_LISTENING = re.compile(r"listening on \S*:(\d{1,5})\b|listening.*port: (\d{1,5})\b")


def read_listening(line: str) -> int | None:
    """The port, from the line with which a llama-server binary says where it listens."""
    match = _LISTENING.search(line) if "listening" in line else None
    port = int(match[1] or match[2]) if match else 0
    return port if 0 < port < 65536 else None


def read_bytes_read(proc_io: str) -> int | None:
    """``rchar`` of a ``/proc/PID/io``: what a process has read so far, in bytes."""
    match = re.search(r"^rchar: (\d{1,18})$", proc_io, re.MULTILINE)
    return int(match[1]) if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What our own child says once its server answers."""

    port: int
    load_s: float | None
    build: str
    backend: str
    ignored: str
    """Parameters that this build does not know and that can be left out."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What our own child says when it cannot start: the name of our error, its sentence and its remedy."""

    kind: str
    sentence: str
    remedy: str


MARK = '{"melt": '
"""With this begin the lines of our own child that are meant for us."""


def ready_line(*, port: int, load_s: float, build: str, backend: str, ignored: str) -> str:
    """Say that the server answers on 127.0.0.1."""
    told = {"port": port, "load_s": load_s, "build": build, "backend": backend, "ignored": ignored}
    return json.dumps({"melt": "ready", **told})


def failed_line(kind: str, sentence: str, remedy: str) -> str:
    """Say why it cannot start."""
    return json.dumps({"melt": "failed", "kind": kind, "sentence": sentence, "remedy": remedy})


def read_child(line: str) -> Ready | Failed | None:
    """A line of our own child; None when it is not meant for us. Raises Garbled."""
    if not line.startswith(MARK):
        return None
    told = read_fields(line, "the engine's process")
    if told["melt"] == "failed":
        return Failed(text(told, "kind"), printable(text(told, "sentence")), printable(text(told, "remedy")))
    port = count(told, "port")
    if told["melt"] != "ready" or port is None or not 0 < port < 65536:
        raise Garbled(f"the engine's process said what nobody understands: {printable(line, 80)}")
    return Ready(
        port=port,
        load_s=number(told, "load_s"),
        build=printable(text(told, "build"), 80),
        backend=printable(text(told, "backend"), 80),
        ignored=printable(text(told, "ignored")),
    )
