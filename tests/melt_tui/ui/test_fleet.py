from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.events import LimitEngaged
from melt_tui.timeline import DeviceState
from melt_tui.ui.fleet import Order, fleet_rows, matching, ordered, points_told, row_told
from melt_tui.ui.look import Ask, Look, take_glance
from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.renderables.fleet import Figure, FleetColumn, FleetRow
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, Story, at, timeline


def seen(t_s: float, **story: Any) -> Look:
    return take_glance(timeline(Story(**story)), Ask(t_ns=at(t_s), t0_ns=at(0), t1_ns=at(t_s)))


def row(name: str, rate: float | None = None, **more: Any) -> FleetRow:
    figure = None if rate is None else Figure(value=rate, text=str(rate))
    return FleetRow(device=name, colour=0, state=CardState.IDLE, rate=figure, **more)


def test_a_row_says_state_model_figures_and_headroom() -> None:
    phone, board, host, meter = fleet_rows(seen(64))
    assert (phone.device, phone.state, phone.phase, phone.simulated) == (
        PHONE,
        CardState.RUNNING,
        "decode",
        True,
    )
    assert phone.model == "tinyllama-1.1b Q4_0 · synthetic weights"
    assert phone.rate is not None
    assert len(phone.trend) >= 12
    assert phone.temperature is not None
    assert phone.headroom is not None
    assert phone.headroom.value == pytest.approx(75.0 - phone.temperature.value)
    assert phone.power is not None
    assert (meter.model, meter.power) == (f"→ {PHONE}", phone.power)
    assert (host.headroom, host.temperature) == (None, None)
    assert board.colour == 1


def test_energy_for_each_token_stands_beside_its_point_and_points_are_not_compared() -> None:
    look = seen(64)
    rows = fleet_rows(look)
    phone, board, host, _ = rows
    assert phone.per_token is not None
    assert (phone.token_point, phone.per_token.stale) == ("battery-terminals", False)
    assert phone.per_token.value == pytest.approx(4.1 * 0.9 / 8, rel=0.05)
    assert board.per_token is not None
    assert (board.token_point, board.per_token.stale) == ("board-input", True)
    assert host.per_token is None
    assert points_told(rows) == "W and J/tok at different points"
    assert points_told([phone, host]) == ""
    assert f"{phone.per_token.text} J/tok" in row_told(look, phone)
    assert row_told(look, phone).endswith(" J at battery-terminals")
    assert [one.device for one in ordered(rows, Order().by(FleetColumn.PER_TOKEN))][:2] == [BOARD, PHONE]


def test_limits_losses_and_failures_are_alerts_by_their_gravity() -> None:
    assert [(one.alerts, one.gravity) for one in fleet_rows(seen(80))] == [
        ("throttled since 01:12", 2),
        *[("", 0)] * 3,
    ]
    lost = fleet_rows(seen(103, until_s=103.0, lost=True))[1]
    assert (lost.alerts, lost.gravity, lost.temperature, lost.headroom) == (
        "the cable was pulled",
        4,
        None,
        None,
    )
    failed = fleet_rows(seen(100, until_s=100.0, failed=True))[2]
    assert (failed.alerts.startswith("run failed at "), failed.gravity, failed.rate) == (True, 3, None)


def test_a_limit_that_is_no_heat_weighs_less_and_more_limits_are_counted() -> None:
    look = seen(64)
    over = LimitEngaged(t_ns=at(60), device=BOARD, limit="oc3", reason="power limit")
    heat = LimitEngaged(t_ns=at(61), device=BOARD, limit="cpu", reason="thermal", detail="2.0 → 1.1 GHz")
    view = replace(look.view, limits={BOARD: (over,)})
    look = replace(look, stock=type(look.stock)(view))
    assert (fleet_rows(look)[1].alerts, fleet_rows(look)[1].gravity) == ("power limit since 01:00", 1)
    view = replace(view, limits={BOARD: (over, heat)})
    look = replace(look, stock=type(look.stock)(view))
    board = fleet_rows(look)[1]
    assert (board.alerts, board.gravity) == ("power limit since 01:00 +1", 2)
    told = row_told(look, board)
    assert "⚠ oc3: power limit · ⚠ cpu: thermal, 2.0 → 1.1 GHz" in told
    assert told.startswith(f"{BOARD} · simulated · Orin Nano · L4T 36 · sim:jetson · tinyllama-1.1b Q4_0")


