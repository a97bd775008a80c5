import math
from collections.abc import Callable
from dataclasses import replace

from textual import events

from melt_tui.ui.widgets.device_cards import Card, CardMode, CardState, DeviceCards, Fact
from tests.rigs.stage import Stage

SPARK = tuple(10 + 3 * math.sin(i / 2) for i in range(12))
CARDS = (
    Card(
        device="pixel",
        title="pixel-8",
        colour=0,
        state=CardState.RUNNING,
        phase="decode",
        simulated=True,
        rate=Fact(text="18.4 tok/s"),
        spark=SPARK,
        facts=(Fact(text="76.2 °C", alarm=True), Fact(text="3.1 W"), Fact(text="1.9 GB")),
        warning="throttled since 01:12",
    ),
    Card(
        device="orin",
        title="orin-nano",
        colour=1,
        state=CardState.BUSY,
        phase="loading",
        rate=Fact(text="24.1 tok/s", stale=True),
        spark=SPARK[::-1],
        facts=(Fact(text="48.0 °C"), Fact(text="9.1 W", stale=True)),
        notes=("tinyllama q4_0",),
    ),
    Card(
        device="host",
        title="this-computer-here",
        colour=3,
        state=CardState.LOST,
        phase="away 3 s",
        simulated=True,
    ),
    Card(device="hvpm", title="hvpm → pixel-8", colour=2, state=CardState.STREAMING, phase="5 kS/s"),
    Card(device="old", title="old", colour=4, state=CardState.FAILED, phase="refused"),
)


def stage(*widgets: DeviceCards, selected: str = "pixel", theme: str = "textual-dark") -> Stage:
    def fill() -> None:
        for widget in widgets:
            widget.show(CARDS, selected)

    return Stage(*widgets, fill=fill, theme=theme)


def test_cards_in_every_mode(snap_compare: Callable[..., bool]) -> None:
    widgets = [DeviceCards(), DeviceCards(), DeviceCards(mode=CardMode.ROWS)]
    for widget, (width, height) in zip(widgets, [(32, 16), (32, 10), (80, 6)], strict=True):
        widget.styles.width, widget.styles.height = width, height
    assert snap_compare(stage(*widgets), terminal_size=(144, 16))


def test_cards_in_the_light(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(stage(DeviceCards(), selected="orin", theme="textual-light"), terminal_size=(30, 16))


async def test_a_click_selects_and_a_second_one_opens() -> None:
    cards = DeviceCards()
    app = stage(cards)
    async with app.run_test(size=(32, 16)) as pilot:
        await pilot.pause()
        await pilot.click(cards, (5, 6))
        await pilot.double_click(cards, (5, 2))
        assert [(type(m), getattr(m, "device", "")) for m in app.told] == [
            (DeviceCards.Selected, "orin"),
            (DeviceCards.Selected, "pixel"),
            (DeviceCards.Opened, "pixel"),
        ]


async def test_below_the_last_card_there_is_nobody() -> None:
    cards = DeviceCards()
    app = stage(cards)
    async with app.run_test(size=(32, 30)) as pilot:
        await pilot.pause()
        await pilot.click(cards, (5, 28))
        assert app.told == []
        assert cards.device_at(29) is None


async def test_only_lines_that_changed_are_drawn() -> None:
    cards = DeviceCards()
    async with stage(cards).run_test(size=(32, 16)) as pilot:
        await pilot.pause()
        before = [cards.render_line(y) for y in range(16)]
        cards.show((replace(CARDS[0], rate=Fact(text="18.5 tok/s")), *CARDS[1:]), "pixel")
        assert [y for y, strip in enumerate(before) if cards.render_line(y) is not strip] == [1]


async def test_it_scrolls_and_the_selected_card_stays_in_sight() -> None:
    cards = DeviceCards(mode=CardMode.FULL)
    async with stage(cards).run_test(size=(32, 5)) as pilot:
        await pilot.pause()
        assert cards.device_at(0) == "pixel"
        await pilot._post_mouse_events([events.MouseScrollDown], cards, (1, 1))
        assert cards.device_at(4) == "orin"
        await pilot._post_mouse_events([events.MouseScrollUp], cards, (1, 1))
        await pilot._post_mouse_events([events.MouseScrollUp], cards, (1, 1))
        assert cards.device_at(3) == "pixel"
        cards.show(CARDS, "old")
        assert cards.device_at(4) == "old"
        cards.show(CARDS, "pixel")
        assert cards.device_at(0) == "pixel"
        cards.show(CARDS, "nobody")
        assert cards.device_at(0) == "pixel"


async def test_equal_cards_cost_nothing() -> None:
    cards = DeviceCards()
    async with stage(cards).run_test(size=(32, 16)) as pilot:
        await pilot.pause()
        before = cards.render_line(0)
        cards.show(tuple(replace(card) for card in CARDS), "pixel")
        assert cards.render_line(0) is before


async def test_fewer_cards_while_there_is_no_room_are_shown_when_there_is() -> None:
    cards = DeviceCards()
    app = stage(cards)
    async with app.run_test(size=(32, 16)) as pilot:
        await pilot.pause()
        cards.styles.height = 0
        await pilot.pause()
        cards.show(CARDS[:1], "pixel-9")
        cards.show(CARDS[:1], CARDS[0].device)
        assert cards.device_at(0) == CARDS[0].device
        assert cards.device_at(6) == CARDS[1].device
        cards.styles.height = 16
        await pilot.pause()
        cards.redraw()
        assert cards.device_at(0) == CARDS[0].device
        assert cards.device_at(6) is None
