from dataclasses import replace

from drivers.model import Quantity
from melt_tui.ui.topics import Stock, colours, devices, meters_of, panels
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, Story, at, timeline

VIEW = timeline(Story()).view(at(60))
STOCK = Stock(VIEW)


def test_melt_itself_is_no_device_of_the_desk() -> None:
    assert [device.device for device in devices(VIEW)] == [PHONE, BOARD, HOST, METER]
    assert colours(VIEW) == {PHONE: 0, BOARD: 1, HOST: 2, METER: 3}


def test_a_colour_that_was_chosen_by_name_or_address_changes_places_with_its_holder() -> None:
    assert colours(VIEW, {PHONE: 2}) == {PHONE: 2, BOARD: 1, HOST: 0, METER: 3}
    assert colours(VIEW, {"sim:jetson": 7, PHONE: 0}) == {PHONE: 0, BOARD: 7, HOST: 2, METER: 3}
    assert colours(VIEW, {PHONE: 1, BOARD: 1}) == {PHONE: 0, BOARD: 1, HOST: 2, METER: 3}
    assert Stock(VIEW, {METER: 0}).shades == {PHONE: 3, BOARD: 1, HOST: 2, METER: 0}


def test_all_devices_are_overlaid_each_by_the_channel_that_stands_for_it() -> None:
    drawn = {panel.topic.title: [channel.key for channel in panel.channels] for panel in panels(STOCK)}
    assert drawn["token rate"] == [(PHONE, "token_rate"), (BOARD, "token_rate"), (HOST, "token_rate")]
    assert drawn["SoC"] == [(PHONE, "soc"), (BOARD, "tj")]
    assert drawn["power"] == [(BOARD, "VDD_IN"), (METER, "main")]
    assert list(drawn) == ["token rate", "SoC", "power", "RSS", "CPU", "frequency", "J/token", "skin"]


def test_one_device_is_shown_with_the_meter_that_feeds_it() -> None:
    drawn = {panel.topic.title: panel for panel in panels(STOCK, PHONE)}
    assert [channel.key for channel in drawn["power"].channels] == [(METER, "main")]
    assert drawn["power"].title == "power battery-terminals"
    assert meters_of(VIEW, PHONE) == [METER]


def test_a_chart_of_several_reference_points_says_so() -> None:
    power = next(panel for panel in panels(STOCK) if panel.topic.title == "power")
    assert (power.point, power.title) == ("", "power at 2 points")


def test_energy_for_each_token_is_drawn_of_one_source_for_each_device() -> None:
    drawn = next(panel for panel in panels(STOCK) if panel.topic.title == "J/token")
    assert [channel.key for channel in drawn.channels] == [
        (PHONE, "J/token battery-terminals"),
        (BOARD, "J/token decode board-input"),
    ]
    assert drawn.title == "J/token at 2 points"
    assert drawn.brief == "at 2 points"


def test_what_a_device_does_not_give_still_has_its_place() -> None:
    drawn = {panel.topic.title: panel.channels for panel in panels(STOCK, HOST)}
    assert drawn["SoC"] == drawn["power"] == ()


def test_the_stock_finds_channels_by_device_and_quantity() -> None:
    assert [c.name for c in STOCK.of(PHONE, Quantity.TEMPERATURE, Quantity.SKIN_TEMPERATURE)] == [
        "soc",
        "skin",
    ]
    power = STOCK.power(PHONE)
    assert power is not None
    assert power.device == METER
    assert STOCK.power(HOST) is None


def test_power_is_that_of_the_whole_device_before_that_of_a_rail() -> None:
    rails = [
        replace(VIEW.channels[BOARD, "VDD_IN"], device=PHONE, name=f"S{i}", point=f"rail:S{i}")
        for i in range(4)
    ]
    stock = Stock(replace(VIEW, channels={**{rail.key: rail for rail in rails}, **VIEW.channels}))
    chosen = stock.power(PHONE)
    assert chosen is not None
    assert chosen.key == (METER, "main")
    drawn = {panel.topic.title: panel for panel in panels(stock, PHONE)}
    assert (METER, "main") in [channel.key for channel in drawn["power"].channels]
    rail = replace(VIEW.channels[BOARD, "VDD_IN"], name="VDD_SOC", point="rail:VDD_SOC")
    board = Stock(replace(VIEW, channels={rail.key: rail, **VIEW.channels})).power(BOARD)
    assert board is not None
    assert board.name == "VDD_IN"


def test_channels_that_are_others_now_are_looked_at_anew() -> None:
    before, again = Stock(VIEW), Stock(replace(VIEW, t_ns=VIEW.t_ns + 1))
    assert before.main(PHONE, Quantity.TEMPERATURE) is again.main(PHONE, Quantity.TEMPERATURE)
    fewer = {key: one for key, one in VIEW.channels.items() if one.quantity is not Quantity.TEMPERATURE}
    assert Stock(replace(VIEW, channels=fewer)).main(PHONE, Quantity.TEMPERATURE) is None
    assert Stock(VIEW).main(PHONE, Quantity.TEMPERATURE) is not None
