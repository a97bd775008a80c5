"""What is asked of a phone's services, each question a process on it: in a shell of their own, one after the other."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from drivers import thermalservice
from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.android import protocol, scripts
from drivers.devices.android.channels import (
    BRIGHTNESS,
    COOLING,
    FAN,
    SCREEN,
    SCREEN_HZ,
    SENSORS,
    SLOW_HZ,
    THERMAL_STATUS,
)
from drivers.devices.android.finding import free_name
from drivers.devices.android.gauges import Missing
from drivers.events import Absent, LimitEngaged, LimitReleased, LogLine
from drivers.links.asking import Answer
from drivers.model import Channel, reading
from drivers.thermalservice import STATUS_NAMES, Cooling, Temperature, Thermal


class Service(Protocol):
    """One question that is asked again and again."""

    @property
    def what(self) -> str:
        """What is lost when it does not answer."""
        ...

    @property
    def period_ns(self) -> int:
        """How often it is asked."""
        ...

    @property
    def channels(self) -> Sequence[Channel]:
        """What it gives; none before it has answered."""
        ...

    def script(self) -> str:
        """What to ask; empty for nothing now."""
        ...

    def take(self, answer: Answer) -> list[Item]:
        """What an answer tells."""
        ...


class Settled(Service, Protocol):
    """A question that is asked when the phone is opened, so that its channels are known."""

    def settle(self, text: str) -> Sequence[Missing]:
        """By the first answer: which channels there are, and what is missing."""
        ...


class ThermalService:
    """Temperatures, status and cooling devices of the thermal service."""

    what = "thermal service"
    period_ns = round(SECOND / SLOW_HZ)

    def __init__(self, device: str, taken: Iterable[str] = ()) -> None:
        """``taken`` are the names of channels that the phone has elsewhere."""
        self._device = device
        self._sensors: dict[tuple[str, int], Channel] = {}
        self._coolings: dict[tuple[str, int], Channel] = {}
        self._status: Channel | None = None
        self._taken: set[str] = {THERMAL_STATUS.name, *taken}
        self._limits = _Limits(device)
        self._overridden = False

    @property
    def channels(self) -> Sequence[Channel]:
        """Of everything that it has told of so far."""
        status = () if self._status is None else (self._status,)
        return (*status, *self._sensors.values(), *self._coolings.values())

    def script(self) -> str:
        """What to ask."""
        return scripts.THERMAL

    def settle(self, text: str) -> Sequence[Missing]:
        """Which sensors there are; what the phone does not give."""
        told = thermalservice.parse(text)
        self._open(told, _numbered(told.temperatures), _numbered(told.coolings))
        if not told.answered:
            return (Missing("thermal service", "this phone has none (Android 10 and later have)"),)
        if not told.ready:
            return (Missing("thermal service", "the phone's maker gave it no sensors (HAL Ready: false)"),)
        return () if told.temperatures else (Missing("temperatures of the thermal service", "it names none"),)

    def take(self, answer: Answer) -> list[Item]:
        """Sensors that have a value now, status, cooling devices, and the limits that begin or end with them."""
        t_ns, told = answer.middle_ns, thermalservice.parse(answer.text)
        if not told.ready:
            return []
        sensors, coolings = _numbered(told.temperatures), _numbered(told.coolings)
        self._open(told, sensors, coolings)
        items: list[Item] = self._override(t_ns, told)
        if self._status is not None and told.status is not None and not told.overridden:
            items += [reading(self._status, t_ns, told.status), *self._limits.status(t_ns, told.status)]
        for number, sensor in sensors:
            if sensor.celsius is not None:
                items.append(reading(self._sensors[sensor.name, number], t_ns, sensor.celsius))
        for number, cooling in coolings:
            channel = self._coolings[cooling.name, number]
            items += [
                reading(channel, t_ns, cooling.value),
                *self._limits.cooling(t_ns, channel.name, cooling),
            ]
        return items

    def _open(self, told: Thermal, sensors: "Numbered[Temperature]", coolings: "Numbered[Cooling]") -> None:
        """Channels for what was not met before."""
        if told.status is not None and self._status is None:
            self._status = THERMAL_STATUS.of(self._device)
        for number, sensor in sensors:
            if sensor.celsius is not None and (sensor.name, number) not in self._sensors:
                self._sensors[sensor.name, number] = SENSORS[sensor.quantity].of(
                    self._device,
                    free_name(sensor.name, self._taken),
                    limit=sensor.limit,
                    detail="sensor of the thermal service, from its HAL",
                )
        for number, cooling in coolings:
            if (cooling.name, number) not in self._coolings:
                row = FAN if cooling.kind == thermalservice.FAN else COOLING
                name = free_name(f"{row.name} {cooling.name}", self._taken)
                self._coolings[cooling.name, number] = row.of(self._device, name)

    def _override(self, t_ns: int, told: Thermal) -> list[Item]:
        was, self._overridden = self._overridden, told.overridden
        if was or not told.overridden:
            return []
        return [
            Absent(
                t_ns=t_ns,
                device=self._device,
                what="thermal status",
                reason="somebody set it by a test command",
                remedy="adb shell cmd thermalservice reset",
            )
        ]


class _Limits:
    """Which limits of the thermal service are in force."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._in_force: dict[str, int] = {}
        self._at_start: dict[str, int] = {}

    def status(self, t_ns: int, status: int) -> list[Item]:
        """In force from LIGHT on."""
        return self._change(t_ns, "thermal status", status, STATUS_NAMES[status])

    def cooling(self, t_ns: int, limit: str, cooling: Cooling) -> list[Item]:
        """In force above 0. What slows no computing (a modem, a battery's charging, a display) often stands above 0 on
        a cool phone: there, above where it stood at first."""
        if cooling.kind == thermalservice.FAN:
            return []
        rest = (
            0 if cooling.kind in thermalservice.COMPUTING else self._at_start.setdefault(limit, cooling.value)
        )
        level = cooling.value if cooling.value > rest else 0
        return self._change(t_ns, limit, level, f"state {cooling.value}")

    def _change(self, t_ns: int, limit: str, level: int, detail: str) -> list[Item]:
        was = self._in_force.get(limit, 0)
        self._in_force[limit] = level
        if level == was:
            return []
        if level == 0:
            return [LimitReleased(t_ns=t_ns, device=self._device, limit=limit, detail=detail)]
        return [LimitEngaged(t_ns=t_ns, device=self._device, limit=limit, reason="thermal", detail=detail)]


