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


def write(cells: Cells, said: legend.Legend, *, framed: bool) -> None:
    legend.write(cells, legend.edges(said, cells.width, framed=framed), framed=framed)


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
    write(cells, legend.legend(model, Prefix(1e9, "GB"), 2.5e9), framed=False)
    assert text_of(cells.lines()) == "RSS GB     ■ 2.00  max 2.50 "


def test_a_title_without_room_gives_way_to_its_brief_form() -> None:
    model = PlotModel(
        title="power at 3 points", brief="power", unit="W", t0_ns=0, t1_ns=1, series=(series(2e9),)
    )
    said = legend.legend(model, Prefix(1e9, "W"), None)
    lines = []
    for width in (30, 36):
        cells = Cells(width, 1)
        write(cells, said, framed=True)
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
        write(cells, legend.legend(model, Prefix(1e9, "W"), None), framed=True)
        lines.append(text_of(cells.lines()))
    assert lines == ["╭ battery-terminals W ───╮", "╭ battery-terminals W ── ■ 2.00 ─╮"]


def three(width: int, brief: str, *, several: int = 3, firm: bool = False, framed: bool = True) -> list[str]:
    """The edges of a chart of so many series."""
    lasts = (9.718, 4.093, 12.04, 0.51, 3.3, 7.1, 8.2, 6.4)
    model = PlotModel(
        title=f"power {brief}", brief=brief, firm=firm, unit="W", t0_ns=0, t1_ns=1,
        series=tuple(replace(series(last), colour=i) for i, last in enumerate(lasts[:several])),
    )  # fmt: skip
    edges = legend.edges(legend.legend(model, Prefix(1.0, "W"), 12.6), width, framed=framed)
    cells = Cells(width, 2)
    cells.put(0, 1, f"╰{'─' * (width - 2)}╯", Ink.FRAME)
    legend.write(cells, edges, framed=framed)
    legend.write_foot(cells, edges.foot)
    return text_of(cells.lines()).split("\n")


def test_every_value_and_the_maximum_stand_in_the_edges_of_a_narrow_chart() -> None:
    assert three(48, "at 3 points") == [
        "╭ at 3 points W ────── ▲ 9.72  ■ 4.09  ◆ 12.0 ─╮",
        "╰ max 12.6 ────────────────────────────────────╯",
    ]
    assert three(40, "at 3 points") == [
        "╭ at 3 points W ─── ▲9.72 ■4.09 ◆12.0 ─╮",
        "╰ max 12.6 ────────────────────────────╯",
    ]
    assert three(34, "at 3 points") == [
        "╭ at 3 points W ─ ▲9.7 ■4.1 ◆12 ─╮",
        "╰ max 12.6 ──────────────────────╯",
    ]
    assert three(28, "at 3 points") == ["╭ at 3 points W ── max 13 ─╮", "╰ ▲9.7 ■4.1 ◆12 ───────────╯"]
    assert three(28, "at 2 points", several=2) == [
        "╭ at 2 points W ▲9.7 ■4.1 ─╮",
        "╰ max 12.6 ────────────────╯",
    ]
    assert three(28, "battery-terminals", several=1, firm=True) == [
        "╭ battery-terminals W ─────╮",
        "╰ ▲9.72 max 12.6 ──────────╯",
    ]
    assert three(28, "battery-terminals", several=2, firm=True) == [
        "╭ battery-terminals W ─────╮",
        "╰ ▲9.72 ■4.09 max 12.6 ────╯",
    ]


def test_values_without_room_are_counted() -> None:
    assert three(28, "at 8 points", several=8) == [
        "╭ at 8 points W ─ ▲9.7 +7 ─╮",
        "╰ max 12.6 ────────────────╯",
    ]
    assert three(44, "at 8 points", several=8) == [
        "╭ at 8 points W ── ▲9.7 ■4.1 ◆12 ▼0.51 +4 ─╮",
        "╰ max 12.6 ────────────────────────────────╯",
    ]
    assert three(28, "battery-terminals", several=8, firm=True) == [
        "╭ battery-terminals W ─────╮",
        "╰ ▲9.7 ■4.1 +6 max 13 ─────╯",
    ]
    assert three(24, "at 3 points", framed=False)[0] == "at 3 po… W ▲9.7 ■4.1 +1 "


def test_a_close_reading_keeps_what_must_be_known() -> None:
    def close(one: Series) -> str:
        return "".join(text for text, _ in legend.close_reading(one, Prefix(1.0, "°C"), ((75.0, ""),), 2))

    assert close(series(77.46)) == "■77!"
    assert close(series(77.46, age_s=12.0)) == "■77! 12s"
    assert close(replace(series(18.4), fall="▼13 %")) == "■18 ▼13%"
    assert close(series(None)) == "■–"


def test_a_plain_number_has_no_unit() -> None:
    model = PlotModel(title="level", unit="1", t0_ns=0, t1_ns=1)
    cells = Cells(20, 1)
    write(cells, legend.legend(model, Prefix(1.0, "1"), None), framed=True)
    assert text_of(cells.lines()) == "╭ level ───────────╮"


def test_every_device_colour_has_a_shape_of_its_own() -> None:
    assert len({legend.shape(colour) for colour in range(8)}) == 8
    assert legend.shape(8) == legend.shape(0)
