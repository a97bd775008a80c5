"""What the time before a run has to be like to be taken for idle. Pure."""

from typing import Final

from drivers.clock import SECOND

SCREEN: Final = ("screen", "brightness")
"""Channels in which a device tells the state of its screen."""

ROUNDING_NS: Final = SECOND // 10
"""A baseline may be that much shorter: whoever waits for it does so to a beat."""
