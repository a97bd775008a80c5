import math

from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.renderables.plot_model import PlotModel, Series
from melt_tui.ui.renderables.plot_scene import layout, plot_columns, raster_of, scene_of
from tests.rigs.windows import SECOND, of_values

MODEL = PlotModel(title="t", unit="W", t0_ns=0, t1_ns=60 * SECOND)


def test_frame_and_labels_go_as_it_shrinks() -> None:
    full, bare, tiny = layout(80, 12), layout(22, 12), layout(4, 2)
    assert (full.framed, full.titled, full.gutter, full.x, full.width, full.height) == (
        True,
        True,
        True,
        7,
        71,
        10,
    )
    assert (bare.framed, bare.gutter, bare.width) == (True, False, 20)
    assert (tiny.framed, tiny.titled, tiny.x, tiny.y, tiny.width, tiny.height) == (False, False, 0, 0, 4, 2)


@given(st.integers(0, 300), st.integers(0, 100))
def test_any_layout_lies_within_its_size(width: int, height: int) -> None:
    area = layout(width, height)
    assert area.width >= 0
    assert area.height >= 0
    if area.width and area.height:
        assert area.x + area.width <= width
        assert area.y + area.height <= height


def test_a_narrow_chart_has_labels_of_its_values() -> None:
    narrow = layout(28, 10)
    assert (narrow.gutter, narrow.x, narrow.width) == (True, 7, 19)


def test_charts_of_one_size_share_their_times() -> None:
    assert plot_columns(80, 12) == plot_columns(80, 5) == 142
    assert raster_of(MODEL, 80, 12).dot_ns == -(-60 * SECOND // 142)


def test_an_axis_that_is_no_number_is_fitted() -> None:
    model = PlotModel(
        title="t",
        unit="W",
        t0_ns=0,
        t1_ns=60 * SECOND,
        series=(Series(label="a", colour=0, window=of_values([3.0, 4.0])),),
        limits=((math.nan, "none"), (4.5, "near"), (1e9, "far")),
        y_range=(math.nan, 1.0),
    )
    scene = scene_of(model, layout(80, 12), [])
    assert scene.axis.low <= 3.0
    assert 4.5 <= scene.axis.high < 10
    assert [label for _, label, _ in scene.limits] == ["near", "far"]


def test_without_a_sample_in_sight_the_last_value_keeps_its_prefix() -> None:
    series = Series(
        label="a", colour=0, window=of_values([]), last=1_792_731_136.0, last_age_s=180.0, stale=True
    )
    model = PlotModel(title="RSS", unit="B", t0_ns=0, t1_ns=60 * SECOND, series=(series,))
    scene = scene_of(model, layout(80, 12), [])
    assert scene.empty
    assert (scene.axis.prefix.factor, scene.axis.prefix.unit) == (1e9, "GB")
