"""From lines of tegrastats to samples: channels open as the fields that they carry are first seen. Pure."""

from collections.abc import Iterator

from drivers import zones
from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.jetson import tegrastats
from drivers.devices.jetson.channels import (
    BOARD_INPUT,
    CORE,
    ENGINE_CLOCK,
    ENGINE_USE,
    POOL,
    TEMPERATURES,
    TOLD_RAIL,
    Row,
    rail_name,
)
from drivers.devices.jetson.protocol import Board, input_rails
from drivers.devices.jetson.rails import point, sum_channel
from drivers.devices.jetson.tegrastats import Stats
from drivers.events import Absent, ChannelsOpened, SamplesLost
from drivers.model import Channel, reading

SOURCE = "tegrastats"
"""What lost lines are counted under."""

_JUDGED_AFTER = 3
"""After so many lines what was in none of them is taken to be absent."""

_SENSOR_HZ = 10

Field = tuple[str, Row, float]
"""A channel's name, its sort, its code."""


class Telling:
    """What one board's tegrastats tells. Rails, temperatures and clocks only where the kernel itself tells none."""

    def __init__(
        self, device: str, board: Board | None, *, rails: bool, temperatures: bool, clocks: bool
    ) -> None:
        self._device = device
        self._board = board
        self._takes = (rails, temperatures, clocks)
        self._channels: dict[str, Channel] = {}
        self._last = ""
        self._lines = 0
        self._lost = 0
        self._said_ns: int | None = None

    @property
    def heard(self) -> bool:
        """Whether a line came that could be read."""
        return self._lines > 0

    def take(self, t_ns: int, line: str) -> list[Item]:
        """One line: samples, before them the channels that are new, and what is lost or absent."""
        parsed = tegrastats.parse(line, self._last)
        if parsed is None:
            self._lost += 1
            return self._losses(t_ns)
        stats, self._last = parsed
        self._lines += 1
        return [*self._losses(t_ns), *self._samples(t_ns, stats), *self._absences(t_ns, stats)]

    def end(self, t_ns: int) -> list[Item]:
        """There are no more lines: what was lost and not yet said."""
        self._said_ns = None
        return self._losses(t_ns)

    def _losses(self, t_ns: int) -> list[Item]:
        """At most one a second."""
        if not self._lost or (self._said_ns is not None and t_ns - self._said_ns < SECOND):
            return []
        self._said_ns, count, self._lost = t_ns, self._lost, 0
        reason = "lines that are not of tegrastats, or lack their start"
        return [SamplesLost(t_ns=t_ns, device=self._device, channel=SOURCE, count=count, reason=reason)]

    def _samples(self, t_ns: int, stats: Stats) -> list[Item]:
        new: list[Channel] = []
        samples: list[Item] = []
        for name, row, code in self._fields(stats):
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = self._channel(name, row)
                new.append(channel)
            samples.append(reading(channel, t_ns, code))
        opened = ChannelsOpened(t_ns=t_ns, device=self._device, channels=tuple(new))
        return [opened, *samples] if new else samples

    def _channel(self, name: str, row: Row) -> Channel:
        if row is not TOLD_RAIL:
            return row.of(self._device, name, rate_hz=_SENSOR_HZ)
        inputs = self._board.input if self._board else ()
        total = sum_channel(row.of(self._device, name), inputs) if name == BOARD_INPUT else None
        return total or row.of(self._device, name, point=_rail_point(name, inputs))

    def _fields(self, stats: Stats) -> Iterator[Field]:
        rails, temperatures, clocks = self._takes
        for pool in ("RAM", "SWAP"):
            if pool in stats.pools:
                yield pool.lower(), POOL, stats.pools[pool].used
        yield from _cores(stats, clocks=clocks)
        yield from _engines(stats)
        if temperatures:
            for name, degrees in stats.celsius.items():
                yield f"{name} temp", TEMPERATURES[zones.board_quantity(name)], degrees
        if rails:
            yield from self._rails(stats)

    def _rails(self, stats: Stats) -> Iterator[Field]:
        for name, milliwatts in stats.milliwatts.items():
            yield rail_name(name), TOLD_RAIL, milliwatts
        inputs, _ = input_rails(self._board, stats.milliwatts)
        if len(inputs) > 1:
            yield BOARD_INPUT, TOLD_RAIL, sum(stats.milliwatts[rail] for rail in inputs)

    def _absences(self, t_ns: int, stats: Stats) -> list[Item]:
        """Said once, by what is in the line then."""
        if self._lines != _JUDGED_AFTER:
            return []
        found = [
            Absent(t_ns=t_ns, device=self._device, what=what, reason=reason, remedy=remedy)
            for what, reason, remedy in self._lacking(stats)
        ]
        return list(found)

    def _lacking(self, stats: Stats) -> Iterator[tuple[str, str, str]]:
        if "GR3D" not in self._channels:
            yield "GPU use", "this board's tegrastats does not tell it", "update JetPack, or log in as root"
        if not self._takes[0]:
            return
        if not stats.milliwatts:
            yield "power rails", "tegrastats shows none to this user, nor does the kernel", "log in as root"
            return
        inputs, why = input_rails(self._board, stats.milliwatts)
        if not inputs:
            yield "board input power", why, ""


def _rail_point(name: str, inputs: tuple[str, ...]) -> str:
    return point(name.removesuffix(" rail"), inputs)


def _cores(stats: Stats, *, clocks: bool) -> Iterator[Field]:
    for number, core in enumerate(stats.cores):
        if core.percent is not None:
            yield f"cpu{number}", CORE, core.percent
        if clocks and core.hertz is not None:
            yield f"cpu{number} clock", ENGINE_CLOCK, core.hertz


_CLOCKED = ("GR3D", "GR3D2", "EMC")


def _engines(stats: Stats) -> Iterator[Field]:
    """Use of all that tell it; of the GPU and the memory also the clock, that of the fastest part."""
    for name, engine in stats.engines.items():
        if engine.percent is not None:
            yield name, ENGINE_USE, engine.percent
        if name in _CLOCKED and engine.hertz:
            yield f"{name} clock", ENGINE_CLOCK, max(engine.hertz)
