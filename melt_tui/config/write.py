"""Changing the ``[[devices]]`` tables of ``config.toml``: comments, order and everything else stay as they were.

The text is edited by lines and read again before it is kept: an edit that would change anything else is refused.
"""

import os
import re
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from melt_tui.config import rules
from melt_tui.config.model import Config, DeviceConfig
from melt_tui.config.read import many_of, parse
from melt_tui.errors import ConfigError
from melt_tui.format import plain

_HEADER: Final = re.compile(r"\s*\[")
_OURS: Final = re.compile(r"\s*\[\[\s*[\"']?devices[\"']?\s*\]\]\s*(?:#.*)?")
_LINE: Final = re.compile(
    r"""(?P<before>\s*["']?(?P<key>[a-z]+)["']?\s*=\s*)(?P<value>"(?:[^"\\]|\\.)*"|'[^']*')(?P<after>\s*(?:\#.*)?)"""
)
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"'}
_MODE: Final = 0o600

Edit = Callable[[str, Sequence[DeviceConfig]], str]


def add_device(path: Path, entry: DeviceConfig) -> Config:
    """Add it at the end of the devices; the file is made where there is none. Raises ConfigError."""
    _check(entry)
    return _edit(path, lambda text, _: _added(text, entry), lambda known: [*known, entry])


def change_device(path: Path, was: str, entry: DeviceConfig) -> Config:
    """Change the one of that name or address into ``entry``; meters that feed it follow its name. Raises ConfigError."""

    _check(entry)

    def wanted(known: Sequence[DeviceConfig]) -> list[DeviceConfig]:
        at = _index(known, was, path)
        old = known[at].name
        follow = [replace(one, feeds=entry.name) if old and one.feeds == old else one for one in known]
        return [entry if i == at else one for i, one in enumerate(follow)]

    def edited(text: str, known: Sequence[DeviceConfig]) -> str:
        for i, (old, new) in enumerate(zip(known, wanted(known), strict=True)):
            text = text if old == new else _changed(text, i, new)
        return text

    return _edit(path, edited, wanted)


