from itertools import pairwise
from math import sqrt

import pytest

from drivers.clock import SECOND
from drivers.devices.simulated.bodies import JETSON, PHONE, Spec
from drivers.devices.simulated.body import Body, Cue, CueKind
from drivers.devices.simulated.engine import EngineOptions
from drivers.devices.simulated.governor import Status
from drivers.devices.simulated.noise import Noise
from tests.rigs.simulated_runs import decode


def body(spec: Spec = PHONE, *cues: Cue, seed: int = 1) -> Body:
    return Body(spec, Noise(seed), 0, cues)


def test_an_idle_phone_stays_as_it_is() -> None:
    one = body()
    before = dict(one.temperatures)
    one.advance(60 * SECOND)
    assert one.power_w == pytest.approx(PHONE.idle_w + 0.13, abs=0.08)
    for node, temperature in one.temperatures.items():
        assert temperature == pytest.approx(before[node], abs=1.2)
    assert 30 < one.temperatures["soc"] < 40
    assert one.governor.frequency(1) == 0.71e9


def test_a_working_phone_is_plausible() -> None:
    one = body()
    _, engine = one.start_engine(EngineOptions(), 0)
    decode(one, engine, 0, 5 * SECOND)
    rate = decode(one, engine, 5 * SECOND, 15 * SECOND) / 10
    assert 15 < rate < 20
    assert 4 < one.power_w < 6
    assert 1.8e9 < engine.rss_anon + engine.rss_file < 2.0e9
    decode(one, engine, 15 * SECOND, 45 * SECOND)
    assert 52 < one.temperatures["soc"] < 64
    assert one.status is Status.NONE
    assert 24 < one.temperatures["battery"] < one.temperatures["skin"] < one.temperatures["soc"]


def test_a_working_board_is_plausible() -> None:
    one = body(JETSON)
    assert 5 < one.power_w < 7
    _, engine = one.start_engine(EngineOptions(), 0)
    decode(one, engine, 0, 6 * SECOND)
    rate = decode(one, engine, 6 * SECOND, 16 * SECOND) / 10
    assert 20 < rate < 25
    decode(one, engine, 16 * SECOND, 200 * SECOND)
    assert 9 < one.power_w < 12
    assert 50 < one.temperatures["soc"] < 75
    assert 0.2 < one.fan <= 1
    assert one.battery_percent == 100


def test_heat_throttles_by_physics_alone() -> None:
    one = body(PHONE, Cue(20, "phone", CueKind.HOT_PLATE, 90.0))
    _, engine = one.start_engine(EngineOptions(), 0)
    decode(one, engine, 0, 10 * SECOND)
    cool = decode(one, engine, 10 * SECOND, 20 * SECOND)
    decode(one, engine, 20 * SECOND, 40 * SECOND)
    assert one.status is Status.SEVERE
    hot = decode(one, engine, 40 * SECOND, 50 * SECOND)
    assert hot / cool == pytest.approx((1.59 / 2.84) ** 0.9, rel=0.06)
    assert one.power_w < 3.2


def test_two_engines_share_the_cores() -> None:
    one = body()
    _, first = one.start_engine(EngineOptions(), 0)
    decode(one, first, 0, 10 * SECOND)
    alone = decode(one, first, 10 * SECOND, 20 * SECOND)
    _, second = one.start_engine(EngineOptions(), 20 * SECOND)
    second.poll(30 * SECOND)
    assert decode(one, first, 20 * SECOND, 30 * SECOND) == pytest.approx(alone, rel=0.1)
    second.command(b'{"cmd":"turn","turn":1,"prompt_tokens":1,"max_tokens":1000,"fresh":true}', 30 * SECOND)
    assert decode(one, first, 30 * SECOND, 40 * SECOND) == pytest.approx(alone / 2, rel=0.1)


