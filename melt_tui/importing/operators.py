"""Logs of operators: how long each took. Of llama.cpp's graphs and of TVM's reports, as tables by operator and by module.

Both of MELT's merges: *per operator* adds up all calls of one name; *per module* keeps apart where in the model they stand:
of llama.cpp by the shape of their result, of TVM by the function (embed, prefill, decode, softmax) they ran in.
Figures of such a build are of operators alone: its speed end to end is distorted.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from drivers.foreign import fields, items, number, text
from melt_tui import format as fmt
from melt_tui.errors import BadImport
from melt_tui.importing.files import digest, lines_of, shown

ROWS_SHOWN = 40
ROWS_LIMIT = 20_000
"""Different operators, or operators of modules, at most."""
REPORT_LIMIT = 64 << 20

_NODE = re.compile(
    r"\s*-\s*(\d{1,7}): \[\s*(\d{1,12}),\s*(\d{1,12}),\s*(\d{1,12})\]\s+(\S{1,60})\s+\(\s*\d{1,9}\) "
    r"cpu\s*=\s*([\d.]{1,20})\s*/\s*[\d.]{1,20} ms,\s*wall\s*=\s*([\d.]{1,20})\s*/\s*[\d.]{1,20} ms\s*"
)
_NODES = re.compile(r"n_nodes = (\d{1,7})\s*")
_REPORT = re.compile(r".*Report from function ([\w.]{1,80}?)(?:\[(\d{1,6})/(\d{1,6})\])?:\s*")


@dataclass(slots=True)
class OpRow:
    """Calls that were added up. Times in ms; ``cpu_ms`` None: the log does not tell it apart."""

    module: str
    """Where they stood; empty where all are added up."""
    op: str
    calls: int = 0
    cpu_ms: float | None = None
    wall_ms: float = 0.0
    share: float = 0.0
    """Of all the wall time, or of its module's, 0…1."""


@dataclass(slots=True)
class OpLog:
    """What a log told."""

    file: str
    sha256: str
    origin: str
    graphs: int = 0
    """Evaluations, or reports."""
    per_op: list[OpRow] = field(default_factory=list)
    per_module: list[OpRow] = field(default_factory=list)
    devices: dict[str, dict[str, float]] = field(default_factory=dict)
    """By function and metric: what TVM tells of its devices."""
    configuration: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> Mapping[str, Any]:
        """Plain."""
        return {"imported": True, **asdict(self)}


@dataclass(slots=True)
class _Sums:
    """Calls by module and operator."""

    rows: dict[tuple[str, str], OpRow] = field(default_factory=dict)
    unreadable: int = 0
    many: bool = False

    def add(self, module: str, op: str, calls: int, cpu_ms: float | None, wall_ms: float) -> None:
        """One row of a log."""
        key = (module, op)
        if key not in self.rows and len(self.rows) >= ROWS_LIMIT:
            self.many = True
            return
        row = self.rows.setdefault(key, OpRow(module, op))
        row.calls += calls
        row.wall_ms += wall_ms
        row.cpu_ms = None if cpu_ms is None else (row.cpu_ms or 0.0) + cpu_ms


def of_log(path: Path) -> OpLog:
    """All of one log. Raises BadImport for what is none."""
    log = OpLog(path.name, digest(path), "")
    sums = _Sums()
    sums.unreadable = sum(_read(path, log, sums))
    if not sums.rows:
        raise BadImport(
            f"{shown(path)} holds no operator",
            "give a log of llama.cpp or MLC built with BENCHMARK_PER_LAYER",
        )
    if sums.unreadable:
        log.notes.append(f"{sums.unreadable} lines or reports could not be read: the log was cut off there")
    if sums.many:
        log.notes.append(f"more than {ROWS_LIMIT} different operators: the rest is left out")
    log.per_module = _shared(sums.rows.values(), by_module=True)
    log.per_op = _shared(_merged(sums.rows.values()), by_module=False)
    return log


def lines_of_log(log: OpLog) -> Iterator[str]:
    """For people."""
    yield fmt.plain(
        f"imported {log.origin}, {log.file}, sha256 {log.sha256[:16]}…: not measured by melt", 300
    )
    yield from (f"note: {fmt.plain(note, 300)}" for note in log.notes)
    yield f"{log.graphs} evaluations; this build distorts speed end to end"
    yield ""
    yield "by operator"
    yield from _table(log.per_op, by_module=False)
    yield ""
    yield "by module"
    yield from _table(log.per_module, by_module=True)
    yield from (f"{fmt.plain(key, 80)}: {fmt.plain(value, 120)}" for key, value in log.configuration.items())


