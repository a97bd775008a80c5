"""What the values of a block come to, from its codes. Imports numpy: reached only where there are samples."""

from functools import lru_cache
from math import nan
from typing import Final

import numpy as np

from drivers.model import IDENTITY, Decoding, Samples
from melt_tui.timeline.columns import Values

_U32_BITS: Final = 32


def block_sum(samples: Samples, decoding: Decoding) -> tuple[float, float, float]:
    """The sum of a block's values, its first and its last."""
    raw = np.frombuffer(samples.codes, "<" + samples.dtype)
    first, last = value_of(raw[0].item(), decoding), value_of(raw[-1].item(), decoding)
    if decoding.bits is None:
        with np.errstate(all="ignore"):
            if decoding == IDENTITY:
                return float(raw.sum(dtype=np.float64)), first, last
            return _polynomial_sum(raw.astype(np.float64), decoding.pieces[0]), first, last
    # as they are where they can: twice as wide, everything takes twice as long
    whole = raw if raw.dtype == np.uint32 and decoding.bits < _U32_BITS else raw.astype(np.int64)
    inside = (whole & whole.dtype.type((1 << decoding.bits) - 1)).astype(np.float64)
    least, most = (int(end.reduce(whole)) >> decoding.bits for end in (np.minimum, np.maximum))
    if most >= len(decoding.pieces):
        return nan, nan, nan
    if least == most:
        return _polynomial_sum(inside, decoding.pieces[least]), first, last
    piece = (whole >> whole.dtype.type(decoding.bits)).astype(np.intp)
    values = np.zeros(len(inside))
    for coefficients in reversed(_columns(decoding)):
        values *= inside
        values += coefficients.take(piece)
    return float(values.sum()), first, last


def value_of(code: float, decoding: Decoding) -> float:
    """Not a number where the code names a piece that there is not."""
    if decoding.bits is not None and int(code) >> decoding.bits >= len(decoding.pieces):
        return nan
    return decoding.value(code)


@lru_cache(maxsize=8)
def _columns(decoding: Decoding) -> Values:
    """By degree: the coefficient of each piece."""
    degrees = max(map(len, decoding.pieces))
    return np.array([[*piece, *[0.0] * (degrees - len(piece))] for piece in decoding.pieces]).T.copy()


def _polynomial_sum(x: Values, coefficients: tuple[float, ...]) -> float:
    total, power = 0.0, x
    for degree, coefficient in enumerate(coefficients):
        if degree == 0:
            total += coefficient * len(x)
        elif degree == 1:
            total += coefficient * float(np.add.reduce(x))
        else:
            # the last product of powers is summed as it is made
            total += coefficient * float(power @ x)
            power = power * x if degree + 1 < len(coefficients) else power
    return total
