"""Flags of the user's: which program runs, and what our own engine understands of llama-server's flags."""

import re
from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from drivers.errors import NotSupported
from drivers.foreign import printable
from drivers.model import RunSpec
from drivers.runs.args import flag_words, last_number

ENGINE_FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "--threads-batch": "threads for prompts",
        "--ubatch-size": "tokens of one compute batch",
        "--load-mode": "none, mmap or mlock",
        "--metrics": "on or off",
        "--verbosity": "0 to 5",
        "--warmup": "on or off",
    }
)
"""What our own engine takes beside model, threads, context and batch."""

MOST_THREADS: Final = 512
"""The engine's own limit, ggml's ``GGML_MAX_N_THREADS``."""

_NUMBERS: Final[Mapping[str, Container[int]]] = {
    "--threads-batch": range(1, MOST_THREADS + 1),
    "--ubatch-size": range(1, 1 << 31),
    "--verbosity": range(6),
}
_WORDS: Final[Mapping[str, Container[str]]] = {
    "--load-mode": ("none", "mmap", "mlock"),
    "--metrics": ("on", "off"),
    "--warmup": ("on", "off"),
}
_THREADS, _BATCH = ("-t", "--threads"), ("-b", "--batch-size")

_SHORT = {"-tb": "--threads-batch", "-ub": "--ubatch-size", "-lv": "--verbosity"}
_SWITCHES = {
    "--mmap": ("--load-mode", "mmap"),
    "--no-mmap": ("--load-mode", "none"),
    "--mlock": ("--load-mode", "mlock"),
    "--metrics": ("--metrics", "on"),
    "--warmup": ("--warmup", "on"),
    "--no-warmup": ("--warmup", "off"),
}


def engine_flags(args: Sequence[str]) -> dict[str, str]:
    """llama-server's flags as our own engine takes them. Raises NotSupported, naming the first that it does not take."""
    words = flag_words(args)
    found: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word in _SWITCHES:
            name, value = _SWITCHES[word]
        else:
            name, value = _SHORT.get(word, word), words.pop(0) if words else ""
        if name not in ENGINE_FLAGS or not _fits(name, value):
            raise _unknown(word)
        found[name] = value
    return found


def threads_in_force(args: Sequence[str], ours: int, *, program: bool) -> int | None:
    """Threads of a ``program`` whose flags may override ours; None when it was not told in a number."""
    return last_number(args, _THREADS, ours) if program else ours


def batch_in_force(args: Sequence[str], ours: int, *, program: bool) -> int | None:
    """The prompt batch of a ``program`` whose flags may override ours; None when it was not told in a number."""
    return last_number(args, _BATCH, ours) if program else ours


def engine_command(spec: RunSpec, python: str, model: str, threads: int) -> list[str]:
    """The command of our own engine's process."""
    named = {
        "--model": model,
        "--context": str(spec.context),
        "--batch": str(spec.batch),
        "--threads": str(threads),
        **engine_flags(spec.args),
    }
    module = "drivers.runtimes.llama_server.child"
    return [python, "-P", "-m", module, *(word for pair in named.items() for word in pair)]


def binary_command(spec: RunSpec, binary: str, model: str, threads: int) -> list[str]:
    """The command of a llama-server program: one slot, no mmap, a port of its own choice; the user's flags last."""
    return [
        binary,
        *("--model", model, "--host", "127.0.0.1", "--port", "0", "--parallel", "1", "--slots", "--no-mmap"),
        *("--ctx-size", str(spec.context), "--batch-size", str(spec.batch), "--threads", str(threads)),
        *flag_words(spec.args),
    ]


def _fits(name: str, value: str) -> bool:
    if name in _WORDS:
        return value in _WORDS[name]
    return re.fullmatch(r"\d{1,10}", value) is not None and int(value) in _NUMBERS[name]


def _unknown(word: str) -> NotSupported:
    return NotSupported(
        f"the engine for this computer does not take {printable(word, 80)!r} with that value",
        remedy=f"it takes {', '.join(ENGINE_FLAGS)}, --no-mmap, --mmap, --mlock; or name a program with binary=PATH",
    )
