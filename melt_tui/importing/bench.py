"""What llama-bench printed: JSON, JSON lines, CSV or SQL. Each set-up is a run, each repetition of a test a turn."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from drivers.clock import SECOND
from drivers.errors import Garbled
from drivers.foreign import Fields, count, fields, items, printable, read_json, text
from drivers.model import DeviceInfo, DeviceKind
from drivers.runtimes.llama_bench.protocol import PROGRAM, Row, row_of
from drivers.runtimes.llama_bench.reader import figures_of
from melt_tui.errors import BadImport
from melt_tui.importing.draft import START_NS, Draft
from melt_tui.importing.files import shown, source, text_of
from melt_tui.importing.turns import Run, Turn, Values, run_items

ROWS_LIMIT = 100_000
_DEEP = 1_000_000

_INSERT = re.compile(r"INSERT\s+INTO\s+\w+\s*\(([^)]*)\)\s*VALUES\s*\((.*)\)\s*;", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?")
_SETUP = (
    "build_commit", "build_number", "cpu_info", "gpu_info", "backends", "model_filename", "model_type", "n_batch",
    "n_ubatch", "n_threads", "cpu_mask", "poll", "type_k", "type_v", "n_gpu_layers", "split_mode", "main_gpu",
    "no_kv_offload", "flash_attn", "tensor_split", "use_mmap", "embeddings",
)  # fmt: skip
_STATED = ("test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts")

_NOTES = (
    "llama-bench tells when a test began, to the second: repetitions are laid one after another from there",
    "llama-bench tells no time of a token or of the warm-up, no load time and no memory",
)


def looks(head: bytes) -> bool:
    """Whether a file that begins like this is one."""
    return b"n_prompt" in head and b"n_gen" in head


def draft_of(path: Path, device: str = "", name: str = "") -> Draft:
    """The session. Raises BadImport."""
    told = list(rows_in(path))
    device = device or PROGRAM
    walls = [wall for row in told if (wall := _wall_ns(row)) is not None]
    first_ns = min(walls, default=int(path.stat().st_mtime) * SECOND)
    runs = list(_runs(told, device, first_ns, shown(path)))
    notes = (
        list(_NOTES) if walls else [*_NOTES, "when it was run is not told: the file's own date stands for it"]
    )
    if any(not items(row.get("samples_ns")) for row in told):
        notes.append("only the mean of the repetitions is told: it stands as one turn")
    info = DeviceInfo(
        device=device,
        address=f"imported:{path.name}",
        kind=DeviceKind.HOST,
        model=printable(text(told[0], "cpu_info"), 120),
        facts=tuple((key, printable(str(told[0][key]), 120)) for key in _SETUP if told[0].get(key)),
    )
    return Draft(
        name=name or path.stem,
        origin=f"{PROGRAM} results",
        wall_ns=first_ns,
        sources=[source(path)],
        notes=notes,
        devices=[(info, ())],
        items=[item for run in runs for item in run_items(run)],
    )


def rows_in(path: Path) -> Sequence[Fields]:
    """Every row that a file holds, whatever it was printed as. Raises BadImport, also for a file without any."""
    content = text_of(path)
    start = content.lstrip()[:1]
    if start == "|":
        raise BadImport(
            f"{shown(path)} is a table for people, with rounded figures", "print it with -o jsonl"
        )
    if start in {"[", "{"}:
        rows = list(_json(path, content))
    elif _INSERT.search(content):
        rows = [_sql_row(found) for found in _INSERT.finditer(content)]
    else:
        rows = [{key: _typed(value) for key, value in row.items() if key} for row in _csv(content)]
    if not rows or len(rows) > ROWS_LIMIT:
        raise BadImport(
            f"{shown(path)} holds {len(rows) or 'no'} results of {PROGRAM}", "is it the file that was meant?"
        )
    for row in rows:
        _check(path, row)
    return rows


def _json(path: Path, content: str) -> Iterator[Fields]:
    try:
        if content.lstrip().startswith("["):
            yield from map(fields, items(read_json(content, shown(path))))
        else:
            lines = [line for line in content.splitlines() if line.strip()]
            yield from (
                fields(read_json(line, shown(path))) for line in lines if line.lstrip().startswith("{")
            )
    except Garbled:
        raise BadImport(
            f"{shown(path)} was cut off, or is no JSON", "copy it again, or leave its last line out"
        ) from None


def _csv(content: str) -> Iterator[Mapping[str, str]]:
    try:
        yield from csv.DictReader(io.StringIO(content), strict=True)
    except csv.Error:
        return


def _sql_row(found: "re.Match[str]") -> Fields:
    names = [part.strip() for part in found[1].split(",")]
    try:
        values = next(csv.reader([found[2]], quotechar="'", skipinitialspace=True, strict=True), [])
    except csv.Error:
        values = []
    return {key: _typed(value) for key, value in zip(names, values, strict=False)}


def _typed(value: object) -> object:
    """A number where one was printed."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        return value
    number = value.strip()
    return float(number) if set(number) & set(".eE") else int(number)


