"""Reference points: where a power or an energy was measured. Figures of different points are not the same thing. Pure."""

import re

POINTS = {
    "battery-terminals": "what the device draws in place of, or out of, its battery",
    "usb-input": "what enters by the USB cable, charging included",
    "board-input": "what enters the board by its power plug",
    "rail:NAME": "one rail of the board, by its name",
    "package": "the processor's package, by its own counter",
    "battery-gauge": "what the battery's own gauge tells",
}
"""Every point, and what is measured there."""

PATTERN = r"battery-terminals|usb-input|board-input|package|battery-gauge|rail:[^\s&?#%]{1,64}"
KNOWN = ", ".join(POINTS)
"""For a sentence."""

_POINT = re.compile(PATTERN)


def is_point(text: str) -> bool:
    """Whether a person can have meant a reference point by it."""
    return text.isprintable() and _POINT.fullmatch(text) is not None
