"""Monsoons that play a known current: packets of a HVPM behind an injected USB end, frames of a LVPM on a pty.

``python -m tests.rigs.meters.monsoon_rig --current llm`` is a LVPM in a process of its own, at the real rate. Orders:
``drop N`` frames, ``garbage N`` bytes, ``half`` a frame goes missing, ``silence S`` seconds, ``unplug``, ``end``.
"""

import argparse
import random
import struct
import threading
import time

import numpy as np

from drivers.errors import LinkLost
from tests.rigs.meters.currents import Current, current_of
from tests.rigs.meters.pty_end import TICK_S, Orders, PtyEnd, tell

RATE_HZ = 5000
VOLTS = 3.9

SETTINGS = {
    0x45: 2, 0xC0: 0x20, 0x42: 20731, 0x44: 29536, 0x88: 0xE100, 0x89: 0xC900,
    0x1B: 6400, 0x26: 15, 0x1A: 36500, 0x25: 15,
    0x1D: 600, 0x28: 0, 0x1C: 14000, 0x27: 0, 0x1F: 250, 0x1E: 3100,
}  # fmt: skip
"""What a HVPM answers: the values that its makers' library names as usual."""

ZERO = {
    "main coarse": 1620,
    "main fine": 2450,
    "usb coarse": 1500,
    "usb fine": 1600,
    "aux coarse": 30,
    "aux fine": 40,
}
REFERENCE = {
    "main coarse": 60300, "main fine": 61900, "usb coarse": 58000, "usb fine": 59000, "aux coarse": 30000,
    "aux fine": 31000,
}  # fmt: skip
_SCALE_A = {
    "main coarse": 6.4, "main fine": 0.0365, "usb coarse": 0.6, "usb fine": 0.014, "aux coarse": 0.25, "aux fine": 0.0031,
}  # fmt: skip
_OFFSET = {"main coarse": 15, "main fine": 15, "usb coarse": 0, "usb fine": 0, "aux coarse": 0, "aux fine": 0}


def raw(gain: str, amperes: float) -> int:
    """What this gain of a HVPM reads, clipped where it ends."""
    zero = ZERO[gain] + _OFFSET[gain]
    most = 32767 if gain.startswith("aux") else 65535
    return max(0, min(most, round(zero + amperes * (REFERENCE[gain] - zero) / _SCALE_A[gain])))


def sample(main: float, usb: float = 0.1, aux: float = 0.02, kind: int = 0) -> bytes:
    """18 bytes: a sample of these currents, or the zero (0x10) or reference (0x30) of every gain."""
    known = {0x10: ZERO, 0x30: REFERENCE}.get(kind)
    currents = {"main": main, "usb": usb, "aux": aux}
    values = [known[g] if known else raw(g, currents[g.split()[0]]) for g in ZERO]
    return struct.pack(
        ">8HBB", *values, round(VOLTS / 4 / 62.5e-6), round(5.1 / 2 / 62.5e-6), 0x05, kind | 0x05
    )


def packet(sequence: int, samples: list[bytes], dropped: int = 0, flags: int = 0x20) -> bytes:
    """64 bytes."""
    head = struct.pack("<HBB", dropped, flags | sequence & 15, len(samples))
    return (head + b"".join(samples)).ljust(64, b"\0")


