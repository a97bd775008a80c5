"""What follows from energies: per token, net of idle, at several meters; uncertainties never vanish on the way."""

from dataclasses import replace
from math import hypot, sqrt
from random import Random

import pytest

from drivers.clock import SECOND
from melt_tui.measures.energy import (
    Amount,
    Energy,
    PerToken,
    Scope,
    expanded,
    joined,
    mah,
    mwh,
    net,
    net_device,
    net_device_power,
    per_token,
    prompts_per_charge,
    together,
    tokens_per_joule,
)


def energy(
    joules: float, t0_s: float = 0, t1_s: float = 10, *, covered: float = 1.0, **more: float
) -> Energy:
    span_ns = round((t1_s - t0_s) * SECOND)
    return Energy(
        t0_ns=round(t0_s * SECOND),
        t1_ns=round(t1_s * SECOND),
        covered_ns=covered * span_ns,
        joules=Amount(joules, more.get("ours", 0.3), more.get("meters", 0.4)),
        peak_w=more.get("peak_w", joules / 5),
    )


def test_of_an_energy() -> None:
    half = energy(20, covered=0.5)
    assert (half.span_s, half.coverage, half.enough) == (10, 0.5, False)
    assert half.mean.value == pytest.approx(4.0), "of the 5 s that were measured"
    assert half.mean.integration == pytest.approx(0.06)
    assert energy(20, covered=0.95).enough


def test_errors_add_as_independent_ones() -> None:
    assert expanded(3.0) == 3.0, "one bound is what it is"
    assert expanded(1.0, 0.0) == 1.0
    assert expanded(1.0, 1.0) == pytest.approx(2 / sqrt(3) * sqrt(2))
    assert Amount(1.0, 3.0, None).uncertainty == 3.0, "ours alone"
    assert Amount(1.0, 1.0, 1.0).uncertainty == expanded(1.0, 1.0)
    assert Amount(10.0, 3.0, 1.0).times(-0.5) == Amount(-5.0, 1.5, 0.5)


@pytest.mark.parametrize("bounds", [(1.0,), (1.0, 1.0), (1.0, 0.4), (1.0, 0.1, 0.5), (1.0, 1.0, 1.0, 1.0)])
def test_an_uncertainty_holds_for_95_of_100(bounds: tuple[float, ...]) -> None:
    random = Random(3)
    errors = [abs(sum(random.uniform(-bound, bound) for bound in bounds)) for _ in range(4000)]
    within = sum(error <= expanded(*bounds) for error in errors) / len(errors)
    assert within >= 0.95
    assert expanded(*bounds) <= 1.25 * sorted(errors)[int(0.95 * len(errors))], "and is not much too wide"


def test_net_takes_the_idle_power_of_what_was_measured() -> None:
    idle = Amount(1.5, 0.04, 0.03)
    whole, half = net(energy(40), idle), net(energy(40, covered=0.5), idle)
    assert whole.value == pytest.approx(40 - 15)
    assert half.value == pytest.approx(40 - 7.5)
    assert whole.integration == pytest.approx(hypot(0.3, 0.4))
    assert whole.accuracy == pytest.approx(expanded(0.4, 0.3))
    assert net(energy(40), Amount(1.5, 0.04, None)).accuracy is None


def test_what_rounding_leaves_above_idle_is_nothing() -> None:
    gross = replace(energy(0), joules=Amount(19.4 * (1 + 2e-16), 0.3, None), covered_ns=7_760_000_000)
    above = net(gross, Amount(2.5, 0.0, None))
    assert (above.value, above.integration) == (0.0, 0.3)
    little = net(replace(gross, joules=Amount(19.4 + 1e-6, 0.3, None)), Amount(2.5, 0.0, None))
    assert little.value == pytest.approx(1e-6, rel=1e-3)


def test_the_four_definitions() -> None:
    counts = {one: one.tokens(50, 21) for one in PerToken}
    assert counts == {
        PerToken.WHOLE: 21,
        PerToken.MELT: 20,
        PerToken.DECODE: 20,
        PerToken.PREFILL: 50,
    }
    assert [one.scope for one in PerToken] == [Scope.TURN, Scope.TURN, Scope.DECODE, Scope.PREFILL]
    assert [one.tokens(0, 1) for one in PerToken] == [1, None, None, None]
    assert {one.tokens(None, None) for one in PerToken} == {None}


def test_per_token_of_a_window_with_a_hole_is_wider() -> None:
    each = per_token(Amount(100.0, 2.0, 1.0), 1.0, 50)
    assert each == Amount(2.0, 0.04, 0.02)
    assert per_token(Amount(100.0, 2.0, 1.0), 0.96, 50).integration == pytest.approx(
        0.04 + 2 * (1 / 0.96 - 1)
    )


def test_windows_of_one_meter_and_meters_of_one_window() -> None:
    first, second = energy(10, 0, 10, peak_w=3), energy(20, 10, 30, peak_w=2)
    both = joined([first, replace(second, clipped=2)])
    assert (both.t0_ns, both.t1_ns, both.peak_w, both.clipped) == (0, 30 * SECOND, 3, 2)
    assert both.joules == Amount(30, hypot(0.3, 0.3), 0.8), "one meter is off in one direction"
    side = together([first, energy(5, peak_w=1, covered=0.9)])
    assert (side.joules.value, side.peak_w, side.coverage) == (15, 4, 0.9)
    assert side.joules.accuracy == expanded(0.4, 0.4)
    assert joined([first, replace(second, joules=Amount(1, 0, None))]).joules.accuracy is None


def test_what_a_device_takes_besides_its_battery() -> None:
    assert net_device_power(9.0, -4.0) == 5.0, "4 W of the 9 go into the battery"
    assert net_device_power(2.0, 1.0) == 3.0, "it takes from both"
    usb, battery = energy(90, 0, 30), energy(-40, 0, 30)
    found = net_device(usb, battery, 3 * SECOND)
    assert found is not None
    assert found.joules.value == 50
    assert net_device(usb, battery, 3.01 * SECOND) is None, "10 refreshes are more than the window"


def test_what_people_ask_for() -> None:
    assert tokens_per_joule(100, 25) == 4
    assert tokens_per_joule(None, 25) is tokens_per_joule(10, None) is tokens_per_joule(10, 0) is None
    assert prompts_per_charge(19.0, 68.4) == pytest.approx(1000)
    assert prompts_per_charge(None, 1) is prompts_per_charge(1, 0) is None
    assert mwh(3.6) == 1
    assert mah(3.6 * 3.85, 3.85) == pytest.approx(1)
