"""Ollama's HTTP: what is asked, and what its lines say. Source: ollama docs/api.md and api/types.go.

Nothing in here raises anything but ``Garbled``, whatever a server sends. What it does not say is None.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drivers.errors import Garbled
from drivers.events import TurnEnd
from drivers.foreign import Fields, count, fields, items, printable, read_fields, text
from drivers.model import RunSpec
from drivers.runtimes.ollama.given import given_options, lets_go

SERVER = "the Ollama server"
LONGEST_NS = 10**16
"""Some months: a longer time is nonsense."""
NAMES_LIMIT = 1000

Message = Mapping[str, str]
"""``{"role": …, "content": …}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One line of a streamed answer."""

    text: str = ""
    """All that was written, what the model thinks aloud included."""
    reply: str = ""
    """Of it what belongs to the answer."""
    created_ns: int | None = None
    """The server's wall clock."""
    done: bool = False
    end: TurnEnd | None = None
    load_ns: int | None = None
    prompt_tokens: int | None = None
    prompt_ns: int | None = None
    output_tokens: int | None = None
    decode_ns: int | None = None
    error: str = ""


def options(spec: RunSpec, max_tokens: int) -> dict[str, object]:
    """The ``options`` of a request: the same in every one of a run, since another context makes it load anew.

    What a person gave by its name stands above what the run says.
    """
    found: dict[str, object] = {
        "num_ctx": spec.context,
        "num_batch": spec.batch,
        "num_predict": max_tokens,
        "temperature": spec.sampling.temperature,
        "top_k": spec.sampling.top_k,
        "top_p": spec.sampling.top_p,
        "seed": spec.sampling.seed,
    }
    threads = {} if spec.threads is None else {"num_thread": spec.threads}
    return {**found, **threads, **given_options(spec.args)}


def load_request(
    model: str, settings: Mapping[str, object], fields: Mapping[str, object]
) -> dict[str, object]:
    """``POST /api/generate`` without a prompt: load the model and answer when it is there. Of the ``fields`` of later
    requests only how long it is to stay; not at all would be no loading."""
    stay = {} if lets_go(fields) else {name: fields[name] for name in ("keep_alive",) if name in fields}
    return {**stay, "model": model, "stream": False, "options": dict(settings)}


def unload_request(model: str) -> dict[str, object]:
    """``POST /api/generate`` that lets go of the model at once: what was cached of earlier prompts is forgotten."""
    return {"model": model, "stream": False, "keep_alive": 0}


def chat_request(
    model: str, messages: Sequence[Message], settings: Mapping[str, object], fields: Mapping[str, object]
) -> dict[str, object]:
    """The body of ``POST /api/chat``; ``fields``: what a person wants in it."""
    return {
        **fields,
        "model": model,
        "messages": list(messages),
        "stream": True,
        "options": dict(settings),
    }


def raw_request(
    model: str, prompt: str, settings: Mapping[str, object], fields: Mapping[str, object]
) -> dict[str, object]:
    """The body of ``POST /api/generate`` for text that no template is to wrap."""
    return {
        **fields,
        "model": model,
        "prompt": prompt,
        "raw": True,
        "stream": True,
        "options": dict(settings),
    }


def read_piece(line: str) -> Piece | None:
    """One line of a streamed answer; None for a blank one. Raises Garbled for what is not JSON."""
    if not line.strip():
        return None
    told = read_fields(line, SERVER)
    if "error" in told:
        return Piece(error=complaint(told))
    message = fields(told.get("message"))
    reply = text(told, "response") or text(message, "content")
    done = told.get("done") is True
    return Piece(
        text=(text(told, "thinking") or text(message, "thinking")) + reply,
        reply=reply,
        created_ns=read_time(text(told, "created_at")),
        done=done,
        end=_end(text(told, "done_reason")) if done else None,
        load_ns=_nanoseconds(told, "load_duration"),
        prompt_tokens=count(told, "prompt_eval_count"),
        prompt_ns=_nanoseconds(told, "prompt_eval_duration"),
        output_tokens=count(told, "eval_count"),
        decode_ns=_nanoseconds(told, "eval_duration"),
    )


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d{0,9})?(?:Z|([+-])(\d\d):(\d\d))"
)


def read_time(stamp: str) -> int | None:
    """A time of RFC 3339 in ns since the epoch, to the last digit; None for what is not one."""
    match = _TIME.fullmatch(stamp)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[at]) for at in range(1, 7))
    try:
        seconds = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        return None
    offset_s = 3600 * int(match[9] or 0) + 60 * int(match[10] or 0)
    seconds += -offset_s if match[8] == "+" else offset_s
    return seconds * 10**9 + int((match[7] or "").ljust(9, "0"))


def read_names(answer: str) -> tuple[str, ...]:
    """The names of the models that the server has: the answer to ``GET /api/tags``. Raises Garbled."""
    told = read_fields(answer, SERVER)
    if not isinstance(told.get("models"), list):
        raise Garbled(f"{SERVER} did not list its models: {printable(answer, 80)}")
    named = (text(fields(model), "name") for model in items(told["models"])[:NAMES_LIMIT])
    return tuple(printable(name, 120) for name in named if name)


def read_version(answer: str) -> str:
    """The answer to ``GET /api/version``; empty where it tells none."""
    try:
        return printable(text(read_fields(answer, SERVER), "version"), 40)
    except Garbled:
        return ""


def read_processor(answer: str, model: str) -> str:
    """How much of a loaded model lies in graphics memory, by ``GET /api/ps``: ``gpu``, ``cpu``, ``41 % gpu`` or empty."""
    entry = _running(answer, model)
    whole, graphics = count(entry, "size"), count(entry, "size_vram")
    if not whole or graphics is None:
        return ""
    share = min(1.0, graphics / whole)
    return {0.0: "cpu", 1.0: "gpu"}.get(share, f"{share:.0%} gpu".replace("%", " %"))


def read_context(answer: str, model: str) -> int | None:
    """The context that a loaded model was given, by ``GET /api/ps``; None where the server does not tell it.

    It may be less than was asked for: what a model was not trained with it is not given.
    """
    return count(_running(answer, model), "context_length") or None


def _running(answer: str, model: str) -> Fields:
    try:
        loaded = items(read_fields(answer, SERVER).get("models"))
    except Garbled:
        return {}
    return next((one for one in map(fields, loaded) if same_name(text(one, "name"), model)), {})


def same_name(one: str, other: str) -> bool:
    """Whether two names mean the same model: without a tag it is ``latest``."""
    return _tagged(one) == _tagged(other)


def complaint(told: Fields) -> str:
    """What the server says went wrong."""
    error = told.get("error")
    said = error if isinstance(error, str) else text(fields(error), "message")
    return printable(said) or "an error without a message"


def read_error(answer: str) -> str:
    """The message of an answer with an HTTP error."""
    try:
        return complaint(read_fields(answer, SERVER))
    except Garbled:
        return printable(answer, 80)


def _tagged(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _nanoseconds(owner: Fields, key: str) -> int | None:
    value = count(owner, key)
    return value if value is not None and value <= LONGEST_NS else None


def _end(reason: str) -> TurnEnd:
    return TurnEnd.LIMIT if reason == "length" else TurnEnd.EOS
