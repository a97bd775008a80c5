"""What melt remembers by itself: the last choice of the run dialog, in a small file beside the config."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from melt_tui.config import rules
from melt_tui.config.model import RunConfig
from melt_tui.format import plain

MAX_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class LastRun:
    """Names of the devices and everything else that was chosen."""

    devices: tuple[str, ...]
    run: RunConfig


def recall(path: Path) -> tuple[LastRun | None, str]:
    """The last choice, None when there is none; and a note for the log where the file is damaged."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(MAX_BYTES))
        return _last_run(content), ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, RecursionError, TypeError, rules.Wrong) as error:
        return None, f"the last choice in {plain(str(path), 200)} is not used: {type(error).__name__}"


def remember(path: Path, last: LastRun) -> str:
    """Write it, whole or not at all; a note for the log when that fails, else empty."""
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"devices": last.devices, "run": asdict(last.run)}), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        return f"the last choice is not remembered: {error.strerror}"
    return ""


def _last_run(content: Any) -> LastRun:
    if not isinstance(content, Mapping) or not isinstance(content.get("run"), Mapping):
        raise TypeError
    names = rules.checked(rules.Rule("devices", rules.Kind.TEXTS), content.get("devices"))
    by_field = {rule.field: rule for rule in rules.RUN.values()}
    default = RunConfig()
    chosen = {
        field.name: rules.checked(by_field[field.name], content["run"][field.name])
        for field in fields(RunConfig)
        if content["run"].get(field.name, getattr(default, field.name)) != getattr(default, field.name)
    }
    return LastRun(names, RunConfig(**chosen))