def _read(path: Path, log: OpLog, sums: _Sums) -> Iterator[bool]:
    """Takes in line by line; yields whether one was damaged."""
    lines = iter(lines_of(path))
    left = 0
    for line in lines:
        report, nodes = _REPORT.fullmatch(line), _NODES.fullmatch(line)
        if nodes:
            yield left > 0
            log.origin, left = "operators of llama.cpp", int(nodes[1])
            log.graphs += 1
        elif left:
            left -= 1
            yield not _node(line, sums)
        elif report:
            yield not _report(report, lines, log, sums)
    yield left > 0


def _node(line: str, sums: _Sums) -> bool:
    found = _NODE.fullmatch(line)
    if found is None:
        return False
    try:
        cpu_ms, wall_ms = float(found[6]), float(found[7])
    except ValueError:
        return False
    sums.add(f"{found[2]}×{found[3]}×{found[4]}", found[5], 1, cpu_ms, wall_ms)
    return True


def _report(head: "re.Match[str]", lines: Iterator[str], log: OpLog, sums: _Sums) -> bool:
    """A report of TVM, whole or in the pieces that a phone's log makes of it: numbered from 0 to the last."""
    log.origin = "operators of MLC (TVM)"
    content = _payload(next(lines, ""))
    at, last = int(head[2] or 0), int(head[3] or 0)
    while at < last and len(content) < REPORT_LIMIT:
        follow = next((found for line in lines if (found := _REPORT.fullmatch(line))), None)
        if follow is None or follow[1] != head[1] or int(follow[2] or 0) != at + 1:
            return False
        at += 1
        content += _payload(next(lines, ""))
    try:
        told = fields(json.loads(content))
    except (ValueError, RecursionError):
        return False
    log.graphs += 1
    return _take(head[1], told, log, sums)


def _payload(line: str) -> str:
    """The text behind what a phone's log puts before it."""
    start = line.find("{")
    return (
        line.strip() if start < 0 or '"' in line[:start] or not line[:start].strip() else line[start:].strip()
    )


def _take(function: str, told: Mapping[str, Any], log: OpLog, sums: _Sums) -> bool:
    calls = [fields(call) for call in items(told.get("calls"))]
    for call in calls:
        wall_us = number(fields(call.get("Duration (us)", call.get("Duration(us)"))), "microseconds")
        name = text(fields(call.get("Name")), "string")
        count = number(fields(call.get("Count")), "count")
        if wall_us is not None and name:
            sums.add(function, name, int(count or 1), None, wall_us / 1000)
    for device, metrics in fields(told.get("device_metrics")).items():
        duration = number(fields(fields(metrics).get("Duration (us)")), "microseconds")
        if duration is not None:
            known = log.devices.setdefault(function, {})
            known[device] = known.get(device, 0.0) + duration / 1000
    for key, value in fields(told.get("configuration")).items():
        inner = fields(value)
        log.configuration[str(key)[:80]] = str(next(iter(inner.values()), value))[:120]
    return bool(calls)


def _merged(rows: Iterable[OpRow]) -> Iterator[OpRow]:
    found: dict[str, OpRow] = {}
    for row in rows:
        mine = found.setdefault(row.op, OpRow("", row.op))
        mine.calls += row.calls
        mine.wall_ms += row.wall_ms
        mine.cpu_ms = None if row.cpu_ms is None else (mine.cpu_ms or 0.0) + row.cpu_ms
    yield from found.values()


def _shared(rows: Iterable[OpRow], *, by_module: bool) -> list[OpRow]:
    """The longest first; of TVM's functions each share is of its own function's time, as MELT normalises them."""
    known = sorted(rows, key=lambda row: (-row.wall_ms, row.module, row.op))
    apart = by_module and all(row.cpu_ms is None for row in known)
    totals: dict[str, float] = {}
    for row in known:
        totals[row.module if apart else ""] = totals.get(row.module if apart else "", 0.0) + row.wall_ms
    for row in known:
        total = totals[row.module if apart else ""]
        row.share = row.wall_ms / total if total > 0 else 0.0
    return known


def _table(rows: list[OpRow], *, by_module: bool) -> Iterator[str]:
    head = ("module",) * by_module + ("operator", "calls", "CPU ms", "wall ms", "share")
    cells = [head, *(_cells(row, by_module=by_module) for row in rows[:ROWS_SHOWN])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    names = 1 + by_module
    for line in cells:
        parts = [
            cell.ljust(width) if i < names else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(parts).rstrip()
    if len(rows) > ROWS_SHOWN:
        yield f"… {len(rows) - ROWS_SHOWN} more, all of them with --json"


def _cells(row: OpRow, *, by_module: bool) -> tuple[str, ...]:
    figures = (
        fmt.count(row.calls),
        fmt.number(row.cpu_ms),
        fmt.number(row.wall_ms),
        fmt.percent(100 * row.share, 1),
    )
    return ((fmt.plain(row.module, 40),) if by_module else ()) + (fmt.plain(row.op, 60), *figures)