def _check(path: Path, row: Fields) -> None:
    try:
        row_of(row, str(dict(row)))
    except Garbled:
        raise BadImport(
            f"{shown(path)} holds a result without its test or its times",
            "it was cut off, or is of another program",
        ) from None


def _wall_ns(row: Fields) -> int | None:
    try:
        told = datetime.fromisoformat(text(row, "test_time"))
    except ValueError:
        return None
    return round((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()) * SECOND


def _runs(rows: Sequence[Fields], device: str, first_ns: int, file: str) -> Iterator[Run]:
    by_setup: dict[tuple[str, ...], list[Fields]] = {}
    for row in rows:
        by_setup.setdefault(tuple(str(row.get(key)) for key in _SETUP), []).append(row)
    end_ns = START_NS
    for number, some in enumerate(by_setup.values(), 1):
        run = _run(some, f"{PROGRAM}-{number}", device, file)
        run.turns = list(_turns(some, first_ns, end_ns))
        run.started_ns = min(turn.sent_ns for turn in run.turns)
        end_ns = max(end_ns, run.end_ns)
        yield run


def _run(rows: Sequence[Fields], name: str, device: str, file: str) -> Run:
    row, first = row_of(rows[0], ""), rows[0]
    filename = text(first, "model_filename")
    return Run(
        run=name,
        device=device,
        runtime="llama_bench",
        started_ns=START_NS,
        model=printable(row.model or Path(filename).name, 120),
        size_bytes=count(first, "model_size"),
        parameters=count(first, "model_n_params"),
        build=row.build,
        backend=row.backend,
        threads=row.threads,
        batch=row.batch,
        workload=",".join(dict.fromkeys(row_of(one, "").shape.title for one in rows))[:120],
        source=file,
    )


def _turns(rows: Sequence[Fields], first_ns: int, end_ns: int) -> Iterator[Turn]:
    """From the start that is told, or after what came before."""
    for told in rows:
        row, wall_ns = row_of(told, ""), _wall_ns(told)
        at_ns = end_ns if wall_ns is None else max(end_ns, START_NS + wall_ns - first_ns)
        for nth, length_ns in enumerate(row.samples_ns):
            yield _turn(told, row, nth, at_ns, length_ns)
            at_ns += length_ns
        end_ns = at_ns


def _turn(told: Fields, row: Row, nth: int, at_ns: int, length_ns: int) -> Turn:
    figures, shape = figures_of(row, length_ns), row.shape
    depth = row.depth or 0
    return Turn(
        sent_ns=at_ns,
        last_ns=at_ns + length_ns if shape.generated else None,
        ended_ns=at_ns + length_ns,
        conversation=shape.prompt,
        prompt=shape.generated + _DEEP * depth,
        repetition=nth,
        text=shape.title + (f" @ d{depth}" if depth else ""),
        context_tokens=row.depth,
        prompt_tokens=figures.prompt_tokens,
        output_tokens=figures.output_tokens,
        prompt_s=figures.prompt_s,
        decode_s=figures.decode_s,
        limited=True,
        detail="prompt and generation were timed together" if shape.prompt and shape.generated else "",
        stated=_stated(told),
    )


def _stated(told: Fields) -> Values:
    return tuple((key, printable(str(told[key]), 80)) for key in _STATED if told.get(key) is not None)
