"""Where melt keeps its files: the platform's places for configuration, state, data and caches."""

import os
from pathlib import Path
from typing import Final

import platformdirs

APP: Final = "melt"
VARIABLE: Final = "MELT_CONFIG"
"""Names another config file."""


def config_file() -> Path:
    """``melt/config.toml`` at the platform's place, or what ``MELT_CONFIG`` names."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_config_path(APP) / "config.toml"


def state_file() -> Path:
    """What melt remembers by itself: the last choice of the run dialog."""
    return platformdirs.user_state_path(APP) / "last-run.json"


def model_cache() -> Path:
    """Models that melt writes: they can be deleted at any time."""
    return platformdirs.user_cache_path(APP) / "models"


def download_cache() -> Path:
    """Archives that were fetched: they can be deleted at any time."""
    return platformdirs.user_cache_path(APP) / "downloads"


def known_hosts_file() -> Path:
    """Keys of SSH servers that were accepted in melt; the user's own ``~/.ssh/known_hosts`` is read beside it."""
    return platformdirs.user_data_path(APP) / "known_hosts"


def recordings_folder() -> Path:
    """Recordings, where the config names no other folder."""
    return platformdirs.user_data_path(APP) / "recordings"


def log_folder() -> Path:
    """Logs with the tracebacks that the screen does not show."""
    return platformdirs.user_log_path(APP)
