"""Where in the config file something stands that is found wrong after it was read."""

from melt_tui.config import Config
from melt_tui.config.lines import line_of
from melt_tui.format import plain


def place_of(config: Config, table: str, key: str, index: int = 0) -> str:
    """``FILE, line 3: `` before what is said of it; nothing without a file."""
    if config.path is None:
        return ""
    try:
        line = line_of(config.path.read_text(encoding="utf-8-sig"), table, key, index)
    except (OSError, UnicodeDecodeError):
        line = None
    return plain(str(config.path), 200) + (f", line {line}: " if line else ": ")
