"""The HVPM: requests, settings, and packets of samples over USB. Pure.

Facts from Monsoon's own library and its manual (github.com/msoon/PyMonsoon, MIT: ``docs/API.pdf`` "Bulk Packet Structure"
and "HVPM Measurement Structure", ``Operations.py``, ``pmapi.py``, ``sampleEngine.py``). A packet of 64 bytes: samples
dropped so far (2 bytes, little endian), flags (0-3 a sequence number, 4 overload, 5 output on), how many samples (1 to
3), and these: 18 bytes each, 16-bit numbers big endian: main coarse, main fine, USB coarse, USB fine, aux coarse, aux
fine (the aux ones signed), main voltage, USB voltage; of the last byte bits 4 and 5 say what it is: 0 a sample, 1 a
reading of zero, 2 nothing, 3 a reading of the reference.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drivers.meters.monsoon.protocol import Gain, Heard, Raw, Stretch, Values

VENDOR, PRODUCT = 0x2AB9, 0x0001
MODEL = 2
"""What a HVPM answers for ``HARDWARE``; a LVPM answers 1."""

SETTING, BEGIN, END = 0x01, 0x02, 0x03
"""Requests: read or write a setting, begin and end sampling."""

HARDWARE, FIRMWARE, SERIAL, OUTPUT, LIMIT, DAC_LOW, DAC_HIGH = 0x45, 0xC0, 0x42, 0x41, 0x44, 0x88, 0x89
CALIBRATE_MS = 1250
FOR_EVER = b"\xff\xff\xff\xff"
LOWEST_V, HIGHEST_V = 0.8, 13.5
VOLTS_PER_STEP = {"main": 4 * 62.5e-6, "usb": 2 * 62.5e-6}

CONSTANTS = {
    "main coarse": (0x1B, 0x26),
    "main fine": (0x1A, 0x25),
    "usb coarse": (0x1D, 0x28),
    "usb fine": (0x1C, 0x27),
    "aux coarse": (0x1F, None),
    "aux fine": (0x1E, None),
}
"""Of each gain: the settings that hold its scale, and its zero offset where it has one."""

_PACKET, _SAMPLE, _HEAD = 64, 18, 4
_MOST = 3
_RAILS = ("main", "usb", "aux")
_FINE_BELOW = {"main": 64000, "usb": 64000, "aux": 30000}
_KIND = 0x30
_MEASURED, _ZERO, _REFERENCE = 0x00, 0x10, 0x30
_OVERLOAD = 0x10


def output(volts: float) -> int:
    """The setting for this voltage; 0 cuts it."""
    return round(volts * (1 << 20))


def limit_of(setting: int) -> float:
    """The current in amperes at which it cuts its output."""
    return 15.625 * (setting - 0x0F00) / (0xFFFF - 0x0F00)


def written(operation: int, value: int) -> tuple[int, int, bytes]:
    """``value``, ``index`` and data of the request that writes a setting."""
    return value & 0xFFFF, operation | (value >> 16 & 0xFF) << 8, value.to_bytes(4, "little")


def trusted(dac_low: int, dac_high: int) -> bool:
    """Whether the voltage that it is set to is the one that comes out: some left the factory with these settings wrong."""
    return 0xD000 < dac_low < 0xF000 and 0xC000 < dac_high < 0xD000


def gains(constants: Mapping[str, tuple[int, int]]) -> dict[str, Gain]:
    """Its gains, by the scale and zero offset of each: scales are in mA, those of fine gains in µA."""
    return {
        name: Gain(scale * (1e-6 if name.endswith("fine") else 1e-3), offset)
        for name, (scale, offset) in constants.items()
    }


class PacketReader:
    """Takes packets and gives the samples in them."""

    def __init__(self, constants: Mapping[str, tuple[int, int]]) -> None:
        self._gains = gains(constants)
        self._next = 0
        self._dropped: int | None = None
        self._sequence = 0
        self._rest = b""

    def feed(self, data: bytes) -> Heard:
        """Read what ``data`` completes."""
        buffer = self._rest + data
        whole = len(buffer) // _PACKET * _PACKET
        self._rest = buffer[whole:]
        packets = np.frombuffer(buffer, np.uint8, whole).reshape(-1, _PACKET)
        counts = packets[:, 3]
        fine = (counts >= 1) & (counts <= _MOST)
        packets = packets[fine]
        damaged = int(len(fine) - len(packets))
        if not len(packets):
            return Heard(damaged=damaged)
        held = packets[:, 3].astype(np.int64)
        missing = self._missing(packets, held)
        numbers = self._numbers(held, missing)
        inside = np.arange(_MOST) < held[:, None]
        samples = packets[:, _HEAD : _HEAD + _MOST * _SAMPLE].reshape(-1, _MOST, _SAMPLE)[inside]
        overloaded = bool((packets[:, 2] & _OVERLOAD).any())
        return Heard(tuple(self._stretches(samples, numbers)), int(missing.sum()), damaged, overloaded)

    def _missing(self, packets: NDArray[np.uint8], counts: Raw) -> Raw:
        """Samples that are missing before each packet."""
        dropped = packets[:, 0].astype(np.int64) | packets[:, 1].astype(np.int64) << 8
        sequence = packets[:, 2].astype(np.int64) & 15
        if self._dropped is None:
            self._dropped, self._sequence = int(dropped[0]), int(sequence[0]) - 1
        told = np.diff(dropped, prepend=self._dropped) & 0xFFFF
        skipped = (np.diff(sequence, prepend=self._sequence) - 1) & 15
        self._dropped, self._sequence = int(dropped[-1]), int(sequence[-1])
        return told + skipped * counts

    def _numbers(self, counts: Raw, missing: Raw) -> Raw:
        """The number of every sample."""
        ends = self._next + np.cumsum(counts + missing)
        self._next = int(ends[-1])
        place = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(ends - counts, counts) + place

    def _stretches(self, samples: NDArray[np.uint8], numbers: Raw) -> Iterator[Stretch]:
        kinds = samples[:, -1] & _KIND
        raw = np.ascontiguousarray(samples[:, :16]).view(">u2").astype(np.int64)
        raw[:, 4:6] -= (raw[:, 4:6] >= 1 << 15) * (1 << 16)
        new = (np.diff(numbers, prepend=numbers[0] - 1) != 1) | (np.diff(kinds, prepend=kinds[0]) != 0)
        edges = [0, *np.flatnonzero(new[1:]) + 1, len(numbers)]
        for start, stop in pairwise(edges):
            if kinds[start] != _MEASURED:
                self._calibrate(int(kinds[start]), raw[start:stop])
            elif self._known("main"):
                yield self._stretch(int(numbers[start]), raw[start:stop])

    def _calibrate(self, kind: int, raw: Raw) -> None:
        for column, gain in enumerate(self._gains.values()):
            kept = {_ZERO: gain.zeros, _REFERENCE: gain.references}.get(kind)
            if kept is not None:
                kept.extend(value for value in raw[:, column].tolist() if value)

    def _known(self, rail: str) -> bool:
        return self._gains[f"{rail} fine"].known and self._gains[f"{rail} coarse"].known

    def _stretch(self, first: int, raw: Raw) -> Stretch:
        amperes: dict[str, Values] = {}
        for n, rail in enumerate(_RAILS):
            if self._known(rail):
                coarse, fine = raw[:, 2 * n], raw[:, 2 * n + 1]
                amperes[rail] = np.where(
                    fine < _FINE_BELOW[rail],
                    self._gains[f"{rail} fine"].amperes(fine),
                    self._gains[f"{rail} coarse"].amperes(coarse),
                )
        return Stretch(first, amperes, {"main": raw[:, 6], "usb": raw[:, 7]})
