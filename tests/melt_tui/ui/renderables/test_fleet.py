import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.renderables.cells import Ink, ink_of, text_of
from melt_tui.ui.renderables.fleet import (
    Figure,
    FleetColumn,
    FleetRow,
    column_at,
    columns,
    fleet_line,
    heading,
    slots,
)
from melt_tui.ui.renderables.text import cell_count

ROW = FleetRow(
    device="pixel-8",
    colour=0,
    state=CardState.RUNNING,
    phase="decode",
    simulated=True,
    model="tinyllama Q4_0",
    rate=Figure(value=18.4, text="18.4"),
    trend=(1.0, 2.0, None, 2.0),
    power=Figure(value=3.1, text="3.10", stale=True),
    per_token=Figure(value=0.171, text="0.171"),
    temperature=Figure(value=77.0, text="77.0", alarm=True),
    alerts="throttled since 01:12",
    gravity=2,
)

LINE = "▸▲ pixel-8      sim ● decode   tinyllama Q4_0   18.4    ▄▆ ▆   3.10  0.171  77.0!         – ⚠ throttled since 01:12   "


def inks(line: tuple[tuple[str, int], ...]) -> dict[str, Ink]:
    return {text.strip(): ink_of(style) for text, style in line}


def test_a_row_on_a_wide_terminal() -> None:
    line = fleet_line(ROW, 118, selected=True)
    assert text_of([line]) == LINE
    told = inks(line)
    assert (told["77.0!"], told["3.10"], told["–"]) == (Ink.WARNING, Ink.DIM, Ink.DIM)
    assert told["⚠ throttled since 01:12"] is Ink.WARNING


def test_the_heading_stands_over_the_figures_and_shows_the_order() -> None:
    head, line = (
        text_of([heading(118, FleetColumn.RATE, falling=True)]),
        text_of([fleet_line(ROW, 118, selected=False)]),
    )
    assert head.index("tok/s↓") + len("tok/s↓") == line.index("18.4") + len("18.4")
    assert head.index("°C") + len("°C") == line.index("77.0!") + len("77.0!")
    assert "headroom↑" in text_of([heading(118, FleetColumn.HEADROOM, falling=False)])


@pytest.mark.parametrize(
    ("width", "gone"),
    [
        (118, set()),
        (78, {FleetColumn.MODEL}),
        (48, {FleetColumn.MODEL, FleetColumn.TREND, FleetColumn.HEADROOM, FleetColumn.PER_TOKEN}),
    ],
)
def test_columns_go_one_after_another_as_it_shrinks(width: int, gone: set[FleetColumn]) -> None:
    left = {slot.column for slot in slots(width)}
    assert gone <= set(FleetColumn) - left
    assert {FleetColumn.DEVICE, FleetColumn.RATE, FleetColumn.STATE} <= left


def test_a_gravest_alert_is_an_error_and_a_remark_none() -> None:
    def ink(gravity: int) -> Ink:
        one = FleetRow(device="d", colour=0, state=CardState.LOST, alerts="away", gravity=gravity)
        return next(ink_of(style) for text, style in fleet_line(one, 118, selected=False) if "away" in text)

    assert [ink(0), ink(1), ink(4)] == [Ink.DIM, Ink.WARNING, Ink.ERROR]


def test_a_figure_that_has_no_room_is_never_cut_to_another_number() -> None:
    one = FleetRow(device="d", colour=0, state=CardState.IDLE, power=Figure(value=1e6, text="1,000,000"))
    assert "1,000…" in text_of([fleet_line(one, 118, selected=False)])


def test_the_titles_are_places_to_click() -> None:
    head = text_of([heading(118, FleetColumn.DEVICE, falling=False)])
    for column in columns(118):
        assert column_at(118, head.index(column.value)) is column
    trend = next(slot for slot in slots(118) if slot.column is FleetColumn.TREND)
    assert column_at(118, trend.x + 2) is FleetColumn.RATE
    assert column_at(118, 0) is None


@given(st.integers(1, 260), st.text(max_size=40), st.text(max_size=40), st.booleans())
def test_any_row_takes_exactly_its_cells(width: int, name: str, alerts: str, selected: bool) -> None:
    one = FleetRow(device=name, colour=3, state=CardState.FAILED, model=name, alerts=alerts, gravity=5)
    for line in (fleet_line(one, width, selected=selected), heading(width, FleetColumn.POWER, falling=True)):
        assert sum(cell_count(text) for text, _ in line) == width
