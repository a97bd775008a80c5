"""What llama.cpp's terminal programs are told and what they print. Pure.

Four generations of timing blocks: ``llama_print_timings`` (main, also MELT's), ``llama_perf_context_print`` (llama-cli
until December 2025), ``common_perf_print`` (llama-completion), and ``[ Prompt: … | Generation: … ]`` (llama-cli since).
Numbers may have a decimal comma. Nothing in here raises.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from drivers.model import RunSpec, Sampling, Workload
from drivers.runs.args import MODEL_FLAGS
from drivers.runs.turn import Figures

PROGRAMS: Final = ("llama-completion", "llama-cli", "main")
"""Best first: the first tells counts and times."""
OURS: Final[Mapping[str, str]] = {
    "-p": "the workload", "--prompt": "the workload", "-f": "the workload", "--file": "the workload",
    "-n": "the workload", "--predict": "the workload", "--n-predict": "the workload",
    **dict.fromkeys(MODEL_FLAGS, "--model"),
}  # fmt: skip
"""Flags that are not the user's, and what says them."""
THREADS: Final = ("-t", "--threads")
LONGEST_MS: Final = 1e10
"""Some months: a longer time is nonsense."""
END_OF_TEXT: Final = " [end of text]"


class Dialect(StrEnum):
    """How a program is spoken to."""

    PLAIN = "plain"
    """Text in, text out, a timing block at the end."""
    CHAT = "chat"
    """llama-cli since build 7348: a chat front end that tells rates alone."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """What a program understands."""

    dialect: Dialect
    flags: frozenset[str]
    """Of those that not every generation has."""

    @property
    def echoes(self) -> bool:
        """Whether it prints the prompt before the answer."""
        return self.dialect is Dialect.PLAIN and "--no-display-prompt" not in self.flags


_OPTIONAL = (
    "-no-cnv", "--no-display-prompt", "--simple-io", "--no-escape", "--perf", "--single-turn", "--show-timings",
    "--no-mmap", "--prompt-cache",
)  # fmt: skip
_PLAIN_FLAGS = ("-no-cnv", "--no-display-prompt", "--simple-io", "--no-escape", "--perf", "--no-mmap")
_CHAT_FLAGS = ("--single-turn", "--simple-io", "--no-escape", "--show-timings", "--no-mmap")


def read_help(help_text: str) -> Speaker:
    """What a program understands, by its ``--help``. The chat front end alone has no prompt cache in a file."""
    flags = frozenset(
        flag for flag in _OPTIONAL if re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", help_text)
    )
    chat = "--single-turn" in flags and "--prompt-cache" not in flags
    return Speaker(Dialect.CHAT if chat else Dialect.PLAIN, flags)


def read_version(told: str) -> str:
    """``b10605 (f6f0d9f)`` from what ``--version`` prints; empty where it prints none."""
    match = re.search(r"^version: (\d{1,9}) \((\w{1,40})\)", told, re.MULTILINE)
    return f"b{match[1]} ({match[2]})" if match else ""


def command_words(speaker: Speaker, spec: RunSpec, workload: Workload, prompt: str) -> list[str]:
    """Flags for one turn, but for the program's own: model, threads and what the user adds."""
    wanted = _CHAT_FLAGS if speaker.dialect is Dialect.CHAT else _PLAIN_FLAGS
    return [
        *("-c", str(spec.context), "-b", str(spec.batch), "-n", str(workload.max_tokens)),
        *_sampling_words(spec.sampling),
        *(flag for flag in wanted if flag in speaker.flags),
        *(["--ignore-eos"] if workload.ignore_eos else []),
        *("-p", prompt),
    ]


def _sampling_words(sampling: Sampling) -> Iterator[str]:
    for flag, value in (
        ("--seed", sampling.seed),
        ("--temp", sampling.temperature),
        ("--top-k", sampling.top_k),
        ("--top-p", sampling.top_p),
    ):
        if value is not None:
            yield from (flag, str(value) if isinstance(value, int) else f"{value:g}")


@dataclass(frozen=True, slots=True)
class Timing:
    """What a timing block has told so far. Counts are the block's own: ``eval_runs`` has the first token not in it."""

    load_ms: float | None = None
    sampled: int | None = None
    """Tokens that were chosen; only the oldest generation tells them without the prompt's."""
    prompt_ms: float | None = None
    prompt_tokens: int | None = None
    eval_ms: float | None = None
    eval_runs: int | None = None
    rates: str = ""
    """What the chat front end tells instead: ``43.1 t/s, 5.1 t/s``."""

    @property
    def figures(self) -> Figures:
        """The turn's figures. A block never says 0: where its time is 0 and its count 1, there was none."""
        evaluated = not (self.prompt_ms == 0 and self.prompt_tokens == 1)
        decoded = not (self.sampled == 1 or (self.eval_ms == 0 and self.eval_runs == 1))
        return Figures(
            prompt_tokens=self.prompt_tokens if evaluated else None,
            prompt_s=_seconds(self.prompt_ms) if evaluated else None,
            output_tokens=None if self.eval_runs is None else self.eval_runs + 1 if decoded else 1,
            decode_s=_seconds(self.eval_ms) if decoded else None,
        )


_NUMBER = r"(\d{1,12}(?:[.,]\d{1,6})?)"
_LINE = re.compile(
    rf"(?:llama_print_timings|llama_perf_context_print|llama_perf_sampler_print|common_perf_print):\s+"
    rf"(load|sample|prompt eval|eval) time\s*=\s*{_NUMBER} ms(?:\s*/\s*(\d{{1,12}}) (?:runs?|tokens?)\b)?"
)
_RATES = re.compile(rf"\[ Prompt: {_NUMBER} t/s \| Generation: {_NUMBER} t/s \]")
_READY = re.compile(r"(?:^|[IWD] )generate: n_ctx = (\d{1,9}), n_batch = (\d{1,9})")


