import math

from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.renderables.spark import bar, fold, spark


def test_bars_from_zero_to_the_greatest() -> None:
    assert spark([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert spark([70, 70, 35], 3) == "██▅"


def test_fewer_values_stand_at_the_right() -> None:
    assert spark([1, None, 2], 6) == "   ▅ █"


def test_the_greatest_of_those_that_share_a_cell() -> None:
    assert fold([1, 9, 2, None, None, 3, None, None], 4) == [9, 2, 3, None]
    assert spark([0, 7, 0, 0], 2) == "█▁"


def test_what_is_no_number_is_a_blank() -> None:
    assert spark([math.nan, math.inf, 1.0], 3) == "  █"
    assert spark([], 4) == "    "
    assert spark([None], 0) == ""


def test_scales() -> None:
    assert spark([-4, 4], 2) == "▁█"
    assert spark([-1.7e308, 0, 1.7e308], 3) == "▁▅█"
    assert spark([5, 10, 15], 3, low=5, high=10) == "▁██"
    assert [bar(0, 0, 0), bar(3, 3, 3), bar(None, 0, 1)] == ["▁", "▅", " "]


@given(st.lists(st.none() | st.floats()), st.integers(0, 50))
def test_any_values_take_the_width(values: list[float | None], width: int) -> None:
    assert len(spark(values, width)) == width
