"""Sums of blocks against the values of their codes one by one."""

from collections.abc import Sequence
from math import fsum, isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import IDENTITY, Decoding, DType, Samples, code_struct
from melt_tui.detectors.block_sums import block_sum, value_of

PPK2 = Decoding(pieces=((0.0, 1e-7), (2e-6, 1e-6, 3e-12), (1e-5, 1e-5)), bits=14)
LINEAR = Decoding(pieces=((0.5, 0.25, 0.125),))


def of(dtype: DType, codes: Sequence[float]) -> Samples:
    coder = code_struct(dtype)
    return Samples("meter", "power", 0, len(codes) - 1, dtype, b"".join(map(coder.pack, codes)))


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, (1 << 14) - 1)).map(lambda one: one[0] << 14 | one[1]),
        min_size=1,
        max_size=50,
    )
)
@pytest.mark.parametrize("dtype", [DType.U32, DType.I64])
def test_codes_of_several_ranges(dtype: DType, codes: list[int]) -> None:
    values = [PPK2.value(code) for code in codes]
    total, first, last = block_sum(of(dtype, codes), PPK2)
    assert total == pytest.approx(fsum(values), rel=1e-12, abs=1e-18)
    assert (first, last) == (values[0], values[-1])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
@pytest.mark.parametrize("decoding", [IDENTITY, LINEAR])
def test_plain_numbers_and_polynomials(decoding: Decoding, codes: list[float]) -> None:
    values = [decoding.value(code) for code in codes]
    total, first, last = block_sum(of(DType.F64, codes), decoding)
    assert total == pytest.approx(fsum(values), rel=1e-9, abs=1e-3)
    assert (first, last) == (values[0], values[-1])


@given(st.lists(st.integers(0, 10), max_size=5), st.lists(st.integers(0, 10), max_size=5))
def test_a_code_of_a_range_that_there_is_not_makes_it_unknown(before: list[int], after: list[int]) -> None:
    total, _, _ = block_sum(of(DType.U32, [*before, 3 << 14, *after]), PPK2)
    assert isnan(total)
    assert isnan(value_of(3 << 14, PPK2))
