from dataclasses import replace

from melt_tui.ui.renderables import legend
from melt_tui.ui.renderables.axes import Prefix
from melt_tui.ui.renderables.cells import Cells, Ink, text_of
from melt_tui.ui.renderables.plot_model import PlotModel, Series
from tests.rigs.windows import of_values


def series(last: float | None, *, age_s: float | None = None) -> Series:
    window = of_values([])
    return Series(
        label="phone", colour=9, window=window, last=last, stale=age_s is not None, last_age_s=age_s
    )


def said(one: Series, *, limit: float = 75.0) -> tuple[legend.Part, ...]:
    return legend.reading(one, Prefix(1e9, "GB"), ((limit * 1e9, "limit"),))


def test_a_value_in_the_unit_of_the_axis() -> None:
    assert said(series(1.9e9)) == (
        ("■ ", Ink.DEVICE_1),
        ("phone ", Ink.TEXT),
        ("1.90", Ink.DEVICE_1),
        ("", Ink.DIM),
    )


def test_what_throttling_takes_stands_beside_the_value_while_it_is_fresh() -> None:
    assert said(replace(series(1.9e9), fall="▼13 %"))[3] == (" ▼13 %", Ink.WARNING)
    assert len(said(replace(series(1.9e9, age_s=12.0), fall="▼13 %"))) == 4


def test_an_unknown_value_is_no_zero() -> None:
    assert said(series(None))[2] == ("–", Ink.DEVICE_1)


def test_past_a_limit_without_colour_too() -> None:
    assert said(series(75.1e9))[2] == ("75.1!", Ink.WARNING)
    assert said(series(75e9))[2] == ("75.0", Ink.DEVICE_1)


def test_a_stale_value() -> None:
    parts = said(series(76e9, age_s=12.0))
    assert parts[-2:] == (("76.0!", Ink.DIM), (" 12 s ago", Ink.DIM))


def test_a_line_without_a_frame() -> None:
    model = PlotModel(title="RSS", unit="B", t0_ns=0, t1_ns=1, series=(series(2e9),))
    cells = Cells(28, 1)
    legend.write(cells, legend.legend(model, Prefix(1e9, "GB"), 2.5e9), framed=False)
    assert text_of(cells.lines()) == "RSS GB     ■ 2.00  max 2.50 "


def test_a_title_without_room_gives_way_to_its_brief_form() -> None:
    model = PlotModel(
        title="power at 3 points", brief="power", unit="W", t0_ns=0, t1_ns=1, series=(series(2e9),)
    )
    said = legend.legend(model, Prefix(1e9, "W"), None)
    lines = []
    for width in (30, 36):
        cells = Cells(width, 1)
        legend.write(cells, said, framed=True)
        lines.append(text_of(cells.lines()))
    assert lines == ["╭ power W ──── ■ phone 2.00 ─╮", "╭ power at 3 points W ──── ■ 2.00 ─╮"]


def test_a_firm_title_is_said_whole_before_any_value() -> None:
    model = PlotModel(
        title="power battery-terminals", brief="battery-terminals", firm=True, unit="W", t0_ns=0, t1_ns=1,
        series=(series(2e9),),
    )  # fmt: skip
    lines = []
    for width in (26, 34):
        cells = Cells(width, 1)
        legend.write(cells, legend.legend(model, Prefix(1e9, "W"), None), framed=True)
        lines.append(text_of(cells.lines()))
    assert lines == ["╭ battery-terminals W ───╮", "╭ battery-terminals W ── ■ 2.00 ─╮"]


def test_a_plain_number_has_no_unit() -> None:
    model = PlotModel(title="level", unit="1", t0_ns=0, t1_ns=1)
    cells = Cells(20, 1)
    legend.write(cells, legend.legend(model, Prefix(1.0, "1"), None), framed=True)
    assert text_of(cells.lines()) == "╭ level ───────────╮"


def test_every_device_colour_has_a_shape_of_its_own() -> None:
    assert len({legend.shape(colour) for colour in range(8)}) == 8
    assert legend.shape(8) == legend.shape(0)
