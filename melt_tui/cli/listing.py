"""The verbs that look something up: sessions, summary, doctor."""

import importlib
import time
from argparse import Namespace
from dataclasses import asdict

from melt_tui import format as fmt
from melt_tui.analysis import summary as summaries
from melt_tui.cli import pruning
from melt_tui.cli.addresses import wrong_addresses
from melt_tui.cli.options import config_of, recordings_folder
from melt_tui.cli.output import harmless, result, result_json, result_text, table
from melt_tui.config import places
from melt_tui.store import library
from melt_tui.store.info import RecordingInfo
from melt_tui.workbench.doctor import Finding, examine
from melt_tui.workbench.iphonedoctor import examine_iphones
from melt_tui.workbench.linkdoctor import examine_links
from melt_tui.workbench.meterdoctor import examine_meters


def sessions(options: Namespace) -> int:
    """``melt sessions``: the recordings, newest first; those of a crashed program are recovered. ``--prune`` deletes."""
    if pruning.asked(options):
        return pruning.carry_out(options)
    folder = recordings_folder(config_of(options))
    rows = library.scan(folder)
    if options.json:
        result_json([asdict(row) for row in rows])
    elif not rows:
        result(f"no recordings in {folder}")
    else:
        head = (
            "when",
            "how long",
            "name",
            "devices",
            "models",
            "tok/s",
            "J/tok",
            "throttled",
            "runs",
            "size",
            "state",
            "file",
        )
        result(table([head, *(_session_row(row) for row in rows)], right=frozenset({5, 8, 9})))
        for told in filter(None, map(_told_of, rows)):
            result(told)
    return 0


def summary(options: Namespace) -> int:
    """``melt summary FILE``: the figures of a recording."""
    if options.json:
        result_json(summaries.of_file(options.file, added=options.sum))
    else:
        result_text(summaries.text_of_file(options.file, added=options.sum))
    return 0


def doctor(options: Namespace) -> int:
    """``melt doctor``: check this computer; 1 when something that is needed is missing."""
    config = config_of(options)
    folders = {
        "recordings": recordings_folder(config),
        "models": places.model_cache(),
        "downloads": places.download_cache(),
    }
    findings = [*examine(folders), *examine_links(places.known_hosts_file())]
    findings += [*examine_iphones(), *examine_meters()]
    wrong = importlib.import_module("melt_tui.cli.names").wrong_names(config) + wrong_addresses(config)
    findings += [Finding("settings", good=False, detail=said, remedy=remedy) for said, remedy in wrong]
    if options.json:
        result_json([asdict(finding) for finding in findings])
    else:
        result(table([_finding_row(finding) for finding in findings]))
    return 1 if any(finding.good is False for finding in findings) else 0


def _session_row(row: RecordingInfo) -> tuple[str, ...]:
    when = (
        fmt.UNKNOWN
        if row.started_wall_ns is None
        else time.strftime("%Y-%m-%d %H:%M", time.localtime(row.started_wall_ns / 1e9))
    )
    part = f" (part of {row.part_of})" * bool(row.part_of)
    if row.downsampled_hz is not None:
        part += f" (downsampled to {row.downsampled_hz:g} Hz)"
    simulated = " (simulated)" * row.simulated + " (imported)" * row.imported
    return (
        when,
        fmt.clock(row.duration_s),
        row.name + " (edited)" * bool(row.edits) + part,
        ", ".join(row.devices) + simulated,
        ", ".join(row.models),
        fmt.number(row.decode_tps),
        f"{fmt.number(row.joules_per_token)} {row.joules_point}".rstrip(),
        {True: "yes", False: "no", None: fmt.UNKNOWN}[row.throttled],
        fmt.count(row.runs),
        fmt.byte_count(row.size_bytes),
        row.state,
        str(row.path),
    )


def _told_of(row: RecordingInfo) -> str:
    """What is to be said of its state, below the table: within it, it would make every row as long as itself."""
    return harmless(f"{row.path.name} is {row.state}: {row.detail}") if row.detail else ""


def _finding_row(finding: Finding) -> tuple[str, ...]:
    sign = {True: "✓", False: "✗", None: "–"}[finding.good]
    detail = f"{finding.detail}: {finding.remedy}" if finding.remedy else finding.detail
    return (sign, finding.subject, detail)
