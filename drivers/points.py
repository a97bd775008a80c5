"""Reference points: where a power or an energy was measured. Figures of different points are not the same thing. Pure."""

import re

POINTS = {
    "battery-terminals": "at the battery, or in its place",
    "usb-input": "in the USB cable, charging included",
    "board-input": "at the board's power plug",
    "rail:NAME": "one rail of the board",
    "package": "the processor, by its own counter",
    "battery-gauge": "as the battery's own gauge tells",
}
"""Every point, and what is measured there."""

PATTERN = r"battery-terminals|usb-input|board-input|package|battery-gauge|rail:[^\s&?#%]{1,64}"
KNOWN = ", ".join(POINTS)
"""For a sentence."""

_POINT = re.compile(PATTERN)


def is_point(text: str) -> bool:
    """Whether a person can have meant a reference point by it."""
    return text.isprintable() and _POINT.fullmatch(text) is not None
