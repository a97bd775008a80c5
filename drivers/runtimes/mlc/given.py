"""What a person hands to MLC: words for us, fields of a request, and words of ``mlc_llm serve``. Pure.

Sources: mlc-llm python/mlc_llm/protocol/openai_api_protocol.py (a field that it does not know is dropped without a word,
so none but these is sent) and python/mlc_llm/cli/serve.py.
"""

import re
from collections.abc import Sequence
from typing import Final

from drivers.runs.args import json_value, option

OURS: Final = ("app", "binary", "model", "port", "serve")
TEXTS: Final = frozenset({"stop"})
FIELDS: Final = TEXTS | {
    "temperature",
    "top_p",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "response_format",
    "debug_config",
}
DEBUG: Final = "--enable-debug"
"""Without it the server tells no times of its own, and passes over ``debug_config``."""
PROGRAM: Final = "mlc_llm"

_OF_OURS = re.compile(r"--(?:host|port)(?:[=\s]|$)")


def request_fields(args: Sequence[str]) -> dict[str, object]:
    """Fields of a request that were given, as JSON has them; the last of a name counts."""
    given = (arg.partition("=") for arg in args)
    return {name: _value(name, value) for name, equals, value in given if equals and name in FIELDS}


def serve_words(args: Sequence[str]) -> list[str]:
    """All that is neither ours nor of a request, in order, flags and their values apart."""
    words: list[str] = []
    for arg in args:
        name, equals, _ = arg.partition("=")
        if not (equals and name in {*OURS, *FIELDS}):
            words += re.split(r"[=\s]+", arg, maxsplit=1) if arg.startswith("-") else [arg]
    return words


def serve_command(args: Sequence[str]) -> list[str]:
    """How the server is started: on a free port of its own, telling its times."""
    port = option(args, "port") or "0"
    ours = ["--host", "127.0.0.1", "--port", port, DEBUG]
    return [option(args, "binary") or PROGRAM, "serve", option(args, "serve"), *ours, *serve_words(args)]


def misplaced(args: Sequence[str]) -> str:
    """The first word that melt says itself where it starts a server; empty when there is none."""
    return next((arg for arg in args if _OF_OURS.match(arg)), "")


def _value(name: str, value: str) -> object:
    return value if name in TEXTS and not value.startswith("[") else json_value(value)
