"""Reading ``config.toml``: a wrong key or value is named with its file, its line and what would be right."""

import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from melt_tui.config import rules
from melt_tui.config.lines import line_of
from melt_tui.config.model import (
    Config,
    DeviceConfig,
    LibraryConfig,
    RunConfig,
    ScreenConfig,
    SessionConfig,
)
from melt_tui.config.rules import Rule
from melt_tui.errors import ConfigError
from melt_tui.format import plain

MAX_BYTES: Final = 1 << 20
_TABLES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "run": rules.RUN,
    "session": rules.SESSION,
    "library": rules.LIBRARY,
    "screen": rules.SCREEN,
}
_SIMULATED: Final = "sim:"
_KNOWN: Final = ("devices", *_TABLES, "keys")
_KEY: Final = Rule("", rules.Kind.TEXT, pattern=r"\S{1,40}", example='"ctrl+r"')


def read(path: Path) -> Config:
    """The settings of this file over the defaults. Raises ``ConfigError``."""
    return parse(_content(path), path)


def parse(text: str, path: Path) -> Config:
    """The same of its text; ``path`` is named in errors."""
    return _Reader(text, path).config()


def many_of(address: str) -> bool:
    """Simulated devices are made as often as they are named."""
    return address.startswith(_SIMULATED)


class _Reader:
    """Turns the tables of one text into a ``Config``."""

    def __init__(self, text: str, path: Path) -> None:
        self._text = text
        self._path = path
        self._content = self._toml()

    def config(self) -> Config:
        for name in self._content:
            if name not in _KNOWN:
                raise self._unknown_table(name)
        return Config(
            devices=self._devices(),
            run=RunConfig(**self._table("run")),
            session=SessionConfig(**self._table("session")),
            library=LibraryConfig(**self._table("library")),
            screen=ScreenConfig(**self._table("screen")),
            keys=self._keys(),
            path=self._path,
        )

    def _toml(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            said = f"{plain(str(self._path), 200)} is not TOML: {plain(str(error))}"
            raise ConfigError(said, "correct that line") from error
        except (RecursionError, ValueError) as error:
            raise ConfigError(f"{plain(str(self._path), 200)} cannot be parsed", "simplify it") from error

    def _table(self, name: str) -> dict[str, Any]:
        return self._fields(name, 0, self._content.get(name, {}), _TABLES[name])

    def _fields(self, table: str, index: int, values: Any, known: Mapping[str, Rule]) -> dict[str, Any]:
        if not isinstance(values, dict):
            raise self._error(
                table, "", index, f"“{table}” is not a table", f"write [{table}] above its settings"
            )
        fields: dict[str, Any] = {}
        for key, value in values.items():
            rule = known.get(key)
            if rule is None:
                raise self._unknown_key(table, key, index, known)
            fields[rule.field] = self._value(table, key, index, rule, value)
        return fields

    def _value(self, table: str, key: str, index: int, rule: Rule, value: Any) -> Any:
        try:
            return rules.checked(rule, value)
        except rules.Wrong as wrong:
            said = f"“{plain(key)}” in [{table}] cannot be {plain(str(wrong.args[0]))}"
            raise self._error(table, key, index, said, f"give {rule.allowed}") from wrong

    def _devices(self) -> tuple[DeviceConfig, ...]:
        entries = self._content.get("devices", [])
        if not isinstance(entries, list):
            raise self._error(
                "devices", "", 0, "“devices” is not a list", "write [[devices]] above each device"
            )
        devices = tuple(self._device(index, entry) for index, entry in enumerate(entries))
        for index, device in enumerate(devices):
            self._check_single(index, device, devices[:index])
        return devices

    def _check_single(self, index: int, device: DeviceConfig, before: Sequence[DeviceConfig]) -> None:
        if device.name and device.name in {other.name for other in before}:
            said = f"two devices are called “{plain(device.name)}”"
            raise self._error("devices", "name", index, said, "give each a name of its own")
        if not many_of(device.address) and device.address in {other.address for other in before}:
            said = f"the device {plain(device.address)} is there twice"
            raise self._error("devices", "address", index, said, "leave one of them out")

    def _device(self, index: int, entry: Any) -> DeviceConfig:
        fields = self._fields("devices", index, entry, rules.DEVICE)
        if "address" not in fields:
            raise self._error("devices", "", index, "a device has no address", 'give address = "host"')
        device = DeviceConfig(**fields)
        if device.feeds and not device.point:
            said = "a meter that feeds a device needs a reference point"
            raise self._error("devices", "feeds", index, said, f"give point, {rules.DEVICE['point'].allowed}")
        return device

    def _keys(self) -> tuple[tuple[str, str], ...]:
        table = self._content.get("keys", {})
        if not isinstance(table, dict):
            raise self._error("keys", "", 0, "“keys” is not a table", "write [keys] above them")
        return tuple((plain(name), self._value("keys", name, 0, _KEY, key)) for name, key in table.items())

    def _unknown_table(self, name: str) -> ConfigError:
        home = next((table for table, known in _TABLES.items() if name in known), "")
        said = f"there is no setting “{plain(name)}” at the top"
        if home:
            return self._error("", name, 0, said, f"it belongs under [{home}]")
        return self._error("", name, 0, said, f"{_near(name, _KNOWN)}known are {', '.join(_KNOWN)}")

    def _unknown_key(self, table: str, key: str, index: int, known: Mapping[str, Rule]) -> ConfigError:
        said = f"there is no setting “{plain(key)}” in [{table}]"
        return self._error(table, key, index, said, f"{_near(key, known)}known are {', '.join(known)}")

    def _error(self, table: str, key: str, index: int, said: str, remedy: str) -> ConfigError:
        line = line_of(self._text, table, key, index)
        place = plain(str(self._path), 200) + (f", line {line}" if line else "")
        return ConfigError(f"{place}: {said}", remedy)


def _near(name: str, known: Mapping[str, Rule] | tuple[str, ...]) -> str:
    near = get_close_matches(name.lower().replace("-", "_"), list(known), n=1)
    return f"did you mean {near[0]}? " if near else ""


def _content(path: Path) -> str:
    shown = plain(str(path), 200)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{shown} cannot be read ({error.strerror})", "check the file and its rights"
        ) from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{shown} is larger than a config file can be", "check that it is the right file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown}, line {line}: this is not UTF-8 text", "save it as UTF-8") from error
