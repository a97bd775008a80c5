"""Machines as they are met: a phone, a board, a computer, each drawn anew within what its kind is known for."""

from dataclasses import dataclass, replace

import numpy as np

from drivers.model import DeviceKind
from tests.rigs.throttling.physics import Body, Creeping, Free, Governor, Staged, after
from tests.rigs.throttling.plan import Machine, Noise, Telling, Work


@dataclass(frozen=True, slots=True)
class _Kind:
    """Ranges."""

    die_jk: tuple[float, float]
    case_jk: tuple[float, float]
    die_to_case_wk: tuple[float, float]
    case_to_air_wk: tuple[float, float]
    tps: tuple[float, float]
    prefill_ratio: tuple[float, float]
    watts: tuple[float, float]
    idle_w: tuple[float, float]


_KINDS = {
    DeviceKind.PHONE: _Kind(
        (5, 10), (60, 140), (0.25, 0.4), (0.1, 0.2), (5, 25), (3, 12), (5, 9), (0.6, 1.4)
    ),
    DeviceKind.BOARD: _Kind(
        (15, 40), (150, 400), (0.8, 1.6), (0.5, 0.9), (8, 40), (10, 40), (10, 25), (3, 6)
    ),
    DeviceKind.HOST: _Kind((10, 30), (200, 600), (1.2, 2.5), (1.0, 2.0), (6, 45), (6, 25), (25, 60), (2, 8)),
}


class Draw:
    """Draws for one plan."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def at(self, low: float, high: float) -> float:
        """Evenly between."""
        return float(self.rng.uniform(low, high))

    def log(self, low: float, high: float) -> float:
        """Evenly between the logarithms."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def one(self, *of: DeviceKind) -> DeviceKind:
        """One of them."""
        return of[int(self.rng.integers(len(of)))]

    def chance(self, part: float) -> bool:
        """So often."""
        return float(self.rng.random()) < part

    def machine(self, kind: DeviceKind, *, tps: tuple[float, float] | None = None) -> Machine:
        """One that nothing slows down."""
        of = _KINDS[kind]
        rate, watts = self.log(*(tps or of.tps)), self.at(*of.watts)
        body = Body(
            die_jk=self.at(*of.die_jk),
            case_jk=self.at(*of.case_jk),
            die_to_case_wk=self.at(*of.die_to_case_wk),
            case_to_air_wk=self.at(*of.case_to_air_wk),
            air_c=self.at(19, 29),
        )
        return Machine(
            kind=kind,
            body=body,
            decode_tps=rate,
            prefill_tps=rate * self.log(*of.prefill_ratio),
            prefill_more_s=self.log(0.02, 0.15),
            half_context=self.log(4000, 30000),
            idle_w=self.at(*of.idle_w),
            decode_w=watts,
            prefill_w=watts * self.at(1.05, 1.35),
            by_clock=self.at(0.65, 1.0),
            governor=Free(),
        )

    def noise(self) -> Noise:
        """From a quiet one to one where much else goes on."""
        return Noise(
            gap=self.log(0.03, 0.15),
            hiccup_s=self.log(8, 60),
            hiccup_long_s=(0.03, self.at(0.1, 0.6)),
            wander=self.log(0.005, 0.02),
            wander_tau_s=self.log(4, 40),
            turn=self.log(0.003, 0.015),
            sensor_k=self.at(0.05, 0.6),
        )

    def work(
        self,
        *,
        prompt: tuple[int, int] = (48, 160),
        answer: tuple[int, int] = (160, 320),
        pause_s: float | None = None,
        seconds: float | None = None,
    ) -> Work:
        """Turns as in a chat, without a memory of each other."""
        return Work(
            prompt=prompt,
            answer=answer,
            seconds=self.at(330, 520) if seconds is None else seconds,
            load_s=self.at(1.5, 8),
            pause_s=self.at(0, 1.5) if pause_s is None else pause_s,
            warmup=self.chance(0.3),
        )

    def sudden(self, machine: Machine, at_s: float, *, slows: bool = True, duty: float = 1.0) -> Machine:
        """Stages by temperature, the first about so long after the start."""
        by_case = machine.kind is DeviceKind.PHONE and self.chance(0.6)
        die_c, case_c = self.reached(machine, at_s, duty)
        trip_c, apart_k = (case_c, self.at(1.0, 2.5)) if by_case else (die_c, self.at(2.0, 5.0))
        first = self.at(0.55, 0.8)
        caps = (1.0, first, first * self.at(0.75, 0.95), first * self.at(0.55, 0.7))
        trips_c = tuple(trip_c + i * apart_k for i in range(3))
        margin_k = self.at(1.0, 2.0) if by_case else self.at(8.0, 14.0)
        return governed(machine, Staged(trips_c, caps, by_case=by_case, margin_k=margin_k, slows=slows))

    def hopping(self, machine: Machine, at_s: float) -> Machine:
        """One stage with a small margin on the die: on and off, on and off."""
        die_c, _ = self.reached(machine, at_s)
        low = self.at(0.4, 0.65)
        return governed(
            machine, Staged((die_c,), (1.0, low), margin_k=self.at(2.0, 7.0), hold_s=self.at(2.0, 12.0))
        )

    def creeping(self, machine: Machine, at_s: float, duty: float = 1.0) -> Machine:
        """Held at a temperature, little by little."""
        die_c, _ = self.reached(machine, at_s, duty)
        gain = self.log(0.0006, 0.004)
        return governed(machine, Creeping(die_c, gain, floor=self.at(0.35, 0.6)))

    def reached(self, machine: Machine, at_s: float, duty: float = 1.0) -> tuple[float, float]:
        """Die and case after so long of decoding."""
        return after(machine.body, machine.idle_w + duty * machine.decode_w, at_s)


def governed(machine: Machine, governor: Governor) -> Machine:
    """The same machine under that governor."""
    return replace(machine, governor=governor)


def told_by(kind: DeviceKind) -> Telling:
    """As its kind mostly does: the hardware of boards and computers slows without a cap that moves."""
    return Telling(caps=kind is DeviceKind.PHONE)
