"""What is known now, in memory: a sink of the bus and a Timeline. Loads numpy: import it on the session's thread."""

from melt_tui.live.state import LiveState

__all__ = ["LiveState"]
