"""Runs and turns as files tell them, and the items that a recording holds of them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import (
    ChannelsOpened,
    FirstToken,
    ModelLoaded,
    OutputText,
    TurnEnd,
    TurnEnded,
    TurnStarted,
    bounded,
)
from drivers.model import Prompt, RunSpec, Sampling, Workload, uneven_block
from drivers.modelfile import ModelFile
from drivers.runs.channels import tokens_channel
from melt_tui.events import RunEnded, RunOutcome, RunStarted, Stated

UNTOLD_END = "the source does not tell why it ended"

Values = tuple[tuple[str, str], ...]


@dataclass(slots=True, kw_only=True)
class Turn:
    """One turn. What the source does not tell is None."""

    sent_ns: int
    last_ns: int | None
    """The last output token; None where none came, or nobody says when."""
    ended_ns: int | None = None
    """When the turn was over, where that is told apart."""
    first_ns: int | None = None
    tokens_ns: Sequence[int] = ()
    """When each output token was there, by the engine; none where it does not say."""
    conversation: int = 0
    prompt: int = 0
    repetition: int = 0
    text: str = ""
    output: str = ""
    context_tokens: int | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    """All, the first included."""
    prompt_s: float | None = None
    decode_s: float | None = None
    limited: bool | None = None
    """Whether the limit of tokens ended it; None: nobody says."""
    approximate: bool = False
    detail: str = ""
    stated: Values = ()

    @property
    def end_ns(self) -> int:
        """The last moment of it that is known."""
        return max(known([self.sent_ns, self.last_ns, self.ended_ns, *self.tokens_ns[-1:]]))


def known(values: Iterable[int | None]) -> list[int]:
    """Those that are."""
    return [value for value in values if value is not None]


@dataclass(slots=True, kw_only=True)
class Run:
    """One model on one device. Unknown is None or empty."""

    run: str
    device: str
    runtime: str
    started_ns: int
    turns: list[Turn] = field(default_factory=list)
    model: str = ""
    quantisation: str = ""
    size_bytes: int | None = None
    parameters: int | None = None
    load_s: float | None = None
    loaded_ns: int | None = None
    ended_ns: int | None = None
    build: str = ""
    backend: str = ""
    threads: int | None = None
    context: int | None = None
    batch: int | None = None
    max_tokens: int | None = None
    workload: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    tokens_detail: str = ""
    stated_load: Values = ()
    source: str = ""

    @property
    def end_ns(self) -> int:
        """The last moment of it that is known."""
        ends = [turn.end_ns for turn in self.turns]
        return max(known([self.started_ns, self.loaded_ns, *ends, self.ended_ns]))


def run_items(run: Run) -> Iterator[Item]:
    """A run from its start to its end, in order."""
    yield RunStarted(t_ns=run.started_ns, device=run.device, run=run.run, spec=_spec(run))
    if any(turn.tokens_ns for turn in run.turns):
        channel = tokens_channel(run.device, run.tokens_detail)
        yield ChannelsOpened(t_ns=run.started_ns, device=run.device, channels=(channel,))
    yield from _loaded(run)
    before = 0
    for number, turn in enumerate(run.turns, 1):
        yield from _turn_items(run, number, turn, before)
        before += len(turn.tokens_ns)
    yield RunEnded(t_ns=run.end_ns, device=run.device, run=run.run, outcome=RunOutcome.DONE)


def _spec(run: Run) -> RunSpec:
    """What is known of how it was set up. A context of 0 says that nobody tells what was asked for, only what was in force."""
    prompts = tuple(Prompt(bounded(turn.text)) for turn in run.turns[:1])
    return RunSpec(
        run=run.run,
        device=run.device,
        runtime=run.runtime,
        model=ModelFile(
            name=run.model,
            path="",
            size_bytes=run.size_bytes or 0,
            parameters=run.parameters,
            quantisation=run.quantisation,
        )
        if run.model
        else None,
        workload=Workload(name=run.workload, conversations=(prompts,), max_tokens=run.max_tokens or 0)
        if run.workload
        else None,
        sampling=run.sampling,
        threads=run.threads,
        context=0,
        batch=0,
    )


def _loaded(run: Run) -> Iterator[Item]:
    loaded_ns = run.loaded_ns if run.loaded_ns is not None else run.started_ns
    yield ModelLoaded(
        t_ns=loaded_ns,
        device=run.device,
        run=run.run,
        load_s=run.load_s,
        build=run.build,
        backend=run.backend,
        threads=run.threads,
        context=run.context,
        batch=run.batch,
        model=run.model,
    )
    if run.stated_load:
        yield Stated(
            t_ns=loaded_ns,
            device=run.device,
            run=run.run,
            turn=None,
            source=run.source,
            values=run.stated_load,
        )


def _turn_items(run: Run, number: int, turn: Turn, before: int) -> Iterator[Item]:
    device, name = run.device, run.run
    yield TurnStarted(
        t_ns=turn.sent_ns,
        device=device,
        run=name,
        turn=number,
        conversation=turn.conversation,
        prompt=turn.prompt,
        repetition=turn.repetition,
        context_tokens=turn.context_tokens,
        text=bounded(turn.text),
    )
    end_ns = turn.end_ns
    if turn.first_ns is not None:
        ttft_s = (turn.first_ns - turn.sent_ns) / SECOND
        yield FirstToken(t_ns=turn.first_ns, device=device, run=name, turn=number, ttft_s=ttft_s)
    if turn.tokens_ns:
        counts = range(before + 1, before + 1 + len(turn.tokens_ns))
        yield uneven_block(tokens_channel(device, run.tokens_detail), turn.tokens_ns, counts)
    if turn.output:
        yield OutputText(t_ns=end_ns, device=device, run=name, turn=number, text=bounded(turn.output))
    if turn.stated:
        yield Stated(t_ns=end_ns, device=device, run=name, turn=number, source=run.source, values=turn.stated)
    yield _ended(run, number, turn, end_ns)


def _ended(run: Run, number: int, turn: Turn, end_ns: int) -> TurnEnded:
    told = [turn.detail, UNTOLD_END if turn.limited is None else ""]
    return TurnEnded(
        t_ns=end_ns,
        device=run.device,
        run=run.run,
        turn=number,
        end=TurnEnd.LIMIT if turn.limited else TurnEnd.EOS,
        prompt_tokens=turn.prompt_tokens,
        output_tokens=turn.output_tokens,
        first_token_ns=turn.first_ns,
        last_token_ns=turn.last_ns,
        prompt_s=turn.prompt_s,
        decode_s=turn.decode_s,
        output_sha256=hashlib.sha256(turn.output.encode("utf-8", "replace")).hexdigest()
        if turn.output
        else "",
        approximate=turn.approximate,
        detail=bounded("; ".join(part for part in told if part)),
    )
