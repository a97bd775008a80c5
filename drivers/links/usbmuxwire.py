"""What melt and the worker process that speaks to iPhones say to each other: one JSON object per line. Pure.

Down: ``{"id": 3, "do": "launch", …}``. Up: ``{"id": 3, "value": {…}}`` or ``{"id": 3, "fault": "locked", "text": "…"}``
for an order, and ``{"tell": "battery", "t_ns": …, …}`` for what comes by itself. Both ends read and write with this.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from drivers.errors import Garbled
from drivers.foreign import Fields, fields, printable, read_fields, text

LINE_LIMIT = 1 << 20
"""Bytes of one line."""
TEXT_LIMIT = 4096


class Do(StrEnum):
    """Orders."""

    FOLLOW = "follow"
    """Tell ``PHONES`` now and at every change."""
    OPEN = "open"
    """Speak to the phone ``udid``: ``battery_s``, ``tap_ms``, ``log``. Its value holds the phone's ``facts``."""
    WATCH = "watch"
    """Tell these ``pids`` in every ``TAP``."""
    PROCESSES = "processes"
    """The value holds ``processes``: ``pid`` and ``name`` of each."""
    LAUNCH = "launch"
    """``bundle``, ``arguments``, ``environment``. The value holds ``pid``, and ``stdio``: whether it is its standard
    output that is told, or what the system passes on of it."""
    KILL = "kill"
    """End ``pid``, which was launched here or not."""
    LEAVE = "leave"
    """End the app of that ``bundle``, if it runs. The value says whether it ``ran``."""
    FORWARD = "forward"
    """Carry connections to the phone's ``port``. The value holds the ``port`` on this computer."""
    UNFORWARD = "unforward"
    """No longer those of ``port``, of this computer."""


class Tell(StrEnum):
    """What comes by itself."""

    PHONES = "phones"
    """``phones``: ``udid``, ``over``, and ``facts`` or ``fault`` and ``text`` of each."""
    BATTERY = "battery"
    """``power``: what IOPMPowerSource says."""
    DEVELOPER = "developer"
    """``ready``: what needs developer mode runs from now on; otherwise ``fault`` and ``text``. ``over``: the way."""
    TAP = "tap"
    """``system``, ``cpu``, ``processes``: a sample of sysmontap."""
    GRAPHICS = "graphics"
    """``graphics``: what the GPU says."""
    LOG = "log"
    """``text``: a line of the phone's log. ``left_out``: how many were not told before it."""
    OUTPUT = "output"
    """``pid``, ``text``: a line of an app that was launched here."""
    EXITED = "exited"
    """``pid``: that app is gone. ``code`` where that is known."""
    THERMAL = "thermal"
    """``pressure``: as the phone's notifications have it."""
    MISSING = "missing"
    """``what`` cannot be had: ``fault``, ``text``."""
    ENDED = "ended"
    """The phone cannot be spoken to any more: ``fault``, ``text``."""


class Fault(StrEnum):
    """Why something did not work, by what has to be done about it."""

    NO_USBMUXD = "no_usbmuxd"
    NO_PACKAGE = "no_package"
    GONE = "gone"
    SILENT = "silent"
    LOCKED = "locked"
    TRUST_PENDING = "trust_pending"
    TRUST_DENIED = "trust_denied"
    UNPAIRED = "unpaired"
    RECOVERY = "recovery"
    DEVELOPER_OFF = "developer_off"
    NO_IMAGE = "no_image"
    NO_TUNNEL = "no_tunnel"
    NO_APP = "no_app"
    NO_DEVELOPER = "no_developer"
    """What was asked for needs what developer mode gives, and that is not there (yet)."""
    UNSUPPORTED = "unsupported"
    GARBLED = "garbled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """Something to do."""

    id: int
    do: Do
    given: Fields = field(default_factory=dict)

    def line(self) -> bytes:
        """As it is sent."""
        return _line({"id": self.id, "do": self.do, **self.given})


@dataclass(frozen=True, slots=True)
class Value:
    """An order was done."""

    id: int
    value: Fields = field(default_factory=dict)

    def line(self) -> bytes:
        """As it is sent."""
        return _line({"id": self.id, "value": dict(self.value)})


@dataclass(frozen=True, slots=True)
class Failed:
    """An order could not be done."""

    id: int
    fault: Fault
    text: str = ""

    def line(self) -> bytes:
        """As it is sent."""
        return _line({"id": self.id, "fault": self.fault, "text": self.text[:TEXT_LIMIT]})


@dataclass(frozen=True, slots=True)
class Told:
    """Something that came by itself, at ``t_ns`` of this computer's monotonic clock."""

    tell: Tell
    t_ns: int
    told: Fields = field(default_factory=dict)

    def line(self) -> bytes:
        """As it is sent."""
        return _line({"tell": self.tell, "t_ns": self.t_ns, **self.told})


Up = Value | Failed | Told
"""What the worker says."""


def read_order(line: bytes) -> Order:
    """What the worker is to do. Raises Garbled."""
    said = _read(line, "melt")
    given = {key: value for key, value in said.items() if key not in {"id", "do"}}
    return Order(_id(said), _member(Do, said.get("do")), given)


def read_up(line: bytes) -> Up:
    """What the worker says. Raises Garbled."""
    said = _read(line, "the worker")
    if "tell" in said:
        told = {key: value for key, value in said.items() if key not in {"tell", "t_ns"}}
        return Told(_member(Tell, said["tell"]), _whole(said, "t_ns"), told)
    if "fault" in said:
        return Failed(_id(said), _member(Fault, said["fault"]), text(said, "text")[:TEXT_LIMIT])
    return Value(_id(said), fields(said.get("value")))


def fault_of(told: Fields) -> Fault:
    """The fault that is told; ``FAILED`` for one that nobody knows."""
    named = told.get("fault")
    return Fault(named) if isinstance(named, str) and named in set(Fault) else Fault.FAILED


_Member = TypeVar("_Member", bound=StrEnum)


def _member(kind: type[_Member], named: object) -> _Member:
    if not isinstance(named, str) or named not in set(kind):
        raise Garbled(f"{printable(repr(named), 40)} is no {kind.__name__.lower()}")
    return kind(named)


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


def _read(line: bytes, source: str) -> Fields:
    return read_fields(line.decode("utf-8", "replace"), source)


def _id(said: Fields) -> int:
    return _whole(said, "id")


def _whole(said: Fields, key: str) -> int:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise Garbled(f"{key} is {printable(repr(value), 40)}, which is no number")
    return value
