from dataclasses import replace
from typing import Any

import pytest

from drivers.model import ChannelKey, DeviceKind, Quantity
from melt_tui.measures import points
from melt_tui.timeline import Reading
from melt_tui.ui.energy import (
    Within,
    bound,
    charging_unknown,
    energies,
    energy_told,
    has_battery,
    main_energy,
)
from melt_tui.ui.run_figures import run_model
from melt_tui.ui.topics import Stock, panels
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, Story, at, timeline


def seen(t_s: float, **story: Any) -> Stock:
    return Stock(timeline(Story(**story)).view(at(t_s)))


def value(stock: Stock, key: ChannelKey) -> float:
    return stock.view.readings[key].value


def test_a_run_has_its_energy_mean_power_and_joules_for_each_token() -> None:
    stock = seen(64)
    (phone,) = energies(stock, PHONE)
    assert phone.point == "battery-terminals"
    assert phone.joules == value(stock, (PHONE, "energy battery-terminals"))
    assert phone.mean_w == pytest.approx((phone.joules or 0) / 61.7, rel=0.02)
    assert phone.per_token == value(stock, (PHONE, "J/token battery-terminals"))
    assert (phone.old, phone.coverage, phone.charging_unknown) == (False, None, False)
    assert phone.per_token_whole is not None
    assert energies(stock, HOST) == energies(stock, METER) == ()
    assert energy_told(stock, PHONE)[0].endswith(" J at battery-terminals")


def test_energies_told_before_a_meter_was_corrected_are_not_shown() -> None:
    before = seen(64)
    stock = Stock(replace(before.view, corrected=frozenset({PHONE})))
    drawn = {panel.topic.title for panel in panels(before, PHONE) if panel.channels}
    left = {panel.topic.title for panel in panels(stock, PHONE) if panel.channels}
    assert drawn - left == {"J/token"}
    assert before.main(PHONE, Quantity.ENERGY_PER_TOKEN) is not None
    assert stock.main(PHONE, Quantity.ENERGY_PER_TOKEN) is None
    assert energies(stock, PHONE) == ()
    assert energy_told(stock, PHONE) == ["its meter was corrected since: melt summary has its energies"]
    assert dict(run_model(stock, PHONE, ()).figures)["energy"] == "see summary"
    assert stock.power(PHONE) == before.power(PHONE), "what was measured stays"
    assert Stock(replace(before.view, corrected=frozenset({HOST}))).of(PHONE, Quantity.ENERGY)


def test_how_far_the_figures_may_be_off_is_told_with_them() -> None:
    stock = seen(64)
    (phone,) = energies(stock, PHONE)
    assert phone.ours_j == value(stock, (PHONE, "energy ± ours battery-terminals"))
    assert phone.per_token_off == value(stock, (PHONE, "J/token ± battery-terminals"))
    assert phone.whole_off == value(stock, (PHONE, "J/token whole ± battery-terminals"))
    assert phone.accuracy_j is None
    view, ours = stock.view, stock.view.channels[PHONE, "energy ± ours battery-terminals"]
    stated = replace(ours, name="energy ± meter battery-terminals")
    told = Stock(
        replace(
            view,
            channels={**view.channels, stated.key: stated},
            readings={**view.readings, stated.key: Reading(at(64), 1.5)},
        )
    )
    assert energies(told, PHONE)[0].accuracy_j == 1.5


def test_the_parts_of_the_last_turn_are_of_one_turn_and_their_bounds_too() -> None:
    stock = seen(64)
    (phone,) = energies(stock, PHONE)
    assert set(phone.parts) == {"energy turn", "energy decode", "J/token melt"}
    turn, ended_ns = (
        phone.parts["energy turn"],
        stock.view.readings[PHONE, "energy turn battery-terminals"].t_ns,
    )
    assert turn == Within(
        value(stock, (PHONE, "energy turn battery-terminals")),
        value(stock, (PHONE, "energy turn ± battery-terminals")),
        ended_ns,
    )
    assert phone.load is not None
    assert phone.load.value == value(stock, (PHONE, "energy load battery-terminals"))
    view, key = stock.view, (PHONE, "energy turn battery-terminals")
    later = {**view.readings, key: Reading(ended_ns + 10**10, 30.0)}
    (phone,) = energies(Stock(replace(view, readings=later)), PHONE)
    assert phone.parts == {"energy turn": Within(30.0, None, ended_ns + 10**10)}
    assert phone.load is not None
    before = {**view.readings, (PHONE, "energy load battery-terminals"): Reading(at(1), 30.0)}
    assert energies(Stock(replace(view, readings=before)), PHONE)[0].load is None


def test_the_figure_of_a_turn_that_is_over_is_old() -> None:
    last = main_energy(seen(60), PHONE)
    assert last is not None
    assert (last.per_token is not None, last.old) == (True, True)


def test_a_hole_in_the_power_is_said() -> None:
    board = main_energy(seen(180), BOARD)
    assert board is not None
    assert board.coverage == pytest.approx(100 * (1 - 6 / 178), abs=0.5)
    assert "96 % of the run measured" in energy_told(seen(180), BOARD)[0]


def test_the_charger_tells_nothing_of_the_tokens() -> None:
    stock = seen(64, until_s=64.0, charger=True)
    phone = main_energy(stock, PHONE)
    assert phone is not None
    assert (phone.point, phone.per_token, phone.charging_unknown) == ("usb-input", None, True)
    assert energy_told(stock, PHONE)[0].endswith("charging unknown")
    assert charging_unknown(stock, PHONE)
    assert not charging_unknown(seen(64), PHONE)
    view = stock.view
    info = view.devices[PHONE].info
    assert info is not None
    board = replace(view.devices[PHONE], info=replace(info, kind=DeviceKind.BOARD))
    other = Stock(replace(view, devices={**view.devices, PHONE: board}))
    assert not has_battery(other, PHONE)
    gauge = replace(view.channels[METER, "main"], device=PHONE, name="gauge", point=points.GAUGE)
    gauged = Stock(replace(view, channels={**view.channels, gauge.key: gauge}))
    assert has_battery(gauged, PHONE)
    net = replace(gauge, name="net device power", point=points.NET)
    known = Stock(replace(view, channels={**view.channels, gauge.key: gauge, net.key: net}))
    assert not charging_unknown(known, PHONE)
    assert (bound(points.NET), bound("board-input")) == ("≤ ", "")


def test_what_sees_most_of_a_device_comes_first_and_a_run_before_does_not_count() -> None:
    stock = seen(64)
    view, energy = stock.view, stock.of(PHONE, Quantity.ENERGY)[0]
    rail = replace(energy, name="energy rail:S1", point="rail:S1")
    board = replace(energy, name="energy board-input", point="board-input")
    readings = {**view.readings, rail.key: Reading(at(64), 1.0), board.key: Reading(at(64), 2.0)}
    channels = {rail.key: rail, **view.channels, board.key: board}
    both = Stock(replace(view, channels=channels, readings=readings))
    assert [one.point for one in energies(both, PHONE)] == ["board-input", "battery-terminals", "rail:S1"]
    best = main_energy(both, PHONE)
    assert best is not None
    assert best.point == "battery-terminals"
    stale = {**view.readings, energy.key: Reading(at(1), 9.0)}
    assert energies(Stock(replace(view, readings=stale)), PHONE) == ()
