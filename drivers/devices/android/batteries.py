"""A battery followed: by its own files where the phone allows that, by the battery service elsewhere."""

from collections.abc import Sequence

from drivers import linux
from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.android import battery, protocol, scripts
from drivers.devices.android.battery import SAMSUNG, Battery, Gauge, Status
from drivers.devices.android.channels import BATTERY, SLOW_HZ, STEADY_HZ
from drivers.devices.android.gauges import Missing
from drivers.events import Absent, LogLine
from drivers.links.asking import Answer
from drivers.model import Channel, reading

_OF_CURRENT = {"power", "current"}
_ALWAYS = ("voltage", "level", "temperature", "charging")
"""What a battery service tells on most phones: said where it does not."""
_UNCLEAR_NS = 15 * SECOND
"""So long a gauge may be undecided before that is said."""


class BatteryBody:
    """What follows from each reading, wherever it came from."""

    def __init__(self, device: str, rate_hz: float, source: str, current: str, gauge: Gauge) -> None:
        """``source`` and ``current`` say who tells the figures, and who the current; no ``current``: nobody does."""
        self._device = device
        self._gauge = gauge
        self._shown: tuple[object, ...] | None = None
        self._changed_ns: int | None = None
        self._status: tuple[Status, str] | None = None
        self._unclear_ns: int | None = None
        self._said: set[str] = set()
        self._channels = {
            name: row.of(
                device,
                rate_hz=None if name == "refresh" else rate_hz,
                detail="; ".join(filter(None, (row.detail, current if name in _OF_CURRENT else source))),
            )
            for name, row in BATTERY.items()
            if current or name not in _OF_CURRENT
        }
        self.given: set[str] = set()
        """Of its channels those that the battery was heard to tell."""

    @property
    def counts(self) -> bool:
        """Whether somebody tells the current."""
        return "current" in self._channels

    @property
    def all_channels(self) -> Sequence[Channel]:
        """What it can give."""
        return tuple(self._channels.values())

    @property
    def channels(self) -> Sequence[Channel]:
        """What it was heard to give."""
        return tuple(channel for name, channel in self._channels.items() if name in self.given)

    def open(self, told: Battery) -> None:
        """Open what follows from something that is told now; it stays open."""
        told_of = {
            "power": told.volts is not None,
            "current": True,  # a gauge that shows nothing now is one nevertheless
            "voltage": told.volts is not None,
            "level": told.level is not None,
            "temperature": told.celsius is not None,
            "charging": told.status is not Status.UNKNOWN,
            "refresh": told.volts is not None or self.counts,
        }
        self.given |= {name for name in self._channels if told_of[name]}

    def items(self, t_ns: int, told: Battery) -> list[Item]:
        """What was read, normalised; a change of status; how long the figures before had stood."""
        if told.frozen:
            return self._once(
                t_ns,
                "battery",
                "somebody stopped its updates: what the phone shows is not what it has",
                "adb shell dumpsys battery reset",
            )
        self._gauge = battery.learn(self._gauge, t_ns, told)
        amperes = battery.amperes(self._gauge, told)
        values = {
            "power": None if amperes is None or told.volts is None else amperes * told.volts,
            "current": amperes,
            "voltage": told.volts,
            "level": told.level,
            "temperature": told.celsius,
            "charging": None if told.status is Status.UNKNOWN else int(told.status is Status.CHARGING),
            "refresh": self._stood_s(t_ns, told),
        }
        samples = [
            reading(channel, t_ns, value)
            for name, channel in self._channels.items()
            if (value := values[name]) is not None
        ]
        return [*self._status_change(t_ns, told), *self._unclear(t_ns, told, amperes), *samples]

    def _stood_s(self, t_ns: int, told: Battery) -> float | None:
        """How long the figures before these had stood; None while they stand, and for the first that were met."""
        figures = (told.current, told.volts) if "current" in self._channels else (told.volts,)
        if figures == self._shown:
            return None
        first, since = self._shown is None, self._changed_ns
        self._shown = figures
        self._changed_ns = None if first else t_ns
        return None if since is None else (t_ns - since) / SECOND

    def _status_change(self, t_ns: int, told: Battery) -> list[Item]:
        status = (told.status, told.plug)
        was, self._status = self._status, status
        if was is None or was == status or told.status is Status.UNKNOWN:
            return []
        return [LogLine(t_ns=t_ns, device=self._device, source="battery", text=describe(told))]

    def _unclear(self, t_ns: int, told: Battery, amperes: float | None) -> list[Item]:
        """Say once that a gauge gives figures which nobody can read yet."""
        if told.current is None or amperes is not None:
            self._unclear_ns = None
            return []
        self._unclear_ns = t_ns if self._unclear_ns is None else self._unclear_ns
        if t_ns - self._unclear_ns < _UNCLEAR_NS:
            return []
        return self._once(
            t_ns,
            "battery current",
            "while it is plugged in, unit and direction of this phone's gauge cannot be told",
            "unplug it for a few seconds, or wait until its charge has moved",
        )

    def _once(self, t_ns: int, what: str, reason: str, remedy: str) -> list[Item]:
        if reason in self._said:
            return []
        self._said.add(reason)
        return [Absent(t_ns=t_ns, device=self._device, what=what, reason=reason, remedy=remedy)]


