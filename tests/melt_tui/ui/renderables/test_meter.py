import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.renderables.meter import meter


@pytest.mark.parametrize(
    ("fraction", "bar"),
    [
        (0.0, ("", "    ")),
        (1e-9, ("▏", "   ")),
        (0.5, ("██", "  ")),
        (0.53125, ("██▏", " ")),
        (0.9999, ("███▉", "")),
        (1.0, ("████", "")),
        (1.7, ("████", "")),
        (-1.0, ("", "    ")),
        (None, ("", "    ")),
        (math.nan, ("", "    ")),
    ],
)
def test_to_an_eighth_of_a_cell(fraction: float | None, bar: tuple[str, str]) -> None:
    assert meter(fraction, 4) == bar


@given(st.none() | st.floats(), st.integers(-2, 60))
def test_any_fraction_takes_the_width(fraction: float | None, width: int) -> None:
    filled, empty = meter(fraction, width)
    assert len(filled) + len(empty) == max(0, width)
