"""A PPK2 on a pty, in a process of its own: answers for its calibration, and plays a known current at the real rate.

``python -m tests.rigs.meters.ppk2_rig --current square:0.12:0.6:0.05``. Orders: ``drop N`` samples, ``garbage N`` bytes,
``half`` a word goes missing, ``silence S`` seconds, ``unplug``, ``jump N`` of the counter alone, ``logic N`` lines, ``end``;
``at N …`` is any of them but the end, before the sample of that number since the start.
"""

import argparse
import random
import time

import numpy as np
from numpy.typing import NDArray

from tests.rigs.meters.currents import Current, current_of
from tests.rigs.meters.pty_end import TICK_S, Orders, PtyEnd, tell

RATE_HZ = 100_000
SWITCHES = (50e-6, 500e-6, 5e-3, 60e-3)
"""Amperes above which the next range is taken."""

METADATA = b"""Calibrated: 0
R0: 1003.3506
R1: 101.5865
R2: 10.3027
R3: 0.9636
R4: 0.0564
GS0: 0.0000
GS1: 112.7890
GS2: 18.0115
GS3: 2.4217
GS4: 0.0729
GI0: 1.0000
GI1: 0.9695
GI2: 0.9609
GI3: 0.9519
GI4: 0.9582
O0: 112.9420
O1: 75.4627
O2: 64.6020
O3: 50.4983
O4: 87.2177
S0: 0.000000048
S1: 0.000000596
S2: 0.000005281
S3: 0.000062577
S4: 0.002940743
I0: -0.000000104
I1: -0.000001443
I2: 0.000036439
I3: -0.000374119
I4: -0.009388455
UG0: 1.00
UG1: 1.00
UG2: 1.00
UG3: 1.00
UG4: 1.00
HW: 9173
VDD: 3700
mode: 2
IA: 56
END
"""
"""What such a meter answers: constants of the size that real ones have."""


def constants(text: bytes = METADATA) -> dict[str, float]:
    pairs = (line.split(": ") for line in text.decode().splitlines() if ": " in line)
    return {name: float(value) for name, value in pairs}


def amperes_of(readings: NDArray[np.float64], meter_range: int, volts: float) -> NDArray[np.float64]:
    """Nordic's formula with these constants."""
    c = {name: value for name, value in constants().items() if name.endswith(str(meter_range))}
    r, gs, gi, o, s, i, ug = (c[f"{name}{meter_range}"] for name in ("R", "GS", "GI", "O", "S", "I", "UG"))
    w = (4 * readings - o) * (1.8 / 163840 / r)
    return np.asarray(ug * (w * (gs * w + gi) + s * volts + i))


class Player:
    """Makes the words of a current, sample by sample, the counter running."""

    def __init__(self, current: Current, volts: float = 3.7, noise: float = 0.0, seed: int = 1) -> None:
        self.number = 0
        self.volts = volts
        self.logic = 0
        self.counter_ahead = 0
        self._current = current
        self._noise = noise
        self._random = np.random.default_rng(seed)
        self._steps = np.arange(1 << 14, dtype=np.float64)

    def words(self, n: int) -> NDArray[np.uint32]:
        """The next ``n``."""
        numbers = np.arange(self.number, self.number + n, dtype=np.int64)
        self.number += n
        amperes = self._current(numbers, RATE_HZ)
        ranges = np.searchsorted(SWITCHES, amperes).astype(np.int64)
        readings = np.zeros(n)
        for one in np.unique(ranges).tolist():
            chosen = ranges == one
            readings[chosen] = np.interp(
                amperes[chosen], amperes_of(self._steps, one, self.volts), self._steps
            )
        if self._noise:
            readings += self._noise * self._random.standard_normal(n)
        whole = np.clip(np.rint(readings), 0, (1 << 14) - 1).astype(np.int64)
        counters = (numbers + self.counter_ahead) & 63
        words = whole | ranges << 14 | counters << 18 | self.logic << 24
        return words.astype("<u4")


class Meter:
    """What it does with commands, and when."""

    def __init__(self, end: PtyEnd, player: Player) -> None:
        self._end = end
        self._player = player
        self._buffer = b""
        self._start = 0.0
        self._sent = 0
        self._silent_until = 0.0
        self._planned: list[tuple[int, str]] = []
        self.measuring = False
        self.dropped = self.garbage = 0
        self.supply_mv, self.powered, self.mode = 3700, False, 2

    def hear(self) -> None:
        self._buffer += self._end.received()
        while self._buffer:
            length = {0x06: 1, 0x07: 1, 0x19: 1, 0x0D: 3, 0x0C: 2, 0x11: 2}.get(self._buffer[0], 1)
            if len(self._buffer) < length:
                return
            command, self._buffer = self._buffer[:length], self._buffer[length:]
            self._obey(command)

    def play(self) -> None:
        now = time.monotonic()
        if not self.measuring:
            return
        due = int((now - self._start) * RATE_HZ)
        while self._planned and self._planned[0][0] <= due:
            place, line = self._planned.pop(0)
            self._play_to(place, now)
            self.order(line)
        self._play_to(due, now)

    def _play_to(self, place: int, now: float) -> None:
        n = max(0, place - self._sent)
        self._sent += n
        words = self._player.words(n)
        if now < self._silent_until:
            self.dropped += n
        else:
            self._end.send(words.tobytes())

    def order(self, line: str) -> bool:
        """Do what a test orders; False for the end."""
        word, *rest = line.split()
        match word:
            case "drop":
                self._player.words(int(rest[0]))
                self._sent += int(rest[0])
                self.dropped += int(rest[0])
            case "garbage":
                self._end.send(random.Random(7).randbytes(int(rest[0])))
                self.garbage += int(rest[0])
            case "half":
                self._end.send(self._player.words(1).tobytes()[:2])
                self._sent += 1
                self.dropped += 1
            case "jump":
                self._player.counter_ahead += int(rest[0])
            case "logic":
                self._player.logic = int(rest[0])
            case "silence":
                self._silent_until = time.monotonic() + float(rest[0])
            case "unplug":
                self._end.unplug()
            case "at":
                self._planned.append((int(rest[0]), " ".join(rest[1:])))
        return word not in {"end", "unplug"}

    def _obey(self, command: bytes) -> None:
        silent = time.monotonic() < self._silent_until
        match command[0]:
            case 0x06 if not silent:
                self.measuring, self._start, self._sent = True, time.monotonic(), 0
            case 0x07:
                self.measuring = False
            case 0x19 if not silent:
                told = METADATA.replace(b"VDD: 3700", b"VDD: %d" % self.supply_mv)
                self._end.send(told.replace(b"mode: 2", b"mode: %d" % self.mode))
            case 0x0D:
                self.supply_mv = command[1] << 8 | command[2]
                self._player.volts = self.supply_mv / 1000
            case 0x0C:
                self.powered = bool(command[1])
            case 0x11:
                self.mode = command[1]

    def truth(self) -> dict[str, object]:
        return {
            "started_ns": round(self._start * 1e9),
            "samples": self._player.number,
            "dropped": self.dropped,
            "garbage": self.garbage,
            "overflowed": self._end.overflowed,
            "supply_mv": self.supply_mv,
            "powered": self.powered,
            "mode": self.mode,
            "measuring": self.measuring,
        }


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--current", default="llm")
    asked.add_argument("--noise", type=float, default=0.0)
    options = asked.parse_args()
    end, orders = PtyEnd(), Orders()
    meter = Meter(end, Player(current_of(options.current), noise=options.noise))
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
    tell(**meter.truth())


if __name__ == "__main__":
    main()
