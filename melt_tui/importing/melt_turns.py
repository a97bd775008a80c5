"""From what MELT's files tell of prompts, stages and timings to turns. Pure; times are ns since the epoch.

The first token of a turn comes out of the evaluation of its prompt; each evaluation after it gives one more.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from melt_tui.importing.melt_texts import PromptRow, Question, Stage, Timing
from melt_tui.importing.turns import Turn, Values

APP_MLC = "MLC"
APP_LLMFARM = "LLMFarmEval"
CLI_LLAMA = "llama.cpp"
CLI_MLC = "MLC CLI"

_DECODE = {
    APP_MLC: re.compile(r"generate\.decode\.\d+"),
    APP_LLMFARM: re.compile(r"generate\.\d+\.decode\.\d+"),
    CLI_LLAMA: re.compile(r"generate\.\d+\.decode"),
    CLI_MLC: re.compile(r"chat\.\d+\.\d+\.decode\.\d+"),
}
_PREFILL = {
    APP_MLC: re.compile(r"prefill\.\d+"),
    APP_LLMFARM: re.compile(r"prompt\.\d+"),
    CLI_MLC: re.compile(r"chat\.\d+\.\d+\.prefill"),
}
_TOKENIZE = re.compile(r"prompt\.\d+\.tokenize")

SLACK_NS = 50_000_000
"""By which a stage may begin before the record of its prompt does: the app writes ms."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """When the tokens of a turn were there; none where the stages do not fit what was timed."""

    moments: tuple[int, ...] = ()
    evaluations: int = 0
    """After the first token."""

    @property
    def first(self) -> int | None:
        """The first one."""
        return self.moments[0] if self.moments else None

    @property
    def last(self) -> int | None:
        """The last one."""
        return self.moments[-1] if self.moments else None


def runner_of(names: Sequence[str], *, records: bool, stats: bool) -> str:
    """Who wrote these stages and records."""
    for runner in (CLI_MLC, APP_MLC, APP_LLMFARM, CLI_LLAMA):
        if any(_DECODE[runner].fullmatch(name) for name in names):
            return runner
    if records:
        return APP_MLC if stats else APP_LLMFARM
    return CLI_LLAMA


def tokens_of(runner: str, stages: Sequence[Stage], evaluations: int | None) -> Tokens:
    """Of one turn, from its stages; ``evaluations``: how many the engine counted after the prompt's."""
    pattern = _PREFILL.get(runner)
    prefills = [stage for stage in stages if pattern is not None and pattern.fullmatch(stage.name)]
    decodes = sorted(
        (stage for stage in stages if _DECODE[runner].fullmatch(stage.name)), key=lambda stage: stage.end_ns
    )
    separate = runner in {APP_MLC, CLI_MLC}
    count = len(decodes) if separate else evaluations
    if count is None or count > len(decodes):
        return Tokens()
    before, after = decodes[: len(decodes) - count], decodes[len(decodes) - count :]
    ready = [stage.end_ns for stage in before] or [stage.end_ns for stage in prefills]
    if not ready or (after and max(ready) > after[0].end_ns):
        return Tokens()
    return Tokens((max(ready), *(stage.end_ns for stage in after)), count)


def within(stages: Mapping[str, Stage], start_ns: int, end_ns: int) -> list[Stage]:
    """Those that begin in a window."""
    return [stage for stage in stages.values() if start_ns - SLACK_NS <= stage.start_ns < end_ns]


def of_session(stages: Mapping[str, Stage], turns: int) -> list[list[Stage]]:
    """The stages of each turn of a llama.cpp session, parted where a prompt was tokenised; none where that does not fit."""
    starts = sorted(stage.start_ns for name, stage in stages.items() if _TOKENIZE.fullmatch(name))
    if len(starts) != turns:
        return [[] for _ in range(turns)]
    ends = [*starts[1:], 1 << 62]
    return [
        [stage for stage in stages.values() if a_ns <= stage.start_ns < b_ns]
        for a_ns, b_ns in zip(starts, ends, strict=True)
    ]


def offset_of(rows: Sequence[PromptRow], parts: Sequence[Sequence[Stage]]) -> tuple[int, int] | None:
    """What to add to the stages' clock so that each turn lies in its prompt's window, and ± how much; None where there is
    no such offset. 0 where that fits."""
    pairs = [(row, part) for row, part in zip(rows, parts, strict=True) if part]
    if not pairs:
        return None
    low = max(row.start_ns - min(stage.start_ns for stage in part) for row, part in pairs)
    high = min(row.start_ns + row.duration_ns - max(stage.end_ns for stage in part) for row, part in pairs)
    if low <= SLACK_NS and high >= -SLACK_NS:
        return 0, 0
    return None if low > high else ((low + high) // 2, (high - low) // 2)


def app_turn(question: Question, end_ns: int | None, timing: Timing | None, tokens: Tokens) -> Turn:
    """A turn of an app: its record, what was timed, and when its tokens were there."""
    timed = timing or Timing()
    decode = timed.n_eval if timed.n_eval is not None else question.decode_tokens
    output = decode + 1 if decode is not None else question.output_tokens
    if output is not None and tokens.moments and decode is None:
        output = max(output, len(tokens.moments))
    return Turn(
        sent_ns=question.start_ns,
        last_ns=tokens.last if tokens.last is not None else end_ns,
        ended_ns=end_ns,
        first_ns=tokens.first,
        tokens_ns=tokens.moments,
        text=question.input,
        output=question.output,
        context_tokens=question.session_tokens,
        prompt_tokens=_first(timed.n_prompt, question.prefill_tokens, question.input_tokens),
        output_tokens=output,
        prompt_s=timed.prompt_s if timed.prompt_s is not None else question.prompt_s,
        decode_s=timed.decode_s if timed.decode_s is not None else question.decode_s,
        approximate=not tokens.moments,
        stated=_stated(question, timed),
    )


def cli_turn(row: PromptRow, timing: Timing | None, tokens: Tokens) -> Turn:
    """A turn of a command line: when the next prompt stood there, and what was timed."""
    timed = timing or Timing()
    end_ns = row.start_ns + row.duration_ns
    counted = timed.n_eval if timed.n_eval is not None else None
    seconds = repr(row.duration_ns / 1e9)
    return Turn(
        sent_ns=row.start_ns,
        last_ns=tokens.last if tokens.last is not None else end_ns,
        ended_ns=end_ns,
        first_ns=tokens.first,
        tokens_ns=tokens.moments,
        text=row.text,
        prompt_tokens=timed.n_prompt,
        output_tokens=counted + 1 if counted is not None else len(tokens.moments) or None,
        prompt_s=timed.prompt_s,
        decode_s=timed.decode_s,
        approximate=not tokens.moments,
        stated=(
            ("duration (sec)", seconds),
            *((("output_tokens", str(counted)),) if counted is not None else ()),
        ),
    )


def _stated(question: Question, timed: Timing) -> Values:
    """What MELT divides by and compares, by its own names."""
    counted = _first(question.decode_tokens, question.output_tokens, timed.n_eval)
    told = {
        "duration (sec)": None if question.duration_ns is None else repr(question.duration_ns / 1e9),
        "original_session_tokens": question.session_tokens,
        "input_tokens": question.input_tokens,
        "output_tokens": counted,
    }
    return (*((key, str(value)) for key, value in told.items() if value is not None), *question.stats)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
