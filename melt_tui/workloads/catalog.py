"""From what the user asked for to a ``Workload``."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from drivers.model import Prompt, Workload
from melt_tui.errors import WorkloadError
from melt_tui.format import plain
from melt_tui.workloads import chat, file, fixed

CHAT: Final = "chat"
SUSTAINED: Final = "sustained"
_BENCHMARK_REPEATS: Final = 5
"""llama-bench's number of repetitions; like it, one warm-up turn comes first."""
_KNOWN: Final = "known are chat, sustained, ppN, tgM, ppN/tgM and the path of a JSON file"


class WorkloadChoice(NamedTuple):
    """A workload that can be chosen by name."""

    value: str
    title: str
    remark: str


def choices() -> Sequence[WorkloadChoice]:
    """What can be chosen by name; other counts and a path may be typed as well."""
    prompts = sum(map(len, chat.CONVERSATIONS))
    return (
        WorkloadChoice(CHAT, "chat", f"{len(chat.CONVERSATIONS)} conversations, {prompts} prompts"),
        WorkloadChoice(SUSTAINED, "sustained", "the same turn again and again, context reset"),
        WorkloadChoice("pp512/tg128", "pp512/tg128", "512 prompt tokens, 128 generated, five times"),
        WorkloadChoice("pp512", "pp512", "prompt processing alone"),
        WorkloadChoice("tg128", "tg128", "generation alone"),
    )


def build(
    workload: str,
    *,
    vocabulary: int | None = None,
    turns: int | None = None,
    seconds: float | None = None,
    max_tokens: int | None = None,
    repeat: int | None = None,
    warmup: int | None = None,
    pause_s: float = 0.0,
    ignore_eos: bool = False,
) -> Workload:
    """The workload of this name or file with these options, None taking the workload's own default.

    ``vocabulary`` of the model bounds token ids. With ``turns`` or ``seconds`` and no ``repeat``, prompts are repeated
    as often as that needs. Raises ``WorkloadError``.
    """
    _check(turns=turns, seconds=seconds, max_tokens=max_tokens, repeat=repeat, warmup=warmup, pause_s=pause_s)
    base = _named(workload, vocabulary)
    counts = fixed.parse(workload)
    if counts and max_tokens not in {None, base.max_tokens}:
        raise WorkloadError(f"{workload} fixes the number of tokens", f"leave out --max-tokens {max_tokens}")
    if repeat is None:
        repeat = base.repeat if turns is None and seconds is None else 0
    return Workload(
        name=base.name,
        conversations=base.conversations,
        max_tokens=max_tokens or base.max_tokens,
        share_context=base.share_context,
        chat=base.chat,
        ignore_eos=ignore_eos or base.ignore_eos,
        repeat=repeat,
        warmup=base.warmup if warmup is None else warmup,
        pause_s=pause_s,
        turns=turns,
        seconds=seconds,
    )


def context_needed(workload: Workload) -> int | None:
    """Tokens of context that one turn fills, where prompts are token ids; None where only the model can tell."""
    prompts = [prompt for conversation in workload.conversations for prompt in conversation]
    if not all(prompt.tokens for prompt in prompts):
        return None
    return max(len(prompt.tokens) for prompt in prompts) + workload.max_tokens


def _named(name: str, vocabulary: int | None) -> Workload:
    counts = fixed.parse(name)
    if counts:
        return _fixed(name.lower(), *counts, vocabulary)
    if name == CHAT:
        return Workload(name=CHAT, conversations=_texts(chat.CONVERSATIONS), max_tokens=128)
    if name == SUSTAINED:
        return Workload(
            name=SUSTAINED,
            conversations=_texts(((chat.STEADY,),)),
            max_tokens=128,
            share_context=False,
            ignore_eos=True,
            repeat=0,
        )
    path = _path(name)
    return Workload(name=plain(path.name), conversations=_texts(file.read(path)), max_tokens=256)


def _fixed(name: str, prompt: int, generated: int, vocabulary: int | None) -> Workload:
    """A phase that is not named is as short as it can be: one prompt token, one output token."""
    return Workload(
        name=name,
        conversations=((Prompt(tokens=fixed.token_ids(max(1, prompt), vocabulary)),),),
        max_tokens=max(1, generated),
        share_context=False,
        chat=False,
        ignore_eos=True,
        repeat=_BENCHMARK_REPEATS,
        warmup=1,
    )


def _texts(conversations: Sequence[Sequence[str]]) -> tuple[tuple[Prompt, ...], ...]:
    return tuple(tuple(Prompt(text=text) for text in conversation) for conversation in conversations)


def _path(name: str) -> Path:
    try:
        path = Path(name).expanduser()
    except (RuntimeError, ValueError) as error:
        raise WorkloadError(f"“{plain(name)}” is not a path", _KNOWN) from error
    if path.suffix or len(path.parts) > 1:
        return path
    near = get_close_matches(name.lower(), [CHAT, SUSTAINED, "pp512/tg128"], n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise WorkloadError(f"there is no workload “{plain(name)}”", hint + _KNOWN)


def _check(**options: float | None) -> None:
    least = {"turns": 1, "max_tokens": 1, "repeat": 0, "warmup": 0, "pause_s": 0}
    for name, value in options.items():
        if value is None:
            continue
        said = "--" + name.removesuffix("_s").replace("_", "-")
        if name == "seconds" and not 0 < value < math.inf:
            raise WorkloadError(f"{said} {value} is no length of time", "give more than 0")
        if not least.get(name, 0) <= value < math.inf:
            raise WorkloadError(f"{said} {value} is too small", f"give {least[name]} or more")