def forget_device(path: Path, name: str) -> Config:
    """Take the one of that name or address out. Comments above it stay. Raises ConfigError."""
    return _edit(
        path,
        lambda text, known: _removed(text, _index(known, name, path)),
        lambda known: [one for i, one in enumerate(known) if i != _index(known, name, path)],
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of one ``[[devices]]`` table: its header, and one past its last setting."""

    header: int
    end: int


def _edit(path: Path, edit: Edit, expect: Callable[[Sequence[DeviceConfig]], list[DeviceConfig]]) -> Config:
    raw = _raw(path)
    before = parse(raw.removeprefix("\ufeff"), path)
    ending = "\r\n" if "\r\n" in raw else "\n"
    wanted = expect(before.devices)
    _check_apart(wanted, path)
    text = edit(raw.replace("\r\n", "\n"), before.devices)
    try:
        same = _others(text) == _others(raw)
    except tomllib.TOMLDecodeError:
        raise _by_hand(path) from None
    after = parse(text.removeprefix("\ufeff"), path)
    if list(after.devices) != wanted or not same:
        raise _by_hand(path)
    _write(path, text.replace("\n", ending))
    return after


def _check(entry: DeviceConfig) -> None:
    for key, value in _settings(entry):
        rule = rules.DEVICE[key]
        try:
            rules.checked(rule, value)
        except rules.Wrong as wrong:
            said = f"“{key}” of a device cannot be {plain(str(wrong.args[0]))}"
            raise ConfigError(said, f"give {rule.allowed}") from wrong


def _check_apart(wanted: Sequence[DeviceConfig], path: Path) -> None:
    """Of a file that is yet to be written nobody can look up a line."""
    where = plain(str(path), 200)
    for one, others in ((one, wanted[:i]) for i, one in enumerate(wanted)):
        if one.name and one.name in {other.name for other in others}:
            raise ConfigError(
                f"a device called “{plain(one.name)}” is in {where} already", "give another name"
            )
        if not many_of(one.address) and one.address in {other.address for other in others}:
            raise ConfigError(
                f"the device {plain(one.address)} is in {where} already", "change that one instead"
            )


def _raw(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{plain(str(path), 200)} is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(
            f"{plain(str(path), 200)} cannot be read ({error.strerror})", "check the file and its rights"
        ) from error


def _others(text: str) -> dict[str, Any]:
    content = tomllib.loads(text.removeprefix("\ufeff"))
    content.pop("devices", None)
    return content


def _index(known: Sequence[DeviceConfig], name: str, path: Path) -> int:
    named = [i for i, one in enumerate(known) if name == one.name]
    at = named or [i for i, one in enumerate(known) if name == one.address]
    if not at:
        listed = ", ".join(plain(one.name or one.address) for one in known) or "none"
        raise ConfigError(f"no device “{plain(name)}” is in {plain(str(path), 200)}", f"there are: {listed}")
    return at[0]


def _added(text: str, entry: DeviceConfig) -> str:
    lines = text.split("\n")
    blocks = _blocks(lines)
    table = ["[[devices]]", *(_assignment(key, value) for key, value in _settings(entry))]
    if blocks:
        at = blocks[-1].end
        return "\n".join([*lines[:at], "", *table, *lines[at:]])
    kept = text.rstrip("\n")
    apart = "\n\n" if kept.strip("\ufeff") else ""
    return f"{kept}{apart}" + "\n".join([*table, ""])


def _changed(text: str, index: int, entry: DeviceConfig) -> str:
    lines = text.split("\n")
    block = _block(lines, index)
    settings = dict(_settings(entry))
    body: list[str] = []
    for line in lines[block.header + 1 : block.end]:
        match = _LINE.fullmatch(line)
        if match is None or match["key"] not in rules.DEVICE:
            body.append(line)
        elif match["key"] in settings:
            value = settings.pop(match["key"])
            kept = match["value"] if _same(match["value"], value) else _quoted(value)
            body.append(f"{match['before']}{kept}{match['after']}")
    body += [_assignment(key, value) for key, value in settings.items()]
    return "\n".join([*lines[: block.header + 1], *body, *lines[block.end :]])


def _removed(text: str, index: int) -> str:
    lines = text.split("\n")
    block = _block(lines, index)
    before, after = lines[: block.header], lines[block.end :]
    while before and after and not before[-1].strip() and not after[0].strip():
        after.pop(0)
    return "\n".join([*before, *after])


def _block(lines: Sequence[str], index: int) -> _Block:
    blocks = _blocks(lines)
    if index >= len(blocks):
        raise ConfigError(
            "the devices are not written as [[devices]] tables", "change them by hand, in the file"
        )
    return blocks[index]


def _blocks(lines: Sequence[str]) -> list[_Block]:
    """Each ends behind its last setting: what follows up to the next table belongs to that."""
    headers = [i for i, line in enumerate(lines) if _HEADER.match(line)]
    blocks = []
    for header, end in pairwise([*headers, len(lines)]):
        if _OURS.fullmatch(lines[header]):
            last = max(i for i in range(header, end) if i == header or _says_something(lines[i]))
            blocks.append(_Block(header, last + 1))
    return blocks


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _settings(entry: DeviceConfig) -> list[tuple[str, str]]:
    return [(field.name, value) for field in fields(entry) if (value := getattr(entry, field.name))]


def _assignment(key: str, value: str) -> str:
    return f"{key} = {_quoted(value)}"


def _quoted(value: str) -> str:
    return '"' + "".join(_ESCAPES.get(char, char) for char in value) + '"'


def _same(written: str, value: str) -> bool:
    found: bool = tomllib.loads(f"x = {written}")["x"] == value
    return found


def _by_hand(path: Path) -> ConfigError:
    return ConfigError(
        f"the devices in {plain(str(path), 200)} are written in a way that melt does not change",
        "write each as a [[devices]] table with one setting a line, or change them by hand",
    )


def _write(path: Path, text: str) -> None:
    """Whole or not at all; a link stays a link."""
    target = path.resolve()
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else _MODE
        part.write_bytes(text.encode("utf-8"))
        part.chmod(mode)
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise ConfigError(
            f"{plain(str(path), 200)} cannot be written ({error.strerror})", "check the file and its rights"
        ) from error
