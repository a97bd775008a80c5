import pytest

from melt_tui.ui.renderables import inset
from melt_tui.ui.renderables.axes import Prefix
from melt_tui.ui.renderables.cells import Cells, Ground, Ink, ground_of, text_of
from melt_tui.ui.renderables.plot_model import PlotModel, Series
from tests.rigs.windows import SECOND, of_values

WINDOW = of_values([1.0, 2.0, None, None, 5.0])
ROWS: tuple[inset.Row, ...] = (("00:01.0", "", Ink.STRONG), ("▲", "2.00", Ink.DEVICE_0))


@pytest.mark.parametrize(
    ("t_s", "value"),
    [
        (-0.1, None),
        (0.0, 1.0),
        (0.9, 1.0),
        (1.0, 2.0),
        (2.5, 2.0),
        (3.0, 2.0),
        (3.5, None),
        (4.2, 5.0),
        (9.0, None),
    ],
)
def test_the_value_at_an_instant(t_s: float, value: float | None) -> None:
    assert inset.value_at(WINDOW, int(t_s * SECOND), SECOND) == value


def test_readings_name_every_series() -> None:
    model = PlotModel(
        title="t",
        unit="W",
        t0_ns=0,
        t1_ns=1,
        series=(
            Series(label="phone", colour=0, window=WINDOW),
            Series(label="board", colour=1, window=of_values([])),
        ),
    )
    windows = [series.window for series in model.series]
    rows = inset.readings(model, windows, Prefix(1e-3, "mW"), SECOND, labelled=True)
    assert rows == (
        ("00:01.0", "", Ink.STRONG),
        ("▲ phone", "2000", Ink.DEVICE_0),
        ("■ board", "–", Ink.DEVICE_1),
    )
    assert [row[0] for row in inset.readings(model, windows, Prefix(1, "W"), 0, labelled=False)][1:] == [
        "▲",
        "■",
    ]


def test_right_of_the_cursor_or_left_of_it() -> None:
    cells = Cells(30, 2)
    inset.place(cells, (0, 0, 30, 2), 3, ROWS)
    assert text_of(cells.lines()) == f"     00:01.0{' ' * 18}\n     ▲  2.00{' ' * 18}"
    assert [ground_of(style) for style in cells.styles[0]].index(Ground.INSET) == 4
    cells = Cells(30, 2)
    inset.place(cells, (0, 0, 30, 2), 27, ROWS)
    assert text_of(cells.lines()).splitlines()[0] == f"{' ' * 19}00:01.0    "


def test_where_it_covers_least() -> None:
    cells = Cells(30, 6)
    cells.put(0, 0, "⣿" * 30, Ink.DEVICE_0)
    inset.place(cells, (0, 0, 30, 6), 3, ROWS)
    assert text_of(cells.lines()).splitlines()[4:] == [f"     00:01.0{' ' * 18}", f"     ▲  2.00{' ' * 18}"]


def test_no_room_no_box() -> None:
    cells = Cells(8, 2)
    inset.place(cells, (0, 0, 8, 2), 4, ROWS)
    assert text_of(cells.lines()) == " " * 8 + "\n" + " " * 8
    cells = Cells(30, 1)
    inset.place(cells, (0, 0, 30, 1), 4, ROWS)
    assert text_of(cells.lines()).split() == ["00:01.0"]
    cells = Cells(18, 2)
    inset.place(cells, (0, 0, 18, 2), 4, ROWS)
    assert text_of(cells.lines()).split() == []