def test_old_figures_are_dimmed_and_tell_their_age_without_being_an_alert() -> None:
    look = seen(64)
    later = replace(look, stock=type(look.stock)(replace(look.view, t_ns=at(70))))
    host = fleet_rows(later)[2]
    assert host.rate is not None
    assert host.rate.stale
    assert (host.alerts, host.gravity) == ("tok/s 6 s ago", 0)
    assert fleet_rows(later)[0].headroom is None


def test_a_device_that_failed_says_why_and_what_to_do() -> None:
    look = seen(64)
    failed = replace(look.view.devices[BOARD], state=DeviceState.FAILED, reason="no permission", remedy="ask")
    view = replace(look.view, devices={**look.view.devices, BOARD: failed}, runs={})
    look = replace(look, stock=type(look.stock)(view))
    board = fleet_rows(look)[1]
    assert (board.state, board.alerts, board.gravity) == (CardState.FAILED, "no permission: ask", 5)
    assert row_told(look, board).endswith("no permission: ask")


def test_names_are_sorted_as_people_count() -> None:
    rows = [row(name) for name in ("p10", "p2", "P1", "a", "10", "9")]
    assert [one.device for one in ordered(rows, Order())] == ["9", "10", "a", "P1", "p2", "p10"]


@given(st.lists(st.tuples(st.text(max_size=4), st.none() | st.floats(-9, 9))), st.booleans())
def test_what_is_not_known_stands_last_either_way(
    given: list[tuple[str, float | None]], falling: bool
) -> None:
    rows = [row(name, rate) for name, rate in given]
    sorted_rows = ordered(rows, Order(FleetColumn.RATE, falling))
    values = [one.rate.value for one in sorted_rows if one.rate]
    assert values == sorted(values, reverse=falling)
    assert [one.rate is None for one in sorted_rows] == sorted(one.rate is None for one in rows)


def test_every_column_can_be_sorted_by() -> None:
    rows = fleet_rows(seen(80))
    for column in FleetColumn:
        if column is not FleetColumn.TREND:
            assert len(ordered(rows, Order(column))) == 4
    assert ordered(rows, Order().by(FleetColumn.ALERTS))[0].device == PHONE
    assert ordered(rows, Order().by(FleetColumn.RATE))[0].device == HOST
    assert [one.device for one in ordered(rows, Order().by(FleetColumn.MODEL))][-1] == METER


def test_the_same_column_again_turns_the_order_round() -> None:
    order = Order().by(FleetColumn.POWER)
    assert (order, order.by(FleetColumn.POWER)) == (
        Order(FleetColumn.POWER, falling=True),
        Order(FleetColumn.POWER, falling=False),
    )
    columns = [FleetColumn.DEVICE, FleetColumn.STATE, FleetColumn.ALERTS]
    assert Order().beside(columns, 1).column is FleetColumn.STATE
    assert Order().beside(columns, -1) == Order(FleetColumn.ALERTS, falling=True)
    assert Order(FleetColumn.MODEL).beside(columns, 1).column is FleetColumn.STATE


def test_a_filter_wants_every_word_somewhere() -> None:
    rows = fleet_rows(seen(80))
    assert [one.device for one in matching(rows, "")] == [PHONE, BOARD, HOST, METER]
    assert [one.device for one in matching(rows, "TinyLlama sim")] == [PHONE, BOARD]
    assert [one.device for one in matching(rows, "throttled")] == [PHONE]
    assert matching(rows, "nothing like that") == []