def read_timing(line: str, known: Timing) -> Timing | None:
    """What the block has told with this line; None where it is no line of one."""
    rates = _RATES.search(line)
    if rates:
        return replace(
            known,
            rates=f"{_decimal(rates[1]):g} t/s for the prompt and {_decimal(rates[2]):g} t/s for generation",
        )
    match = _LINE.search(line)
    if match is None:
        return None
    ms = _decimal(match[2])
    if ms > LONGEST_MS:
        return known
    count = int(match[3]) if match[3] else None
    changes: dict[str, Timing] = {
        "load": replace(known, load_ms=ms),
        "sample": replace(known, sampled=count),
        "prompt eval": replace(known, prompt_ms=ms, prompt_tokens=count),
        "eval": replace(known, eval_ms=ms, eval_runs=count),
    }
    return changes[match[1]]


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded, and the prompt is being evaluated."""

    context: int
    batch: int


def read_ready(line: str) -> Ready | None:
    """The line that comes before the first token; None for any other."""
    match = _READY.search(line)
    return Ready(int(match[1]), int(match[2])) if match else None


CONTEXT_FULL: Final = (
    "context full",
    "<<input too long",
    "exceeds the available context",
    "prompt is too long",
)


def is_context_full(line: str) -> bool:
    """Whether a line says that the prompt or the answer did not fit."""
    return any(words in line for words in CONTEXT_FULL)


@dataclass(frozen=True, slots=True)
class Text:
    """A part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Aside:
    """A whole line of standard output that is none of the answer."""

    text: str


_ASIDES = ("llama_print_timings:", "llama_perf_", "common_perf_print:", "[ Prompt: ", "Exiting...")


class AnswerStream:
    """Standard output of a plain program: the answer, without the echo of its prompt and without timing lines."""

    def __init__(self, echo: str) -> None:
        self._echo = echo
        """What is still to be passed over; empty when nothing is."""
        self._line = ""
        """The line in progress, as long as it may turn out to be an aside."""
        self._fresh = True

    def feed(self, piece: str) -> Iterator[Text | Aside]:
        """What a piece of output holds."""
        text = self._without_echo(piece)
        answer = ""
        for part in text.splitlines(keepends=True):
            held = self._hold(part)
            if isinstance(held, Aside):
                if answer:
                    yield Text(answer)
                answer = ""
                yield held
            else:
                answer += held
        if answer:
            yield Text(answer)

    def flush(self) -> Iterator[Text | Aside]:
        """What was held back when the output ended."""
        line, self._line = self._line, ""
        if line:
            yield Aside(line) if line.startswith(_ASIDES) else Text(line)

    def _hold(self, part: str) -> str | Aside:
        """The text to give on now, or the aside that a line turned out to be."""
        if not self._fresh:
            self._fresh = part.endswith("\n")
            return part
        line = self._line + part
        if not _may_be_aside(line):
            self._line, self._fresh = "", line.endswith("\n")
            return line
        if not line.endswith("\n"):
            self._line = line
            return ""
        self._line = ""
        return Aside(line.rstrip("\r\n"))

    def _without_echo(self, piece: str) -> str:
        if not self._echo:
            return piece
        self._line += piece
        came = self._line.lstrip()
        if self._echo.startswith(came) and len(came) < len(self._echo):
            return ""
        whole, echo = self._line, self._echo
        self._line = self._echo = ""
        return came.removeprefix(echo) if came.startswith(echo) else whole


def _may_be_aside(line: str) -> bool:
    bare = line.rstrip("\n")
    return any(
        bare.startswith(mark) or (not line.endswith("\n") and mark.startswith(bare)) for mark in _ASIDES
    )


ECHO_LIMIT: Final = 500
"""Characters of a prompt that the chat front end shows."""
_SPINNER = re.compile(r"[|/\\-]\x08|\x08 \x08|\r")


class ChatStream:
    """Standard output of the chat front end: what comes after the echo of the prompt."""

    def __init__(self, prompt: str) -> None:
        self.begun = False
        """Whether the prompt has been seen: the model is loaded, and works."""
        self._echo = f"> {prompt[:ECHO_LIMIT]}"
        self._before = ""
        self._answer = AnswerStream("")
        self._skip = True

    def feed(self, piece: str) -> Iterator[Text | Aside]:
        """What a piece of output holds."""
        text = _SPINNER.sub("", piece)
        if not self.begun:
            self._before += text
            text = self._after_echo()
        if self._skip:
            text = text.lstrip("\n")
            self._skip = not text
        if text:
            yield from self._answer.feed(text)

    def flush(self) -> Iterator[Text | Aside]:
        """What was held back when the output ended."""
        yield from self._answer.flush()

    def _after_echo(self) -> str:
        start = self._before.find(self._echo)
        end = self._before.find("\n", start + len(self._echo)) if start >= 0 else -1
        if end < 0:
            return ""
        self.begun = True
        rest, self._before = self._before[end:], ""
        return rest


def end_of_text(text: str) -> tuple[str, bool]:
    """A text without the mark that the model ended it, and whether it had one."""
    bare = text.rstrip()
    return (
        (bare.removesuffix(END_OF_TEXT.strip()).removesuffix(" "), True)
        if bare.endswith(END_OF_TEXT.strip())
        else (text, False)
    )


def _decimal(text: str) -> float:
    return float(text.replace(",", "."))


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1e3
