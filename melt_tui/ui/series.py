"""The names of the theme's series: what a device's colour is called in the config file."""

from collections.abc import Iterable, Mapping
from typing import Final

from melt_tui.config import DeviceConfig

SERIES: Final = ("cyan", "magenta", "green", "blue", "azure", "purple", "emerald", "silver")
"""In the order of the device colours; a theme may shade each as it can be read there."""
_RED_GREEN_BLUE: Final = (0x4FD6E8, 0xF27FE6, 0x8EE06B, 0x6C8BFF, 0x3A8FC4, 0xB04AC0, 0x2FB04A, 0xC3C9D1)
"""What each is like, to find the one nearest to a colour of the user's own."""


def series_of(colour: str) -> int | None:
    """The series of that name, or the one nearest to ``#rrggbb``; None for a name that is none."""
    if colour in SERIES:
        return SERIES.index(colour)
    if not colour.startswith("#") or len(colour) != 7:
        return None
    wanted = _parts(int(colour[1:], 16))
    return min(range(len(SERIES)), key=lambda i: _distance(_parts(_RED_GREEN_BLUE[i]), wanted))


def chosen(saved: Iterable[DeviceConfig]) -> Mapping[str, int]:
    """The series that were chosen, by name and by address of the device."""
    found: dict[str, int] = {}
    for entry in saved:
        series = series_of(entry.colour)
        if series is not None:
            found.update({key: series for key in (entry.address, entry.name) if key})
    return found


def _parts(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 255, colour & 255


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
