"""What could keep melt from working on this computer, each with a remedy. Nothing is started or changed."""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.runtimes.llama_server.needs import engine_objection
from melt_tui import format as fmt
from melt_tui.workbench import versions

LOW_DISK_BYTES = 2_000_000_000

EXTRAS = {
    "local": ("xllamacpp", "runs models on this computer"),
    "android": ("adbutils", "phones over adb"),
    "ios": ("pymobiledevice3", "iPhones"),
    "ssh": ("asyncssh", "boards over SSH"),
    "serial": ("serial", "serial power meters"),
    "usb": ("usb", "Monsoon HVPM power meters"),
    "parquet": ("pyarrow", "exports as Parquet"),
}
"""Extra → the module that tells whether it is there, and what for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``good`` None: it is optional and not there."""

    subject: str
    good: bool | None
    detail: str
    remedy: str = ""


def examine(folders: Mapping[str, Path], environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Everything that can be told without starting anything. ``folders``: what for → where files are written."""
    findings = [_python(), *_libraries(), *_extras(), _engine(), _terminal(environment)]
    findings += [_folder(purpose, folder) for purpose, folder in folders.items()]
    return findings


def _python() -> Finding:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, f"{version} on {platform.platform()}", "" if good else "use 3.11 or newer")


def _libraries() -> Iterator[Finding]:
    """Of what everything needs only what is wrong."""
    wrong = [one.said for one in versions.seen() if not one.good]
    if wrong:
        remedy = f"pip install '{versions.PACKAGE}'"
        yield Finding("libraries", good=False, detail="; ".join(wrong), remedy=remedy)


def _extras() -> Iterator[Finding]:
    for extra, (module, purpose) in EXTRAS.items():
        remedy = f"pip install '{versions.PACKAGE}[{extra}]'"
        if importlib.util.find_spec(module) is None:
            yield Finding(f"extra {extra}", None, purpose, remedy)
            continue
        seen = versions.seen(extra)
        good = all(one.good for one in seen)
        told = "; ".join(one.said for one in seen)
        yield Finding(
            f"extra {extra}", good, f"{purpose}: {told}" if told else purpose, "" if good else remedy
        )


def _engine() -> Finding:
    problem = engine_objection()
    if problem is None:
        return Finding("llama.cpp engine", good=True, detail="can be started")
    return Finding("llama.cpp engine", good=False, detail=problem.sentence, remedy=problem.remedy)


def _terminal(environment: Mapping[str, str]) -> Finding:
    term = environment.get("TERM", "")
    columns, lines = shutil.get_terminal_size()
    if term in {"", "dumb"}:
        return Finding("terminal", None, "no terminal", "use --headless")
    colours = (
        "truecolor" if environment.get("COLORTERM") in {"truecolor", "24bit"} else "256 colours or fewer"
    )
    good = columns >= 80 and lines >= 24
    return Finding(
        "terminal",
        good,
        f"{term}, {columns}×{lines}, {colours}",
        "" if good else "make it at least 80×24",
    )


def _folder(purpose: str, folder: Path) -> Finding:
    try:
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    except PermissionError:
        return Finding(purpose, good=False, detail=f"{folder} cannot be reached", remedy="change its owner")
    if not os.access(existing, os.W_OK):
        return Finding(purpose, good=False, detail=f"{folder} cannot be written", remedy="change its owner")
    free = shutil.disk_usage(existing).free
    good = free >= LOW_DISK_BYTES
    remedy = "" if good else "free some space: recording stops when the disk is full"
    return Finding(purpose, good, f"{folder}, {fmt.byte_count(free)} free", remedy)
