"""What of a device nobody sampled while its link was away, although it kept the rest: said once, so that a gap is explained."""

from collections.abc import Iterable, Iterator

from drivers.events import ChannelsOpened
from drivers.model import Channel
from drivers.runs.beside import PREFIX


class Unkept:
    """Of one run, over all its losses."""

    def __init__(self) -> None:
        self._kept: list[Channel] = []
        self._said: set[str] = set()

    def take(self, opened: ChannelsOpened, known: Iterable[Channel]) -> tuple[str, ...]:
        """The names, not said before, among the ``known`` channels of the device that nothing fills of what it kept; none
        where ``opened`` is not about what was kept."""
        kept = [channel for channel in opened.channels if channel.name.startswith(PREFIX)]
        if not kept:
            return ()
        self._kept += kept
        channels = {channel.name: channel for channel in known}
        held = {name for one in self._kept for name in _held(one, channels)}
        missed = tuple(name for name in channels if name not in held and name not in self._said)
        self._said.update(missed)
        return missed


def _held(kept: Channel, channels: dict[str, Channel]) -> Iterator[str]:
    """The channels whose sensor it is. Of several sensors of one name it is not known which is which: of all of them."""
    if kept.fills:
        alike = [name for name in kept.fills if name in channels and channels[name].unit is kept.unit]
        yield from alike[:1]
    else:
        label = kept.name.removeprefix(PREFIX).rstrip("0123456789").rstrip() or kept.name
        yield from (name for name, one in channels.items() if label in name and one.unit is kept.unit)
