"""Whether a key waits: told by the thread that reads keys, asked between the steps of what is long."""

from time import monotonic

from textual import events
from textual.driver import Driver
from textual.message import Message

HEARD_S = 0.04
"""So long a key may be under way from the thread that reads it to its screen, the longest step before it included.
What no screen answers holds nothing up for longer."""
RESUMED_S = 0.005
"""After so long it is looked again whether the key has been answered."""


class Haste:
    """Whether a key is on its way: told by the thread that reads them, asked by what draws."""

    def __init__(self) -> None:
        self._came_s: float | None = None

    @property
    def pending(self) -> bool:
        """Whether one is."""
        came_s = self._came_s
        return came_s is not None and monotonic() - came_s < HEARD_S

    def came(self) -> None:
        """A key was pressed; from any thread."""
        self._came_s = monotonic()

    def answered(self) -> None:
        """A screen has done what it asks for."""
        self._came_s = None


def listening(driver: type[Driver], haste: Haste) -> type[Driver]:
    """A driver of the same kind that tells of keys and clicks as soon as they are read, on the thread that reads them."""

    def process_message(self: Driver, message: Message) -> None:
        if isinstance(message, events.Key | events.MouseDown):
            haste.came()
        driver.process_message(self, message)

    return type(driver.__name__, (driver,), {"process_message": process_message})
