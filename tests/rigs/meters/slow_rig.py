"""A slow meter on a pty, in a process of its own: a TC66 or a UM that answers, or a board that writes lines at its rate.

``python -m tests.rigs.meters.slow_rig csv|tc66|um --current ramp:0.1:0.6:0.5 --link PATH``. Orders: ``drop N`` frames,
``garbage N`` bytes, ``half`` a frame, ``silence S`` seconds, ``unplug``, ``replug``, ``end``, which tells the truth.
The link is a name that stays when the meter is plugged in again.
"""

import argparse
import os
import random
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.rigs.meters.currents import current_of
from tests.rigs.meters.frames import tc66_frame, um_frame
from tests.rigs.meters.pty_end import TICK_S, Orders, PtyEnd, tell

VOLTS = 5.0
FINE_HZ = 100_000


class SlowRig:
    """Plays one family. What it measures is the known current at the moment of the frame."""

    def __init__(self, family: str, current: str, rate_hz: float, link: Path) -> None:
        self.family = family
        self.current = current
        self.period_s = 1 / rate_hz
        self.link = link
        self.random = random.Random(7)
        self.start_s = time.monotonic()
        self.next_s = self.start_s
        self.quiet_until_s = 0.0
        self.sent: list[float] = []
        self.dropping = 0
        self.dropped = 0
        self.halved = False
        self.garbled = 0
        self.end: PtyEnd | None = None
        self.plug()

    def plug(self) -> None:
        self.end = PtyEnd()
        with suppress(FileNotFoundError):
            self.link.unlink()
        self.link.symlink_to(self.end.path)

    def order(self, word: str, number: float) -> None:
        if word == "drop":
            self.dropping += int(number)
        elif word == "garbage" and self.end:
            self.garbled += int(number)
            self.end.send(bytes(self.random.randrange(128, 256) for _ in range(int(number))))
        elif word == "half":
            self.halved = True
        elif word == "silence":
            self.quiet_until_s = time.monotonic() + number
        elif word == "unplug" and self.end:
            self.link.unlink()
            self.end.unplug()
            self.end = None
        elif word == "replug":
            self.plug()
            tell(port=str(self.link))

    def turn(self) -> None:
        """What is due now."""
        now_s = time.monotonic()
        if self.end is None or now_s < self.quiet_until_s:
            self.next_s = max(self.next_s, now_s)
            return
        if self.family == "csv":
            while self.next_s <= now_s:
                self.send(self.next_s)
                self.next_s += self.period_s
        else:
            for _ in range(self.asked()):
                self.send(now_s)
        self.end.flush()

    def asked(self) -> int:
        heard = self.end.received() if self.end else b""
        return heard.count(b"getva" if self.family == "tc66" else b"\xf0")

    def send(self, t_s: float) -> None:
        frame = self.frame(amperes(self.current, round(self.start_s * 1e9), round(t_s * 1e9)))
        if self.dropping:
            self.dropping -= 1
            self.dropped += 1
            return
        if self.halved:
            self.halved = False
            frame = frame[: len(frame) // 2]
            self.dropped += 1
        else:
            self.sent.append(t_s)
        assert self.end is not None
        self.end.send(frame)

    def frame(self, amperes: float) -> bytes:
        if self.family == "csv":
            return f"{VOLTS:.4f},{amperes:.5f}\r\n".encode()
        return tc66_frame(VOLTS, amperes) if self.family == "tc66" else um_frame("UM25C", VOLTS, amperes)

    def truth(self) -> dict[str, object]:
        """When the known current began, and what became of the frames."""
        return {
            "start_ns": round(self.start_s * 1e9),
            "sent": len(self.sent),
            "dropped": self.dropped,
            "garbled": self.garbled,
            "overflowed": self.end.overflowed if self.end else 0,
        }


def joules(current: str, start_ns: int, t0_ns: int, t1_ns: int) -> float:
    """What that current carried between these moments, at ``VOLTS``."""
    numbers = np.arange(round((t0_ns - start_ns) * FINE_HZ / 1e9), round((t1_ns - start_ns) * FINE_HZ / 1e9))
    return float(np.sum(current_of(current)(numbers, FINE_HZ))) * VOLTS / FINE_HZ


def amperes(current: str, start_ns: int, t_ns: int) -> float:
    """That current at this moment."""
    return float(current_of(current)(np.array([round((t_ns - start_ns) * FINE_HZ / 1e9)]), FINE_HZ)[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("family", choices=("csv", "tc66", "um"))
    parser.add_argument("--current", default="constant:0.5")
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--link", type=Path, required=True)
    asked = parser.parse_args()
    rig, orders = SlowRig(asked.family, asked.current, asked.rate, asked.link), Orders()
    tell(port=str(asked.link))
    while not orders.over:
        for line in orders.wait(TICK_S):
            word, _, number = line.partition(" ")
            if word == "end":
                tell(**rig.truth())
                return
            rig.order(word, float(number or 0))
        rig.turn()


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
