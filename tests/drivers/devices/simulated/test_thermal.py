from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.simulated.thermal import AMBIENT, ThermalNetwork

CHAIN = {("soc", "skin"): 0.2, ("skin", AMBIENT): 0.5}


def test_one_node_warms_up_exponentially() -> None:
    network = ThermalNetwork({"soc": 10.0}, {("soc", AMBIENT): 0.5}, 20.0)
    for _ in range(400):
        network.step(0.05, {"soc": 4.0}, {})
    # 20 s are one time constant: 20 + 8 · (1 − 1/e)
    assert network.temperatures["soc"] == pytest.approx(20 + 8 * (1 - exp(-1)), abs=0.02)


def test_settled_is_power_times_resistance() -> None:
    network = ThermalNetwork({"soc": 2.0, "skin": 100.0}, CHAIN, 25.0)
    network.settle({"soc": 3.0, "skin": 1.0})
    assert network.temperatures["skin"] == pytest.approx(25 + 4 / 0.5)
    assert network.temperatures["soc"] == pytest.approx(25 + 4 / 0.5 + 3 / 0.2)


def test_a_hot_plate_pulls_towards_itself() -> None:
    network = ThermalNetwork({"soc": 2.0, "skin": 100.0}, CHAIN, 25.0)
    for _ in range(100):
        network.step(0.5, {}, {"soc": (80.0, 1.0)})
    skin = network.temperatures["skin"]
    assert network.temperatures["soc"] == pytest.approx((80 + 0.2 * skin) / 1.2, abs=0.3)


def test_a_better_path_cools() -> None:
    network = ThermalNetwork({"soc": 2.0}, {("soc", AMBIENT): 0.1}, 25.0)
    network.set_conductance("soc", AMBIENT, 1.0)
    network.settle({"soc": 5.0})
    assert network.temperatures["soc"] == pytest.approx(30.0)


@given(
    st.floats(0.001, 30),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=20),
)
def test_heat_is_kept(seconds: float, powers: list[tuple[float, float]]) -> None:
    """Without a way out the stored heat is the heat that came in; and any step is a stable one."""
    capacities = {"soc": 2.0, "skin": 50.0}
    network = ThermalNetwork(capacities, {("soc", "skin"): 0.3}, 25.0)
    for soc, skin in powers:
        network.step(seconds, {"soc": soc, "skin": skin}, {})
    stored = sum(capacity * (network.temperatures[node] - 25) for node, capacity in capacities.items())
    assert stored == pytest.approx(seconds * sum(map(sum, powers)), rel=1e-6, abs=1e-6)


@given(st.floats(0.01, 600), st.floats(0, 10))
def test_temperatures_stay_between_ambient_and_settled(seconds: float, watts: float) -> None:
    network = ThermalNetwork({"soc": 2.0, "skin": 100.0}, CHAIN, 25.0)
    settled = ThermalNetwork({"soc": 2.0, "skin": 100.0}, CHAIN, 25.0)
    settled.settle({"soc": watts})
    for _ in range(5):
        network.step(seconds, {"soc": watts}, {})
        for node, temperature in network.temperatures.items():
            assert 25.0 - 1e-6 <= temperature <= settled.temperatures[node] + 1e-6
