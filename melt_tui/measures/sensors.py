"""Which sensor a word means on a device: ``soc``, ``skin``, or a name of its own. Pure."""

from collections.abc import Sequence
from typing import Final

from drivers.model import Channel, Quantity

WORDS: Final = {
    "soc": Quantity.TEMPERATURE,
    "skin": Quantity.SKIN_TEMPERATURE,
    "battery": Quantity.BATTERY_TEMPERATURE,
    "ambient": Quantity.AMBIENT_TEMPERATURE,
    "level": Quantity.BATTERY_LEVEL,
    "status": Quantity.LIMIT_LEVEL,
}
"""Where no sensor of the device has that name: of several of a kind the best."""
QUANTITIES: Final = frozenset({*WORDS.values(), Quantity.OTHER_TEMPERATURE})
"""Of what conditions may speak."""

_WHOLE_CHIP: Final = ("package", "pkg", "soc", "tj", "cpu", "total")
_OFFERED: Final = 12


def meant(word: str, channels: Sequence[Channel]) -> Channel | None:
    """The channel of that name, else the best of the kind that the word stands for; None where there is none."""
    known = [channel for channel in channels if channel.quantity in QUANTITIES]
    exact = next((channel for channel in known if channel.name.lower() == word.lower()), None)
    if exact is not None:
        return exact
    quantity = WORDS.get(word.lower())
    return min((one for one in known if one.quantity is quantity), key=rank, default=None)


def offered(channels: Sequence[Channel]) -> str:
    """The words that mean something there, in words; the first ones of many."""
    known = [channel for channel in channels if channel.quantity in QUANTITIES]
    words = [word for word in WORDS if meant(word, known) is not None]
    names = list(dict.fromkeys([*words, *(channel.name for channel in known)]))
    if not names:
        return "it has none that a condition can speak of"
    more = f" and {len(names) - _OFFERED} more" if len(names) > _OFFERED else ""
    return f"it has {', '.join(names[:_OFFERED])}{more}"


def rank(channel: Channel) -> int:
    """How well a temperature stands for the whole chip, best first: it has a limit, or is named after the chip."""
    if channel.limit is not None:
        return 0
    name = channel.name.lower()
    return 1 + next((i for i, word in enumerate(_WHOLE_CHIP) if word in name), len(_WHOLE_CHIP))