def test_the_battery_loses_what_is_drawn() -> None:
    one = body()
    drawn_j = 0.0
    for tick in range(1, 20 * 600):
        one.advance(tick * SECOND // 20)
        drawn_j += one.power_w / 20
    assert PHONE.battery_wh is not None
    assert PHONE.battery_percent - one.battery_percent == pytest.approx(
        drawn_j / 36 / PHONE.battery_wh, rel=1e-3
    )


def test_volts_and_amperes_give_the_power() -> None:
    one = body()
    watts = []
    for tick in range(1, 200):
        one.advance(tick * SECOND // 20)
        volts, amperes = one.terminals(tick * SECOND // 20)
        assert 3.5 < volts < 4.3
        watts.append(volts * amperes / one.power_w)
    assert sum(watts) / len(watts) == pytest.approx(1, abs=0.006)
    assert sqrt(sum((w - 1) ** 2 for w in watts) / len(watts)) == pytest.approx(0.02, rel=0.25)


def test_the_gauge_refreshes_every_two_to_three_seconds_with_the_mean() -> None:
    one = body()
    refreshes: list[int] = []
    power: list[float] = []
    for tick in range(1, 20 * 60):
        one.advance(tick * SECOND // 20)
        power.append(one.power_w)
        if not refreshes or refreshes[-1] != one.gauge_ns:
            if refreshes:
                assert one.gauge_w == pytest.approx(sum(power) / len(power), rel=0.035)
            refreshes.append(one.gauge_ns)
            power = []
    gaps = [(b - a) / SECOND for a, b in pairwise(refreshes)]
    assert min(gaps) >= 2
    assert max(gaps) <= 3.05


def test_a_pulled_cable_ends_what_ran_over_it() -> None:
    one = body(PHONE, Cue(5, "phone", CueKind.CABLE, 0), Cue(8, "phone", CueKind.CABLE, 1))
    pid, engine = one.start_engine(EngineOptions(), 0)
    one.advance(5 * SECOND - 1)
    connected, running = [one.connected], [set(one.engines)]
    for second in (5, 8):
        one.advance(second * SECOND)
        connected.append(one.connected)
        running.append(set(one.engines))
    assert connected == [True, False, True]
    assert running == [{pid}, set(), set()]
    assert engine.returncode == -9


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    def trace(seed: int) -> list[float]:
        one = body(seed=seed)
        _, engine = one.start_engine(EngineOptions(), 0)
        seen = []
        for second in range(1, 30):
            decode(one, engine, (second - 1) * SECOND, second * SECOND)
            seen += [one.power_w, one.temperatures["soc"], *one.terminals(second * SECOND), engine.tokens]
        return seen

    assert trace(5) == trace(5) != trace(6)


def test_who_looks_how_often_changes_nothing() -> None:
    often, seldom = body(), body()
    for ms in range(0, 9000, 7):
        often.advance(ms * 1_000_000)
    often.advance(9 * SECOND)
    seldom.advance(9 * SECOND)
    assert often.power_w == seldom.power_w
    assert often.temperatures == seldom.temperatures


def test_an_hour_that_nobody_saw_is_made_up_for() -> None:
    seen, unseen = body(), body()
    for second in range(0, 3601, 5):
        seen.advance(second * SECOND)
    unseen.advance(3600 * SECOND)
    assert unseen.temperatures["soc"] == pytest.approx(seen.temperatures["soc"], abs=0.5)
    assert unseen.battery_percent == pytest.approx(seen.battery_percent, abs=0.2)
    before = unseen.power_w
    unseen.advance(0)
    assert unseen.power_w == before


def test_memory_of_processes_is_taken_from_what_is_available() -> None:
    one = body()
    free = one.memory_available
    pid, engine = one.start_engine(EngineOptions(), 0)
    engine.poll(10 * SECOND)
    assert free - one.memory_available == engine.rss_anon + engine.rss_file
    one.end_engine(pid, 0)
    assert one.memory_available == free
    assert engine.returncode == 0
