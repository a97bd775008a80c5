"""Currents that are known: for each sample number the amperes that a rig plays, and their integral."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Amperes = NDArray[np.float64]
Current = Callable[[Numbers, float], Amperes]
"""Amperes of these samples at that rate in Hz."""


def constant(amperes: float) -> Current:
    return lambda numbers, _: np.full(len(numbers), amperes)


def ramp(low: float, high: float, period_s: float) -> Current:
    return lambda numbers, rate: low + (high - low) * (numbers / rate / period_s % 1.0)


def square(low: float, high: float, period_s: float, edge_s: float = 0.001) -> Current:
    """Half a period each, the edges straight lines of that length."""

    def at(numbers: Numbers, rate: float) -> Amperes:
        t = numbers / rate % period_s
        rise = np.clip(t / edge_s, 0.0, 1.0)
        fall = np.clip((t - period_s / 2) / edge_s, 0.0, 1.0)
        return np.asarray(low + (high - low) * (rise - fall))

    return at


def llm(idle: float = 0.07, prefill: float = 0.85, decode: float = 0.5, token_s: float = 0.045) -> Current:
    """Turns of 8 s: a second of rest, a second of prefill, then tokens: each a burst and a dip."""

    def at(numbers: Numbers, rate: float) -> Amperes:
        t = numbers / rate % 8.0
        burst = (t % token_s) / token_s < 0.7
        return np.select([t < 1.0, t < 2.0], [idle, prefill], np.where(burst, decode, 0.4 * decode))

    return at


_MAKERS: dict[str, Callable[..., Current]] = {
    "constant": constant,
    "ramp": ramp,
    "square": square,
    "llm": llm,
}


def current_of(text: str) -> Current:
    """``constant:0.3``, ``ramp:0.1:0.6:0.5``, ``square:0.12:0.6:0.05``, ``llm``."""
    name, *numbers = text.split(":")
    return _MAKERS[name](*map(float, numbers))