class Hvpm:
    """The USB end of a HVPM that samples while it is told to, at the real rate. What it was told is kept."""

    def __init__(self, current: Current, model: int = 2) -> None:
        self.settings = {**SETTINGS, 0x45: model}
        self.told: list[tuple[int, int, int, bytes]] = []
        self.number = 0
        self.dropped = 0
        self.sampling = False
        self.unplugged = self.silent = self.closed = False
        self.flags = 0x20
        self._current = current
        self._sequence = 0
        self._cals: list[int] = []
        self._start = 0.0
        self._lock = threading.Lock()

    @property
    def started_ns(self) -> int:
        """When its first sample was taken."""
        return round(self._start * 1e9)

    def control_in(self, request: int, value: int, index: int, length: int) -> bytes:
        self._require()
        assert (request, value, length) == (1, 0, 4)
        assert not self.sampling, "it takes no setting while it samples"
        return self.settings[index & 0xFF].to_bytes(4, "little")

    def control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        self._require()
        self.told.append((request, value, index, data))
        with self._lock:
            if request == 2:
                assert not self.sampling
                self.sampling, self._start, self.number = True, time.monotonic(), 0
                self.dropped, self._sequence = 0, 0
                self._cals = [0x10, 0x30] * 5
            elif request == 3:
                self.sampling = False
            else:
                assert not self.sampling, "it takes no setting while it samples"

    def bulk_in(self, size: int, timeout_ms: int) -> bytes:
        self._require()
        time.sleep(0.01)
        with self._lock:
            if not self.sampling or self.silent:
                return b""
            due = int((time.monotonic() - self._start) * RATE_HZ) - self.number
            return self.packets(min(due // 3, size // 64))

    def drop(self, samples: int) -> None:
        """It could not send so many."""
        with self._lock:
            self.number += samples
            self.dropped += samples

    def packets(self, n: int) -> bytes:
        made = []
        for _ in range(n):
            samples = [self._next() for _ in range(3)]
            made.append(packet(self._sequence, samples, self.dropped & 0xFFFF, self.flags))
            self._sequence += 1
        return b"".join(made)

    def close(self) -> None:
        self.closed = True

    def _next(self) -> bytes:
        amperes = float(self._current(np.array([self.number]), RATE_HZ)[0])
        self.number += 1
        if self.number % 6250 == 0:
            self._cals = [0x10, 0x30]
        return sample(amperes, kind=self._cals.pop(0) if self._cals else 0)

    def _require(self) -> None:
        if self.unplugged:
            raise LinkLost("the Monsoon is gone")


FINE_ZERO, COARSE_ZERO, FINE_REFERENCE, COARSE_REFERENCE = 210, 64, 30100, 28050


def frame(body: bytes) -> bytes:
    """With its length and sum."""
    length = len(body) + 1
    return bytes([length]) + body + bytes([(length + sum(body)) % 256])


def row(main: float, usb: float = 0.0) -> bytes:
    """8 bytes of a LVPM: main, USB, aux and voltage."""
    voltage = round(VOLTS / 125e-6) & ~3
    return struct.pack(">hhhh", lvpm_raw(main), lvpm_raw(usb), 0, voltage)


def lvpm_raw(amperes: float) -> int:
    """Finely where that reaches, else coarsely; the lowest bit tells."""
    fine = round(FINE_ZERO + amperes * (FINE_REFERENCE - FINE_ZERO) / 0.0332)
    if fine < 30000:
        return fine & ~1
    return min(32767, round(COARSE_ZERO + amperes * (COARSE_REFERENCE - COARSE_ZERO) / 2.88)) | 1


def calibration(kind: int, fine: int, coarse: int) -> bytes:
    return (
        bytes([kind, 0, 0])
        + struct.pack(">hhhh", fine, 0, 0, 0)
        + struct.pack(">hhhh", coarse, 0, 0, 0)
        + b"\0"
    )


def status(output: int = 190, serial: int = 4711) -> bytes:
    """The answer to a request for the status: 3.9 V, revision 3, a limit of 8 A less 100 steps."""
    fields = [0x10, 17, 16, *[0] * 8, output, 40, 0, 0, 0, serial, 5, *[0] * 3, 100, *[0] * 5, 3, *[0] * 13]
    return struct.pack(">BBBhhhHhhhHBBBxBbHBHHHHBbbHHBBBbbbbbbbbbBH", *fields)


class Lvpm:
    """What it does with frames, and when."""

    PER_FRAME = 5

    def __init__(self, end: PtyEnd, current: Current) -> None:
        self._end = end
        self._current = current
        self._buffer = b""
        self._start = 0.0
        self._sequence = 0
        self._silent_until = 0.0
        self._random = random.Random(5)
        self.number = self.dropped = 0
        self.output = 190
        self.sampling = False

    def hear(self) -> None:
        self._buffer += self._end.received()
        while self._buffer and len(self._buffer) > self._buffer[0]:
            length = self._buffer[0] + 1
            body, self._buffer = self._buffer[1 : length - 1], self._buffer[length:]
            self._obey(body)

    def _obey(self, body: bytes) -> None:
        silent = time.monotonic() < self._silent_until
        match tuple(body):
            case (0x01, 0x00, 0x00) if not silent:
                self._end.send(frame(status(self.output)))
            case (0x01, 0x01, setting):
                self.output = setting
            case (0x02, *_):
                self.sampling, self._start, self.number = True, time.monotonic(), 0
                self._send(calibration(1, FINE_ZERO, COARSE_ZERO))
                self._send(calibration(2, FINE_REFERENCE, COARSE_REFERENCE))
            case (0x03, 0x00):
                self.sampling = False

    def play(self) -> None:
        if not self.sampling:
            return
        due = int((time.monotonic() - self._start) * RATE_HZ) - self.number
        for _ in range(due // self.PER_FRAME):
            self._send(self._rows())

    def _rows(self) -> bytes:
        numbers = np.arange(self.number, self.number + self.PER_FRAME)
        self.number += self.PER_FRAME
        rows = b"".join(row(float(amperes), 0.01) for amperes in self._current(numbers, RATE_HZ))
        return bytes([0, 0, 0]) + rows + b"\0"

    def _send(self, body: bytes, *, lost: bool = False, cut: int = 0) -> None:
        whole = frame(bytes([0x20 | self._sequence & 15]) + body)
        self._sequence += 1
        if lost or time.monotonic() < self._silent_until:
            self.dropped += self.PER_FRAME
        else:
            self._end.send(whole[cut:])

    def order(self, line: str) -> bool:
        """Do what a test orders; False for the end."""
        word, *rest = line.split()
        match word:
            case "drop":
                for _ in range(int(rest[0])):
                    self._send(self._rows(), lost=True)
            case "half":
                self._send(self._rows(), cut=20)
                self.dropped += self.PER_FRAME
            case "garbage":
                self._end.send(self._random.randbytes(int(rest[0])))
            case "silence":
                self._silent_until = time.monotonic() + float(rest[0])
            case "unplug":
                self._end.unplug()
        return word not in {"end", "unplug"}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--current", default="llm")
    options = asked.parse_args()
    end, orders = PtyEnd(), Orders()
    meter = Lvpm(end, current_of(options.current))
    tell(port=end.path)
    going = True
    while going and not orders.over:
        for line in orders.wait(TICK_S):
            meter.hear()
            meter.play()
            going = going and meter.order(line)
        if going:
            meter.hear()
            meter.play()
            end.flush()
    tell(
        samples=meter.number,
        dropped=meter.dropped,
        overflowed=end.overflowed,
        output=meter.output,
        sampling=meter.sampling,
    )


if __name__ == "__main__":
    main()
