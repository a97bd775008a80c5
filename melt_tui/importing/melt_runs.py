"""The runs of a MELT folder: one for each load of a model. Times are ns since the epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers.clock import SECOND
from drivers.foreign import printable
from melt_tui.importing.files import lines_of, text_of
from melt_tui.importing.melt_texts import (
    Conversation,
    Count,
    PromptRow,
    Stage,
    Timing,
    conversations,
    prompt_rows,
    stages,
    timing_blocks,
    timing_rows,
)
from melt_tui.importing.melt_tree import MeltFiles, Place
from melt_tui.importing.melt_turns import (
    APP_LLMFARM,
    APP_MLC,
    CLI_LLAMA,
    CLI_MLC,
    app_turn,
    cli_turn,
    of_session,
    offset_of,
    runner_of,
    tokens_of,
    within,
)
from melt_tui.importing.turns import Run, Turn

RUNTIMES = {APP_MLC: "mlc", APP_LLMFARM: "llmfarm", CLI_LLAMA: "llama_cli", CLI_MLC: "mlc"}
WORKLOAD = "MELT conversations"

_PERIOD = "when each evaluation ended, by the runner's own log of stages"


@dataclass(slots=True)
class Read:
    """What was read of a folder so far."""

    files: MeltFiles
    device: str
    count: Count = field(default_factory=Count)
    notes: list[str] = field(default_factory=list)
    runner: str = ""


def runs_of(read: Read) -> list[Run]:
    """Every run, in order of time. Raises BadImport."""
    stages_by_place = {place: _stages(read, path) for place, path in read.files.events.items()}
    records = {
        iteration: conversations(text_of(path), path.name, read.count)
        for iteration, path in read.files.records.items()
    }
    names = [name for found in stages_by_place.values() for name in found]
    stats = any(q.stats for some in records.values() for one in some for q in one.questions)
    read.runner = runner_of(names, records=bool(records), stats=stats)
    runs = [*_apps(read, records, stages_by_place), *_lines(read, stages_by_place)]
    return sorted(runs, key=lambda run: run.started_ns)


def _stages(read: Read, path: Path) -> dict[str, Stage]:
    return stages(text_of(path), path.name, read.count)


def _apps(
    read: Read, records: dict[int, list[Conversation]], found: dict[Place, dict[str, Stage]]
) -> Iterator[Run]:
    """MLC loads once for all conversations of an iteration, LLMFarmEval for each."""
    for iteration, some in sorted(records.items()):
        turns = [
            _conversation(read, iteration, c, one, found.get((iteration, c), {}))
            for c, one in enumerate(some)
        ]
        if read.runner == APP_LLMFARM:
            loads = [
                (f"iter{iteration}-conv{c}", one, mine)
                for c, (one, mine) in enumerate(zip(some, turns, strict=True))
            ]
        else:
            together = [turn for mine in turns for turn in mine]
            loads = [(f"iter{iteration}", one, together) for one in some[:1]]
        yield from (_app_run(read, name, one, mine) for name, one, mine in loads if mine)


def _conversation(
    read: Read, iteration: int, c: int, one: Conversation, found: dict[str, Stage]
) -> list[Turn]:
    timings = _timings(read, (iteration, c), len(one.questions))
    turns = []
    for p, question in enumerate(one.questions):
        end_ns = None if question.duration_ns is None else question.start_ns + question.duration_ns
        following = [q.start_ns for q in one.questions[p + 1 : p + 2]]
        until_ns = end_ns if end_ns is not None else (following[0] if following else 1 << 62)
        timing = _fitting(read, timings[p], question.duration_ns)
        evaluations = timing.n_eval if timing else None
        if evaluations is None and question.output_tokens:
            evaluations = question.output_tokens - 1
        turn = app_turn(
            question,
            end_ns,
            timing,
            tokens_of(read.runner, within(found, question.start_ns, until_ns), evaluations),
        )
        turn.conversation, turn.prompt, turn.repetition = c, p, iteration
        turns.append(_limited(read, turn))
    return turns


def _timings(read: Read, place: Place, n: int) -> list[Timing | None]:
    path = read.files.timings.get(place)
    rows = timing_rows(text_of(path), path.name, read.count) if path else []
    if path and len(rows) != n:
        read.notes.append(f"{path.name} has {len(rows)} rows for {n} prompts: it is left out")
        return [None] * n
    return [*rows] if rows else [None] * n


def _fitting(read: Read, timing: Timing | None, duration_ns: int | None) -> Timing | None:
    """What was timed cannot have taken longer than its prompt did."""
    took_s = (timing.prompt_s or 0.0) + (timing.decode_s or 0.0) if timing else 0.0
    if duration_ns is not None and took_s * SECOND > 1.1 * duration_ns + SECOND:
        read.notes.append("timings that are longer than their prompts took are left out: they were not reset")
        return None
    return timing


def _limited(read: Read, turn: Turn) -> Turn:
    """Whether the limit ended it; LLMFarmEval's limit is one of characters."""
    if read.files.max_tokens is not None and turn.output_tokens is not None and read.runner != APP_LLMFARM:
        turn.limited = turn.output_tokens >= read.files.max_tokens
    return turn


