"""What llama-bench is told and what it says: flags, rows of JSON, lines of progress. Pure.

Fields are read by name: their set changes between builds. Verified with build 10605.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.errors import Garbled
from drivers.foreign import Fields, count, items, number, printable, read_fields, text
from drivers.model import Prompt

PROGRAM: Final = "llama-bench"
LONGEST_NS: Final = 10**16
"""Some months: a longer time is nonsense."""
REPETITIONS_LIMIT: Final = 10_000

NEEDED_FLAGS: Final = ("jsonl", "--progress")
"""What ``--help`` has to name: older builds tell nothing while they run."""
NO_WARMUP: Final = "--no-warmup"
OURS: Final[Mapping[str, str]] = {
    "-p": "the workload", "--n-prompt": "the workload", "-n": "the workload", "--n-gen": "the workload",
    "-pg": "the workload", "-r": "the workload", "--repetitions": "the workload", "-m": "--model",
    "--model": "--model", "-o": "melt", "--output": "melt", "-oe": "melt", "--output-err": "melt",
}  # fmt: skip
"""Flags that are not the user's, and what says them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one test does: tokens of its prompt, tokens that it generates. One of them may be 0."""

    prompt: int
    generated: int

    @property
    def title(self) -> str:
        """As llama-bench writes it: ``pp512``, ``tg128``, ``pp512+tg128``."""
        parts = [f"pp{self.prompt}"] * (self.prompt > 0) + [f"tg{self.generated}"] * (self.generated > 0)
        return "+".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One test that has ended. What it did not say is None."""

    shape: Shape
    samples_ns: tuple[int, ...]
    """One for each repetition."""
    depth: int | None
    """Tokens in the context before it."""
    build: str
    backend: str
    model: str
    threads: int | None
    batch: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A line of progress: the repetition of a phase begins."""

    test: int
    phase: str
    """``prompt`` or ``generation``; ``warmup prompt``, ``depth`` … of what is not measured."""
    measured: bool


def shape_of(prompt: Prompt, max_tokens: int) -> Shape:
    """The test that does what a turn of token ids asks for; a phase of one token stands for none."""
    length = len(prompt.tokens)
    if max_tokens <= 1:
        return Shape(max(1, length), 0)
    return Shape(length if length > 1 else 0, max_tokens)


def tests_flags(shape: Shape, times: int) -> list[str]:
    """Flags for a first test of one token, which tells of build and backend, and then as many of ``shape``.

    One process and one model for all; a row for each, so that each is known when it ends.
    """
    prompts = ",".join(["1"] + [str(shape.prompt)] * (times if shape.generated == 0 else 0))
    if shape.prompt == 0:
        return ["-p", prompts, "-n", ",".join([str(shape.generated)] * times)]
    if shape.generated == 0:
        return ["-p", prompts, "-n", "0"]
    return ["-p", prompts, "-n", "0", *(["-pg", f"{shape.prompt},{shape.generated}"] * times)]


PROBE: Final = Shape(1, 0)
"""The first test."""


def read_row(line: str) -> Row | None:
    """A line of standard output; None where it is no row. Raises Garbled for a row that cannot be understood."""
    if not line.startswith("{"):
        return None
    return row_of(read_fields(line, PROGRAM), line)


def row_of(told: Fields, line: str) -> Row:
    """A row whose fields were read out of ``line``. Raises Garbled for one that cannot be understood."""
    prompt, generated = count(told, "n_prompt"), count(told, "n_gen")
    samples = _samples(told)
    if prompt is None or generated is None or not samples:
        raise Garbled(f"{PROGRAM} wrote a row without its test or its times: {printable(line, 80)}")
    return Row(
        shape=Shape(prompt, generated),
        samples_ns=samples,
        depth=count(told, "n_depth"),
        build=_build(told),
        backend=printable(text(told, "backends"), 80),
        model=printable(text(told, "model_type") or text(told, "model_filename"), 120),
        threads=count(told, "n_threads"),
        batch=count(told, "n_batch"),
    )


_STEP = re.compile(
    r"llama-bench: benchmark (\d{1,6})/\d{1,6}: ((?:warmup )?(?:prompt|generation|depth)) run(?: \d{1,6}/\d{1,6})?\s*"
)


def read_step(line: str) -> Step | None:
    """A line of progress with which a run begins; None for any other."""
    match = _STEP.fullmatch(line)
    if match is None:
        return None
    return Step(test=int(match[1]), phase=match[2], measured=match[2] in {"prompt", "generation"})


def unknown_words(help_text: str, words: Sequence[str]) -> list[str]:
    """Of these words the ones that ``--help`` does not name."""
    return [word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", help_text)]


def _samples(told: Fields) -> tuple[int, ...]:
    """Times of all repetitions; their mean where a build tells nothing else and there was one."""
    listed = [value for value in items(told.get("samples_ns"))[:REPETITIONS_LIMIT] if _is_time(value)]
    if listed:
        return tuple(int(str(value)) for value in listed)
    mean = number(told, "avg_ns")
    return (round(mean),) if mean is not None and 1 <= mean <= LONGEST_NS else ()


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LONGEST_NS


def _build(told: Fields) -> str:
    built, commit = count(told, "build_number"), printable(text(told, "build_commit"), 40)
    named = f"b{built}" if built else ""
    return f"{named} ({commit})" if named and commit else named or commit
