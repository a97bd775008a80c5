"""The LVPM, the white one: frames over its serial port. Pure.

Facts from the public program of the Android project (``cts/tools/utils/monsoon.py``, Apache-2.0). A frame: its length, so
many bytes less one, and the sum of all of these modulo 256. Frames of samples begin with 0x20 to 0x2F (a sequence number
in the low nibble), what they hold (0 samples, 1 zero, 2 reference), two bytes more, and 8 bytes for each sample: main,
USB, aux and voltage, signed, big endian; at least one byte follows. Of a current the lowest bit says that it was read
coarsely, of a voltage the two lowest are not part of it. Frames of zero and reference hold the fine one first, then the
coarse one.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.meters.monsoon.protocol import Gain, Heard, Raw, Stretch, Values

STATUS_TYPE = 0x10
LOWEST_V, HIGHEST_V = 2.01, 4.55
_STATUS = struct.Struct(">BBBhhhHhhhHBBBxBbHBHHHHBbbHHBBBbbbbbbbbbBH")
_SERIAL_AT, _RATE_AT, _LIMIT_AT, _REVISION_AT, _OUTPUT_AT, _FIRMWARE_AT = 16, 17, 21, 27, 11, 1
_ROW = np.dtype([("main", ">i2"), ("usb", ">i2"), ("aux", ">i2"), ("voltage", ">i2")])
Rows = NDArray[np.void]

_FINE_A, _COARSE_A = 0.0332, 2.88
"""Amperes at the reference."""

_DATA, _LEAST = 4, 4 + 8 + 1


@dataclass(frozen=True, slots=True)
class Status:
    """What it tells about itself."""

    firmware: int
    serial: int
    rate_hz: int
    output_v: float
    """What it is set to; 0 where its output is off."""
    volts_per_step: float
    limit_a: float
    """At which it cuts its output."""


def frame(*body: int) -> bytes:
    """A command as a frame."""
    length = len(body) + 1
    return bytes((length, *body, (length + sum(body)) % 256))


STATUS = frame(0x01, 0x00, 0x00)
BEGIN = frame(0x01, 0x1B, 0x01) + frame(0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x03, 0xE8)
END = frame(0x03, 0x00)


def output(volts: float) -> bytes:
    """The command that sets its output; 0 cuts it."""
    return frame(0x01, 0x01, round((volts - 2) * 100) if volts else 0)


def read_status(body: bytes) -> Status | None:
    """What a frame tells about the meter, if it is one that does."""
    if len(body) != _STATUS.size or body[0] != STATUS_TYPE:
        return None
    fields = _STATUS.unpack(body)
    setting = fields[_OUTPUT_AT]
    return Status(
        firmware=fields[_FIRMWARE_AT],
        serial=fields[_SERIAL_AT],
        rate_hz=1000 * fields[_RATE_AT],
        output_v=(200 + setting) / 100 if setting else 0.0,
        volts_per_step=62.5e-6 if fields[_REVISION_AT] == 1 else 125e-6,
        limit_a=8 * (1023 - fields[_LIMIT_AT]) / 1023,
    )


class FrameCutter:
    """Takes bytes in any pieces and gives the frames that they complete, without length and sum. Keeps 256 bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._astray = True

    def feed(self, data: bytes) -> tuple[list[bytes], int]:
        """The frames, and how often bytes among them belonged to none."""
        buffer, at, strays = self._rest + data, 0, 0
        frames: list[bytes] = []
        while at < len(buffer) and at + 1 + buffer[at] <= len(buffer):
            length = buffer[at]
            body, check = buffer[at + 1 : at + length], buffer[at + length]
            if length > 1 and (length + sum(body)) % 256 == check:
                frames.append(body)
                at += 1 + length
                self._astray = False
            else:
                strays += not self._astray
                self._astray = True
                at += 1
        self._rest = buffer[at:]
        return frames, strays


class SampleReader:
    """Takes bytes and gives the samples in them."""

    def __init__(self) -> None:
        self._cutter = FrameCutter()
        self._fine, self._coarse = Gain(_FINE_A), Gain(_COARSE_A)
        self._sequence: int | None = None
        self._next = 0
        self._size = 0

    def feed(self, data: bytes) -> Heard:
        """Read what ``data`` completes."""
        frames, damaged = self._cutter.feed(data)
        lost = 0
        stretches: list[Stretch] = []
        waiting: list[Rows] = []
        for body in frames:
            if not (0x20 <= body[0] <= 0x2F and len(body) >= _LEAST):
                continue
            missing = self._missing(body[0] & 15)
            if missing or body[1]:
                stretches += self._joined(waiting)
            lost += missing * self._size
            self._next += missing * self._size
            self._take(body, waiting)
        stretches += self._joined(waiting)
        return Heard(tuple(stretches), lost, damaged)

    def _missing(self, sequence: int) -> int:
        """Frames that are missing before this one."""
        before, self._sequence = self._sequence, sequence
        return 0 if before is None else (sequence - before - 1) % 16

    def _take(self, body: bytes, waiting: list[Rows]) -> None:
        rows = np.frombuffer(body, _ROW, (len(body) - _DATA - 1) // _ROW.itemsize, _DATA)
        if body[1] in {1, 2}:
            self._calibrate(body[1], rows["main"].tolist())
        elif body[1] == 0:
            self._size = len(rows)
            waiting.append(rows)

    def _calibrate(self, kind: int, main: list[int]) -> None:
        for gain, value in zip((self._fine, self._coarse), main, strict=False):
            (gain.zeros if kind == 1 else gain.references).append(value)

    def _joined(self, waiting: list[Rows]) -> Iterator[Stretch]:
        """What waits as one stretch; nothing while the calibration is not known."""
        if not waiting:
            return
        rows = np.concatenate(waiting)
        waiting.clear()
        first = self._next
        self._next += len(rows)
        if self._fine.known and self._coarse.known:
            yield Stretch(
                first,
                {rail: self._amperes(rows[rail].astype(np.int64)) for rail in ("main", "usb")},
                {"main": rows["voltage"].astype(np.int64) & 0xFFFC},
            )

    def _amperes(self, raw: Raw) -> Values:
        return np.where(raw & 1, self._coarse.amperes(raw & ~1), self._fine.amperes(raw))
