"""Power rails by their names: which files tell them, and their power from what those say. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

from drivers import linux
from drivers.base import Item
from drivers.devices.jetson import protocol
from drivers.devices.jetson.channels import BOARD_INPUT, RAIL, rail_name
from drivers.devices.jetson.protocol import Board
from drivers.devices.jetson.readers import Missing
from drivers.devices.jetson.survey import Survey
from drivers.model import Channel, reading, uneven_block

_MOST_UW = 2_000_000_000
"""Above 2 kW a reading is a fault; it also fits the 32 bits of a code."""

_UNCONNECTED = "NC"


@dataclass(frozen=True, slots=True)
class Rail:
    """A rail, and how many µW the product of its files' values stands for."""

    name: str
    paths: tuple[str, ...]
    """Voltage in mV and current in mA; or a power alone."""
    scale_uw: int
    detail: str


def find(survey: Survey, board: Board | None) -> list[Rail]:
    """Rails that the kernel names, each once, never by a number: hwmon (JetPack 5 on), iio (before)."""
    rails: dict[str, Rail] = {}
    for rail in (*_hwmon(survey), *_iio(survey), *_total(survey, board)):
        if rail.name and rail.name != _UNCONNECTED:
            rails.setdefault(rail.name, rail)
    return list(rails.values())


def _hwmon(survey: Survey) -> list[Rail]:
    """``in1_label`` … ``in3_label`` of an INA3221; ``in4`` … ``in6`` are its shunts, ``in7`` is their sum."""
    rails = []
    for path in survey.find(r"/sys/class/hwmon/hwmon[0-9]+/in[123]_label"):
        folder, _, file = path.rpartition("/")
        pair = (f"{folder}/in{file[2]}_input", f"{folder}/curr{file[2]}_input")
        if linux.name(survey.text(f"{folder}/name")) == "ina3221" and all(
            one in survey.files for one in pair
        ):
            rails.append(
                Rail(linux.name(survey.text(path)), pair, 1, "INA3221, voltage × current of one moment")
            )
    return rails


def _iio(survey: Survey) -> list[Rail]:
    rails = []
    for path in survey.find(r"/sys/bus/i2c/drivers/ina3221x/[^/]+/iio[^/]*/rail_name_[0-9]+"):
        folder, _, file = path.rpartition("/")
        number = file.removeprefix("rail_name_")
        pair = (f"{folder}/in_voltage{number}_input", f"{folder}/in_current{number}_input")
        power = f"{folder}/in_power{number}_input"
        name = linux.name(survey.text(path))
        if all(one in survey.files for one in pair):
            rails.append(Rail(name, pair, 1, "INA3221, voltage × current of one moment"))
        elif power in survey.files:
            rails.append(Rail(name, (power,), 1000, "INA3221, its driver's power"))
    return rails


def _total(survey: Survey, board: Board | None) -> list[Rail]:
    """The INA238 that measures all that enters a Thor; it has no label."""
    rails = []
    for path in survey.find(r"/sys/class/hwmon/hwmon[0-9]+/power1_input"):
        folder = path.rpartition("/")[0]
        if linux.name(survey.text(f"{folder}/name")) == "ina238":
            name = linux.name(survey.text(f"{folder}/power1_label"))
            fallback = "VIN" if board is not None and board.input == ("VIN",) else "ina238"
            rails.append(Rail(name or fallback, (path,), 1, "INA238"))
    return rails


