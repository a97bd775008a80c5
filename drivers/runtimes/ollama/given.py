"""What a person hands to Ollama: options of the model, ``--runtime-arg num_gpu=20``, and fields of a request. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from drivers.runs.args import json_value

NAMES_OF_OURS: Final = ("model",)
OF_THE_WORKLOAD: Final = "num_predict"

FIELDS: Final = frozenset(("format", "keep_alive", "logprobs", "shift", "think", "top_logprobs", "truncate"))
"""Those beside ``options`` that both ways of asking have, and that melt does not say itself: docs/api.md, api/types.go."""

KNOWN: Final = frozenset({
    "num_keep", "seed", "num_predict", "top_k", "top_p", "min_p", "tfs_z", "typical_p",
    "repeat_last_n", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty",
    "mirostat", "mirostat_tau", "mirostat_eta", "penalize_newline", "stop", "numa", "num_ctx",
    "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv", "logits_all", "vocab_only",
    "use_mmap", "use_mlock", "num_thread",
})  # fmt: skip
"""Options that some version has: api/types.go, docs/modelfile.md."""

_GIVEN = re.compile(r"([a-z][a-z0-9_]{0,40})=(.*)", re.DOTALL)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_FRACTION = re.compile(r"-?[0-9]{0,18}\.?[0-9]{1,18}(?:[eE][+-]?[0-9]{1,2})?")
_NO_TIME = re.compile(r"[-+]?(?:0+(?:\.0*)?(?:ns|us|µs|ms|s|m|h)?)+")
_SWITCH: Final = {"true": True, "false": False}


def given_options(args: Sequence[str]) -> dict[str, object]:
    """Every ``name=value`` but those of ours and of the request, with the type that the value looks like; the last of a name counts."""
    found: dict[str, object] = {}
    for arg in args:
        match = _GIVEN.fullmatch(arg)
        if match and match[1] not in {*NAMES_OF_OURS, *FIELDS}:
            found[match[1]] = [match[2]] if match[1] == "stop" else typed(match[2])
    return found


def request_fields(args: Sequence[str]) -> dict[str, object]:
    """Fields of a request that were given, as JSON has them; the last of a name counts."""
    matches = map(_GIVEN.fullmatch, args)
    return {match[1]: json_value(match[2]) for match in matches if match and match[1] in FIELDS}


def lets_go(fields: Mapping[str, object]) -> bool:
    """Whether by these fields the server forgets the model after each turn, and loads it again for the next."""
    return _NO_TIME.fullmatch(str(fields.get("keep_alive"))) is not None


def strangers(args: Sequence[str]) -> list[str]:
    """Those that are no option: flags, words, and what the workload says."""
    return [arg for arg in args if not _GIVEN.fullmatch(arg) or arg.startswith(f"{OF_THE_WORKLOAD}=")]


def unknown_options(args: Sequence[str]) -> list[str]:
    """Names that no version is known to have: of such a one a server says nothing but in its log."""
    return [name for name in given_options(args) if name not in KNOWN]


def typed(value: str) -> int | float | bool | str:
    """A whole number, a number, true or false, else the text itself."""
    if _WHOLE.fullmatch(value):
        return int(value)
    return float(value) if _FRACTION.fullmatch(value) else _SWITCH.get(value, value)


def whole(settings: Mapping[str, object], name: str) -> int | None:
    """An option that is a whole number; None where it is not given, or is none."""
    value = settings.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