def _app_run(read: Read, name: str, one: Conversation, turns: list[Turn]) -> Run:
    first_ns = turns[0].sent_ns
    start_ns = one.load_start_ns if one.load_start_ns is not None and one.load_start_ns <= first_ns else None
    loaded = start_ns is not None and one.load_ns is not None
    return _run(
        read,
        name,
        turns,
        model=one.model,
        start_ns=first_ns if start_ns is None else start_ns,
        load_ns=one.load_ns if loaded else None,
    )


def _lines(read: Read, found: dict[Place, dict[str, Stage]]) -> Iterator[Run]:
    """A process for each conversation."""
    for place, path in sorted(read.files.prompts.items()):
        rows = prompt_rows(text_of(path), path.name, read.count)
        load = next((row for row in rows if row.text == "load_model"), None)
        prompts = [row for row in rows if row is not load]
        turns = _session(read, place, prompts, found.get(place, {}))
        if not turns:
            continue
        for p, turn in enumerate(turns):
            turn.conversation, turn.prompt, turn.repetition = place[1], p, place[0]
        start_ns = load.start_ns if load else turns[0].sent_ns
        run = _run(
            read,
            f"iter{place[0]}-conv{place[1]}",
            turns,
            model="",
            start_ns=start_ns,
            load_ns=load.duration_ns if load else None,
        )
        _header(read, place, run)
        yield run


def _session(read: Read, place: Place, rows: Sequence[PromptRow], found: dict[str, Stage]) -> list[Turn]:
    blocks = _blocks(read, place, len(rows))
    if read.runner == CLI_MLC:
        parts = [within(found, row.start_ns, row.start_ns + row.duration_ns) for row in rows]
    else:
        parts = of_session(found, len(rows))
    offset = offset_of(rows, parts)
    if found and offset is None:
        read.notes.append(
            f"iteration {place[0]}, conversation {place[1]}: the log of stages does not fit the prompts: no token times"
        )
    if offset is not None and offset[0]:
        read.notes.append(
            f"iteration {place[0]}, conversation {place[1]}: the device's clock was {-offset[0] / SECOND:+.3f} s off the "
            f"host's, ± {offset[1] / SECOND:.3f} s by the windows of its prompts: its tokens are moved by that"
        )
    by_ns = offset[0] if offset else 0
    turns = []
    for row, block, part in zip(rows, blocks, parts, strict=True):
        moved = [Stage(one.name, one.start_ns + by_ns, one.end_ns + by_ns) for one in part] if offset else []
        tokens = tokens_of(read.runner, moved, block.n_eval if block else None)
        turns.append(_limited(read, cli_turn(row, block, tokens)))
    return turns


def _blocks(read: Read, place: Place, n: int) -> list[Timing | None]:
    """llama.cpp's timings of each turn. One more than there are prompts is of the end of the process."""
    path = read.files.logs.get(place)
    blocks = timing_blocks(list(lines_of(path))) if path else []
    if len(blocks) == n + 1:
        read.notes.append(
            f"{path.name if path else ''}: one more block of timings than prompts, printed at the end: MELT counts blocks from "
            "the end, so that its figures are those of the turn after; here each is with its own turn"
        )
        blocks = blocks[:n]
    if blocks and len(blocks) != n:
        read.notes.append(
            f"{path.name if path else ''}: {len(blocks)} timings for {n} prompts: they are left out"
        )
        blocks = []
    return [*blocks] if blocks else [None] * n


def _header(read: Read, place: Place, run: Run) -> None:
    """What llama.cpp says of itself before the first prompt."""
    path = read.files.logs.get(place)
    for _, line in zip(range(2_000), lines_of(path), strict=False) if path else ():
        if line.startswith("main: build = "):
            run.build = printable(line.removeprefix("main: build = "), 80)
        if "mem required" in line:
            read.notes.append(printable(line.strip(), 160))


def _run(read: Read, name: str, turns: list[Turn], *, model: str, start_ns: int, load_ns: int | None) -> Run:
    files = read.files
    return Run(
        run=name,
        device=read.device,
        runtime=RUNTIMES[read.runner],
        started_ns=start_ns,
        turns=turns,
        model=printable(model or files.model, 160),
        load_s=None if load_ns is None else load_ns / SECOND,
        loaded_ns=start_ns + load_ns if load_ns is not None else turns[0].sent_ns,
        context=files.context,
        batch=files.batch,
        max_tokens=files.max_tokens,
        workload=WORKLOAD,
        tokens_detail=_PERIOD,
        source=files.root.name,
    )