Named = TypeVar("Named", Temperature, Cooling)


Numbered = Sequence[tuple[int, Named]]
"""Each with its place among those of its name, from 1: two sensors may bear one name."""


def _numbered(items: Sequence[Named]) -> Numbered[Named]:
    seen: dict[str, int] = {}
    numbered = []
    for item in items:
        seen[item.name] = seen.get(item.name, 0) + 1
        numbered.append((seen[item.name], item))
    return numbered


class ScreenService:
    """Whether the screen is on, and how bright it is set."""

    what = "screen"
    period_ns = round(SECOND / SCREEN_HZ)

    def __init__(self, device: str) -> None:
        self._device = device
        self._screen = SCREEN.of(device)
        self._brightness = BRIGHTNESS.of(device)
        self._open: list[Channel] = []
        self._state: int | None = None

    @property
    def channels(self) -> Sequence[Channel]:
        """What it has told."""
        return tuple(self._open)

    def script(self) -> str:
        """What to ask."""
        return scripts.SCREEN

    def settle(self, text: str) -> Sequence[Missing]:
        """What of it is told."""
        told = self._read(text)
        return [
            Missing(channel.name, "this phone does not tell it") for channel, value in told if value is None
        ]

    def take(self, answer: Answer) -> list[Item]:
        """State and brightness, and a change of state as a line."""
        t_ns, told = answer.middle_ns, self._read(answer.text)
        state = told[0][1]
        items: list[Item] = [reading(channel, t_ns, value) for channel, value in told if value is not None]
        was = self._state
        if state is not None:
            self._state = state
            if was is not None and was != self._state:
                words = f"screen {SCREEN_WORDS[self._state]}"
                items.append(LogLine(t_ns=t_ns, device=self._device, source="screen", text=words))
        return items

    def _read(self, text: str) -> tuple[tuple[Channel, int | None], ...]:
        parts = protocol.sections(text)
        told = (
            (self._screen, protocol.screen(parts[""])),
            (self._brightness, protocol.brightness(parts.get("brightness", ""))),
        )
        self._open += [channel for channel, value in told if value is not None and channel not in self._open]
        return told


SCREEN_WORDS = {protocol.SCREEN_OFF: "off", protocol.SCREEN_ON: "on", protocol.SCREEN_DOZING: "dozing"}
