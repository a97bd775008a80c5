"""Blocks of samples, drawn by hypothesis."""

import struct
from itertools import accumulate

from hypothesis import strategies as st

from drivers.model import DType, Samples, code_struct


@st.composite
def codes(draw: st.DrawFn, dtype: DType, n: int) -> bytes:
    """Codes of a type: any bytes, all alike, a slow walk of decimal readings."""
    coder = code_struct(dtype)
    what = draw(st.sampled_from(("any", "alike", "walk")))
    if what == "any":
        return draw(st.binary(min_size=n * coder.size, max_size=n * coder.size))
    start = draw(st.integers(0, 100))
    steps = [(start * k * k) % 3 if what == "walk" else 0 for k in range(n)]
    scale = 10 if dtype in {DType.F32, DType.F64} else 1
    return b"".join(coder.pack((start + step) / scale if scale > 1 else start + step) for step in steps)


@st.composite
def blocks(draw: st.DrawFn, dtype: DType) -> Samples:
    """One block: even, uneven or a single reading; not always from where the last one ended."""
    n = draw(st.sampled_from((1, 1, 2, 3, 40)))
    packed = draw(codes(dtype, n))
    t0 = draw(st.integers(-(10**10), 10**12))
    step = draw(st.sampled_from((0, 1, 10**6, 7 * 10**8)))
    if draw(st.booleans()):
        times = list(accumulate([t0] + [step * (k % 3) for k in range(1, n)]))
        return Samples("d", "c", t0, times[-1], dtype, packed, struct.pack(f"<{n}q", *times))
    t1 = t0 if n == 1 else t0 + draw(st.integers(0, 10)) + step
    return Samples("d", "c", t0, t1, dtype, packed)


def series(most: int = 8) -> st.SearchStrategy[list[Samples]]:
    """Blocks of one series, at least one."""
    return st.sampled_from(tuple(DType)).flatmap(lambda d: st.lists(blocks(d), min_size=1, max_size=most))


def readings(most: int = 8) -> st.SearchStrategy[list[Samples]]:
    """Blocks of one series, plain single readings if there are any."""
    return series(most).map(lambda many: [one for one in many if one.n == 1 and one.times is None] or many)
