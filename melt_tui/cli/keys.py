"""Keys of the config file that are bound to no command. Only the screens know their commands: imported with them."""

from collections.abc import Iterator
from difflib import get_close_matches

from melt_tui.config import Config
from melt_tui.config.lines import line_of
from melt_tui.format import plain
from melt_tui.ui.commands import BY_NAME, unknown_names


def wrong_keys(config: Config) -> tuple[tuple[str, str], ...]:
    """What is wrong, with its line, and what would be right, for each name that is no command's."""
    return tuple(_told(config, name) for name in unknown_names(name for name, _ in config.keys))


def sentences(config: Config) -> Iterator[str]:
    """The same, each in one sentence."""
    return (f"{said}: {remedy}" for said, remedy in wrong_keys(config))


def _told(config: Config, name: str) -> tuple[str, str]:
    near = get_close_matches(name.lower().replace("-", "_"), list(BY_NAME), n=1)
    remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(BY_NAME)}"
    return f"{_place(config, name)}there is no command “{name}”", remedy


def _place(config: Config, name: str) -> str:
    if config.path is None:
        return ""
    try:
        line = line_of(config.path.read_text(encoding="utf-8-sig"), "keys", name)
    except (OSError, UnicodeDecodeError):
        line = None
    return plain(str(config.path), 200) + (f", line {line}: " if line else ": ")
