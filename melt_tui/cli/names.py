"""Names in the config file that only the screens can judge: of commands, of colours. Imported with them."""

from collections.abc import Iterator
from difflib import get_close_matches

from melt_tui.cli.lines import place_of
from melt_tui.config import Config
from melt_tui.format import plain
from melt_tui.ui.commands import BY_NAME, unknown_names
from melt_tui.ui.series import SERIES, series_of


def wrong_names(config: Config) -> tuple[tuple[str, str], ...]:
    """What is wrong, with its line, and what would be right, for each name that is no command's or colour's."""
    commands = unknown_names(name for name, _ in config.keys)
    colours = ((i, one.colour) for i, one in enumerate(config.devices) if one.colour)
    return (
        *(_unknown_command(config, name) for name in commands),
        *(_unknown_colour(config, i, name) for i, name in colours if series_of(name) is None),
    )


def sentences(config: Config) -> Iterator[str]:
    """The same, each in one sentence."""
    return (f"{said}: {remedy}" for said, remedy in wrong_names(config))


def _unknown_command(config: Config, name: str) -> tuple[str, str]:
    near = get_close_matches(name.lower().replace("-", "_"), list(BY_NAME), n=1)
    remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(BY_NAME)}"
    return f"{place_of(config, 'keys', name)}there is no command “{name}”", remedy


def _unknown_colour(config: Config, index: int, name: str) -> tuple[str, str]:
    said = f"{place_of(config, 'devices', 'colour', index)}there is no colour “{plain(name)}”"
    return said, f"give one of {', '.join(SERIES)} or #rrggbb"
