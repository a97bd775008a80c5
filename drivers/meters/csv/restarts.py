"""A counter of energy that falls: its board began again, or a digit came damaged. What it counted meanwhile is not known."""

from collections.abc import Sequence

from drivers.base import Item
from drivers.metering.losses import Losses, loss_channel
from drivers.model import Channel, Kind


class Restarts:
    """Counts how often the counters among some columns fall, in a channel; says so at most once a second."""

    def __init__(self, device: str, columns: Sequence[Channel]) -> None:
        self._places = [i for i, column in enumerate(columns) if column.kind is Kind.COUNTER]
        self._before: dict[int, float] = {}
        lost = "stretches of energy, whose counter began again"
        self._losses = Losses(loss_channel(device, "counter restarts"), of=lost, reason=lost)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The count; none where no column is a counter."""
        return (self._losses.channel,) if self._places else ()

    def take(self, columns: Sequence[Sequence[float]]) -> None:
        """The next rows, by column."""
        for place in self._places:
            for value in columns[place]:
                self._losses.add(value < self._before.get(place, value))
                self._before[place] = value

    def told(self, t_ns: int, *, all_of_them: bool = False) -> list[Item]:
        """What is to be told now."""
        return self._losses.told(t_ns, all_of_them=all_of_them) if self._places else []