class Rails:
    """The channels of a board's rails, and of its input."""

    def __init__(
        self, device: str, board: Board | None, rails: Sequence[Rail], *, rate_hz: int, own_clock: bool
    ) -> None:
        self._rails = rails
        self.rate_hz = rate_hz
        self.paths = tuple(path for rail in rails for path in rail.paths)
        self.input, self._why = protocol.input_rails(board, [rail.name for rail in rails])
        self._powers = [
            RAIL.of(
                device,
                rail_name(rail.name),
                point=point(rail.name, self.input),
                detail=rail.detail,
                rate_hz=rate_hz,
                own_clock=own_clock,
            )
            for rail in rails
        ]
        self._sum = sum_channel(
            RAIL.of(device, BOARD_INPUT, rate_hz=rate_hz, own_clock=own_clock), self.input
        )
        self.channels: tuple[Channel, ...] = (*self._powers, *((self._sum,) if self._sum else ()))

    @property
    def missing(self) -> list[Missing]:
        """Why the board's input is not told."""
        return [Missing("board input power", self._why)] if self._rails and not self.input else []

    def take(self, t_ns: int, values: Sequence[str]) -> list[Item]:
        """One answer of the sampling shell."""
        columns = [(linux.integer(value),) for value in values]
        powers = self._microwatts(columns)
        items: list[Item] = [
            reading(channel, t_ns, column[0])
            for channel, column in zip(self._powers, powers, strict=True)
            if column[0] is not None
        ]
        total = self._totals(powers) if self._sum else (None,)
        if self._sum and total[0] is not None:
            items.append(reading(self._sum, t_ns, total[0]))
        return items

    def batch(self, batch: protocol.Batch) -> list[Item]:
        """One line of the poller."""
        powers = self._microwatts(batch.columns)
        blocks = [
            _block(channel, batch.times_ns, column)
            for channel, column in zip(self._powers, powers, strict=True)
        ]
        if self._sum:
            blocks.append(_block(self._sum, batch.times_ns, self._totals(powers)))
        return [item for block in blocks for item in block]

    def _microwatts(self, columns: Sequence[Sequence[int | None]]) -> list[Sequence[int | None]]:
        powers: list[Sequence[int | None]] = []
        at = 0
        for rail in self._rails:
            mine = columns[at : at + len(rail.paths)]
            at += len(rail.paths)
            powers.append(_products(rail.scale_uw, mine))
        return powers

    def _totals(self, powers: Sequence[Sequence[int | None]]) -> Sequence[int | None]:
        parts = [column for rail, column in zip(self._rails, powers, strict=True) if rail.name in self.input]
        if not any(None in part for part in parts):
            sums = list(map(sum, zip(*cast("Sequence[Sequence[int]]", parts), strict=True)))
            if max(sums, default=0) < _MOST_UW:
                return sums
        return [_total_of(values) for values in zip(*parts, strict=True)]


def _products(scale: int, columns: Sequence[Sequence[int | None]]) -> Sequence[int | None]:
    """Of each moment; all at once where every value is there and none is below 0, as nearly always."""
    known = [cast("Sequence[int]", column) for column in columns if None not in column]
    if len(known) == len(columns) and all(min(column, default=0) >= 0 for column in known):
        products = [scale * prod(values) for values in zip(*known, strict=True)]
        if max(products, default=0) < _MOST_UW:
            return products
    return [_microwatts(scale, values) for values in zip(*columns, strict=True)]


def _microwatts(scale: int, values: Sequence[int | None]) -> int | None:
    """The product; a current that is shown below 0 is the noise of none."""
    product = scale
    for value in values:
        if value is None:
            return None
        product *= max(0, value)
    return product if product < _MOST_UW else None


def _total_of(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) and sum(known) < _MOST_UW else None


def _block(channel: Channel, times_ns: Sequence[int], column: Sequence[int | None]) -> list[Item]:
    if None not in column and column:
        return [uneven_block(channel, times_ns, cast("Sequence[int]", column))]
    told = [(t_ns, value) for t_ns, value in zip(times_ns, column, strict=True) if value is not None]
    if not told:
        return []
    return [uneven_block(channel, [t_ns for t_ns, _ in told], [value for _, value in told])]


def point(rail: str, inputs: Sequence[str]) -> str:
    """The reference point of a rail's power."""
    return "board-input" if inputs == (rail,) else f"rail:{rail}"


def sum_channel(channel: Channel, inputs: Sequence[str]) -> Channel | None:
    """``channel`` as the sum of these rails; None where the input is one rail, or none."""
    if len(inputs) < 2:
        return None
    return replace(
        channel,
        point="board-input",
        provenance=" + ".join(inputs),
        detail="the module's rails; what the carrier itself takes is not in it",
    )