class BatteryFiles:
    """The battery's files, read with the steady round."""

    def __init__(self, device: str, folder: str) -> None:
        self.readings = tuple(scripts.line(f"{folder}/{name}") for name in battery.SYSFS_FIELDS)
        self._body = BatteryBody(device, STEADY_HZ, folder, f"{folder}/current_now", Gauge())
        self.channels = tuple(self._body.all_channels)

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """What the files showed."""
        told = battery.from_sysfs(tuple(texts))
        return self._body.items(t_ns, told) if told.told else []


class BatteryService:
    """The battery service, asked by ``dumpsys battery``; its current by Samsung's line there, or by ``cmd battery``."""

    what = "battery"
    period_ns = round(SECOND / SLOW_HZ)

    def __init__(self, device: str) -> None:
        self._device = device
        self._body: BatteryBody | None = None
        self._by_command = True

    @property
    def channels(self) -> Sequence[Channel]:
        """What it gives; none before it has answered."""
        return () if self._body is None else self._body.channels

    def script(self) -> str:
        """What to ask."""
        return scripts.BATTERY + (scripts.CURRENT if self._by_command else scripts.END)

    def take(self, answer: Answer) -> list[Item]:
        """What was answered; nothing when it was no battery's dump."""
        told = merged(answer.text)
        if not told.told and not told.frozen:
            return []
        body = self._settle(answer.text)
        body.open(told)
        return body.items(answer.middle_ns, told)

    def settle(self, text: str) -> Sequence[Missing]:
        """By a first answer: which channels there are, and what is missing."""
        told = merged(text)
        if not told.told and not told.frozen:
            return (Missing("battery", "the battery service does not answer"),)
        body = self._settle(text)
        body.open(told)
        untold = [BATTERY[name].name for name in _ALWAYS if name not in body.given] if told.told else []
        return (
            *([] if body.counts else [Missing("battery current", protocol.DENIED)]),
            *(Missing(name, "the battery service does not tell it") for name in untold),
        )

    def _settle(self, text: str) -> BatteryBody:
        if self._body is not None:
            return self._body
        samsung = battery.from_dumpsys(protocol.sections(text)[""]).current is not None
        commanded = _commanded(text) is not None
        self._by_command = commanded and not samsung
        current = "current now of dumpsys battery" if samsung else ""
        current = "cmd battery get -f current_now" if self._by_command else current
        gauge = SAMSUNG if samsung else Gauge()
        self._body = BatteryBody(self._device, SLOW_HZ, "dumpsys battery", current, gauge)
        return self._body


def merged(text: str) -> Battery:
    """What the service and the command said together."""
    told = battery.from_dumpsys(protocol.sections(text)[""])
    if told.current is not None:
        return told
    return Battery(
        told.status,
        told.plug,
        told.level,
        told.volts,
        told.celsius,
        told.counter_uah,
        _commanded(text),
        told.frozen,
    )


def _commanded(text: str) -> int | None:
    answer = protocol.sections(text).get("current", "")
    return battery.gauge_reading(linux.name(answer))


def describe(told: Battery) -> str:
    """``charging by USB``, for people."""
    words = {
        Status.CHARGING: "charging",
        Status.DISCHARGING: "discharging",
        Status.NOT_CHARGING: "not charging",
        Status.FULL: "full",
        Status.UNKNOWN: "status not told",
    }
    return (
        f"{words[told.status]} by {told.plug}"
        if told.plug and told.status is Status.CHARGING
        else words[told.status]
    )
