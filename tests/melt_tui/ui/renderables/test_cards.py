from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from melt_tui.ui.renderables.cards import (
    Card,
    CardMode,
    CardState,
    Fact,
    card_height,
    card_lines,
    mode_for,
    stack,
)
from melt_tui.ui.renderables.cells import Ground, Ink, Line, ground_of, ink_of, text_of

PHONE = Card(
    device="phone",
    title="pixel-8",
    colour=0,
    state=CardState.RUNNING,
    phase="decode",
    simulated=True,
    rate=Fact(text="18.4 tok/s"),
    spark=(2, 5, 5, 5, 5, 3, 3),
    facts=(Fact(text="71.2 °C", alarm=True), Fact(text="3.1 W"), Fact(text="1.9 GB", stale=True)),
    warning="throttled since 01:12",
    notes=("turn 12/48",),
)
IDLE = Card(device="tablet", title="iphone-15", colour=2, state=CardState.IDLE, phase="idle")


def rows(card: Card, width: int, mode: CardMode, *, selected: bool = False) -> list[str]:
    return text_of(card_lines(card, width, mode, selected=selected)).splitlines()


def inked(lines: tuple[Line, ...], ink: Ink) -> str:
    return "".join(text for line in lines for text, style in line if ink_of(style) is ink)


def test_a_full_card() -> None:
    assert rows(PHONE, 32, CardMode.FULL, selected=True) == [
        "▸▲ pixel-8 simulated    ● decode",
        "   18.4 tok/s ▃▆▆▆▆▄▄           ",
        "   71.2 °C! · 3.1 W · 1.9 GB    ",
        "   ⚠ throttled since 01:12      ",
        "   turn 12/48                   ",
    ]


def test_a_compact_card() -> None:
    assert rows(PHONE, 44, CardMode.COMPACT) == [
        " ▲ pixel-8 simulated                ● decode",
        "   ⚠ 18.4 tok/s 71.2 °C! · 3.1 W · 1.9 GB   ",
    ]
    assert rows(IDLE, 30, CardMode.COMPACT) == [" ◆ iphone-15            ○ idle", " " * 30]


def test_a_row() -> None:
    assert rows(PHONE, 110, CardMode.ROWS) == [
        " ▲ pixel-8 simulated                    ● decode 18.4 tok/s  ▃▆▆▆▆▄▄      ⚠ throttled since 01:12  71.2 °C!   "
    ]
    assert rows(PHONE, 28, CardMode.ROWS) == [" ▲ pixel-8 sim      ● decode"]


def test_a_row_of_a_healthy_device() -> None:
    calm = replace(PHONE, warning="", spark=())
    assert (
        rows(calm, 110, CardMode.ROWS)[0]
        .rstrip()
        .endswith("18.4 tok/s               71.2 °C! · 3.1 W · 1.9 GB")
    )


def test_a_spark_without_room_is_left_out() -> None:
    assert rows(PHONE, 13, CardMode.FULL)[1] == "   18.4 tok/s"


def test_the_mark_of_the_simulated_never_goes() -> None:
    long = replace(PHONE, title="a-very-long-name-of-a-phone")
    for width in range(16, 60):
        for mode in CardMode:
            assert " sim" in rows(long, width, mode)[0]
    assert "simulated" in rows(long, 60, CardMode.FULL)[0]


def test_inks_say_what_is_stale_and_what_is_past_a_limit() -> None:
    lines = card_lines(PHONE, 32, CardMode.FULL, selected=False)
    assert inked(lines, Ink.WARNING) == "71.2 °C!⚠ throttled since 01:12"
    assert "1.9 GB" in inked(lines, Ink.DIM)
    stale = replace(PHONE, rate=Fact(text="18.4 tok/s", stale=True))
    assert "18.4" in inked(card_lines(stale, 32, CardMode.FULL, selected=False), Ink.DIM)
    assert inked(card_lines(stale, 32, CardMode.FULL, selected=False), Ink.DEVICE_0) == "▲ "


def test_a_selected_card_is_shaded_and_pointed_at() -> None:
    lines = card_lines(IDLE, 20, CardMode.FULL, selected=True)
    assert {ground_of(style) for line in lines for _, style in line} == {Ground.SELECTED}
    assert text_of(lines).startswith("▸")


@pytest.mark.parametrize(
    ("width", "height", "mode"),
    [
        (30, 12, CardMode.FULL),
        (30, 7, CardMode.FULL),
        (30, 6, CardMode.FULL),
        (30, 5, CardMode.COMPACT),
        (30, 3, CardMode.ROWS),
        (120, 3, CardMode.ROWS),
    ],
)
def test_as_much_as_the_height_allows(width: int, height: int, mode: CardMode) -> None:
    assert mode_for((PHONE, IDLE), width, height) is mode


def test_a_stack_knows_whose_line_it_is() -> None:
    loose, tight = (stack((PHONE, IDLE), "tablet", 30, height, CardMode.FULL) for height in (7, 6))
    assert loose.owners == (0, 0, 0, 0, 0, 1, 1)
    assert tight.owners == (0, 0, 0, 0, 0, 1)
    assert text_of(loose.lines[5:6]) == " " * 30
    assert stack((), "", 30, 5, CardMode.FULL).lines == ()


TEXTS = st.text(max_size=12)


@given(
    st.builds(
        Card,
        device=TEXTS,
        title=TEXTS,
        colour=st.integers(0, 20),
        state=st.sampled_from(CardState),
        phase=TEXTS,
        simulated=st.booleans(),
        rate=st.none() | st.builds(Fact, text=TEXTS, stale=st.booleans(), alarm=st.booleans()),
        spark=st.lists(st.none() | st.floats(), max_size=20).map(tuple),
        facts=st.lists(st.builds(Fact, text=TEXTS), max_size=4).map(tuple),
        warning=TEXTS,
        notes=st.lists(TEXTS, max_size=2).map(tuple),
    ),
    st.integers(0, 90),
    st.sampled_from(CardMode),
    st.booleans(),
)
def test_any_card_fills_its_cells(card: Card, width: int, mode: CardMode, selected: bool) -> None:
    lines = card_lines(card, width, mode, selected=selected)
    assert [sum(cell_len(text) for text, _ in line) for line in lines] == [width] * card_height(card, mode)
