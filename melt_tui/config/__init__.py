"""The settings of the user: ``config.toml`` at the platform's place, and where melt keeps its files.

Imported before the first paint: the parser is loaded only when there is a file to parse.
"""

import os
from pathlib import Path

from melt_tui.config import places
from melt_tui.config.model import (
    Config,
    DeviceConfig,
    LibraryConfig,
    RunConfig,
    ScreenConfig,
    SessionConfig,
)
from melt_tui.errors import ConfigError
from melt_tui.format import plain

__all__ = [
    "Config",
    "DeviceConfig",
    "LibraryConfig",
    "RunConfig",
    "ScreenConfig",
    "SessionConfig",
    "load",
    "places",
]


def load(path: Path | None = None) -> Config:
    """The settings of ``path``, by default of ``places.config_file()``; the defaults where there is no such file.

    Raises ``ConfigError`` for a wrong setting, and for a file that was named and is not there.
    """
    named = path is not None or places.VARIABLE in os.environ
    path = path or places.config_file()
    if os.path.lexists(path):
        from melt_tui.config.read import read

        return read(path)
    if named:
        raise ConfigError(
            f"there is no config file {plain(str(path), 200)}", f"check it or ${places.VARIABLE}"
        )
    return Config()
