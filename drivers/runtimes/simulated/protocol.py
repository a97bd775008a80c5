"""What the simulated engine is told and what it says: one JSON object a line, read into frozen words. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivers.errors import Garbled
from drivers.model import Prompt, RunSpec

PROGRAM = "sim-engine"
BYTES_PER_TOKEN = 4
"""Of text: the engine has no vocabulary, so prompts are counted by their length."""


@dataclass(frozen=True, slots=True)
class Loading:
    """Part of the weights is in memory."""

    done: float
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded; with the engine's own figures."""

    load_s: float
    build: str
    backend: str
    threads: int
    context: int
    batch: int
    model: str


@dataclass(frozen=True, slots=True)
class Prefill:
    """So much of the prompt has been evaluated."""

    turn: int
    processed: int
    total: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens came out: how many since the process began, and when the last one did, since the turn was asked for."""

    turn: int
    n: int
    ms: float
    text: str


@dataclass(frozen=True, slots=True)
class End:
    """The turn is over: ``limit``, ``eos`` or ``stopped``."""

    turn: int
    end: str
    output_tokens: int
    prompt_tokens: int
    cached_tokens: int
    prompt_ms: float | None = None
    decode_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Error:
    """The engine could not obey."""

    detail: str
    turn: int = 0


Message = Loading | Ready | Prefill | Tokens | End | Error

_MESSAGES: Mapping[str, type[Message]] = {
    "loading": Loading,
    "ready": Ready,
    "prefill": Prefill,
    "tokens": Tokens,
    "end": End,
    "error": Error,
}
_KINDS: Mapping[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    str: (str,),
    float | None: (int, float, type(None)),
}


def parse(line: str) -> Message:
    """Read one line. Raises Garbled for one that the engine cannot have said."""
    try:
        fields = json.loads(line)
        kind = _MESSAGES[fields.pop("event")]
        message = kind(**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Garbled(f"the simulated engine said {line[:80]!r}") from None
    if not all(_fits(getattr(message, name), wanted) for name, wanted in kind.__annotations__.items()):
        raise Garbled(f"the simulated engine said {line[:80]!r}")
    return message


def command_line(spec: RunSpec) -> list[str]:
    """How the engine is started for this run."""
    numbers = {
        "--weights": spec.model.size_bytes if spec.model else 0,
        "--context": spec.context,
        "--batch": spec.batch,
        "--seed": spec.sampling.seed,
        "--threads": spec.threads,
    }
    known = ((flag, str(value)) for flag, value in numbers.items() if value is not None)
    return [PROGRAM, *(word for pair in known for word in pair), *spec.args]


def turn_command(turn: int, prompt_tokens: int, max_tokens: int, *, fresh: bool, ignore_eos: bool) -> bytes:
    """Ask for one turn; ``fresh`` empties the context before it."""
    return _command(
        cmd="turn",
        turn=turn,
        prompt_tokens=prompt_tokens,
        max_tokens=max_tokens,
        fresh=fresh,
        ignore_eos=ignore_eos,
    )


STOP = b'{"cmd": "stop"}\n'
QUIT = b'{"cmd": "quit"}\n'


def prompt_tokens(prompt: Prompt) -> int:
    """Exact where the prompt is made of tokens, by length where it is text; at least one."""
    return max(1, len(prompt.tokens) or -(-len(prompt.text.encode()) // BYTES_PER_TOKEN))


def _command(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def _fits(value: object, wanted: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, _KINDS[wanted]):
        return False
    return not isinstance(value, int | float) or 0 <= value < 1e15
