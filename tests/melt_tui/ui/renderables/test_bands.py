from melt_tui.ui.renderables import bands
from melt_tui.ui.renderables.cells import Cells, Ground, Ink, ground_of, ink_of, text_of
from melt_tui.ui.renderables.plot_model import Band, PlotMark


def band(style: str, label: str = "") -> Band:
    return Band(t0_ns=0, t1_ns=1, style=style, label=label)


def test_a_band_is_at_least_a_cell_wide() -> None:
    assert (bands.shade(band("limit"), 5, 5).x0, bands.shade(band("limit"), 5, 5).x1) == (5, 6)


def test_every_kind_differs_without_colour_or_is_the_common_state() -> None:
    patterns = {
        style: bands.shade(band(style), 0, 1).pattern for style in ("prefill", "limit", "outage", "decode")
    }
    assert patterns == {"prefill": "░", "limit": "▒", "outage": "╱", "decode": ""}
    assert bands.shade(band("never heard of"), 0, 1).ground is Ground.DECODE


def test_what_matters_more_lies_over_what_matters_less() -> None:
    cells = Cells(4, 1)
    shades = [bands.shade(band(style), x0, x1) for style, x0, x1 in (("limit", 1, 3), ("decode", -5, 9))]
    bands.lay(cells, 0, 0, (4, 1), shades)
    grounds = [ground_of(style) for style in cells.styles[0]]
    assert grounds == [Ground.DECODE, Ground.WARNING, Ground.WARNING, Ground.DECODE]


def test_feet_and_heads() -> None:
    cells = Cells(24, 4)
    shades = [bands.shade(band("limit", "throttled"), 2, 6), bands.shade(band("outage", "away"), 8, 40)]
    bands.feet(cells, 0, 0, (24, 4), shades)
    bands.heads(cells, 0, 0, (24, 4), shades)
    assert text_of(cells.lines()).splitlines() == [
        "  throttled             ",
        "        away            ",
        "                        ",
        "  ▒▒▒▒  ╱╱╱╱╱╱╱╱╱╱╱╱╱╱╱╱",
    ]
    assert ink_of(cells.styles[0][2]) is Ink.WARNING


def test_a_label_without_a_free_place_is_left_out() -> None:
    cells = Cells(12, 4)
    for y in range(4):
        cells.put(0, y, "⣿" * 12, Ink.DEVICE_0)
    bands.heads(cells, 0, 0, (12, 4), [bands.shade(band("limit", "throttled"), 0, 9)])
    assert "t" not in text_of(cells.lines())


def test_labels_may_cover_the_grid_but_no_box() -> None:
    cells = Cells(6, 1)
    cells.put(0, 0, "┈╌╎┊ x", Ink.GRID)
    assert bands.free(cells, 0, 5, 0)
    assert not bands.free(cells, 0, 6, 0)
    cells.ground(1, 2, 0, 1, Ground.INSET)
    assert not bands.free(cells, 0, 5, 0)


def test_marks_have_an_ink() -> None:
    assert bands.mark_ink(PlotMark(t_ns=0, style="warning")) is Ink.WARNING
    assert bands.mark_ink(PlotMark(t_ns=0, style="never heard of")) is Ink.EVENT
